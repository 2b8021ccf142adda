"""What each function of a library does, decoded from its machine code.

A libc comes without debug symbols. `.eh_frame` says where its functions are, and from
there the instructions can be decoded one after the other.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import capstone
from elftools.dwarf.callframe import FDE
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

COMPUTED = -1
"""Stands for a syscall whose number is not a constant."""
GIVEN = -2
"""Stands for a syscall whose number is an argument on the stack."""

ENDS = {"ret", "jmp", "call", "hlt", "ud2", "int3"}
PADDING = {"nop", "xchg"}
FAR = 12
"""Instructions there may be between the push of an argument and the call."""

Instruction = tuple[int, int, str, str]
"""Address, size, mnemonic without prefixes, operands."""


@dataclass(slots=True)
class Body:
    """What one function does; addresses may be anywhere in the library."""

    syscalls: set[int] = field(default_factory=set)
    calls: dict[int, set[int]] = field(default_factory=dict)
    """What it calls, each with the constants pushed for it, as `syscalls` has them."""
    jumps: set[int] = field(default_factory=set)
    addresses: set[int] = field(default_factory=set)
    """What it computes the address of, functions among it."""
    returns: bool = False


class Code:
    """The machine code of an ELF file, cut into functions; its PLT is not of it."""

    def __init__(self, elf: ELFFile, exported: Iterable[int]) -> None:
        self._parts: list[tuple[int, bytes]] = [
            (section["sh_addr"], section.data())
            for section in elf.iter_sections()
            if section["sh_flags"] & SH_FLAGS.SHF_EXECINSTR
            and not section.name.startswith(".plt")
        ]
        entries = elf.get_dwarf_info(relocate_dwarf_sections=False).EH_CFI_entries()
        self._ends = {
            entry["initial_location"]: entry["initial_location"]
            + entry["address_range"]
            for entry in entries
            if isinstance(entry, FDE)
        }
        starts = {*self._ends, *exported}
        self.starts: list[int] = sorted(at for at in starts if self._part(at)[1])
        self._decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
        self._decoder.skipdata = True

    def _part(self, at: int) -> tuple[int, bytes]:
        inside = (
            each for each in self._parts if each[0] <= at < each[0] + len(each[1])
        )
        return next(inside, (at, b""))

    def function(self, at: int) -> int | None:
        """Where the function starts that has this address; None: it is in none."""
        index = bisect_right(self.starts, at) - 1
        return self.starts[index] if index >= 0 and self._part(at)[1] else None

    def following(self, start: int) -> int:
        """Where the next function starts, or the code ends."""
        base, content = self._part(start)
        index = bisect_right(self.starts, start)
        return min((base + len(content), *self.starts[index : index + 1]))

    def body(self, start: int) -> Body:
        """What the function that starts there does."""
        instructions = self._instructions(start)
        found = Body()
        for index, (at, size, mnemonic, operands) in enumerate(instructions):
            if mnemonic == "syscall":
                found.syscalls.add(number(instructions[:index]))
            elif mnemonic == "ret":
                found.returns = True
            elif mnemonic == "lea" and (match := BEHIND.search(operands)):
                found.addresses.add(at + size + int(match[1] + match[2], 0))
            elif mnemonic == "call" and operands.startswith("0x"):
                constant = pushed(instructions[:index])
                found.calls.setdefault(int(operands, 0), set()).add(constant)
            elif mnemonic.startswith("j"):
                self._jump(found, start, operands)
        if falls_through(instructions):
            found.jumps.add(self.following(start))
        return found

    def _jump(self, found: Body, start: int, operands: str) -> None:
        """To another function, or to where we can't see, which may return."""
        target = self.function(int(operands, 0)) if operands[:2] == "0x" else None
        if target is None:
            found.returns = True
        elif target != start:
            found.jumps.add(target)

    def _instructions(self, start: int) -> list[Instruction]:
        """All of a function.

        Its entry of .eh_frame may stop early: nobody can unwind the child in clone().
        Code that does not end there is read on, up to the next function.
        """
        end = self._ends.get(start, start)
        found = list(self._decode(start, end))
        if falls_through(found):
            found += self._decode(end, self.following(start))
        return found

    def _decode(self, start: int, end: int) -> Iterator[Instruction]:
        base, content = self._part(start)
        for at, size, mnemonic, operands in self._decoder.disasm_lite(
            content[start - base : end - base], start
        ):
            yield at, size, mnemonic.split()[-1], operands


BEHIND = re.compile(r"\[rip ([+-]) (\w+)\]")


def falls_through(instructions: list[Instruction]) -> bool:
    """Whether the code goes on behind these."""
    real = (each[2] for each in reversed(instructions) if each[2] not in PADDING)
    return next(real, "") not in ENDS


def number(before: list[Instruction]) -> int:
    """What is in eax after these instructions, taken as a straight line."""
    register = "ax"
    for _, _, mnemonic, operands in reversed(before):
        target, _, source = operands.partition(", ")
        if mnemonic in {"cmp", "test", "push"} or plain(target) != register:
            continue
        if mnemonic == "xor" and source == target:
            return 0
        if mnemonic != "mov" or not source.isalnum():
            return of_stack(source)
        if source[0].isdigit():
            return int(source, 0)
        register = plain(source)
    return COMPUTED


def pushed(before: list[Instruction]) -> int:
    """What the last of these left on the stack for the function called next."""
    for _, _, mnemonic, operands in reversed(before[-FAR:]):
        if mnemonic == "push":
            return int(operands, 0) if operands[0].isdigit() else of_stack(operands)
        if mnemonic in ENDS:
            break
    return COMPUTED


def of_stack(operand: str) -> int:
    """What to call a number that comes from there."""
    return GIVEN if "[rsp" in operand else COMPUTED


def plain(register: str) -> str:
    """One name for a register and its lower half: ax of eax, r8 of r8d."""
    numbered = re.fullmatch(r"(r\d+)d?", register)
    return numbered[1] if numbered else re.sub(r"^[re](?=[a-z]{2}$)", "", register)
