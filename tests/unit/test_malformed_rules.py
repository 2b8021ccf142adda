"""A rule with a mistake: refused before anything runs, and pointed at.

The list says which mistake is where; the whole command line is tried, with a program
that would leave a mark.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pyshim.cli import main

LIST = Path(__file__).parent / "malformed_rules.txt"


def listed() -> list[tuple[str, str, str]]:
    """Rule, carets, and words of the message."""
    found = []
    entries = LIST.read_text().split("\n\n")[1:]
    for entry in entries:
        rule, below = entry.rstrip("\n").split("\n")
        carets = re.match(" *\\^+", below)
        assert carets, entry
        found.append((rule, carets[0], below[carets.end() + 1 :]))
    return found


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "program"
    file.write_text("#!/bin/sh\n: > started\n")
    file.chmod(0o755)
    return str(file)


@pytest.mark.parametrize(("rule", "carets", "words"), listed())
def test_it_is_refused_and_pointed_at(
    program: str,
    capsys: pytest.CaptureFixture[str],
    rule: str,
    carets: str,
    words: str,
) -> None:
    status = main(["-e", rule, program])
    out, err = capsys.readouterr()
    first, *shown = err.splitlines()
    assert (status, out) == (125, "")
    assert first.startswith("pyshim: ")
    assert words in first
    assert shown == [f"  {rule}", f"  {carets}"]
    assert not Path("started").exists()


def test_there_are_two_hundred_of_them() -> None:
    assert len({rule for rule, _, _ in listed()}) >= 200


def test_the_program_would_have_left_a_mark(
    program: str, pyshim: object, tmp_path: Path
) -> None:
    assert callable(pyshim)
    done = pyshim("-e", "inject=getppid:error=EIO", program)
    assert done.returncode == 0
    assert (tmp_path / "started").exists()
