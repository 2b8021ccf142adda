"""A log that is written for long after the target has ended."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from shimmed import PYSHIM, besides, ours, run

MANY = 12000
"""So few that a chunk holds them all: none is dropped, however slow the machine is."""
LINGER = [*PYSHIM, "--plugin", str(Path(__file__).with_name("lingering.py"))]
TARGET = f"dd if=/dev/zero of=/dev/null bs=1 count={MANY // 2} status=none".split()
EVENTS = re.compile(r"pyshim: (\d+) events")


def on_a_terminal(command: list[str]) -> tuple[int, str]:
    """Exit status, and what stderr showed, that being a terminal."""
    ours, theirs = os.openpty()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while part := _read(ours):
            shown += part
        status = process.wait(timeout=30)
    os.close(ours)
    return status, shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # nobody has the other side open any more
        return b""


def test_a_terminal_shows_how_far_it_is_and_is_left_clean() -> None:
    status, shown = on_a_terminal([*LINGER, *TARGET])
    assert status == 0
    before, erased, after = shown.rpartition("\x1b[K\r")
    assert re.match(r"\x1b\[Kpyshim: writing the log: \d+ %\r", before)
    assert erased
    assert EVENTS.search(after)
    assert "writing the log" not in after


def test_elsewhere_there_is_no_such_line() -> None:
    done = run([*LINGER, *TARGET])
    assert done.status == 0
    assert EVENTS.fullmatch(besides(done.stderr.decode()).strip())


def test_ctrl_c_ends_it_with_one_line() -> None:
    """The target has long ended: there is nobody else whom it could be for."""
    done = run([*LINGER, *TARGET], env={**os.environ, "LINGERING": "interrupt"})
    assert done.status == 125
    assert ours(done) == [
        "pyshim: 1000 events",
        "pyshim: interrupted before all events were handed out",
    ]
