"""What each function of a library does, decoded from its machine code."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pyshim.machine_code import Code, Instruction

COMPUTED = -1
"""Stands for a syscall whose number is not a constant."""
GIVEN = -2
"""Stands for a syscall whose number is an argument on the stack."""

ENDS = {"ret", "jmp", "call", "hlt", "ud2", "int3"}
PADDING = {"nop", "xchg"}
FAR = 12
"""Instructions there may be between the push of an argument and the call."""


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


def body(code: Code, start: int) -> Body:
    """What the function that starts there does."""
    instructions = whole(code, start)
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
            jump(found, code, start, operands)
    if falls_through(instructions):
        found.jumps.add(code.following(start))
    return found


def jump(found: Body, code: Code, start: int, operands: str) -> None:
    """To another function, or to where we can't see, which may return."""
    target = code.function(int(operands, 0)) if operands[:2] == "0x" else None
    if target is None:
        found.returns = True
    elif target != start:
        found.jumps.add(target)


def whole(code: Code, start: int) -> list[Instruction]:
    """All instructions of a function.

    Its entry of .eh_frame may stop early: nobody can unwind the child in clone().
    Code that does not end there is read on, up to the next function.
    """
    end = code.end(start)
    found = list(code.decode(start, end))
    if falls_through(found):
        found += code.decode(end, code.following(start))
    return found


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
