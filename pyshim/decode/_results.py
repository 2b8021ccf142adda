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
    pointer_text,
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
    returned = _of_jump if call.jump else _returned(call)
    failed = _failed_composite(call) if "composite" in call.sets else _failed_syscall

    def result(event: Event) -> str:
        text = failed(event) if event.err else returned(event)
        if event.rule >= 0 or event.asked:
            text += " (INJECTED)"
        return f"{text} (via {event.via.name})" if event.via else text

    return result


def _of_jump(event: Event) -> str:
    """What comes back is not seen, unless a rule or a hook answered."""
    return address_text(event.ret) if event.rule >= 0 or event.asked else "?"


def _failed_syscall(event: Event) -> str:
    return _FAILED[event.err]


def _failed_composite(call: Call) -> Callable[[Event], str]:
    """With the value libc returned: there is no kernel's, which would be -1."""
    pointer = call.ret == "ptr"
    names = {number: name for name, number in reversed([*call.codes.items()])}

    def failed(event: Event) -> str:
        value = "NULL" if pointer and not event.ret else str(event.ret)
        if event.err < 0:
            return f"{value} {names.get(event.err, event.err)}"
        return f"{value}{_FAILED[event.err].removeprefix('-1')}"

    return failed


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
    if kind == "ptr" and "composite" in call.sets:
        return pointer_text
    if kind in ("ptr", "hex"):
        return address_text
    if kind == "mode":
        return octal_text
    return (lambda ret: str(unsigned(ret, 64))) if kind == "uint" else str


def _returned_fcntl(event: Event) -> str | None:
    if event.call is None or event.call.base != "fcntl":
        return None
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
    "SYS_brk": lambda event: hex_text(event.ret),
    "SYS_getpriority": lambda event: str(event.ret),
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
