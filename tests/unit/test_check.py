"""The command `pyshim check`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from programs_for_tests import Build

from pyshim.calls import LIB
from pyshim.commands import check
from pyshim.errors import PyshimError

needs_table = pytest.mark.skipif(
    not (LIB / "table.json").exists(), reason="the shim is not built"
)


@needs_table
def test_check_prints_a_line_each_and_tells_a_bypass_by_its_status(
    build: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    good = build("good", "check_hello.c")
    bad = build("bad", "check_hello.c", "-static")
    assert check.run([str(good)]) == 0
    assert check.run([str(good), str(bad)]) == 1
    line = f"interposable  {good}  dynamic, imports 1 wrapped call\n"
    assert capsys.readouterr().out == (
        2 * line + f"bypass        {bad}  static: no PT_INTERP\n"
    )


@needs_table
def test_check_gives_json(build: Build, capsys: pytest.CaptureFixture[str]) -> None:
    program = build("bad", "check_hello.c", "-static")
    assert check.run(["--json", str(program)]) == 1
    assert json.loads(capsys.readouterr().out) == [
        {
            "path": str(program),
            "verdict": "bypass",
            "reasons": ["no PT_INTERP"],
            "kind": "static",
            "interpreters": [],
            "imports": [],
            "libraries": [],
        }
    ]


@needs_table
def test_check_reports_the_others_before_it_refuses_one(
    build: Build,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    program = build("hello", "check_hello.c")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PyshimError) as refused:
        check.run(["hello", str(program), "./missing", "sh"])
    assert str(refused.value) == (
        "hello: not found on PATH; did you mean './hello'?; "
        "./missing: No such file or directory"
    )
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in said] == [str(program), shutil.which("sh")]


@needs_table
def test_check_refuses_what_it_does_not_understand() -> None:
    for arguments in ([], ["--jsn", "sh"]):
        with pytest.raises(PyshimError, match="pyshim check --help"):
            check.run(arguments)


def test_the_help_fits_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        check.run(["--help"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
