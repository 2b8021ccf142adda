"""Whose the syscalls are that strace saw the shim make, under the full layer.

There the kernel sends each syscall of the program's back as a SIGSYS, which strace
shows with the place and the name: a trap. The shim's handler returns (rt_sigreturn),
and what was asked for is then made from inside libpyshim, between syscalls that the
shim makes for itself. So the traps are the kernel's list of what the program asked for,
and each takes one syscall of that name: the next of its thread from inside the shim.

Two of the program's come without a trap: what a signal cut short and the kernel makes
again, by the same instruction; and what comes from a site that was patched. Of those
the place in the shim tells, which also tells two of the same name apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from pyshim.calls import LIB
from pyshim.strace import SHIM, Image, Syscall, Thread
from pyshim.symbols import function_at

_LIBRARY = str(LIB / SHIM[0])
RESTART = "restart_syscall"
_FORKS = frozenset({"clone", "clone3", "fork", "vfork"})
_ANY = frozenset[str]()
PLACES = {
    **dict.fromkeys(("call_raw", "patched_call"), _ANY),
    "catch_call": _FORKS,
    "catch_sigreturn": frozenset({"rt_sigreturn"}),
}
"""Functions of the shim's that make the program's syscalls, and which; _ANY: all."""


class Maker(Enum):
    """Who made a syscall."""

    PROGRAM = "program"
    """By an instruction of its own, or the shim for it: it had been sent back."""
    SHIM = "shim"
    """The shim for itself."""
    EITHER = "either"
    """The shim, at a place that makes the program's; but nothing announced it."""
    NOBODY = "nobody"
    """It was sent back and never made: the shim gave the answer, or death came."""


class Told(NamedTuple):
    """A syscall and whose it is."""

    syscall: Syscall
    """With the address of the instruction that asked for it."""
    image: Image
    maker: Maker


@dataclass(slots=True)
class _Asked:
    """A trap that was not followed by its syscall yet."""

    trap: Syscall
    spare: int = -1
    """Of what was told: one of its name, made in the shim at a place unknown to us."""


@dataclass(slots=True)
class _Walk:
    """Where we are in the syscalls of one thread, in one image."""

    image: Image
    told: list[Told] = field(default_factory=list)
    asked: list[_Asked] = field(default_factory=list)
    """What was sent back and not made yet; the innermost, in a handler, last."""
    cut: defaultdict[tuple[str, int], list[int]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """By the name and the instruction that may come again: who had asked for it."""
    handling: bool = False
    """Whether the shim's handler has not returned yet."""

    def go(self, syscall: Syscall) -> None:
        """The next line."""
        if syscall.trapped:
            self.asked.append(_Asked(syscall))
            self.handling = True
        elif self.image.origin(syscall.address) not in SHIM:
            self._tell(syscall, Maker.PROGRAM)
        elif self.handling:
            # The handler makes no syscall but the one that ends it.
            self.handling = False
            self._tell(syscall, Maker.SHIM)
        else:
            self._made(syscall)

    def end(self) -> list[Told]:
        """All there is to tell, with what was never made.

        What was asked for is the program's, made wherever in the shim.
        """
        for each in self.asked:
            if each.spare < 0:
                self._tell(each.trap, Maker.NOBODY)
            else:
                made = self.told[each.spare].syscall._replace(address=each.trap.address)
                self.told[each.spare] = Told(made, self.image, Maker.PROGRAM)
        return self.told

    def _tell(self, syscall: Syscall, maker: Maker) -> None:
        self.told.append(Told(syscall, self.image, maker))

    def _made(self, syscall: Syscall) -> None:
        """From inside the shim."""
        known = self._is_in_place(syscall)
        asker = known and (self._first(syscall) or self._again(syscall))
        if asker and syscall.restarts:
            self.cut[_next(syscall), syscall.address].append(asker)
        if asker:
            self._tell(syscall._replace(address=asker), Maker.PROGRAM)
            return
        last = self.asked[-1] if self.asked else None
        if last and last.spare < 0 and last.trap.name == syscall.name:
            last.spare = len(self.told)
        self._tell(syscall, Maker.EITHER if known else Maker.SHIM)

    def _is_in_place(self, syscall: Syscall) -> bool:
        """Whether the program's are made there: a name alone may be the shim's own."""
        function = function_at(_LIBRARY, self.image.offset(syscall.address))
        names = PLACES.get(function)
        return names is not None and (names is _ANY or syscall.name in names)

    def _first(self, syscall: Syscall) -> int:
        """The address of what asked for it; 0: nothing did."""
        for at in reversed(range(len(self.asked))):
            if self.asked[at].trap.name == syscall.name:
                return self.asked.pop(at).trap.address
        return 0

    def _again(self, syscall: Syscall) -> int:
        cut = self.cut.get((syscall.name, syscall.address))
        return cut.pop() if cut else 0


def told_apart(thread: Thread) -> Iterator[Told]:
    """Each syscall of a thread, and whose it is."""
    walk = _Walk(thread.image(0))
    for syscall in thread.syscalls:
        image = thread.image(syscall.time)
        if image is not walk.image:
            yield from walk.end()
            walk = _Walk(image)
        walk.go(syscall)
    yield from walk.end()


def _next(cut: Syscall) -> str:
    """As what the kernel makes it again."""
    return RESTART if "RESTARTBLOCK" in cut.result else cut.name
