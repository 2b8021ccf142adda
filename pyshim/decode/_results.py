"""What a call returned, as strace writes it behind the `=`."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from functools import partial

from pyshim.calls import Call
from pyshim.decode._values import (
    Text,
    Texts,
    address_text,
    hex_text,
    octal_text,
    text_of,
    unsigned,
)
from pyshim.event import Event
from pyshim.xlat import XLAT

_NORETURN = ("exit", "exit_group")
# strace keeps to the kernel's name where two names have one number.
_ERRNO_NAMES = {**errno.errorcode, 35: "EDEADLK", 95: "EOPNOTSUPP"}


def result_of(call: Call) -> Callable[[Event], str]:
    """How the results of a call are written."""
    if call.syscall in _NORETURN:
        return lambda _: "?"
    returned = _returned(call)

    def result(event: Event) -> str:
        text = _FAILED[event.err] if event.err else returned(event)
        return f"{text} (INJECTED)" if event.rule >= 0 or event.asked else text

    return result


def _failed(number: int) -> str:
    name = _ERRNO_NAMES.get(number)
    return f"-1 {name} ({os.strerror(number)})" if name else f"-1 (errno {number})"


_FAILED = Texts(_failed)


def _returned(call: Call) -> Callable[[Event], str]:
    """What the kernel returned, where libc made something else of it too."""
    plain = _value(call)
    texts = Texts(plain)
    special = _SPECIAL.get(call.base) or _SPECIAL.get(call.syscall)
    if special:
        return lambda event: special(event) or plain(event.ret)
    if plain is address_text:
        return lambda event: address_text(event.ret)
    return lambda event: texts[event.ret]


def _value(call: Call) -> Text:
    kind, _, table = call.ret.partition(":")
    if kind == "flags":
        return lambda ret: f"{hex_text(ret)} (flags {XLAT[table].text(ret)})"
    if kind == "void" or call.fails == "errno":
        return lambda _: "0"
    if kind in ("ptr", "hex"):
        return address_text
    if kind == "mode":
        return octal_text
    return (lambda ret: str(unsigned(ret, 64))) if kind == "uint" else str


def _returned_fcntl(event: Event) -> str | None:
    command = XLAT["fcntl"].choices.get(event.args[1], "")
    if command == "F_GETFL":
        return f"{hex_text(event.ret)} (flags {XLAT['open'].text(event.ret)})"
    if command == "F_GETSIG" and event.ret:
        return f"{event.ret} ({text_of('signal', 'int')(event.ret)})"
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


_SPECIAL: Mapping[str, Callable[[Event], str | None]] = {
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
