"""Fixtures of the integration tests."""

from __future__ import annotations

import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

HEAD = """
import os
from pyshim import Args, Errno, Return, hookimpl

"""


@pytest.fixture
def hooked(
    tmp_path: Path, pyshim: Callable[..., subprocess.CompletedProcess[str]]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`hooked(source, *command)` runs it under a plugin of that source."""

    def go(
        source: str, *command: str, **options: object
    ) -> subprocess.CompletedProcess[str]:
        plugin = tmp_path / "mine.py"
        plugin.write_text(HEAD + textwrap.dedent(source))
        return pyshim("-p", str(plugin), *command, **options)

    return go
