"""The machine code of an ELF file for x86-64, cut into functions and decoded.

A libc comes without debug symbols. `.eh_frame` says where its functions are, and from
there the instructions can be decoded one after the other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import capstone
from elftools.dwarf.callframe import FDE
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

Instruction = tuple[int, int, str, str]
"""Address, size, mnemonic without prefixes, operands."""
Function = list[Instruction]

SIGNAL_FRAME = b"S"
"""In the augmentation of an entry of .eh_frame: it describes what a handler returns to.
Unwinders take one byte off a return address, so it begins one byte early."""


class Code:
    """The code, without the PLT; functions start where .eh_frame or `more` says so."""

    def __init__(self, elf: ELFFile, more: Iterable[int]) -> None:
        self.parts: list[tuple[int, bytes]] = [
            (section["sh_addr"], section.data())
            for section in elf.iter_sections()
            if section["sh_flags"] & SH_FLAGS.SHF_EXECINSTR
            and not section.name.startswith(".plt")
        ]
        self.frames: Mapping[int, FDE] = dict(_frames(elf))
        starts = {*self.frames, *more}
        self.starts: list[int] = sorted(at for at in starts if at in self)
        self._decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
        self._decoder.skipdata = True
        self._thorough = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
        self._thorough.detail = True

    def __contains__(self, at: int) -> bool:
        return any(base <= at < base + len(content) for base, content in self.parts)

    def part(self, at: int) -> tuple[int, bytes]:
        """Address and bytes of the section that has this address."""
        inside = (each for each in self.parts if each[0] <= at < each[0] + len(each[1]))
        return next(inside, (at, b""))

    def end(self, start: int) -> int:
        """Where a function ends, by its entry of .eh_frame; `start` if it has none."""
        frame = self.frames.get(start)
        return end_of(frame) if frame else start

    def function(self, at: int) -> int | None:
        """Where the function starts that has this address; None: it is in none."""
        index = bisect_right(self.starts, at) - 1
        return self.starts[index] if index >= 0 and at in self else None

    def following(self, start: int) -> int:
        """Where the next function starts, or the section ends."""
        base, content = self.part(start)
        index = bisect_right(self.starts, start)
        return min((base + len(content), *self.starts[index : index + 1]))

    def decode(self, start: int, end: int) -> Iterator[Instruction]:
        """All between two addresses; what is no instruction is a `.byte`."""
        content = self.content(start, end)
        for at, size, mnemonic, operands in self._decoder.disasm_lite(content, start):
            yield at, size, mnemonic.split()[-1], operands

    def content(self, start: int, end: int) -> bytes:
        """The bytes between two addresses of one section."""
        base, content = self.part(start)
        return content[start - base : end - base]

    def examine(self, instruction: Instruction) -> Any:
        """Capstone's CsInsn, with all it knows; None for what is no instruction."""
        at, size, _, _ = instruction
        return next(self._thorough.disasm(self.content(at, at + size), at, 1), None)


def end_of(frame: FDE) -> int:
    """The address behind the last byte that an entry of .eh_frame is about."""
    return int(frame["initial_location"] + frame["address_range"])


def _frames(elf: ELFFile) -> Iterator[tuple[int, FDE]]:
    """Each entry of .eh_frame, by the function's first instruction."""
    if not elf.get_section_by_name(".eh_frame"):
        return
    info = elf.get_dwarf_info(relocate_dwarf_sections=False)
    for entry in info.EH_CFI_entries():
        if isinstance(entry, FDE) and entry.cie:
            early = SIGNAL_FRAME in entry.cie["augmentation"]
            yield entry["initial_location"] + early, entry
