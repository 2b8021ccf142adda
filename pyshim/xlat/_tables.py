"""The form of a table of names, and the words it is written in."""

from __future__ import annotations

import fcntl
import mmap
import os
import resource
import select
import signal
import socket
import stat
import time
from dataclasses import dataclass

_MODULES = (os, socket, signal, fcntl, mmap, select, resource, stat, time)
_HUGE_SHIFT = 26
"""Where the kernel keeps log2 of the size of a huge page among the flags."""


@dataclass(frozen=True, slots=True)
class Table:
    """The names of one kind of number."""

    choices: dict[int, str]
    """Of the bits in `mask`, exactly one choice holds."""
    mask: int = -1
    bits: tuple[tuple[str, int], ...] = ()
    """Or-ed names in strace's order: one of many bits comes before its parts."""
    unknown: str = "???"
    """What strace writes in the comment behind a number without a name."""
    zero: str = "0"
    octal: int = 0
    """Bits that are permissions: always written, in octal, after the names."""
    huge: str = ""
    """Name of the shift behind which the size of a huge page is, if there is one."""

    def text(self, value: int) -> str:
        """The names of `value`, which must not be negative where bits are meant."""
        if not self.bits:
            return self.choices.get(value) or self._nameless(value)
        names, rest = self._names(value & ~self.octal)
        if rest and not names and not self.octal:
            return self._nameless(rest)
        names += self._rest(rest)
        if self.octal:
            names.append(f"0{value & self.octal:02o}")
        return "|".join(names) or self.zero

    def _names(self, value: int) -> tuple[list[str], int]:
        name = self.choices.get(value & self.mask) if self.choices else None
        names, rest = ([name], value & ~self.mask) if name else ([], value)
        for word, bit in self.bits:
            if rest & bit == bit:
                names.append(word)
                rest &= ~bit
        return names, rest

    def _rest(self, rest: int) -> list[str]:
        shifted = rest >> _HUGE_SHIFT if self.huge else 0
        low = rest & ~(shifted << _HUGE_SHIFT)
        parts = [f"{low:#x}"] if low else []
        return parts + ([f"{shifted}<<{self.huge}"] if shifted else [])

    def _nameless(self, value: int) -> str:
        if self.huge and value >> _HUGE_SHIFT:
            return "|".join(self._rest(value))
        digits = f"{value & 0xFFFFFFFF:#x}" if value else "0"
        return f"{digits} /* {self.unknown} */"


def _pair(word: str) -> tuple[str, int]:
    name, _, number = word.partition("=")
    if number:
        return name.replace("~", " "), int(number, 0)
    for module in _MODULES:
        if hasattr(module, name):
            return name, int(getattr(module, name))
    raise KeyError(f"no value for {name}")


def by_value(words: str) -> dict[int, str]:
    """Names by their numbers. Later words don't replace earlier ones of equal value."""
    return {value: name for name, value in map(_pair, reversed(words.split()))}


def enum(unknown: str, words: str) -> Table:
    """Numbers of which one holds."""
    return Table(by_value(words), unknown=unknown)


def counted(unknown: str, words: str, first: int = 0) -> Table:
    """Words in a row of numbers; `-` is a number without a name."""
    numbered = enumerate(words.split(), first)
    return Table({at: word for at, word in numbered if word != "-"}, unknown=unknown)


def flags(unknown: str, words: str, zero: str = "0", huge: str = "") -> Table:
    """Bits or-ed together."""
    bits = tuple(map(_pair, words.split()))
    return Table({}, bits=bits, unknown=unknown, zero=zero, huge=huge)


def field(unknown: str, mask: int, choices: str, words: str, huge: str = "") -> Table:
    """Flags of which the bits in `mask` are a number."""
    bits = tuple(map(_pair, words.split()))
    return Table(by_value(choices), mask, bits, unknown, huge=huge)


def modes(words: str, mask: int = 0, choices: str = "", huge: str = "") -> Table:
    """Flags that share their word with permissions."""
    bits = tuple(map(_pair, words.split()))
    return Table(by_value(choices), mask, bits, octal=0o777, huge=huge)
