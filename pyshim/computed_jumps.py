"""The check of jump_targets.py: jumps that go where only arithmetic says.

A jump to what is in a register goes by a jump table that was found, or to a pointer
that was loaded. Any other can't be followed. Hand-written memcpy has some, and so has
printf, whose table is relative to a label in the code. Where one of them arrives in a
function nothing is known of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pyshim.jump_targets import Targets, computed
from pyshim.machine_code import Function, Instruction

_ENTRY = re.compile(r"(\w+), dword ptr \[(\w+) \+ \w+\*4\]")
_REGISTER = re.compile(r"r\w+")
_UNMANGLING = {"ror", "rol", "xor"}
_LOADING = {"mov", "pop", "lea"}
_NEAR = 6
"""Instructions there may be between the load of a table's entry and the jump."""


def not_followed(found: Targets) -> list[Function]:
    """Of the functions that issue syscalls those in which such a jump may arrive.

    A function may be in two parts, so those that it branches to count as well, and
    those that branch to it.
    """
    sources = [each for each in found.jumping if lost_jumps(each, found.tables)]
    return [
        each for each in found.issuing if any(_joined(each, other) for other in sources)
    ]


def _joined(one: Function, other: Function) -> bool:
    return one is other or _branches(one, other) or _branches(other, one)


def _branches(one: Function, other: Function) -> bool:
    first, behind = other[0][0], other[-1][0] + other[-1][1]
    targets = (each[3] for each in one if each[2][0] == "j" and each[3][:2] == "0x")
    return any(first <= int(target, 16) < behind for target in targets)


def lost_jumps(function: Function, tables: set[int]) -> list[int]:
    """Where the jumps are that can't be followed."""
    bases = {
        each[3].partition(",")[0]
        for each in function
        if each[2] == "lea" and computed(each) in tables
    }
    return [
        each[0]
        for index, each in enumerate(function)
        if each[2] == "jmp"
        and _REGISTER.fullmatch(each[3])
        and not _known(function[:index], each[3], bases)
    ]


def _known(before: Sequence[Instruction], register: str, bases: set[str]) -> bool:
    """Whether what is in `register` comes from a table or is a loaded pointer.

    The code is taken as a straight line. Pointers in a jmp_buf are mangled.
    """
    for index in range(len(before) - 1, -1, -1):
        _, _, mnemonic, operands = before[index]
        if operands.partition(",")[0] != register or mnemonic in ("cmp", "test"):
            continue
        if mnemonic in ("add", "lea") and computed(before[index]) is None:
            return _by_table(before[:index], operands, bases)
        if mnemonic not in _UNMANGLING:
            return mnemonic in _LOADING
    return False


def _by_table(before: Sequence[Instruction], operands: str, bases: set[str]) -> bool:
    """Whether `add` or `lea` adds an entry of a table to the table's address."""
    summands = set(_REGISTER.findall(operands.partition("[")[2] or operands))
    loads = (_ENTRY.match(each[3]) for each in before[-_NEAR:] if each[2] == "movsxd")
    return any(
        each and each[2] in bases and {each[1], each[2]} == summands for each in loads
    )
