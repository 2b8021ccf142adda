"""Which layer a run has, and why: docs/decisions/0010-auto-is-full-for-syscalls.md.

Symbols are the calls through the dynamic linker. The full layer sees, besides, what
libc asks of the kernel by itself, and what a program asks by a `syscall` instruction.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pyshim.calls import Call
from pyshim.wants import Wants

AUTO, SYMBOLS, FULL, MIXED = "auto", "symbols", "full", "mixed"
CHOICES = (AUTO, SYMBOLS, FULL)
"""What --layer takes. What a run had at last is one of the others."""
_PR_SET_SYSCALL_USER_DISPATCH = 59


@dataclass(frozen=True, slots=True)
class Reason:
    """Somebody wants syscalls of which symbols show only a part."""

    who: str
    syscalls: tuple[str, ...] = ()
    """By name; none where it is about paths, or where a plugin just insists."""


def reasons(
    wants: Wants, logged: Mapping[str, Iterable[Call]], insists: str = ""
) -> tuple[Reason, ...]:
    """All that speaks for the full layer. Python hooks do not: they are code of others,
    that would run inside libc, and in each program which that code starts itself.

    `logged`: by plugin, the calls whose events it wants; `insists`: Run.needs_full.
    """
    asked = [
        *((rule.text, rule.calls) for rule in wants.rules if rule.caught),
        *((f"{name}, events", calls) for name, calls in logged.items()),
    ]
    found = [Reason(who, syscalls(calls)) for who, calls in asked]
    found = [each for each in found if each.syscalls]
    if wants.maps:
        found.append(Reason("paths to be rewritten"))
    if insists:
        found.append(Reason(insists))
    return tuple(found)


def syscalls(calls: Iterable[Call]) -> tuple[str, ...]:
    """The syscalls that are seen as one of these when they come through no symbol."""
    return tuple(sorted({call.syscall for call in calls if call.caught}))


def is_full(choice: str, why: Iterable[Reason]) -> bool:
    """What --layer=`choice` comes to."""
    return choice == FULL or (choice == AUTO and any(True for _ in why))


def armed(full: bool, programs: int, failures: int) -> str:
    """What the layer was, when it was armed in so many programs and failed so often."""
    if not full or programs <= 0:
        return SYMBOLS
    return MIXED if failures else FULL


def refusal() -> str:
    """Why this process could not arm the full layer, or "". It changes nothing."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    # All zero: switch it off, where it is off already; prctl(2).
    if libc.prctl(_PR_SET_SYSCALL_USER_DISPATCH, 0, 0, 0, 0) == 0:
        return ""
    return f"no Syscall User Dispatch here: {os.strerror(ctypes.get_errno())}"
