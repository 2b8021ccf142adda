"""The time limit: what happens to the target, and to what it started, when it is up."""

from __future__ import annotations

import signal
import time

from pyshim._proctree import Process, grown, identify, send, state

GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL."""


class Limit:
    """When the time is up: SIGTERM to the target and all below it, GRACE, SIGKILL.

    What has left the tree (a daemon, whose parent is no longer of it) is let go.
    """

    def __init__(self, pid: int, timeout: float | None) -> None:
        self._pid = pid
        self._due = float("inf") if timeout is None else time.monotonic() + timeout
        self._doomed: frozenset[Process] = frozenset()
        self.expired = False

    def enforce(self, *, running: bool) -> None:
        """Once per turn of the loop; `running` is whether the target has not ended."""
        if self.expired:
            self._doomed = grown(self._doomed)
            if time.monotonic() >= self._due:
                for process in self._doomed:
                    send(process, signal.SIGKILL)
        elif running and time.monotonic() >= self._due:
            self._expire()

    def lingers(self) -> bool:
        """Whether something that must go is still there; gives up on the unkillable."""
        return bool(self._doomed) and time.monotonic() < self._due + GRACE

    def _expire(self) -> None:
        self.expired = True
        self._due = time.monotonic() + GRACE
        root = identify(self._pid)
        self._doomed = grown(frozenset({root} if root else ()))
        for process in self._doomed:
            send(process, signal.SIGTERM)
            if state(process.pid) == "T":
                send(process, signal.SIGCONT)
