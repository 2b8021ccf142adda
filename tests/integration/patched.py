"""Runs under the full layer, and in how much of them libc was patched."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from shimmed import PYSHIM, Done, run

REPORT = """
from pyshim import hookimpl

@hookimpl
def pyshim_report(run):
    open({path!r}, "w").write("%d %d" % run.patched)
"""
NEVER = ("-e", "inject=symlink:error=EIO:when=60000")
"""Nobody wants what is called: the shim's shortest way."""
LOG = ("-e", "trace=all", "-o", "log")


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a program under the full layer."""

    done: Done
    processes: int
    """Whose libc was patched."""
    sites: int
    """In all of them together."""


def full(tmp_path: Path, options: tuple[str, ...], *command: str, **env: str) -> Run:
    """Run it in a new folder."""
    count, plugin = tmp_path / "count", tmp_path / "report.py"
    plugin.write_text(REPORT.format(path=str(count)))
    words = [*PYSHIM, "--layer=full", "-p", str(plugin), *options, *command]
    folder = tempfile.mkdtemp(dir=tmp_path)
    done = run(words, cwd=Path(folder), env={**os.environ, **env})
    processes, sites = map(int, count.read_text().split())
    return Run(done, processes, sites)
