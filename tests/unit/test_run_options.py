"""`pyshim.options()`: what of a command line can be told to the target, and how."""

from __future__ import annotations

import enum
import math
import subprocess
import sys
from pathlib import Path

import pytest

from pyshim import run_options
from pyshim.run_options import Options, literal


class Level(enum.IntEnum):
    HIGH = 3


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> Options:
    """Those of a run of its own, given to it."""
    made = Options()
    monkeypatch.setattr(run_options, "_options", made)
    values = {"prefix": "/x", "level": Level.HIGH, "paths": ["a", ["b"]], "n": None}
    run_options.give(literal(values))
    return run_options.options()


def test_values_by_their_names(options: Options) -> None:
    assert (options.prefix, options.n, options.paths) == ("/x", None, ("a", ("b",)))
    assert dir(options) == ["n", "paths", "prefix"]
    assert repr(options) == "Options(prefix='/x', paths=('a', ('b',)), n=None)"


def test_what_is_missing_says_why(options: Options) -> None:
    with pytest.raises(AttributeError, match="there is no option 'prefx'"):
        _ = options.prefx
    with pytest.raises(AttributeError, match=r"'level' is a Level: .*run\.options"):
        _ = options.level
    assert getattr(options, "level", 7) == 7


def test_they_are_not_to_be_changed(options: Options) -> None:
    with pytest.raises(AttributeError, match="not to be changed: 'prefix'"):
        options.prefix = "/y"
    with pytest.raises(AttributeError, match="not to be changed: 'prefix'"):
        del options.prefix
    assert options.prefix == "/x"


LITERAL = [None, True, 0, -(2**70), 1.5, "é\udc80\0'\"", b"\0\xff", (), (1, ("x",))]


@pytest.mark.parametrize("value", LITERAL, ids=repr)
def test_literals_are_kept(value: object) -> None:
    assert literal({"a": value, "b": [value]}) == ({"a": value, "b": (value,)}, {})


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (Path("/x"), "PosixPath"),
        (Level.HIGH, "Level"),
        ({"a": 1}, "dict"),
        ({1}, "set"),
        ([1, [Path("/x")]], "PosixPath"),
        (1j, "complex"),
        (print, "builtin_function_or_method"),
    ],
)
def test_others_are_left_out(value: object, kind: str) -> None:
    assert literal({"a": value, "b": 1}) == ({"b": 1}, {"a": kind})


def test_before_anything_was_parsed() -> None:
    """And it may be kept until then."""
    source = """
import pyshim
kept = pyshim.options()
try:
    kept.prefix
except RuntimeError as error:
    print(error)
from pyshim import run_options
run_options.give(run_options.literal({"prefix": 1}))
print(kept.prefix)
"""
    done = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout.splitlines() == [
        "options().prefix: known from pyshim_configure on, and in the target",
        "1",
    ], done.stderr


def test_numbers_that_are_none_survive() -> None:
    kept, _ = literal({"most": math.inf, "none": math.nan})
    assert kept["most"] == math.inf
    assert math.isnan(kept["none"])
