"""What people type for strace, typed for pyshim: the same status, output and files."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from shimmed import PYSHIM

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="no strace here")
SHORT = 10
LIST = Path(__file__).parent / "strace_one_liners.txt"


OTHERS = re.compile(rb"(pyshim|strace|bash): |\+\+\+ ")
"""Lines on stderr that are the tools' own."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is left of a command line."""

    status: int
    stdout: bytes
    stderr: bytes
    files: dict[str, str]


def listed() -> list[tuple[str, str]]:
    """Each line, and why its outcome is another one, or ""."""
    found = []
    for entry in LIST.read_text().split("\n\n")[1:]:
        lines = [each for each in entry.splitlines() if not each.startswith("# ")]
        why = lines.pop(0)[2:] if lines[0].startswith("~") else ""
        (command,) = lines
        found.append((command, why))
    return found


def run(command: str, folder: Path) -> Outcome:
    (folder / "d").mkdir(parents=True)
    (folder / "f").write_text("y" * 4096 + "\n")
    for name in ("in.txt", "eio", "d/inner"):
        (folder / name).write_text(f"{name}\n")
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    files = {
        str(each.relative_to(folder)): each.read_text() if each.is_file() else ""
        for each in sorted(folder.rglob("*"))
    }
    theirs = [line for line in done.stderr.splitlines() if not OTHERS.match(line)]
    return Outcome(done.returncode, done.stdout, b"\n".join(theirs), files)


def marked() -> list[object]:
    """The first ones, coreutils' own, are part of make test."""
    long = [pytest.param(*each, marks=pytest.mark.long) for each in listed()[SHORT:]]
    return [*listed()[:SHORT], *long]


@pytest.mark.parametrize(("command", "why"), marked())
def test_it_comes_to_the_same(tmp_path: Path, command: str, why: str) -> None:
    pyshim = re.sub(r"\bstrace\b", f"{shlex.join(PYSHIM)}", command, count=1)
    theirs, ours = run(command, tmp_path / "theirs"), run(pyshim, tmp_path / "ours")
    assert ours.status != 125, ours.stderr
    assert (ours != theirs) == bool(why)


def test_there_are_fifty_of_them() -> None:
    assert len({command for command, _ in listed()}) >= 50
