"""Which syscall an instruction makes, where the code says so just before it."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from typing import Any

from pyshim.machine_code import Code, Instruction

UNKNOWN = -1
_ENDS = {"jmp", "ret", "hlt", "ud2"}
_CALLEE_SAVED = {"bx", "bp", "r12", "r13", "r14", "r15"}
_MOST = 0x7FFFFFFF


def number(code: Code, before: Sequence[Instruction], targets: Set[int]) -> int:
    """What is in eax behind these, the last of which nothing jumps over.

    UNKNOWN where two ways meet: another number may come along the other.
    """
    register = "ax"
    for each in reversed(before):
        insn = code.examine(each)
        if insn is None or each[2] in _ENDS:
            return UNKNOWN
        if each[2] == "call" and register not in _CALLEE_SAVED:
            return UNKNOWN
        if register in _written(insn):
            source = _source(each)
            if isinstance(source, int):
                return source if source <= _MOST else UNKNOWN
            register = source
        if not register or each[0] in targets:
            return UNKNOWN
    return UNKNOWN


def _written(insn: Any) -> set[str]:
    _, written = insn.regs_access()
    return {plain(insn.reg_name(each)) for each in written}


def _source(instruction: Instruction) -> int | str:
    """The number it writes, or the register that it copies; "" if neither."""
    _, _, mnemonic, operands = instruction
    target, _, source = operands.partition(", ")
    if mnemonic == "xor" and source == target:
        return 0
    if mnemonic != "mov" or not source.isalnum():
        return ""
    return int(source, 0) if source[0].isdigit() else plain(source)


def plain(register: str) -> str:
    """One name for a register and its parts: ax of rax, eax and al; r8 of r8d."""
    if numbered := re.fullmatch(r"(r\d+)[dwb]?", register):
        return numbered[1]
    short = re.sub(r"^[re](?=[a-z]{2}$)", "", register)
    return re.sub(r"^([abcd])[lh]$", r"\1x", re.sub(r"^(si|di|bp|sp)l$", r"\1", short))
