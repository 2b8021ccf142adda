"""Sends the signals of `interrupt=` rules: to a thread that waits in the call, once.

The target asks in its chunk's head (shim/interrupt.h). What a thread is in, the kernel
tells: proc_pid_syscall(5) has its syscall and stack pointer, or `running`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pyshim._host import ffi, lib
from pyshim.arena import Arena

_NEAR = 1 << 20
"""Bytes of stack between our frame and the syscall, at most: getaddrinfo has many."""

_RESTART_SYSCALL = 219
"""By which the kernel goes on with a sleep or a poll behind a handler-less signal."""

Ask = tuple[int, int, int]
"""Process, thread, when it asked."""


class Interrupts:
    """Looked at often, on the main thread, while the target runs."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._waiting: dict[Ask, float] = {}
        """Since when we have found it waiting."""

    def look(self) -> None:
        """Send what is due."""
        waiting: dict[Ask, float] = {}
        now = time.monotonic()
        for head in self._arena.heads():
            asked, owner = int(head.interrupt), int(head.owner)
            if not asked or not owner or not head.mark.entered:
                continue
            ask = owner >> 32, owner & 0xFFFFFFFF, int(head.interrupt_from)
            if not _waits(*ask[:2], head.mark):
                continue
            since = self._waiting.get(ask, now)
            if now - since < head.interrupt_after / 1e6:
                waiting[ask] = since
            else:
                self._send(head, asked, ask)
        self._waiting = waiting

    def _send(self, head: Any, asked: int, ask: Ask) -> None:
        """Taken first: it may ask again, for its next call, before we come to that. One
        that has ended meanwhile needs no signal."""
        if lib.host_take(self._arena.head, ffi.addressof(head), asked):
            lib.host_signal(ask[0], ask[1], asked & lib.ASK_SIGNAL)


def _waits(pid: int, tid: int, mark: Any) -> bool:
    """Whether the thread sleeps in the marked call's syscall, made below its frame.

    What a handler that came in between waits in is made there, too, and what comes
    after a jump out of the call may be; of a call that is one syscall they are
    another's.
    Not to be seen where ptrace(2) is forbidden: there it is enough that it sleeps.
    """
    task = Path(f"/proc/{pid}/task/{tid}")
    try:
        words = (task / "syscall").read_text().split()
    except PermissionError:
        return _sleeps(task)
    except OSError:
        return False
    if len(words) < 9 or not _is_made(int(words[0]), int(mark.syscall)):
        return False
    return 0 <= int(mark.frame) - int(words[7], 16) < _NEAR and _sleeps(task)


def _is_made(number: int, expected: int) -> bool:
    """Whether it may be the syscall of a call; `expected` is one more than that."""
    if not expected:
        return number >= 0
    return number in (expected - 1, _RESTART_SYSCALL)


def _sleeps(task: Path) -> bool:
    try:
        state = (task / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state == "S"
