"""malloc of the bridge's namespace, as the malloc of whole programs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyshim.calls import LIB

WITH = {**os.environ, "LD_PRELOAD": str(LIB / "libpyburn.so")}
PROGRAMS = {
    "python": [sys.executable, "-c", "import json, decimal; print(len(dir(json)))"],
    "sort": ["sort", "/etc/services"],
    "perl": ["perl", "-e", "print join ',', map { $_ x 70000 } 1..3"],
    "git": ["git", "--version"],
}


def out(command: list[str], env: dict[str, str]) -> tuple[int, bytes]:
    done = subprocess.run(
        command, env=env, capture_output=True, timeout=50, check=False
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_do_with_it_what_they_do(name: str) -> None:
    bare = out(PROGRAMS[name], dict(os.environ))
    assert out(PROGRAMS[name], WITH) == bare
    assert bare[0] == 0


def test_blocks_hold_what_is_written_there(tmp_path: Path) -> None:
    source = Path(__file__).with_name("heap_driver.c")
    flags = ["-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-fno-builtin"]
    program = str(tmp_path / "driver")
    subprocess.run(["gcc", *flags, str(source), "-o", program], check=True, timeout=50)
    assert out([program], WITH) == (0, b"whole\n")
