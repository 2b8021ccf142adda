"""What happens to the target, and to all it started, when its time is up.

Or when it is to end for another reason.
"""

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
        """Whether the time was up."""
        self._ending = False

    def enforce(self, *, running: bool) -> None:
        """Once per turn of the loop; `running` is whether the target has not ended."""
        if self._ending:
            self._doomed = grown(self._doomed)
            if time.monotonic() >= self._due:
                for process in self._doomed:
                    send(process, signal.SIGKILL)
        elif running and time.monotonic() >= self._due:
            self.expired = True
            self.end()

    def lingers(self) -> bool:
        """Whether something that must go is still there; gives up on the unkillable."""
        return bool(self._doomed) and time.monotonic() < self._due + GRACE

    def end(self) -> None:
        """As if the time were up."""
        if self._ending:
            return
        self._ending = True
        self._due = time.monotonic() + GRACE
        root = identify(self._pid)
        self._doomed = grown(frozenset({root} if root else ()))
        for process in sorted(self._doomed, key=lambda each: (each.started, each.pid)):
            # Parents first: none is to see that its child has ended, and go on.
            send(process, signal.SIGTERM)
            if state(process.pid) == "T":
                send(process, signal.SIGCONT)
