"""The time a Python hook in a target may take: who runs for longer is given up.

Nobody in the target can watch: a thread of ours would be one too many there. So the
host looks on, and sends the thread a signal that shim/hook_limit.c knows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pyshim._host import ffi, lib
from pyshim._proctree import state
from pyshim.arena import Arena
from pyshim.calls import Table
from pyshim.wants import TargetHook

_EVERY = 0.1
"""Seconds between two looks."""
_MOST = 256
"""Hooks that can run at the same time, one in a process; more are looked at later."""
_STOPPED = "tT"
_DEAF = 2.0
"""Seconds after which a target that was told and does nothing won't do it any more."""

Running = tuple[int, int, int]
"""pid, tid, ticks at the start: a hook that runs."""


class HookLimit:
    """Looks at the hooks that run, and gives up those that take too long."""

    def __init__(
        self,
        arena: Arena,
        table: Table,
        hooks: Sequence[TargetHook],
        rundir: Path,
        seconds: float,
    ) -> None:
        self._arena, self._table, self._hooks = arena, table, hooks
        self._rundir = rundir
        self._seconds = seconds
        self._found = ffi.new("struct running[]", _MOST)
        self._since: dict[Running, float] = {}
        self._told: dict[Running, float] = {}
        self._looked = 0.0

    def look(self, say: Callable[[str, str], None]) -> None:
        """Once in a while; `say` gets a line and a traceback for each given up."""
        now = time.monotonic()
        if now - self._looked < _EVERY:
            return
        self._looked = now
        running = self._running()
        self._since = {each: self._since.get(each, now) for each in running}
        for each, call in running.items():
            if state(each[0]) in _STOPPED:
                self._since[each] = now
            elif now - self._since[each] > self._seconds and each not in self._told:
                self._told[each] = now
                lib.host_give_up(*each[:2])
            self._complain_of_deaf(each, call, now, say)
        self.collect(say)

    def _running(self) -> dict[Running, int]:
        count = lib.host_hooks(self._arena.head, self._found, _MOST)
        found = (self._found[index] for index in range(count))
        return {(each.pid, each.tid, int(each.since)): each.call for each in found}

    def _complain_of_deaf(
        self, each: Running, call: int, now: float, say: Callable[[str, str], None]
    ) -> None:
        if now - self._told.get(each, now) < _DEAF:
            return
        self._told[each] = now + 1e9
        say(
            f"a Python hook has not returned for {self._seconds:g} s for "
            f"{self._table.calls[call].name} in process {each[0]}, and can't be given "
            "up: SIGSYS is blocked or handled there",
            "",
        )

    def collect(self, say: Callable[[str, str], None]) -> None:
        """What those that were given up have left behind."""
        for file in self._rundir.glob("gave-up.*") if self._told else ():
            head, _, trace = file.read_text(errors="replace").partition("\n")
            file.unlink()
            number, call = map(int, head.split())
            say(self._line(number, call, int(file.suffix[1:])), trace)

    def _line(self, number: int, call: int, pid: int) -> str:
        what = "Python has not started"
        if number >= 0:
            hook, name = self._hooks[number], self._table.calls[call].name
            what = f"plugin {hook.plugin}: {hook.function} has not returned for {name}"
        return (
            f"{what} in process {pid} within {self._seconds:g} s: given up; the call "
            "went through, and no hook is asked in this process any more (--hook-limit)"
        )
