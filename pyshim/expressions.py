"""The `if=` of a rule: a Python expression over a call's arguments, compiled to steps.

    count > 64              the man page's name of a parameter
    arg2 > 64               the same by number: from arg0 on, as libc has them
    flags & O_APPEND and not mode & 0o077

Everything is 64 bits, signed, and wraps: an address above 2**63 is negative, and so is
a count of SIZE_MAX. What Python refuses (by zero, by a negative shift) is 0, or the
sign of what is shifted to the right. The steps run in the target: shim/conditions.c.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from pyshim._host import lib
from pyshim.calls import Call, Param
from pyshim.errors import UsageError, nearest

_UNARY: Mapping[type, int] = {
    ast.Not: lib.STEP_NOT,
    ast.Invert: lib.STEP_INVERT,
    ast.USub: lib.STEP_NEGATE,
}
_BINARY: Mapping[type, int] = {
    ast.BitOr: lib.STEP_BIT_OR,
    ast.BitAnd: lib.STEP_BIT_AND,
    ast.BitXor: lib.STEP_XOR,
    ast.Add: lib.STEP_ADD,
    ast.Sub: lib.STEP_SUBTRACT,
    ast.Mult: lib.STEP_MULTIPLY,
    ast.LShift: lib.STEP_LEFT,
    ast.RShift: lib.STEP_RIGHT,
    ast.Mod: lib.STEP_REMAINDER,
}
_JOINED: Mapping[type, int] = {ast.Or: lib.STEP_OR, ast.And: lib.STEP_AND}
# Of these the second has its operands the other way round.
_COMPARED: Mapping[type, tuple[int, bool]] = {
    ast.Eq: (lib.STEP_EQUAL, False),
    ast.NotEq: (lib.STEP_UNEQUAL, False),
    ast.Lt: (lib.STEP_LESS, False),
    ast.LtE: (lib.STEP_AT_MOST, False),
    ast.Gt: (lib.STEP_LESS, True),
    ast.GtE: (lib.STEP_AT_MOST, True),
}
_WIDTHS = {
    **dict.fromkeys(("int", "pid_t", "clockid_t", "key_t", "mqd_t"), 32),
    **dict.fromkeys(("unsigned int", "unsigned", "mode_t", "uid_t", "gid_t"), -32),
    **dict.fromkeys(("socklen_t", "id_t", "uint32_t", "useconds_t"), -32),
}
"""Bits that count of an argument, by type; negative: unsigned. All others have 64."""
_MOST_STEPS = lib.MOST_STEPS
_WORD = 2**64
_ALLOWED = "names of parameters, arg0..arg5, numbers, constants, Python's operators"

Step = tuple[int, int, int]
"""What to do (enum step_kind of wire.h), bits, a number."""


@dataclass(frozen=True, slots=True)
class Expression:
    """One that can be compiled for each call whose parameters have its names."""

    text: str
    tree: ast.expr

    def knows(self, call: Call) -> bool:
        """Whether every name is a parameter of the call, or a constant."""
        return all(_value_of(name, call) is not None for name in names(self.tree))

    def steps(self, call: Call) -> tuple[Step, ...]:
        """For the arguments of this call, which knows() has to have accepted."""
        return tuple(_steps(self.tree, call))


def parse(text: str) -> Expression:
    """Raises UsageError for what is no such expression."""
    source = re.sub(r"!(?!=)", " not ", text.replace("&&", " and ")).replace(
        "||", " or "
    )
    try:
        tree = ast.parse(source.strip(), mode="eval").body
        depth = _depth(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise UsageError(f"no condition: {text!r}", allowed=_ALLOWED) from None
    if depth > _MOST_STEPS:
        raise UsageError(f"a condition of more than {_MOST_STEPS} steps: {text!r}")
    return Expression(text, tree)


def names(tree: ast.expr) -> Iterator[str]:
    """Those that stand in it."""
    return (each.id for each in ast.walk(tree) if isinstance(each, ast.Name))


def unknown_name(expression: Expression, calls: frozenset[Call]) -> tuple[str, str]:
    """The first name that no call knows, and what was most likely meant by it."""
    for name in names(expression.tree):
        if all(_value_of(name, call) is None for call in calls):
            known = {param.name for call in calls for param in call.params}
            return name, nearest(name, known | set(constants()))
    return "", ""


@cache
def constants() -> Mapping[str, int]:
    """By name: what flags and the like are called in headers."""
    from pyshim.xlat import XLAT

    found = {}
    for table in XLAT.values():
        found.update(dict(table.bits))
        found.update({name: value for value, name in table.choices.items()})
    return found


def _value_of(name: str, call: Call) -> Step | None:
    """How to push what the name stands for."""
    for place, param in enumerate(call.params[:6]):
        if name in (param.name, f"arg{place}"):
            return lib.STEP_ARG, _width(param) & 0xFFFFFFFF, place
    value = constants().get(name)
    return None if value is None else (lib.STEP_NUMBER, 0, _signed(value))


def _width(param: Param) -> int:
    ctype = param.ctype.removeprefix("const ").strip()
    if ctype.startswith(("enum ", "idtype_t", "__")):
        return 32
    return _WIDTHS.get(ctype, 64)


def _signed(value: int) -> int:
    return (value + _WORD // 2) % _WORD - _WORD // 2


def _number(tree: ast.Constant) -> int:
    if not isinstance(tree.value, int) or not -_WORD < tree.value < _WORD:
        raise ValueError
    return _signed(int(tree.value))


def _depth(tree: ast.expr) -> int:
    """Steps it takes, which is more than its stack needs. ValueError: can't be done."""
    match tree:
        case ast.Name():
            return 1
        case ast.Constant():
            _number(tree)
            return 1
        case ast.UnaryOp(operand=operand):
            return 1 + _depth(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return 1 + _depth(left) + _depth(right)
        case ast.BoolOp(values=values):
            return len(values) - 1 + sum(map(_depth, values))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if (
            type(op) in _COMPARED
        ):
            return 1 + _depth(left) + _depth(right)
    raise ValueError


def _steps(tree: ast.expr, call: Call) -> Iterator[Step]:
    match tree:
        case ast.Name(id=name):
            step = _value_of(name, call)
            assert step
            yield step
        case ast.Constant():
            yield lib.STEP_NUMBER, 0, _number(tree)
        case ast.UnaryOp(op=op, operand=operand):
            yield from _steps(operand, call)
            if type(op) is not ast.UAdd:
                yield _UNARY[type(op)], 0, 0
        case ast.BinOp(left=left, op=op, right=right):
            yield from _both(left, right, _BINARY[type(op)], call)
        case ast.BoolOp(op=op, values=values):
            yield from _steps(values[0], call)
            for value in values[1:]:
                yield from _steps(value, call)
                yield _JOINED[type(op)], 0, 0
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            kind, turned = _COMPARED[type(op)]
            first, second = (right, left) if turned else (left, right)
            yield from _both(first, second, kind, call)


def _both(left: ast.expr, right: ast.expr, kind: int, call: Call) -> Iterator[Step]:
    yield from _steps(left, call)
    yield from _steps(right, call)
    yield kind, 0, 0
