"""The generator: what it refuses, and that its output depends on the table alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SHIM = Path(__file__).parents[2] / "shim"
TABLE = SHIM / "calls"
GENERATED = {
    "calls.gen.h", "wrappers.gen.c", "stubs.gen.S", "exports.gen.map", "alloc.gen.S",
    "alloc.gen.map", "table.json",
}  # fmt: skip
CLOSE = """
proto    = "int close(int fd)"
header   = "unistd.h"
args     = { fd = "fd" }
sets     = ["desc"]
errnos   = ["EBADF", "EINTR", "EIO"]
restarts = false
"""

Done = subprocess.CompletedProcess[str]
Generate = Callable[..., Done]


@pytest.fixture
def generate(tmp_path: Path) -> Generate:
    """Run gen.py on a table of these rows; `out` is below tmp_path."""

    def run(*rows: str, out: str = "out", seed: str = "random") -> Done:
        made = tmp_path / "calls"
        made.mkdir(exist_ok=True)
        (made / "rows.toml").write_text("".join(f"[[call]]{row}" for row in rows))
        return call(made if rows else TABLE, tmp_path / out, seed)

    return run


def call(table: Path, out: Path, seed: str) -> Done:
    command = [sys.executable, SHIM / "gen.py", "--table", table, "--out", out]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": seed},
    )


def compile_wrappers(out: Path) -> Done:
    includes = ["-iquote", str(SHIM), "-iquote", str(out)]
    command = ["gcc", "-std=gnu11", "-w", "-fsyntax-only", *includes]
    return subprocess.run(
        [*command, str(out / "wrappers.gen.c")],
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# -- rows that can't be meant ------------------------------------------------------

BAD = {
    "unknown errno": ('"EIO"', '"EIEIO"', "close: no such errno EIEIO"),
    "a constant that is no errno": ('"EIO"', '"errorcode"', "no such errno errorcode"),
    "unknown key": ("header ", "headers ", "unknown keys ['headers']"),
    "no sets": ('sets     = ["desc"]', "", "no sets"),
    "no prototype": ('proto    = "int close(int fd)"', "", "no proto"),
    "unknown set": ('"desc"', '"disc"', "close: no such set disc"),
    "EINTR without restarts": ("restarts = false", "", "EINTR and `restarts` go"),
    "restarts without EINTR": (' "EINTR",', "", "EINTR and `restarts` go together"),
    "not a prototype": ("int close(int fd)", "close", "not a prototype: close"),
    "not a parameter": ("(int fd)", "(int)", "not a parameter: int"),
    "kind of no parameter": ("{ fd", "{ fb", "close: args names no parameter: ['fb']"),
    "unknown failure": ("restarts", 'fails = "-2"\nrestarts', "unknown failure value"),
    "kernel without arguments": ("restarts", 'kernel = "close"\nrestarts', "kernel is"),
    "too many parameters": (
        "(int fd)",
        "(int fd, int b, int c, int d, int e, int f, int g, int h, int i, int j)",
        "close: more than 9 parameters",
    ),
    "a length that is nowhere": ('"fd" }', '"out[count]" }', "no length 'count'"),
}


@pytest.mark.parametrize(("old", "new", "message"), BAD.values(), ids=BAD)
def test_a_bad_row_is_refused_with_its_reason(
    old: str, new: str, message: str, generate: Generate, tmp_path: Path
) -> None:
    assert old in CLOSE
    done = generate(CLOSE.replace(old, new, 1))

    assert done.returncode == 1
    assert re.fullmatch(r"gen\.py: .*\n", done.stderr), "one line"
    assert message in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_name_in_two_rows_is_refused(generate: Generate) -> None:
    done = generate(CLOSE, CLOSE)

    assert (done.returncode, done.stderr) == (1, "gen.py: in two rows: ['close']\n")


def test_an_alias_that_is_another_row_is_refused(generate: Generate) -> None:
    done = generate(CLOSE, CLOSE.replace("close(", "shut(") + 'alias = ["close"]\n')

    assert (done.returncode, done.stderr) == (1, "gen.py: in two rows: ['close']\n")


def test_a_name_that_libc_lacks_is_left_out_and_told(
    generate: Generate, tmp_path: Path
) -> None:
    done = generate(CLOSE, CLOSE.replace("close(", "close_softly("))

    assert done.returncode == 0
    assert done.stderr == "gen.py: this libc has no close_softly: not exported\n"
    assert "close_softly" not in (tmp_path / "out" / "exports.gen.map").read_text()


# -- rows that libc's headers contradict -------------------------------------------


def test_the_generated_wrapper_of_a_right_row_compiles(
    generate: Generate, tmp_path: Path
) -> None:
    generate(CLOSE)

    assert compile_wrappers(tmp_path / "out").stderr == ""


@pytest.mark.parametrize(
    "proto",
    ["long close(int fd)", "int close(long fd)", "int close(int fd, int how)"],
)
def test_a_prototype_that_is_not_the_header_s_does_not_compile(
    proto: str, generate: Generate, tmp_path: Path
) -> None:
    assert generate(CLOSE.replace("int close(int fd)", proto)).returncode == 0
    done = compile_wrappers(tmp_path / "out")

    assert done.returncode == 1
    assert "wrap_close" in done.stderr


def test_an_alias_of_another_type_does_not_compile(
    generate: Generate, tmp_path: Path
) -> None:
    assert generate(CLOSE + 'alias = ["alarm"]\n').returncode == 0
    done = compile_wrappers(tmp_path / "out")

    assert "conflicting types for 'alarm'" in done.stderr


# -- its output --------------------------------------------------------------------


def test_equal_tables_give_equal_files(generate: Generate, tmp_path: Path) -> None:
    done = [generate(out=out, seed=seed) for out, seed in (("a", "1"), ("b", "2"))]
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / out).iterdir()}
        for out in "ab"
    )

    assert [each.returncode for each in done] == [0, 0]
    assert set(first) == GENERATED
    assert first == second


def test_the_digest_changes_with_the_table(generate: Generate, tmp_path: Path) -> None:
    generate(CLOSE, out="a")
    generate(CLOSE.replace('"EIO"', '"ENOSPC"'), out="b")
    digests = {
        re.findall(r"TABLE_DIGEST (\w+)", (tmp_path / out / "calls.gen.h").read_text())[
            0
        ]
        for out in "ab"
    }

    assert len(digests) == 2


def test_files_are_left_alone_when_nothing_changed(
    generate: Generate, tmp_path: Path
) -> None:
    generate(CLOSE)
    files = sorted((tmp_path / "out").iterdir())
    for file in files:
        os.utime(file, ns=(1, 1))
    generate(CLOSE)
    untouched = {file.name for file in files if file.stat().st_mtime_ns == 1}

    assert untouched == GENERATED


def test_only_what_changed_is_written(generate: Generate, tmp_path: Path) -> None:
    generate(CLOSE)
    for file in (tmp_path / "out").iterdir():
        os.utime(file, ns=(1, 1))
    generate(CLOSE.replace('"EIO"', '"ENOSPC"'))
    written = {
        file.name
        for file in (tmp_path / "out").iterdir()
        if file.stat().st_mtime_ns != 1
    }

    assert written == {"calls.gen.h", "table.json"}, "errnos are the host's business"


def test_make_show_prints_one_wrapper(tmp_path: Path) -> None:
    where = [f"BUILD={tmp_path}", f"PYTHON={sys.executable}"]
    done = subprocess.run(
        ["make", "-s", "-C", SHIM, "show", "CALL=read", *where],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stderr == ""
    assert "ssize_t wrap_read(int fd, void *buf, size_t count)\n{" in done.stdout
    assert "call_run(call, real_wrap_read)" in done.stdout
    assert "wrap_readv" not in done.stdout
