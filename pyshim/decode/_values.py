"""Arguments and results by their value alone: numbers, flags, addresses."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import partial

from pyshim.xlat import XLAT

Text = Callable[[int], str]
"""The text of a value. Values are the 64 bits of a register, with a sign."""

_AT_FDCWD = -100
_HANDLERS = {0: "SIG_DFL", 1: "SIG_IGN", -1: "SIG_ERR"}
_KERNEL_SIGRTMIN, _NSIG = 32, 64
_ALL_ONES = (1 << 64) - 1
_IOCTL_FIELDS = ((8, 0xFF), (0, 0xFF), (16, 0x3FFF))
_WIDE = re.compile(
    r"\*|long|s?size_t|off(64)?_t|nfds_t|int64_t|intptr_t|eventfd_t|dev_t"
    r"|pthread_t|thrd_t|ptrdiff_t|Lmid_t"
)
_MOST_TEXTS = 4096


class Texts(dict[int, str]):
    """Texts by value, made at the first use.

    All are forgotten when there are many: sizes and offsets may be new each time.
    """

    def __init__(self, make: Text) -> None:
        self._make = make

    def __missing__(self, value: int) -> str:
        if len(self) >= _MOST_TEXTS:
            self.clear()
        text = self[value] = self._make(value)
        return text


def text_of(kind: str, ctype: str) -> Text:
    """How arguments of this kind and C type are written, by their value alone."""
    name, _, table = kind.partition(":")
    width = 64 if _WIDE.search(ctype) else 32
    if name == "flags":
        return partial(_unsigned, XLAT[table].text, width)
    if name == "enum":
        return partial(_signed, XLAT[table].text, width)
    if name == "handler":
        return _handler
    if name in _BY_UNSIGNED:
        return partial(_unsigned, _BY_UNSIGNED[name], width)
    if name in _BY_SIGNED:
        return partial(_signed, _BY_SIGNED[name], width)
    return pointer_text


def unsigned(value: int, width: int) -> int:
    """The value as a kernel type of `width` bits holds it."""
    return value & ((1 << width) - 1)


def _unsigned(text: Text, width: int, value: int) -> str:
    return text(unsigned(value, width))


def _signed(text: Text, width: int, value: int) -> str:
    low = unsigned(value, width)
    return text(low - (low >> (width - 1) << width))


def pointer_text(value: int) -> str:
    return address_text(value) if value else "NULL"


def address_text(value: int) -> str:
    """The address a call returned; there a 0 is no NULL."""
    return hex_text(value & _ALL_ONES)


def hex_text(number: int) -> str:
    return f"{number:#x}" if number else "0"


def octal_text(number: int) -> str:
    return f"0{number:02o}"


def _device(number: int) -> str:
    return f"makedev({hex_text(os.major(number))}, {hex_text(os.minor(number))})"


def _user(number: int) -> str:
    """Users are unsigned, but the one that means nobody in particular is -1."""
    return str(number if number >= -1 else unsigned(number, 32))


def _dirfd(number: int) -> str:
    return "AT_FDCWD" if number == _AT_FDCWD else str(number)


def _signal(number: int) -> str:
    if _KERNEL_SIGRTMIN < number <= _NSIG:
        return f"SIGRT_{number - _KERNEL_SIGRTMIN}"
    return XLAT["signal"].choices.get(number, str(number))


def _handler(address: int) -> str:
    return _HANDLERS.get(address) or address_text(address)


def _key(number: int) -> str:
    return XLAT["ipc_key"].choices.get(number, hex_text(number))


def _ioctl(request: int) -> str:
    name = XLAT["ioctl"].choices.get(request)
    fields = (hex_text(request >> shift & mask) for shift, mask in _IOCTL_FIELDS)
    way = ("_IOC_NONE", "_IOC_WRITE", "_IOC_READ", "_IOC_READ|_IOC_WRITE")[
        request >> 30
    ]
    return name or f"_IOC({way}, {', '.join(fields)})"


_BY_SIGNED: Mapping[str, Text] = {
    "clockid": XLAT["clockid"].text,
    "dirfd": _dirfd,
    "fd": str,
    "int": str,
    "long": str,
    "off": str,
    "pid": str,
    "signal": _signal,
    "uid": _user,
}
_BY_UNSIGNED: Mapping[str, Text] = {
    "dev": _device,
    "hex": hex_text,
    "ioctl": _ioctl,
    "key": _key,
    "mode": octal_text,
    "size": str,
    "uint": str,
    "ulong": str,
}
"""Kinds by value; what is in none of the tables is a pointer."""
