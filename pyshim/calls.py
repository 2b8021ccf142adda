"""The table of calls as typed objects, and the sets that name groups of them.

The table is `shim/calls/`, expanded by `shim/gen.py` to one entry per exported name
and installed next to the shim as `_lib/table.json`; both come from one build, and the
shim refuses a plan made with another table.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

from pyshim.excerpt import Excerpt
from pyshim.selection import select, stand_ins

LIB = Path(os.environ.get("PYSHIM_LIB") or Path(__file__).parent / "_lib")
"""Where the built libraries are. The variable is for testing another build of them."""


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter: its name, its C type as the man page has it, its kind."""

    name: str
    ctype: str
    kind: str


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One exported libc name. `id` is its index in the shim's tables.

    There is one object for each, `table()`'s: they are compared, and hashed, as such.
    """

    id: int
    name: str
    syscall: str
    params: tuple[Param, ...]
    kernel: tuple[str, ...]
    """What the kernel gets: a parameter's name or literal text, in kernel order."""
    sets: frozenset[str]
    errnos: frozenset[str]
    restarts: bool
    fails: str
    ret: str
    stub: str
    """Why it is a bare jump that no rule or log can reach; empty for all others."""
    base: str
    """The name of the row this name is an alias of, or its own."""
    hot: bool = False
    """Wrapped only when it is asked for by its own name: called too often."""
    jump: bool = False
    """Never a frame of ours under it, so that its result is not seen."""
    noreturn: bool = False
    number: bool = False
    """No function of libc's: made by syscall(2) alone."""
    passed: bool = False
    """Left alone by syscall(2), and with no code of ours behind it: fork by number."""
    caught: bool = False
    """As this a syscall is seen that comes through no symbol: by the full layer."""
    moves: bool = False
    """Whether it moves bytes and says how many: it may move fewer."""
    codes: Mapping[str, int] = field(default_factory=dict)
    """Failures of its own that are no errno: negative numbers, by name."""

    @property
    def comes_back(self) -> bool:
        """Whether any code of ours runs behind it, so that its exit is seen."""
        return not (self.noreturn or self.jump or self.passed)

    @property
    def allocates(self) -> bool:
        """Whether it is malloc(3) or its kin: in a library of their own, libpyalloc.so,
        and meant by their names and %alloc alone."""
        return "alloc" in self.sets

    @property
    def eintr(self) -> bool:
        """Whether the man page lists EINTR."""
        return "EINTR" in self.errnos


@dataclass(frozen=True)
class Table:
    """All calls of this build, in the order of their ids."""

    calls: tuple[Call, ...]
    digest: int
    """64-bit fingerprint shared with the shim."""

    def by_name(self, name: str) -> Call:
        """The call exported as `name`; KeyError if there is none."""
        return self._named[name]

    @cached_property
    def _named(self) -> Mapping[str, Call]:
        return {call.name: call for call in self.calls}

    def select(self, expression: str | Excerpt) -> frozenset[Call]:
        """The calls a set of strace's names: see `pyshim.selection`.

        `openat,%file`, `!read`, `/^f.*sync$`, `?newname`, `all`, `none`.
        Those that allocate are in `%alloc` alone: only that or a name reaches them.
        Raises UsageError for an unknown name or set, unless it is marked with `?`.
        """
        return select(Excerpt.of(expression), self.reachable)

    def stand_ins(self, expression: str | Excerpt) -> frozenset[Call]:
        """Those of a set that stand for the syscalls inside them."""
        return stand_ins(Excerpt.of(expression), self.reachable)

    @cached_property
    def reachable(self) -> frozenset[Call]:
        """All that a rule or a log can reach, hot ones too."""
        return frozenset(call for call in self.calls if not call.stub)

    @property
    def codes(self) -> Mapping[str, int]:
        """Every failure that is no errno, by name: EAI_AGAIN, GLOB_NOSPACE."""
        return {name: code for call in self.calls for name, code in call.codes.items()}


def _call(index: int, row: Mapping[str, object]) -> Call:
    def texts(key: str) -> tuple[str, ...]:
        value = row[key]
        assert isinstance(value, list)
        return tuple(str(each) for each in value)

    params, codes = row["params"], row["codes"]
    assert isinstance(params, list) and isinstance(codes, dict)
    return Call(
        id=index,
        name=str(row["name"]),
        syscall=str(row["syscall"]),
        params=tuple(Param(*each) for each in params),
        kernel=texts("kernel"),
        sets=frozenset(texts("sets")),
        errnos=frozenset(texts("errnos")),
        restarts=bool(row["restarts"]),
        fails=str(row["fails"]),
        ret=str(row["ret"]),
        stub=str(row["stub"]),
        hot=bool(row["hot"]),
        jump=bool(row["jump"]),
        noreturn=bool(row["noreturn"]),
        number=bool(row["number"]),
        passed=bool(row["passed"]),
        caught=bool(row["caught"]),
        moves=bool(row["moves"]),
        codes=codes,
        base=str(row["base"]),
    )


@cache
def table() -> Table:
    """The table of the shim that is installed beside this module."""
    raw = json.loads((LIB / "table.json").read_text())
    calls = tuple(_call(index, row) for index, row in enumerate(raw["calls"]))
    return Table(calls, int(raw["digest"], 16))
