"""Whether the code behind a `syscall` looks at flags that were set in front of it.

The kernel keeps them, and the shim's shortest way for a patched site does not
(patched_call in shim/catchall_x86_64.S). Compilers take them for lost.
"""

from __future__ import annotations

from collections.abc import Mapping

import capstone
from capstone import x86

from pyshim.machine_code import Code

_ARITHMETIC = ("AF", "CF", "OF", "PF", "SF", "ZF")
_LONGEST = 15
"""Bytes of an instruction."""
_FAR = 64
"""Instructions to look at, before it is taken to."""
_LOST = {capstone.CS_GRP_CALL, capstone.CS_GRP_INT, capstone.CS_GRP_RET}
"""Over a call or return, no flag has a meaning."""


def _bits(*kinds: str) -> Mapping[int, str]:
    """The bits of CsInsn.eflags that say one of these, and of which flag."""
    names = [
        (f"X86_EFLAGS_{kind}_{flag}", flag) for kind in kinds for flag in _ARITHMETIC
    ]
    return {getattr(x86, name): flag for name, flag in names if hasattr(x86, name)}


_LOOKED_AT = _bits("TEST", "PRIOR")
_SET = _bits("MODIFY", "RESET", "SET", "UNDEFINED")


def needs_flags(code: Code, at: int) -> bool:
    """Whether it does from this address on, or can't be followed far enough to tell."""
    known: set[str] = set()
    for _ in range(_FAR):
        insn = code.examine((at, _LONGEST, "", ""))
        if insn is None or _flags(insn.eflags, _LOOKED_AT) - known:
            return True
        known |= _flags(insn.eflags, _SET)
        if len(known) == len(_ARITHMETIC) or _LOST & set(insn.groups):
            return False
        at += insn.size
        if insn.mnemonic == "jmp":
            if insn.operands[0].type != x86.X86_OP_IMM:
                return True
            at = insn.operands[0].imm
    return True


def _flags(eflags: int, bits: Mapping[int, str]) -> set[str]:
    return {flag for bit, flag in bits.items() if eflags & bit}
