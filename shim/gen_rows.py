"""The rows of the table as values, and what is wrong with them.

Refused here is what the compiler would not notice: a row that contradicts itself, an
errno that does not exist, a name in two rows.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gen_kinds import codes_of, default_kind, default_result
from gen_read import BadRow, read_folder

KEYS = {
    "proto", "header", "args", "sets", "errnos", "restarts", "cancel", "alias",
    "kernel", "variadic", "rest_if", "fails", "ret", "noreturn", "irregular", "hot",
    "jump", "list", "closes", "stream", "nr", "passed",
}  # fmt: skip
FAILS = {
    "-1": "FAILS_MINUS_ONE",
    "-1?": "FAILS_MINUS_ONE_OR_END",
    "NULL": "FAILS_NULL",
    "NULL?": "FAILS_NULL_OR_END",
    "MAP_FAILED": "FAILS_MINUS_ONE",
    "errno": "FAILS_ERRNO",
    "never": "FAILS_NEVER",
    "raw": "FAILS_RAW",
    "EAI": "FAILS_EAI",
    "h_errno": "FAILS_NULL_H_ERRNO",
    "h_errno-1": "FAILS_MINUS_ONE_H_ERRNO",
    "code:glob": "FAILS_CODE",
    "code:wordexp": "FAILS_CODE",
    "code:thrd": "FAILS_CODE",
}
SETS = {
    "file": "what takes a path",
    "desc": "what works on a descriptor",
    "network": "sockets",
    "process": "start and end of processes",
    "memory": "mappings",
    "alloc": "memory from the heap; in a library of its own, and not in `all`",
    "signal": "signals",
    "ipc": "System V IPC",
    "creds": "users and groups",
    "clock": "clocks",
    "composite": "what libc does with several syscalls, or with none",
    "stdio": "streams",
    "lookup": "users, groups, hosts, services",
    "locale": "locales, time zones, messages",
    "thread": "threads",
}
MAX_ARGS = 6
MOST_PARAMS = 9
"""Those behind the sixth are passed on; rules and traces don't see them (call.h)."""


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter as the man page writes it."""

    name: str
    ctype: str
    kind: str


@dataclass(frozen=True, slots=True)
class Row:
    """One exported name of the table, aliases already expanded."""

    name: str
    base: str
    returns: str
    params: tuple[Param, ...]
    fixed: int
    header: str
    facts: Mapping[str, Any]
    syscall: str
    kernel: tuple[str, ...]

    @property
    def variadic(self) -> bool:
        """Whether C sees `...` after the fixed parameters."""
        return "variadic" in self.facts or "list" in self.facts

    @property
    def stub(self) -> str:
        """Why it has no wrapper, and no rule reaches it; empty for all others."""
        return str(self.facts.get("stub", ""))

    @property
    def exported(self) -> bool:
        """Whether it is a function of libc's, not a number for syscall(2) alone."""
        return "nr" not in self.facts

    @property
    def jump(self) -> bool:
        """Whether a frame of ours must never be under it: it is left by a jump."""
        return bool(self.facts.get("jump", False))

    @property
    def wrapped(self) -> bool:
        """Whether there is a wrapper, generated or written by hand."""
        return self.exported and not self.stub

    @property
    def generated(self) -> bool:
        """Whether that wrapper is C that comes from here."""
        return self.wrapped and not self.jump and not self.facts.get("irregular", False)

    @property
    def allocates(self) -> bool:
        """Whether libpyalloc.so exports it, and not libpyshim.so."""
        return "alloc" in self.facts["sets"]

    @property
    def fails(self) -> str:
        """How it tells a failure: one of FAILS."""
        return str(self.facts.get("fails", "-1"))

    @property
    def ret(self) -> str:
        """How its result is shown."""
        return str(self.facts.get("ret") or default_result(self.returns))


def parse_proto(proto: str, kinds: Mapping[str, str]) -> tuple[str, str, list[Param]]:
    """`int f(char *a)` as return type, name, parameters."""
    match = re.fullmatch(r"(.+?[\s*])(\w+)\s*\((.*)\)", proto.strip())
    if not match:
        raise BadRow(f"not a prototype: {proto}")
    returns, name, inside = (each.strip() for each in match.groups())
    inside = inside.removesuffix("...").strip().removesuffix(",")
    texts = [] if inside in ("", "void") else split_params(inside)
    params = [parse_param(text, kinds) for text in texts]
    unknown = set(kinds) - {param.name for param in params}
    if unknown:
        raise BadRow(f"{name}: args names no parameter: {sorted(unknown)}")
    return returns, name, params


def split_params(text: str) -> list[str]:
    """Split at commas outside brackets."""
    parts, depth = [""], 0
    for char in text:
        depth += (char in "({") - (char in ")}")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts]


def parse_param(text: str, kinds: Mapping[str, str]) -> Param:
    """`char *const argv[]` as name, type (arrays decay to pointers), kind."""
    function = re.fullmatch(r"(.+)\(\*(\w+)\)(\(.*\))", text)
    if function:
        left, name, right = function.groups()
        return Param(name, f"{left}(*){right}", kinds.get(name, "ptr"))
    match = re.fullmatch(r"(.*?[\s*])(\w+)((?:\[\w*\])?)", text)
    if not match:
        raise BadRow(f"not a parameter: {text}")
    ctype, name, array = match.groups()
    ctype = ctype.strip() + (" *" if array else "")
    ctype = ctype.replace(" restrict", "").replace("*restrict", "*")
    return Param(name, ctype, kinds.get(name) or default_kind(ctype, name))


def parse_kernel(row: Mapping[str, Any], name: str, params: list[Param]) -> list[str]:
    """What the kernel gets: the syscall's name, then its arguments."""
    text = row.get("kernel")
    if text is None:
        seen = [param.name for param in params[:MAX_ARGS]]
        unseen = len(params) > MAX_ARGS or "..." in row["proto"]
        return [plain_name(name, row), *seen, *(["..."] if unseen else [])]
    match = re.fullmatch(r"(\w+)\((.*)\)", text)
    if not match:
        raise BadRow(f"{name}: kernel is not name(arguments): {text}")
    inside = match.group(2).strip()
    return [match.group(1), *(split_params(inside) if inside else [])]


def plain_name(name: str, row: Mapping[str, Any]) -> str:
    """What a number's row, and the fortified form of a call, do: so a rule that names
    the call reaches the form that programs are really built with."""
    if "nr" in row:
        return name.removeprefix("SYS_")
    return re.sub(r"^__(\w+)_chk$", r"\1", name)


def expand(raw: Mapping[str, Any]) -> Iterator[Row]:
    """The row itself and one more for each alias."""
    unknown = set(raw) - KEYS
    if unknown:
        raise BadRow(f"{raw.get('proto')}: unknown keys {sorted(unknown)}")
    if missing := {"proto", "sets"} - set(raw):
        raise BadRow(f"{raw.get('proto')}: no {' and no '.join(sorted(missing))}")
    returns, name, params = parse_proto(raw["proto"], raw.get("args", {}))
    check_facts(name, raw, params)
    kernel = parse_kernel(raw, name, params)
    row = Row(
        name=name,
        base=name,
        returns=returns,
        params=tuple(params),
        fixed=raw.get("variadic", len(params)),
        header=raw.get("header", ""),
        facts=raw,
        syscall=kernel[0],
        kernel=tuple(kernel[1:]),
    )
    yield row
    for alias in raw.get("alias", []):
        yield replace(row, name=alias)


def check_facts(name: str, raw: Mapping[str, Any], params: list[Param]) -> None:
    """Refuse what the compiler would not notice."""
    codes = codes_of(raw.get("fails", "-1"))
    for each in raw.get("errnos", []):
        if not (each.startswith("E") and hasattr(errno, each)) and each not in codes:
            raise BadRow(f"{name}: no such errno {each}")
    for each in raw["sets"]:
        if each not in SETS:
            raise BadRow(f"{name}: no such set {each}")
    for param in params:
        check_length(name, param, params)
    if len(params) > MOST_PARAMS and not raw.get("irregular"):
        raise BadRow(f"{name}: more than {MOST_PARAMS} parameters")
    if raw.get("fails", "-1") not in FAILS:
        raise BadRow(f"{name}: unknown failure value {raw['fails']}")
    if ("EINTR" in raw.get("errnos", [])) != ("restarts" in raw):
        raise BadRow(f"{name}: EINTR and `restarts` go together")


def check_length(name: str, param: Param, params: list[Param]) -> None:
    """Refuse memory of a size that nothing says."""
    match = re.fullmatch(r"(?:in|out)\[(.*)\]", param.kind)
    known = {"ret", *(each.name for each in params)}
    if match and not match[1].isdigit() and match[1] not in known:
        raise BadRow(f"{name}: {param.name} has no length {match[1]!r}")


def bare(raw: Mapping[str, Any]) -> Iterator[Row]:
    """The rows of one [[stub]]: names with a reason."""
    facts = {"stub": " ".join(raw["reason"].split()), "sets": []}
    for name in raw["names"].split():
        yield Row(name, name, "void", (), 0, "", facts, name, ())


def read_rows(folder: Path) -> list[Row]:
    """The table, one entry per name, aliases after their row, bare stubs last."""
    raws, stubs = read_folder(folder)
    rows = [row for raw in raws for row in expand(raw)]
    rows += [row for raw in stubs for row in bare(raw)]
    names = [row.name for row in rows]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise BadRow(f"in two rows: {sorted(twice)}")
    return rows
