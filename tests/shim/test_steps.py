"""The steps of an `if=` do in C, under UBSan, what Python makes of the expression."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyshim._host import ffi
from pyshim.calls import Call, table
from pyshim.expressions import parse

SHIM = Path(__file__).parents[2] / "shim"
FLAGS = (
    *("-O1", "-std=gnu11", "-shared", "-fPIC", "-fvisibility=hidden"),
    *("-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections", "-Wl,-z,defs"),
    *("-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"),
)
Run = Callable[[str, tuple[int, ...], Call], bool]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """`run("count > 64", arguments, call)` compiles it and asks C whether it holds."""
    out = str(tmp_path_factory.mktemp("steps") / "steps.so")
    source = str(Path(__file__).with_name("steps_driver.c"))
    made = ["gcc", *FLAGS, f"-I{SHIM}", f"-I{SHIM}/build", source, "-o", out]
    subprocess.run(made, check=True, timeout=60)
    from cffi import FFI

    other = FFI()
    other.cdef("int run_steps(const int64_t *, const void *, uint32_t);")
    lib = other.dlopen(out)

    def go(text: str, args: tuple[int, ...], call: Call) -> bool:
        steps = parse(text).steps(call)
        raw = bytes(ffi.buffer(ffi.new("struct plan_step[]", steps)))
        words = [word(args[i]) if i < len(args) else 0 for i in range(6)]
        words = other.new("int64_t[6]", words)
        return bool(lib.run_steps(words, other.from_buffer(raw), len(steps)))

    return go


def word(value: int) -> int:
    """As 64 bits, signed."""
    return (value + 2**63) % 2**64 - 2**63


def python(tree: ast.expr, names: dict[str, int]) -> int:
    """The value, each operation Python's own and then cut to 64 bits."""
    match tree:
        case ast.Name(id=name):
            return names[name]
        case ast.Constant(value=value):
            return word(value)
        case ast.UnaryOp():
            code: Any = ast.UnaryOp(tree.op, ast.Constant(python(tree.operand, names)))
        case ast.BinOp():
            left, right = python(tree.left, names), python(tree.right, names)
            if isinstance(tree.op, (ast.LShift, ast.RShift, ast.Mod)):
                return bounded(tree.op, left, right)
            code = ast.BinOp(ast.Constant(left), tree.op, ast.Constant(right))
        case ast.BoolOp():
            code = ast.BoolOp(
                tree.op, [ast.Constant(python(each, names)) for each in tree.values]
            )
        case ast.Compare():
            left, right = python(tree.left, names), python(tree.comparators[0], names)
            code = ast.Compare(ast.Constant(left), tree.ops, [ast.Constant(right)])
    made = ast.fix_missing_locations(ast.Expression(code))
    return word(int(eval(compile(made, "", "eval"))))


def bounded(op: ast.operator, left: int, right: int) -> int:
    """What Python refuses, or would need all memory for, has a meaning here."""
    if isinstance(op, ast.Mod):
        return word(left % right) if right else 0
    if isinstance(op, ast.RShift):
        return left >> (right if 0 <= right < 64 else 63)
    return word(left << right) if 0 <= right < 64 else 0


NUMBERS = st.one_of(
    st.integers(-3, 70),
    st.integers(-(2**63), 2**64 - 1),
    st.sampled_from([2**63 - 1, 2**63, -(2**63), 2**32 - 1, 2**31, 2**64 - 1]),
)
LEAVES = st.one_of(
    st.sampled_from([f"arg{i}" for i in range(6)]),
    NUMBERS.map(lambda value: f"({value})" if value < 0 else str(value)),
)
OPERATORS = [
    "|",
    "&",
    "^",
    "+",
    "-",
    "*",
    "<<",
    ">>",
    "%",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "and",
    "or",
    "&&",
    "||",
]


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    both = st.tuples(inner, st.sampled_from(OPERATORS), inner)
    one = st.tuples(st.sampled_from(["not ", "!", "~", "-", "+"]), inner)
    return st.one_of(
        both.map(lambda parts: f"({' '.join(parts)})"),
        one.map(lambda parts: f"({''.join(parts)})"),
    )


EXPRESSIONS = st.recursive(LEAVES, grown, max_leaves=12)


@given(EXPRESSIONS, st.tuples(*[NUMBERS] * 6))
@settings(max_examples=2000, deadline=None)
def test_any_expression_is_what_python_makes_of_it(
    run: Run, text: str, args: tuple[int, ...]
) -> None:
    call = table().by_name("mmap")
    names = {f"arg{i}": seen(value, call, i) for i, value in enumerate(args)}
    value = python(parse(text).tree, names)
    assert run(text, args, call) is bool(value)
    assert run(f"({text}) == {value}", args, call)


def seen(value: int, call: Call, place: int) -> int:
    """An int has 32 bits, whatever the register holds above them."""
    if call.params[place].ctype != "int":
        return word(value)
    return (value + 2**31) % 2**32 - 2**31


@pytest.mark.parametrize(
    ("text", "args", "holds"),
    [
        ("fd == -1", (0xFFFFFFFF,), True),
        ("fd == -1", (0xDEADBEEF_FFFFFFFF,), True),
        ("fd < 0", (0x1_00000003,), False),
        ("count == 0x1_0000_0000", (0, 0, 0x1_00000000), True),
        ("count > 64 and buf", (3, 1, 65), True),
        ("count == -1", (3, 1, 2**64 - 1), True),
        ("count % 4096", (3, 1, 8192), False),
        ("arg2 - 1 == 4 or arg0 == 9", (3, 1, 5), True),
        ("(count or 7) == 7", (3, 1, 0), True),
        ("(fd and count) == 5", (3, 1, 5), True),
        ("O_APPEND", (), True),
        ("not O_APPEND", (), False),
    ],
)
def test_names_and_widths(
    run: Run, text: str, args: tuple[int, ...], holds: bool
) -> None:
    assert run(text, args, table().by_name("read")) is holds


@pytest.mark.parametrize(
    ("call", "text", "raw"),
    [
        ("open", "mode == 0o640", 0xFFFFFFFF_000001A0),
        ("chown", "owner == 0xffffffff", 0xFFFFFFFF_FFFFFFFF),
        ("kill", "pid == -1", 0xFFFFFFFF),
        ("waitid", "idtype == P_ALL", 0xABCD_00000000),
        ("getrlimit", "resource == RLIMIT_NOFILE", 0xABCD_00000007),
    ],
)
def test_the_upper_half_of_what_is_narrow_does_not_count(
    run: Run, call: str, text: str, raw: int
) -> None:
    known = table().by_name(call)
    name = text.split(maxsplit=1)[0]
    place = [param.name for param in known.params].index(name)
    args = tuple(raw if i == place else 0 for i in range(6))
    assert run(text, args, known)
    assert not run(f"not ({text})", args, known)
