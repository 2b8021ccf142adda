"""The time a Python hook in a target may take: who runs for longer is given up.

Nobody in the target can watch: a thread of ours would be one too many there. So the
host looks on, stops the thread (ptrace(2), as a debugger does) and sends it to where
shim/hook_limit.c leaves the hook.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

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
Running = tuple[int, int, int]
"""pid, tid, ticks at the start: a hook that runs."""


def _key(hook: Any) -> Running:
    return hook.pid, hook.tid, int(hook.since)


class HookLimit:
    """Looks at the hooks that run, and gives up those that take too long."""

    def __init__(
        self,
        arena: Arena,
        table: Table,
        hooks: Sequence[TargetHook],
        rundir: Path,
        seconds: float,
        *,
        strict: bool,
    ) -> None:
        self._arena, self._table, self._hooks = arena, table, hooks
        self._rundir = rundir
        self._seconds = seconds
        self._strict = strict
        self._found = ffi.new("struct running[]", _MOST)
        self._since: dict[Running, float] = {}
        self._told: set[Running] = set()
        self._looked = 0.0

    def look(self, say: Callable[[str, str], None]) -> None:
        """Once in a while; `say` gets a line and a traceback for each given up."""
        now = time.monotonic()
        if now - self._looked < _EVERY:
            return
        self._looked = now
        count = lib.host_hooks(self._arena.head, self._found, _MOST)
        found = {_key(each): each for each in self._found[0:count]}
        self._since = {each: self._since.get(each, now) for each in found}
        for key, hook in found.items():
            if state(hook.pid) in _STOPPED:
                self._since[key] = now
            elif now - self._since[key] > self._seconds and key not in self._told:
                self._told.add(key)
                self._give_up(hook, say)
        self.collect(say)

    def _give_up(self, hook: Any, say: Callable[[str, str], None]) -> None:
        error = -lib.host_give_up(self._arena.head, ffi.addressof(hook))
        if not error:
            return
        call = self._table.calls[hook.call].name
        say(
            f"a Python hook has not returned for {call} in process {hook.pid} within "
            f"{self._seconds:g} s, and can't be given up: ptrace: {os.strerror(error)}",
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
            what = f"plugin {hook.plugin}: {hook.function} has not returned"
            what += f" for {name}" * bool(hook.calls)
        then = "the call went through, and no hook is asked in this process any more"
        if self._strict:
            then = "the run ends"
        return (
            f"{what} in process {pid} within {self._seconds:g} s: given up; {then} "
            "(--hook-limit)"
        )
