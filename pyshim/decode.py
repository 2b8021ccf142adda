"""Calls as the lines strace prints for them.

A line shows what the kernel got (`open()` is an `openat`), not what the program wrote.
Structs are printed as addresses: their memory is not in the trace.
"""

from __future__ import annotations

import errno
import os
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from pyshim.calls import Call
from pyshim.event import Event, Kind, Memory
from pyshim.xlat import (
    FCNTL_ARGUMENT,
    IOCTL_ARGUMENT,
    PRCTL_ARGUMENTS,
    PROTOCOL,
    SOCKET_OPTION,
    XLAT,
)

_NORETURN = ("exit", "exit_group")
_FILLED = ("fds", "out", "random")
_O_CREAT, _O_TMPFILE = 0o100, 0o20000000
_MREMAP_FIXED, _MREMAP_DONTUNMAP = 2, 4
_AT_FDCWD = -100
_KERNEL_SIGRTMIN, _NSIG = 32, 64
_ALL_ONES = (1 << 64) - 1
_ONE_INT, _TWO_INTS = struct.Struct("<i"), struct.Struct("<2i")
_IOCTL_FIELDS = ((8, 0xFF), (0, 0xFF), (16, 0x3FFF))
_WIDE = re.compile(
    r"\*|long|s?size_t|off(64)?_t|nfds_t|int64_t|intptr_t|eventfd_t|dev_t"
)
_WORD = re.compile(r"(-?)\b([A-Za-z_]\w*)\b(?!=)")
# strace keeps to the kernel's name where two names have one number.
_ERRNO_NAMES = {**errno.errorcode, 35: "EDEADLK", 95: "EOPNOTSUPP"}
_ESCAPES = {
    ord("\n"): r"\n",
    ord("\t"): r"\t",
    ord("\r"): r"\r",
    ord("\v"): r"\v",
    ord("\f"): r"\f",
    ord('"'): r"\"",
    ord("\\"): r"\\",
}


@dataclass(frozen=True, slots=True)
class _Argument:
    """One argument of the syscall. A literal has its text, all others a value."""

    name: str
    kind: str
    value: int = 0
    memory: Memory | None = None
    ctype: str = "int"
    literal: str = ""

    @property
    def unsigned(self) -> int:
        """The value as the kernel's type holds it: 32 or 64 bits."""
        return self.value & ((1 << self._width) - 1)

    @property
    def signed(self) -> int:
        """The same bits with a sign."""
        return self.unsigned - ((self.unsigned >> (self._width - 1)) << self._width)

    @property
    def _width(self) -> int:
        return 64 if _WIDE.search(self.ctype) else 32

    def of(self, kind: str) -> _Argument:
        """The same argument, known to be of another kind."""
        wide = kind in ("ptr", "hex", "ulong")
        return replace(self, kind=kind, ctype="long" if wide else "int")


def format_call(event: Event, *, strsize: int = 32, column: int = 40) -> str:
    """The line of one call, without the pid that may stand before it.

    `strsize` is strace's -s, in bytes; paths are never cut. `column` is strace's -a:
    where the `=` goes; strace counts its pid prefix, so subtract its length to write
    it. Raises ValueError for an event that is not about a call.
    """
    if event.call is None:
        raise ValueError(f"no call in an event of kind {event.kind}")
    arguments = ", ".join(text for _, text in format_arguments(event, strsize=strsize))
    unfinished = " <unfinished ...>" if event.kind is Kind.UNFINISHED else ""
    left = f"{event.call.syscall}({arguments}{unfinished}) "
    return f"{left:{column}}= {_result(event)}"


def format_arguments(event: Event, *, strsize: int = 32) -> list[tuple[str, str]]:
    """Name and text of each argument the kernel got; a literal has no name."""
    return [
        (argument.name, _text(argument, event, strsize))
        for argument in _arguments(event, strsize)
    ]


def quote(memory: bytes, cut: bool) -> str:
    """Bytes between double quotes, escaped as strace does; `...` follows if `cut`."""
    following = memory[1:] + b'"'
    inside = "".join(map(_escape, memory, following))
    return f'"{inside}"{"..." if cut else ""}'


def _escape(byte: int, after: int) -> str:
    if byte in _ESCAPES:
        return _ESCAPES[byte]
    if 0x20 <= byte < 0x7F:  # noqa: PLR2004
        return chr(byte)
    # A short escape would swallow an octal digit behind it.
    return f"\\{byte:03o}" if after in b"01234567" else f"\\{byte:o}"


def _arguments(event: Event, strsize: int) -> list[_Argument]:
    call = event.call
    assert call is not None
    arguments = [
        _argument(event, word, f"{call.syscall}:{position}", strsize)
        for position, word in enumerate(call.kernel)
    ]
    shape = _SHAPES.get(call.syscall)
    return shape(arguments) if shape else arguments


def _argument(event: Event, word: str, place: str, strsize: int) -> _Argument:
    """One argument as the row writes it: a parameter, or text around parameters.

    `S_IFIFO|mode` and `-pgrp` say what libc makes of what the program gave.
    """
    assert event.call is not None
    at = {param.name: index for index, param in enumerate(event.call.params)}
    if word in at:
        return _fetch(event, at[word], place)

    def fill(match: re.Match[str]) -> str:
        minus, name = match.groups()
        if name not in at:
            return match[0]
        argument = _fetch(event, at[name], place)
        if minus:
            argument = replace(argument, value=-argument.value)
        return _text(argument, event, strsize)

    quoted = word.startswith('"')
    return _Argument("", "literal", literal=word if quoted else _WORD.sub(fill, word))


def _fetch(event: Event, index: int, place: str) -> _Argument:
    assert event.call is not None
    param = event.call.params[index]
    value = event.args[index] if index < len(event.args) else 0
    kind = _KINDS.get(place, param.kind)
    return _Argument(param.name, kind, value, event.memory.get(index), param.ctype)


def _shape_open(flags_at: int, arguments: list[_Argument]) -> list[_Argument]:
    """What follows the flags is only there for a file that may be made."""
    flags = arguments[flags_at]
    made = flags.literal or flags.value & (_O_CREAT | _O_TMPFILE)
    return arguments if made else arguments[: flags_at + 1]


def _shape_mknod(mode_at: int, arguments: list[_Argument]) -> list[_Argument]:
    """Only devices have a number."""
    device = _plain(arguments[mode_at]).startswith(("S_IFCHR", "S_IFBLK"))
    return arguments if device else arguments[: mode_at + 1]


def _shape_mremap(arguments: list[_Argument]) -> list[_Argument]:
    """The new address is only there when it is asked for."""
    asked = arguments[3].value & (_MREMAP_FIXED | _MREMAP_DONTUNMAP)
    return arguments if asked else arguments[:4]


def _shape_fcntl(arguments: list[_Argument]) -> list[_Argument]:
    fd, command, *rest = arguments
    kind = FCNTL_ARGUMENT.get(_plain(command), "hex")
    return [fd, command, *(each.of(kind) for each in rest if kind)]


def _shape_ioctl(arguments: list[_Argument]) -> list[_Argument]:
    fd, request, *rest = arguments
    if request.literal:
        return arguments
    request = request.of("ioctl")
    known = XLAT["ioctl"].choices.get(request.unsigned)
    kind = IOCTL_ARGUMENT.get(known, "ptr") if known else "hex"
    return [fd, request, *(each.of(kind) for each in rest if kind)]


def _shape_prctl(arguments: list[_Argument]) -> list[_Argument]:
    option, *rest = arguments
    kinds = PRCTL_ARGUMENTS.get(_plain(option), ("hex",) * 4)
    return [option, *(each.of(kind) for each, kind in zip(rest, kinds, strict=False))]


def _shape_socket(arguments: list[_Argument]) -> list[_Argument]:
    domain, of_type, protocol, *rest = arguments
    kind = PROTOCOL.get(_plain(domain), "int")
    return [domain, of_type, protocol.of(kind), *rest]


def _shape_sockopt(arguments: list[_Argument]) -> list[_Argument]:
    fd, level, option, *rest = arguments
    level = level.of("enum:sol")
    option = option.of(SOCKET_OPTION.get(_plain(level), "int"))
    return [fd, level, option, replace(rest[0], kind="number"), *rest[1:]]


_SHAPES: Mapping[str, Callable[[list[_Argument]], list[_Argument]]] = {
    "fcntl": _shape_fcntl,
    "getsockopt": _shape_sockopt,
    "ioctl": _shape_ioctl,
    "mknod": partial(_shape_mknod, 1),
    "mknodat": partial(_shape_mknod, 2),
    "mq_open": partial(_shape_open, 1),
    "mremap": _shape_mremap,
    "open": partial(_shape_open, 1),
    "openat": partial(_shape_open, 2),
    "prctl": _shape_prctl,
    "setsockopt": _shape_sockopt,
    "socket": _shape_socket,
    "socketpair": _shape_socket,
}
"""How arguments of some syscalls depend on others of the same call."""

_KINDS = {
    "accept4:3": "flags:accept",
    "dup3:2": "flags:open_bits",
    "faccessat2:3": "flags:at_access",
    "ftruncate:1": "ulong",
    "getdents64:1": "ptr",
    "getrandom:0": "random",
    "mknod:1": "flags:mknod",
    "mknodat:2": "flags:mknod",
    "mmap:5": "hex",
    "msgctl:1": "enum:msgctl",
    "msgget:0": "key",
    "msgget:1": "flags:msgget",
    "pipe2:1": "flags:open_bits",
    "semctl:2": "enum:semctl",
    "semget:0": "key",
    "semget:2": "flags:semget",
    "setns:1": "flags:setns",
    "shmctl:1": "enum:shmctl",
    "shmget:0": "key",
    "shmget:2": "flags:shmget",
    "statx:2": "flags:statx_flags",
    "truncate:1": "ulong",
}
"""By position: where strace reads an argument otherwise than others of its kind."""


def _text(argument: _Argument, event: Event, strsize: int) -> str:
    kind = argument.kind.partition("[")[0]
    filled = kind not in _FILLED or (event.kind is Kind.CALL and not event.err)
    read = _POINTED.get(kind)
    if read and filled and argument.memory and "struct" not in argument.ctype:
        return read(argument, argument.memory, strsize)
    return _plain(argument)


def _plain(argument: _Argument) -> str:
    """The text of an argument by its value alone."""
    kind, _, table = argument.kind.partition(":")
    if kind == "literal":
        return argument.literal
    if kind == "flags":
        return XLAT[table].text(argument.unsigned)
    if kind == "enum":
        return XLAT[table].text(argument.signed)
    return _PLAIN.get(kind, _pointer)(argument)


def _signed(argument: _Argument) -> str:
    return str(argument.signed)


def _unsigned(argument: _Argument) -> str:
    return str(argument.unsigned)


def _pointer(argument: _Argument) -> str:
    return _hex(argument.value & _ALL_ONES) if argument.value else "NULL"


def _hex(number: int) -> str:
    return f"{number:#x}" if number else "0"


def _octal(number: int) -> str:
    return f"0{number:02o}"


def _device(argument: _Argument) -> str:
    device = argument.unsigned
    return f"makedev({_hex(os.major(device))}, {_hex(os.minor(device))})"


def _user(argument: _Argument) -> str:
    return str(-1 if argument.signed == -1 else argument.unsigned)


def _dirfd(argument: _Argument) -> str:
    return "AT_FDCWD" if argument.signed == _AT_FDCWD else str(argument.signed)


def _signal(argument: _Argument) -> str:
    number = argument.signed
    if _KERNEL_SIGRTMIN < number <= _NSIG:
        return f"SIGRT_{number - _KERNEL_SIGRTMIN}"
    return XLAT["signal"].choices.get(number, str(number))


def _clock(argument: _Argument) -> str:
    return XLAT["clockid"].text(argument.signed)


def _ioctl(argument: _Argument) -> str:
    request = argument.unsigned
    name = XLAT["ioctl"].choices.get(request)
    fields = (_hex(request >> shift & mask) for shift, mask in _IOCTL_FIELDS)
    way = ("_IOC_NONE", "_IOC_WRITE", "_IOC_READ", "_IOC_READ|_IOC_WRITE")[
        request >> 30
    ]
    return name or f"_IOC({way}, {', '.join(fields)})"


_PLAIN: Mapping[str, Callable[[_Argument], str]] = {
    "clockid": _clock,
    "dev": _device,
    "dirfd": _dirfd,
    "fd": _signed,
    "hex": lambda argument: _hex(argument.unsigned),
    "int": _signed,
    "key": lambda argument: XLAT["ipc_key"].choices.get(
        argument.unsigned, _hex(argument.unsigned)
    ),
    "ioctl": _ioctl,
    "long": _signed,
    "mode": lambda argument: _octal(argument.unsigned),
    "off": _signed,
    "pid": _signed,
    "signal": _signal,
    "size": _unsigned,
    "uid": _user,
    "uint": _unsigned,
    "ulong": _unsigned,
}
"""Kinds by value; what is in none of the tables is a pointer."""


def _path(_: _Argument, memory: Memory, __: int) -> str:
    return quote(memory.data, memory.cut)


def _string(_: _Argument, memory: Memory, strsize: int) -> str:
    return quote(memory.data[:strsize], memory.size > strsize or memory.cut)


def _random(_: _Argument, memory: Memory, strsize: int) -> str:
    """strace writes all of what getrandom gives in hex."""
    inside = "".join(f"\\x{byte:02x}" for byte in memory.data[:strsize])
    return f'"{inside}"{"..." if memory.size > strsize or memory.cut else ""}'


def _fds(argument: _Argument, memory: Memory, _: int) -> str:
    if len(memory.data) != _TWO_INTS.size:
        return _pointer(argument)
    return "[{}, {}]".format(*_TWO_INTS.unpack(memory.data))


def _strings(_: _Argument, memory: Memory, strsize: int) -> str:
    *whole, last = memory.data.split(b"\0")
    parts = [*whole, last] if last else whole
    shown = [quote(part[:strsize], len(part) > strsize) for part in parts[:strsize]]
    more = ["..."] if memory.cut or len(parts) > strsize else []
    return f"[{', '.join(shown + more)}]"


def _environment(argument: _Argument, memory: Memory, _: int) -> str:
    count = int.from_bytes(memory.data, "little")
    return f"{_pointer(argument)} /* {count} var{'' if count == 1 else 's'} */"


def _number(argument: _Argument, memory: Memory, _: int) -> str:
    if len(memory.data) != _ONE_INT.size or memory.cut:
        return _pointer(argument)
    return "[{}]".format(*_ONE_INT.unpack(memory.data))


_POINTED: Mapping[str, Callable[[_Argument, Memory, int], str]] = {
    "argv": _strings,
    "envp": _environment,
    "fds": _fds,
    "in": _string,
    "number": _number,
    "out": _string,
    "path": _path,
    "random": _random,
    "str": _string,
}
"""Kinds of which the memory is shown, where the trace has it."""


def _result(event: Event) -> str:
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
        return f"{_hex(ret)} (flags {XLAT[table].text(ret)})"
    if kind == "void" or call.fails == "errno":
        return "0"
    if kind in ("ptr", "hex"):
        return _hex(ret & _ALL_ONES)
    if kind == "mode":
        return _octal(ret)
    return str(ret & _ALL_ONES if kind == "uint" else ret)


def _returned_fcntl(event: Event) -> str | None:
    command = XLAT["fcntl"].choices.get(event.args[1], "")
    if command == "F_GETFL":
        return f"{_hex(event.ret)} (flags {XLAT['open'].text(event.ret)})"
    if command == "F_GETSIG" and event.ret:
        return f"{event.ret} ({_signal(_Argument('', 'signal', event.ret))})"
    if command == "F_GETLEASE":
        return f"{_hex(event.ret)} ({XLAT['lease'].text(event.ret)})"
    table = {"F_GETFD": "fd_flags", "F_GET_SEALS": "seals"}.get(command)
    if table and event.ret:
        return f"{_hex(event.ret)} (flags {XLAT[table].text(event.ret)})"
    return None


def _returned_wait(event: Event) -> str | None:
    return None if event.ret else "0 (Timeout)"


def _returned_getcwd(event: Event) -> str | None:
    """The kernel returns the length, NUL included; libc the buffer."""
    memory = event.memory.get(0)
    if memory is None:
        return None
    return str(memory.data.find(b"\0") + 1 or memory.size)


_RETURNED: Mapping[str, Callable[[Event], str | None]] = {
    "brk": lambda event: _hex(event.args[0]),
    "fcntl": _returned_fcntl,
    "getcwd": _returned_getcwd,
    # The kernel's answer is 1 to 40, so that no nice value looks like an error.
    "getpriority": lambda event: str(20 - event.ret),
    "poll": _returned_wait,
    "ppoll": _returned_wait,
    "pselect6": _returned_wait,
    "rt_sigaction": lambda _: "0",
    "sbrk": lambda event: _hex(event.ret + event.args[0]),
    "sched_getscheduler": lambda e: f"{e.ret} ({XLAT['sched'].text(e.ret)})",
    "select": _returned_wait,
}
"""By row or syscall: results strace writes in a way of its own. None: it doesn't."""
