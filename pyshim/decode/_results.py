"""What a call returned, as strace writes it behind the `=`."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from functools import partial

from pyshim.calls import Call
from pyshim.decode._values import ALL_ONES, Argument, hex_text, octal_text, value_text
from pyshim.event import Event, Kind
from pyshim.xlat import XLAT

_NORETURN = ("exit", "exit_group")
# strace keeps to the kernel's name where two names have one number.
_ERRNO_NAMES = {**errno.errorcode, 35: "EDEADLK", 95: "EOPNOTSUPP"}


def result_text(event: Event) -> str:
    call = event.call
    assert call is not None
    if event.kind is Kind.UNFINISHED or call.syscall in _NORETURN:
        return "?"
    injected = " (INJECTED)" if event.rule >= 0 or event.asked else ""
    return (_failed(event.err) if event.err else _returned(event, call)) + injected


def _failed(number: int) -> str:
    name = _ERRNO_NAMES.get(number)
    return f"-1 {name} ({os.strerror(number)})" if name else f"-1 (errno {number})"


def _returned(event: Event, call: Call) -> str:
    """What the kernel returned, where libc made something else of it too."""
    special = _RETURNED.get(call.base) or _RETURNED.get(call.syscall)
    text = special(event) if special else None
    return text or _value(event.ret, call)


def _value(ret: int, call: Call) -> str:
    kind, _, table = call.ret.partition(":")
    if kind == "flags":
        return f"{hex_text(ret)} (flags {XLAT[table].text(ret)})"
    if kind == "void" or call.fails == "errno":
        return "0"
    if kind in ("ptr", "hex"):
        return hex_text(ret & ALL_ONES)
    if kind == "mode":
        return octal_text(ret)
    return str(ret & ALL_ONES if kind == "uint" else ret)


def _returned_fcntl(event: Event) -> str | None:
    command = XLAT["fcntl"].choices.get(event.args[1], "")
    if command == "F_GETFL":
        return f"{hex_text(event.ret)} (flags {XLAT['open'].text(event.ret)})"
    if command == "F_GETSIG" and event.ret:
        return f"{event.ret} ({value_text(Argument('', 'signal', event.ret))})"
    if command == "F_GETLEASE":
        return f"{hex_text(event.ret)} ({XLAT['lease'].text(event.ret)})"
    table = {"F_GETFD": "fd_flags", "F_GET_SEALS": "seals"}.get(command)
    if table and event.ret:
        return f"{hex_text(event.ret)} (flags {XLAT[table].text(event.ret)})"
    return None


def _returned_wait(event: Event) -> str | None:
    return None if event.ret else "0 (Timeout)"


def _returned_getcwd(event: Event) -> str | None:
    """The kernel returns the length, NUL included; libc the buffer."""
    memory = event.memory.get(0)
    return str(memory.size) if memory else None


def _returned_at(argument: int, event: Event) -> str | None:
    """The kernel returns the number that libc puts where it was told to."""
    memory = event.memory.get(argument)
    if memory is None or memory.cut:
        return None
    return str(int.from_bytes(memory.data, "little"))


_RETURNED: Mapping[str, Callable[[Event], str | None]] = {
    "brk": lambda event: hex_text(event.args[0]),
    "eventfd_read": lambda _: "8",
    "eventfd_write": lambda _: "8",
    "fcntl": _returned_fcntl,
    "getcwd": _returned_getcwd,
    "getentropy": lambda event: str(event.args[1]),
    # The kernel's answer is 1 to 40, so that no nice value looks like an error.
    "getpriority": lambda event: str(20 - event.ret),
    "isatty": lambda _: "0",
    "poll": _returned_wait,
    "posix_spawn": partial(_returned_at, 0),
    "posix_spawnp": partial(_returned_at, 0),
    "ppoll": _returned_wait,
    "pselect6": _returned_wait,
    "rt_sigaction": lambda _: "0",
    "sbrk": lambda event: hex_text(event.ret + event.args[0]),
    "sched_getscheduler": lambda e: f"{e.ret} ({XLAT['sched'].text(e.ret)})",
    "select": _returned_wait,
    "sigwait": partial(_returned_at, 1),
    "tcgetpgrp": lambda _: "0",
}
"""By row or syscall: results strace writes in a way of its own. None: it doesn't."""
