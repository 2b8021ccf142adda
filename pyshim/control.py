"""`Control`: rules with a name, switched on and off while their run goes on.

    control = Control()             in the target: the run it is in
    with control.switched_on("disk-full"):
        save()
    assert control.hits("disk-full")

It maps the run's memory, with pyshim's own rights as the only guard, and keeps no
descriptor. Nothing but `Control(...)` itself makes a syscall, so no rule can fail what
switches it (docs/decisions/0018).
"""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyshim._host import ffi, lib
from pyshim.errors import PyshimError, nearest
from pyshim.rules import Rule
from pyshim.switches import Switches

RUN = "PYSHIM_RUN"
"""The variable by which a process finds its run's folder."""
NAMES = "names"
"""The file there that tells the rules' names: [name, text] of each, in their order."""
ALL = "all"
"""Stands for each of the rules, named or not."""

_PROT_READ_WRITE, _MAP_SHARED = 3, 1


@dataclass(frozen=True, slots=True)
class RuleState:
    """One rule as it stood when it was asked for."""

    number: int
    """Its place on the command line, from 0."""
    name: str
    """"" for one that has none."""
    text: str
    """As the user wrote it."""
    on: bool
    hits: int
    """In all processes, since the run began."""


class Board:
    """The rules of one run by their names. Methods raise PyshimError for one that no
    rule has; where several have it, all of them are meant."""

    def __init__(self, switches: Switches, named: Sequence[tuple[str, str]]) -> None:
        self._switches = switches
        self._named = named

    def rules(self, name: str = ALL) -> tuple[RuleState, ...]:
        """How they stand."""
        return tuple(map(self._state, self._numbers(name)))

    def on(self, name: str) -> None:
        """Switch on, from the next call on. Counters go on where they were."""
        for number in self._numbers(name):
            self._switches.turn(number, on=True)

    def off(self, name: str) -> None:
        """Switch off."""
        for number in self._numbers(name):
            self._switches.turn(number, on=False)

    def reset(self, name: str) -> None:
        """Let when= and times= count anew, in every process; hits stay."""
        for number in self._numbers(name):
            self._switches.reset(number)

    def hits(self, name: str) -> int:
        """How often it fired, in all processes, since the run began."""
        return sum(map(self._switches.hits, self._numbers(name)))

    @contextmanager
    def switched_on(self, *names: str) -> Iterator[None]:
        """Meanwhile they are on, and count from 1."""
        for name in names:
            self.reset(name)
        try:
            for name in names:
                self.on(name)
            yield
        finally:
            for name in names:
                self.off(name)

    def _numbers(self, name: str) -> list[int]:
        found = [number for number, (each, _) in enumerate(self._named) if each == name]
        if found or name == ALL:
            return found or list(range(len(self._named)))
        known = sorted({each for each, _ in self._named if each})
        raise PyshimError(
            f"no rule is named {name!r}",
            nearest=nearest(name, known),
            allowed=" ".join([*known, ALL]),
        )

    def _state(self, number: int) -> RuleState:
        name, text = self._named[number]
        on, hits = self._switches.is_on(number), self._switches.hits(number)
        return RuleState(number, name, text, on, hits)


class Control(Board):
    """The rules of the run whose folder is `path`; of this process's own, without.

    Raises PyshimError where there is no such run, none of its rules has a name, or it
    is another pyshim's.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        folder = Path(path if path is not None else os.environ.get(RUN, ""))
        try:
            named = json.loads((folder / NAMES).read_text(encoding="utf-8"))
            plan = (folder / "plan").read_bytes()
            arena = mapped(folder / "arena")
        except OSError as error:
            raise PyshimError(
                f"{folder}: no run whose rules can be switched: {error.strerror}",
                allowed="a process under pyshim, and rules with name=",
            ) from error
        if (arena.magic, arena.version) != (lib.WIRE_MAGIC, lib.WIRE_VERSION):
            raise PyshimError(f"{folder}: the run of another version of pyshim")
        super().__init__(Switches(arena, plan), [tuple(each) for each in named])


def tell_names(folder: Path, rules: Sequence[Rule]) -> list[tuple[str, str]]:
    """For `Control`: the host writes them into the run's folder. Raises OSError."""
    named = [(rule.name, rule.text) for rule in rules]
    (folder / NAMES).write_text(json.dumps(named), encoding="utf-8")
    return named


def mapped(path: Path) -> Any:
    """The arena up to its chunks: struct arena. Raises OSError.

    By mmap(2) itself: Python's keeps a descriptor, which a program that is tested for
    want of descriptors, or that closes all it finds, would meet. Never unmapped.
    """
    size = path.stat().st_size
    head = ffi.new("struct arena *")
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        ffi.buffer(head)[:] = os.pread(fd, ffi.sizeof("struct arena"), 0)
        mmap = ctypes.CDLL(None, use_errno=True).mmap
        mmap.restype = ctypes.c_void_p
        mmap.argtypes = (
            ctypes.c_void_p,
            ctypes.c_size_t,
            *(ctypes.c_int,) * 3,
            ctypes.c_long,
        )
        at = mmap(None, min(size, head.chunks_at), _PROT_READ_WRITE, _MAP_SHARED, fd, 0)
        if at == ctypes.c_void_p(-1).value:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    finally:
        os.close(fd)
    return ffi.cast("struct arena *", at)
