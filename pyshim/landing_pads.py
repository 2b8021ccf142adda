"""Where the unwinder goes on in functions that have something to clean up.

Such a function has a table of its calls in .gcc_except_table, each with the place that
the unwinder jumps to when it comes by: C++'s destructors, and in libc the handlers that
undo what a cancelled thread began. Format: the Itanium C++ ABI's LSDA, as gcc and clang
write it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from elftools.elf.elffile import ELFFile

from pyshim.machine_code import Code, end_of

OMITTED = 0xFF
"""Encoding of what is not there."""
_ULEB128, _UDATA4 = 1, 3
_MORE, _BITS = 0x80, 7


class Bytes:
    """Reads one value after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def byte(self) -> int:
        """One byte; IndexError at the end."""
        self.at += 1
        return self._data[self.at - 1]

    def uleb128(self) -> int:
        """A number of seven bits a byte, the lowest first."""
        value, shift = 0, 0
        while (byte := self.byte()) & _MORE:
            value |= (byte - _MORE) << shift
            shift += _BITS
        return value | byte << shift

    def udata4(self) -> int:
        """A number of four bytes."""
        self.at += 4
        (value,) = struct.unpack_from("<I", self._data, self.at - 4)
        return int(value)


def landing_pads(elf: ELFFile, code: Code) -> Iterator[int]:
    """All of them. ValueError for an encoding that gcc does not use here."""
    section = elf.get_section_by_name(".gcc_except_table")
    if section is None:
        return
    base, content = section["sh_addr"], section.data()
    for frame in code.frames.values():
        if frame.lsda_pointer and base <= frame.lsda_pointer < base + len(content):
            table = Bytes(content[frame.lsda_pointer - base :])
            first, end = int(frame["initial_location"]), end_of(frame)
            yield from (first + pad for pad in _pads(table) if first + pad < end)


def _pads(table: Bytes) -> Iterator[int]:
    """Relative to the function; the part of it that is far away has its own table."""
    if table.byte() != OMITTED:
        raise ValueError("landing pads are relative to something unknown")
    if table.byte() != OMITTED:
        table.uleb128()
    read = _reader(table, table.byte())
    end = table.uleb128() + table.at
    while table.at < end:
        read()
        read()
        if pad := read():
            yield pad
        table.uleb128()


def _reader(table: Bytes, encoding: int) -> Callable[[], int]:
    readers = {_ULEB128: table.uleb128, _UDATA4: table.udata4}
    if encoding not in readers:
        raise ValueError(f"call sites are encoded in way {encoding:#x}")
    return readers[encoding]
