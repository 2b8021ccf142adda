"""What happened in the target, as values: the currency of the host's side.

What every event is made of are named tuples, for there are millions: a frozen dataclass
takes five to ten times as long to make.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from pyshim.calls import Call


class Kind(StrEnum):
    """What an event tells."""

    CALL = "call"
    UNFINISHED = "unfinished"
    """A call that had begun and never returned: the process died in it."""
    START = "start"
    """A process is under the shim: after exec, or a fork's child."""
    EXIT = "exit"
    """A process ends by exit(3); `ret` is its status."""
    BYPASS = "bypass"
    """A process is about to exec a program that will not be under the shim."""


class Memory(NamedTuple):
    """Memory an argument pointed to. `size` is its whole length in bytes."""

    data: bytes
    size: int

    @property
    def cut(self) -> bool:
        """Whether less than the whole was kept."""
        return self.size > len(self.data)


@dataclass(frozen=True, slots=True)
class Site:
    """The place in the program that made the call: file, offset in it, function."""

    module: str
    offset: int
    function: str = ""

    def __str__(self) -> str:
        name = f" ({self.function})" if self.function else ""
        return f"{self.module}+{self.offset:#x}{name}"


NO_MEMORY: Mapping[int, Memory] = MappingProxyType({})


class Event(NamedTuple):
    """One event. Times are nanoseconds; `start` counts from the epoch."""

    kind: Kind
    """CALL, UNFINISHED, START, EXIT or BYPASS."""
    pid: int
    tid: int
    start: int
    duration: int
    call: Call | None = None
    """Its row of the table (`event.call.name`); None unless it is about a call."""
    args: tuple[int, ...] = ()
    """Signed 64-bit, one for each parameter of the call."""
    memory: Mapping[int, Memory] = NO_MEMORY
    """By index of the argument. argv: each string ends in NUL."""
    ret: int = 0
    """What the program was given. EXIT: the status."""
    err: int = 0
    """The errno the call ended with, 0 when it did not fail."""
    rule: int = -1
    """Index of the rule that decided this call, -1 when none did."""
    asked: bool = False
    """Whether a Python plugin decided this call."""
    fair: bool = False
    """Of an injected EINTR: whether this could have happened by itself."""
    site: Site | None = None
    """The place in the program, where a rule decided the call."""
    note: str = ""
    """START: the executable. BYPASS: the file and why, as `PATH: reason`."""
    caught: bool = False
    """Whether it is a syscall that came through no function of libc's that was wrapped:
    made by libc itself, or by an instruction of the program's own."""
    via: Call | None = None
    """The call of libc's in which a caught one was made, where that is known."""
    nth: int = 0
    """The number that its rule gave this call, from 1 on: what `when=` counts."""
