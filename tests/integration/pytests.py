"""pytest as a user starts it, on test files of ours."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

SECONDS = 100
PYTEST = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", "/dev/null")
HEAD = """
import ctypes, errno, os, subprocess, sys
import pytest
libc = ctypes.CDLL(None, use_errno=True)
"""
WRITES = """
def write(path, text=b"x"):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        return os.write(fd, text)
    finally:
        os.close(fd)
"""
"""For tests that write a file by two calls."""
AGAIN = "pyshim: starting pytest again for tests with faults"


@dataclass(frozen=True, slots=True)
class Session:
    """How a pytest ended and what it said."""

    status: int
    stdout: str
    stderr: str

    @property
    def outcomes(self) -> dict[str, int]:
        """As its last line counts them: {"passed": 2, "failed": 1}."""
        found = re.findall(r"(\d+) (passed|failed|errors?|skipped)", self.last)
        return dict(Counter({word.rstrip("s"): int(number) for number, word in found}))

    @property
    def last(self) -> str:
        lines = [line for line in self.stdout.splitlines() if " in " in line]
        return lines[-1] if lines else ""

    @property
    def starts(self) -> int:
        """How often it was started again."""
        return self.stdout.count(AGAIN)


def check(session: Session, **outcomes: int) -> None:
    assert session.outcomes == outcomes, session.stdout + session.stderr


def pytest_on(
    folder: Path,
    source: str,
    *options: str,
    command: tuple[str, ...] = PYTEST,
    env: dict[str, str] | None = None,
) -> Session:
    """Write `source` into a test file and run it."""
    (folder / "test_it.py").write_text(HEAD + textwrap.dedent(source))
    words = [*command, "--rootdir", str(folder), *options, "test_it.py"]
    done = subprocess.run(
        words,
        cwd=folder,
        env=os.environ | {"TMPDIR": str(folder)} | (env or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return Session(done.returncode, done.stdout, done.stderr)
