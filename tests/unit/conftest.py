"""Programs for the unit tests to look at, made by gcc, and a witness of the loader."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from programs_for_tests import SECONDS, Build, Preloaded

TARGETS = Path(__file__).parent.parent / "targets"


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Compile targets: build("hello", *sources, *options) gives the program's path."""

    def compile_target(name: str, *arguments: str | Path) -> Path:
        output = tmp_path / name
        sources = [
            str(TARGETS / each) if str(each).startswith("check_") else str(each)
            for each in arguments
        ]
        command = ["gcc", "-Wall", "-Wextra", "-Werror", *sources, "-o", str(output)]
        subprocess.run(command, check=True, timeout=SECONDS)
        return output

    return compile_target


@pytest.fixture
def preloaded(build: Build, tmp_path: Path) -> Preloaded:
    """Run a program with a preloaded witness: did the loader take it?"""
    build("witness.so", "check_preload.c", "-shared", "-fPIC")

    def run(*command: str | Path, uid: int | None = None) -> bool:
        ended = subprocess.run(
            [str(each) for each in command],
            env={**os.environ, "LD_PRELOAD": "./witness.so"},
            cwd=tmp_path,
            user=uid,
            group=uid,
            extra_groups=None if uid is None else [],
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        assert ended.returncode == 0, ended
        return b"preloaded\n" in ended.stderr

    return run
