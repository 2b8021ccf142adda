"""Arguments by their value alone: numbers, flags, addresses."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from pyshim.event import Memory
from pyshim.xlat import XLAT

_AT_FDCWD = -100
_HANDLERS = {0: "SIG_DFL", 1: "SIG_IGN", -1: "SIG_ERR"}
_KERNEL_SIGRTMIN, _NSIG = 32, 64
ALL_ONES = (1 << 64) - 1
_IOCTL_FIELDS = ((8, 0xFF), (0, 0xFF), (16, 0x3FFF))
_WIDE = re.compile(
    r"\*|long|s?size_t|off(64)?_t|nfds_t|int64_t|intptr_t|eventfd_t|dev_t"
)


@dataclass(frozen=True, slots=True)
class Argument:
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

    def of(self, kind: str) -> Argument:
        """The same argument, known to be of another kind."""
        wide = kind in ("ptr", "hex", "ulong")
        return replace(self, kind=kind, ctype="long" if wide else "int")


def value_text(argument: Argument) -> str:
    """The text of an argument by its value alone."""
    kind, _, table = argument.kind.partition(":")
    if kind == "literal":
        return argument.literal
    if kind == "flags":
        return XLAT[table].text(argument.unsigned)
    if kind == "enum":
        return XLAT[table].text(argument.signed)
    return _PLAIN.get(kind, pointer_text)(argument)


def _signed(argument: Argument) -> str:
    return str(argument.signed)


def _unsigned(argument: Argument) -> str:
    return str(argument.unsigned)


def pointer_text(argument: Argument) -> str:
    return hex_text(argument.value & ALL_ONES) if argument.value else "NULL"


def hex_text(number: int) -> str:
    return f"{number:#x}" if number else "0"


def octal_text(number: int) -> str:
    return f"0{number:02o}"


def _device(argument: Argument) -> str:
    device = argument.unsigned
    return f"makedev({hex_text(os.major(device))}, {hex_text(os.minor(device))})"


def _user(argument: Argument) -> str:
    return str(-1 if argument.signed == -1 else argument.unsigned)


def _dirfd(argument: Argument) -> str:
    return "AT_FDCWD" if argument.signed == _AT_FDCWD else str(argument.signed)


def _signal(argument: Argument) -> str:
    number = argument.signed
    if _KERNEL_SIGRTMIN < number <= _NSIG:
        return f"SIGRT_{number - _KERNEL_SIGRTMIN}"
    return XLAT["signal"].choices.get(number, str(number))


def _clock(argument: Argument) -> str:
    return XLAT["clockid"].text(argument.signed)


def _ioctl(argument: Argument) -> str:
    request = argument.unsigned
    name = XLAT["ioctl"].choices.get(request)
    fields = (hex_text(request >> shift & mask) for shift, mask in _IOCTL_FIELDS)
    way = ("_IOC_NONE", "_IOC_WRITE", "_IOC_READ", "_IOC_READ|_IOC_WRITE")[
        request >> 30
    ]
    return name or f"_IOC({way}, {', '.join(fields)})"


_PLAIN: Mapping[str, Callable[[Argument], str]] = {
    "clockid": _clock,
    "dev": _device,
    "dirfd": _dirfd,
    "fd": _signed,
    "handler": lambda argument: (
        _HANDLERS.get(argument.value) or hex_text(argument.value & ALL_ONES)
    ),
    "hex": lambda argument: hex_text(argument.unsigned),
    "int": _signed,
    "key": lambda argument: XLAT["ipc_key"].choices.get(
        argument.unsigned, hex_text(argument.unsigned)
    ),
    "ioctl": _ioctl,
    "long": _signed,
    "mode": lambda argument: octal_text(argument.unsigned),
    "off": _signed,
    "pid": _signed,
    "signal": _signal,
    "size": _unsigned,
    "uid": _user,
    "uint": _unsigned,
    "ulong": _unsigned,
}
"""Kinds by value; what is in none of the tables is a pointer."""
