"""Every address of a library's code that anything may jump to.

The address of an instruction can come from few places: a branch has it as its operand,
code computes it relative to its own, the loader relocates it, a symbol has it, the
unwinder finds it beside a function, a call leaves the one behind itself. All but the
last are read here. Only arithmetic makes others, and compilers do that for jump tables:
each 4-byte entry is an address less that of the table, and the table's own address is
computed by the code. So whatever lies at a computed address is taken for such a table
as long as its entries lead to instructions; it is no harm if it is none.

What else arithmetic may do is the concern of computed_jumps.py.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from pyshim.landing_pads import landing_pads
from pyshim.machine_code import Code, Function, Instruction

_COMPUTED = re.compile(r"\[rip(?: ([+-]) (\w+))?\]")
_KINDS = SH_FLAGS.SHF_ALLOC | SH_FLAGS.SHF_WRITE | SH_FLAGS.SHF_EXECINSTR
_WORD = struct.Struct("<Q")
_OFFSET = struct.Struct("<i")
_RELA = struct.Struct("<QQq")
_SYMBOL = struct.Struct("<IBBHQQ")


@dataclass(slots=True)
class Targets:
    """What was found."""

    all: set[int] = field(default_factory=set)
    """Addresses in the code."""
    instructions: set[int] = field(default_factory=set)
    """Where all that were decoded begin."""
    branches: set[int] = field(default_factory=set)
    """What branches have as their operands."""
    computed: set[int] = field(default_factory=set)
    """Addresses that code computes, of data too."""
    held: set[int] = field(default_factory=set)
    """Those, and what the data holds."""
    tables: set[int] = field(default_factory=set)
    """Where a jump table may be."""
    issuing: list[Function] = field(default_factory=list)
    """The functions that have a `syscall` instruction."""
    jumping: list[Function] = field(default_factory=list)
    """Those that jump to what is in a register."""


def find_targets(elf: ELFFile, code: Code, done: Callable[[float], None]) -> Targets:
    """Decode all of the code, once, and read the data beside it.

    `done` is told how much of that is, from 0 to 1. ValueError for landing pads that
    can't be read.
    """
    found = Targets()
    pieces = list(_pieces(code))
    for index, (start, end) in enumerate(pieces):
        found.all.add(start)
        _read(list(code.decode(start, end)), found)
        done(index / len(pieces))
    _follow_tables(elf, found)
    found.held.update(found.computed, _relocated(elf))
    known = {*_symbols(elf), *landing_pads(elf, code)} | found.branches | found.held
    found.all.update(filter(code.__contains__, known))
    return found


def _pieces(code: Code) -> Iterator[tuple[int, int]]:
    """The functions, and what is before the first of a section."""
    for start in sorted({*code.starts, *(base for base, _ in code.parts)}):
        yield start, code.following(start)


def _read(function: Function, found: Targets) -> None:
    """What the operands say; a lone immediate is taken for a branch's."""
    issues = jumps = False
    for each in function:
        at, _, mnemonic, operands = each
        found.instructions.add(at)
        if operands[:2] == "0x" and "," not in operands:
            found.branches.add(int(operands, 16))
        elif (address := computed(each)) is not None:
            found.computed.add(address)
        issues = issues or mnemonic == "syscall"
        jumps = jumps or (mnemonic == "jmp" and operands[:1] == "r")
    if issues:
        found.issuing.append(function)
    if jumps:
        found.jumping.append(function)


def computed(instruction: Instruction) -> int | None:
    """The address of its rip-relative operand, if it has one."""
    at, size, _, operands = instruction
    if "[rip" not in operands or not (match := _COMPUTED.search(operands)):
        return None
    return at + size + (int(match[1] + match[2], 0) if match[1] else 0)


def _follow_tables(elf: ELFFile, found: Targets) -> None:
    """Wherever code computes the address of a constant there may be a table."""
    for base, content in _sections(elf, writable=False):
        for table in found.computed:
            if base <= table < base + len(content):
                entries = list(_entries(found, table, content[table - base :]))
                found.all.update(entries)
                found.tables |= {table} if entries else set()


def _entries(found: Targets, table: int, content: bytes) -> Iterator[int]:
    for (offset,) in _OFFSET.iter_unpack(_whole(content, _OFFSET)):
        if table + offset not in found.instructions:
            return
        yield table + offset


def _sections(elf: ELFFile, *, writable: bool) -> Iterator[tuple[int, bytes]]:
    """Address and bytes of the data that the file gives to a process."""
    for section in elf.iter_sections():
        flags = section["sh_flags"]
        wanted = SH_FLAGS.SHF_ALLOC | (SH_FLAGS.SHF_WRITE if writable else 0)
        if flags & _KINDS == wanted and section["sh_type"] != "SHT_NOBITS":
            yield section["sh_addr"], section.data()


def _relocated(elf: ELFFile) -> Iterator[int]:
    """What the loader makes pointers to; those of .relr.dyn are already in the data."""
    yield elf["e_entry"]
    dynsym = elf.get_section_by_name(".dynsym")
    values = [row[4] for row in _SYMBOL.iter_unpack(dynsym.data())] if dynsym else [0]
    for section in elf.iter_sections():
        if section["sh_type"] == "SHT_RELA":
            for _, info, addend in _RELA.iter_unpack(section.data()):
                yield values[info >> 32] + addend
    for _, content in _sections(elf, writable=True):
        yield from (word for (word,) in _WORD.iter_unpack(_whole(content, _WORD)))


def _symbols(elf: ELFFile) -> Iterator[int]:
    """The values of all symbols; of pyelftools, each would be an object."""
    for section in elf.iter_sections():
        if section["sh_type"] in ("SHT_DYNSYM", "SHT_SYMTAB"):
            for _, _, _, index, value, _ in _SYMBOL.iter_unpack(section.data()):
                if index:
                    yield value


def _whole(content: bytes, item: struct.Struct) -> bytes:
    return content[: len(content) // item.size * item.size]
