"""Which bytes around each `syscall` instruction may become a jump.

A jump to anywhere near takes five bytes, `syscall` has two. So some instructions beside
it move with it to the place that is jumped to: as few as possible, and those behind it
only where those before it don't do. Nothing may arrive inside such a window but at its
first byte, and the unwinder must find the same in all of it, so that one description
of a place in the window does for the whole copy. What can't be had stays as it is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Set
from dataclasses import dataclass

import capstone

from pyshim.computed_jumps import not_followed
from pyshim.flags_behind import needs_flags
from pyshim.jump_targets import Targets, computed
from pyshim.machine_code import Code, Function, Instruction, end_of
from pyshim.syscall_numbers import UNKNOWN, number

SHORTEST, LONGEST = 5, 16
"""Bytes: of a jump, and what struct patch_site has room for."""
_RT_SIGRETURN = 15
_SYSCALL = 2
_LOCK = 0xF0
_MOST = 5
"""Instructions on one side: the shortest have one byte."""

_FIXED = {"ud0", "ud1", "ud2", ".byte"}
_FIXED_GROUPS = {
    capstone.CS_GRP_JUMP,
    capstone.CS_GRP_CALL,
    capstone.CS_GRP_RET,
    capstone.CS_GRP_INT,
    capstone.CS_GRP_IRET,
    capstone.CS_GRP_PRIVILEGE,
    capstone.CS_GRP_BRANCH_RELATIVE,
}


@dataclass(frozen=True, slots=True)
class Window:
    """Addresses are those of the file; `before` and `after` are bytes."""

    at: int
    before: int
    after: int
    content: bytes
    number: int
    """Of the syscall, or UNKNOWN."""
    fixup_at: int
    """Where in the window its rip-relative disp32 is; 0: it has none."""
    fixup_to: int
    """The address that it means."""

    @property
    def site(self) -> int:
        """The address of the `syscall` instruction."""
        return self.at + self.before

    @property
    def end(self) -> int:
        """Where to go on."""
        return self.at + len(self.content)


@dataclass(frozen=True, slots=True)
class Refused:
    """A `syscall` instruction that stays, and why."""

    site: int
    reason: str


@dataclass(frozen=True, slots=True)
class _Place:
    """A `syscall` instruction in its function."""

    code: Code
    targets: Targets
    function: Function
    index: int
    rows: Set[int]
    """Where the unwinder's description changes."""

    @property
    def site(self) -> int:
        return self.function[self.index][0]


def find_windows(code: Code, targets: Targets) -> tuple[list[Window], list[Refused]]:
    """For each `syscall` instruction its window or why it has none, by address."""
    windows: list[Window] = []
    refused: list[Refused] = []
    lost = [function[0] for function in not_followed(targets)]
    between = sorted(targets.branches - targets.instructions)
    for function in targets.issuing:
        reason = _reason_against_all(code, function, between)
        if function[0] in lost:
            reason = "a computed jump may arrive anywhere in its function"
        for place in _places(code, targets, function):
            free = windows[-1].end if windows else 0
            chosen = Refused(place.site, reason) if reason else _choose(place, free)
            if isinstance(chosen, Window):
                windows.append(chosen)
            else:
                refused.append(chosen)
    return windows, refused


def _reason_against_all(code: Code, function: Function, between: list[int]) -> str:
    """Why a function can't be taken for what was decoded, or ""."""
    first = bisect_right(between, function[0][0])
    last = bisect_right(between, function[-1][0])
    for at in between[first:last]:
        # Where there is but one processor, libc jumps over the prefix.
        if code.content(at - 1, at)[0] != _LOCK:
            return "a branch goes into the middle of an instruction"
    if any(each[2] == ".byte" for each in function):
        return "its function does not consist of instructions"
    return ""


def _places(code: Code, targets: Targets, function: Function) -> Iterator[_Place]:
    frame = code.frames.get(function[0][0])
    rows: set[int] = set()
    if frame:
        rows = {row["pc"] for row in frame.get_decoded().table} | {end_of(frame)}
    for index, each in enumerate(function):
        if each[2] == "syscall":
            yield _Place(code, targets, function, index, rows)


def _choose(place: _Place, free: int) -> Window | Refused:
    """The first window that will do; else what is wrong with the very first."""
    before = place.function[: place.index]
    other_ways = place.site in place.targets.all
    nr = UNKNOWN if other_ways else number(place.code, before, place.targets.all)
    if nr == _RT_SIGRETURN:
        return Refused(place.site, "unwinders know it by its bytes")
    # glibc since 2.41 and musl: a handler looks whether a cancellation point was left.
    if place.site + _SYSCALL in place.targets.held:
        return Refused(place.site, "addresses are compared with its end")
    if needs_flags(place.code, place.site + _SYSCALL):
        return Refused(place.site, "flags from before are looked at behind it")
    reasons = []
    for moved in _candidates(place):
        reason = _reason_against(place, moved, free)
        if not reason:
            return _window(place, moved, nr)
        reasons.append(reason)
    return Refused(place.site, next(iter(reasons), "its function is too short"))


def _candidates(place: _Place) -> Iterator[Function]:
    """Those with the fewest bytes behind the `syscall`, then before it.

    More would not help: what is wrong with one is wrong with all around it.
    """
    for behind in range(_MOST):
        for ahead in range(min(_MOST, place.index + 1)):
            first, last = place.index - ahead, place.index + behind + 1
            moved = place.function[first:last]
            size = sum(each[1] for each in moved)
            if len(moved) == last - first and size >= SHORTEST:
                yield moved
                break


def _reason_against(place: _Place, moved: Function, free: int) -> str:
    """Why these instructions can't be a window, or ""."""
    first, end = moved[0][0], moved[-1][0] + moved[-1][1]
    inside = range(first + 1, end)
    reasons = {
        "it has more bytes than there is room for": end - first > LONGEST,
        "it overlaps another": first < free,
        "something jumps into it": not place.targets.all.isdisjoint(inside),
        "the stack is described in two ways": not place.rows.isdisjoint(inside),
        "it has a prefix": place.function[place.index][1] != _SYSCALL,
        "an instruction can't be moved": any(
            _fixed(place.code, each) for each in moved if each[0] != place.site
        ),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _fixed(code: Code, instruction: Instruction) -> bool:
    """Whether the instruction would do something else at another address."""
    insn = code.examine(instruction)
    if insn is None or instruction[2] in _FIXED or "eip" in instruction[3]:
        return True
    return bool(_FIXED_GROUPS & set(insn.groups))


def _window(place: _Place, moved: Function, nr: int) -> Window:
    first, end = moved[0][0], moved[-1][0] + moved[-1][1]
    fixup_at = fixup_to = 0
    for each in moved:
        if (address := computed(each)) is not None:
            fixup_at = each[0] - first + place.code.examine(each).disp_offset
            fixup_to = address
    before = place.site - first
    after = end - place.site - _SYSCALL
    content = place.code.content(first, end)
    return Window(first, before, after, content, nr, fixup_at, fixup_to)
