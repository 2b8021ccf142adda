"""Reading what `calls_by_name` printed and what pyshim said at the end."""

from __future__ import annotations

import re
import subprocess

from shimmed import UNLISTED, besides

Done = subprocess.CompletedProcess[str]


def returned(done: Done) -> list[str]:
    """What the calls of `calls_by_name` returned, once it has come to its end."""
    assert done.returncode == 0, done
    *lines, last = done.stdout.splitlines()
    assert last == "EXIT-SUCCESS"
    return lines


def said(done: Done) -> list[str]:
    """The report: pyshim's lines on stderr without their beginning.

    Not, that it saw every process, nor which errnos are strange.
    """
    lines = besides(done.stderr).splitlines()
    ours = [line for line in lines if line.startswith("pyshim: ")]
    return [line[8:] for line in ours if not line.startswith(UNLISTED)]


def stepped_aside(done: Done) -> dict[str, int]:
    """Why, and how often."""
    found = re.findall(r"stepped aside (\d+) times?: (.*)", done.stderr)
    return {reason: int(count) for count, reason in found}
