"""A plugin for tests: slow until well after the target has ended, then quick.

Its first event waits for the end of the target; of the rest of the trace some hundred
events still come one millisecond apart. With LINGERING=interrupt the user then loses
patience.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from pyshim import hookimpl
from pyshim.calls import Call
from pyshim.event import Event
from pyshim.run import Run

SLOW = 1000
_seen: list[int] = []


@hookimpl
def pyshim_trace(run: Run) -> frozenset[Call]:
    return run.table.select("read,write")


@hookimpl
def pyshim_event(event: Event) -> None:
    if not _seen:
        # There is no such child when the host has noticed its end before us.
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, event.pid, os.WEXITED | os.WNOWAIT)
    _seen.append(event.pid)
    ready = time.monotonic() + 0.001
    while len(_seen) < SLOW and time.monotonic() < ready:
        pass
    if len(_seen) == SLOW and os.environ.get("LINGERING") == "interrupt":
        signal.raise_signal(signal.SIGINT)


@hookimpl
def pyshim_report(run: Run) -> None:
    run.say(f"{len(_seen)} events")
