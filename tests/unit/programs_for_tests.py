"""Words the tests about programs share; the fixtures are in conftest.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Build = Callable[..., Path]
"""Compile targets: build("hello", *sources, *options) gives the program's path."""

Preloaded = Callable[..., bool]
"""Run a program with a preloaded witness: did the loader take it?"""

WRAPPED = frozenset({"read", "write", "openat", "syscall", "getppid"})
SECONDS = 60


def script(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path
