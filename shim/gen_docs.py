"""Prints docs/calls.md: what the table says of each call, for people.

`make docs` writes it, `make check` fails when it is not what this prints.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from gen_rows import SETS, Row, read_rows

HEAD = """\
# The calls

Generated from `shim/calls.toml` by `make docs`; change it there.

A rule or a trace names a call by a function (`open`), by the kernel's syscall
(`openat`, which is also what `open` makes) or by a set (`%file`): see `pyshim calls`.
A call is listed in each of its sets.

- **Function**: the prototype; Python hooks find the arguments under these names.
  Further names of the very same function stand below it.
- **Syscall**: what the kernel gets from it, where that is not the same with the same
  arguments.
- **Fails with**: the man page's errnos. -1 is returned, unless another value is named.
- **EINTR**: whether the kernel goes on by itself after a signal handler that was
  installed with SA_RESTART (*restarts*), or the call fails all the same (*always*).
"""


def code(text: str) -> str:
    """`text` as code in a cell of a table."""
    return "`" + text.replace("|", "\\|") + "`"


def function(row: Row, aliases: list[str]) -> str:
    """First cell."""
    proto: str = row.facts["proto"]
    if row.variadic and row.fixed == len(row.params):
        proto = proto.removesuffix(")") + ", ...)"
    parts = [code(proto), *map(code, aliases)]
    if not row.wrapped:
        parts.append("*passed on as it is: no rule or trace reaches it*")
    return "<br>".join(parts)


def syscall(row: Row) -> str:
    """Second cell."""
    same = tuple(param.name for param in row.params) == row.kernel
    if same:
        return "" if row.syscall == row.name else code(row.syscall)
    return code(f"{row.syscall}({', '.join(row.kernel)})")


def failure(row: Row) -> str:
    """Third cell."""
    value = row.facts.get("fails", "-1")
    if value == "never":
        return "never"
    errnos = " ".join(row.facts.get("errnos", []))
    if value == "NULL" and "*" not in row.returns:
        value = "0"
    note = {"-1": "", "errno": "*returns the number*"}.get(value, f"*returns {value}*")
    return "<br>".join(filter(None, [errnos, note]))


def interrupted(row: Row) -> str:
    """Fourth cell."""
    restarts = row.facts.get("restarts")
    return "" if restarts is None else "restarts" if restarts else "always"


def section(name: str, rows: list[Row], aliases: dict[str, list[str]]) -> Iterator[str]:
    """The lines of one set."""
    title = f"## `%{name}`: {SETS[name]}" if name else "## In no set"
    yield from (title, "", "| Function | Syscall | Fails with | EINTR |")
    yield "|---|---|---|---|"
    for row in rows:
        names = aliases.get(row.name, [])
        cells = (function(row, names), syscall(row), failure(row), interrupted(row))
        yield f"| {' | '.join(cells)} |"
    yield ""


def document(rows: list[Row]) -> str:
    """The whole page."""
    aliases: dict[str, list[str]] = {}
    for row in rows:
        if row.name != row.base:
            aliases.setdefault(row.base, []).append(row.name)
    mains = [row for row in rows if row.name == row.base]
    listed = sorted(mains, key=lambda row: (row.name.strip("_"), row.name))
    lines = [HEAD]
    for name in (*SETS, ""):
        of_set = [row for row in listed if name in (row.facts.get("sets") or [""])]
        lines += section(name, of_set, aliases)
    return "\n".join(lines).rstrip("\n") + "\n"


if __name__ == "__main__":
    sys.stdout.write(document(read_rows(Path(__file__).with_name("calls.toml"))))
