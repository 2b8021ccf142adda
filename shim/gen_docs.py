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

Generated from `shim/calls/` by `make docs`; change it there.

A rule or a trace names a call by a function (`open`), by the kernel's syscall
(`openat`, which is also what `open` makes) or by a set (`%file`): see `pyshim calls`.
A call is listed in each of its sets.

- **Function**: the prototype; Python hooks find the arguments under these names.
  Further names of the very same function stand below it.
- **Syscall**: what the kernel gets from it, where that is not the same with the same
  arguments.
- **Fails with**: the man page's errnos, and codes of its own. -1 is returned, unless
  another value is named.
- **EINTR**: whether the kernel goes on by itself after a signal handler that was
  installed with SA_RESTART (*restarts*), or the call fails all the same (*always*).
- *by name only*: called so often, mostly without a syscall, that neither `all` nor a
  set reaches it, only its name or a regular expression.
- *enter only*: no frame of ours may be under it; a rule can fail it, but its result is
  not seen.
- *by number only*: no function of libc's; `syscall(2)` with its number.

"""


def code(text: str) -> str:
    """`text` as code in a cell of a table."""
    return "`" + text.replace("|", "\\|") + "`"


def function(row: Row, aliases: list[str]) -> str:
    """First cell."""
    proto: str = row.facts["proto"]
    if "variadic" in row.facts and row.fixed == len(row.params):
        proto = proto.removesuffix(")") + ", ...)"
    parts = [code(proto), *map(code, aliases)]
    parts += [note for note, present in notes(row) if present]
    return "<br>".join(parts)


def notes(row: Row) -> Iterator[tuple[str, bool]]:
    """What is special about it."""
    yield "*by name only*", bool(row.facts.get("hot"))
    yield "*enter only*", row.jump
    yield "*by number only*", not row.exported


def syscall(row: Row) -> str:
    """Second cell."""
    same = tuple(param.name for param in row.params) == row.kernel
    if same:
        return "" if row.syscall == row.name else code(row.syscall)
    return code(f"{row.syscall}({', '.join(row.kernel)})")


def failure(row: Row) -> str:
    """Third cell."""
    if row.fails in ("never", "raw"):
        return "never"
    errnos = " ".join(row.facts.get("errnos", []))
    return "<br>".join(filter(None, [errnos, value(row)]))


VALUES = {
    "-1": "",
    "-1?": "*-1 may also be an end*",
    "NULL?": "*returns {}, which may also be an end*",
    "errno": "*returns the number*",
    "EAI": "*returns the code, EAI_SYSTEM for an errno*",
    "h_errno": "*returns NULL, and h_errno*",
    "h_errno-1": "*and h_errno*",
}


def value(row: Row) -> str:
    """What it returns then."""
    if row.fails.startswith("code:"):
        return "*returns the code*"
    zero = "NULL" if "*" in row.returns else "0"
    return VALUES.get(row.fails, "*returns {}*").format(
        zero if row.fails.startswith("NULL") else row.fails
    )


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


def bare(rows: list[Row]) -> Iterator[str]:
    """What stays a stub, by its reason."""
    yield from ("## Passed on as they are: no rule or trace reaches them", "")
    by_reason: dict[str, list[str]] = {}
    for row in rows:
        if row.stub:
            by_reason.setdefault(row.stub, []).append(code(row.name))
    for reason, names in by_reason.items():
        yield f"- {reason.rstrip('.')}: {' '.join(sorted(names))}"


def document(rows: list[Row]) -> str:
    """The whole page."""
    aliases: dict[str, list[str]] = {}
    for row in rows:
        if row.name != row.base:
            aliases.setdefault(row.base, []).append(row.name)
    mains = [row for row in rows if row.name == row.base and not row.stub]
    listed = sorted(mains, key=lambda row: (row.name.strip("_"), row.name))
    lines = [HEAD.rstrip() + "\n"]
    for name in (*SETS, ""):
        of_set = [row for row in listed if name in (row.facts.get("sets") or [""])]
        lines += section(name, of_set, aliases)
    lines += bare(rows)
    return "\n".join(lines).rstrip("\n") + "\n"


if __name__ == "__main__":
    sys.stdout.write(document(read_rows(Path(__file__).with_name("calls"))))
