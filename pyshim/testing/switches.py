"""The rules of the run that this process is in: on, off, and how often they hit."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from functools import cache
from io import FileIO
from pathlib import Path
from time import monotonic_ns

from pyshim._host import ffi, lib
from pyshim.control import RUN, mapped
from pyshim.errors import PyshimError
from pyshim.switches import Switches


def host_pid(rundir: str) -> int:
    """Of the pyshim that made it: arena.make_rundir."""
    return int(Path(rundir).name.split("-")[1])


class OwnSwitches(Switches):
    """Raises PyshimError where this process is in no run, or in another pyshim's."""

    def __init__(self) -> None:
        self.rundir = os.environ.get(RUN, "")
        try:
            arena = mapped(Path(self.rundir, "arena"))
            plan = Path(self.rundir, "plan").read_bytes()
        except OSError as error:
            raise PyshimError("this process is not under the shim") from error
        if arena.version != lib.WIRE_VERSION:
            raise PyshimError("this process is under the shim of another pyshim")
        super().__init__(arena, plan)

    def begin(self, rules: Iterable[int]) -> None:
        """Before these are switched on: no path of since= was opened yet, nothing of a
        quota= is taken, and the time of during= begins."""
        self._arena.marks = 0
        for rule in rules:
            self._arena.used[rule] = 0
        now = monotonic_ns().to_bytes(8, sys.byteorder)
        with FileIO(f"{self.rundir}/plan", "r+") as plan:
            plan.seek(ffi.offsetof("struct plan", "started"))
            plan.write(now)

    def turn(self, rule: int, on: bool, anew: bool = True) -> None:
        """Switch a rule; `anew`: it counts the calls of this process from 1 again."""
        if on and anew:
            self.reset(rule)
        super().turn(rule, on)

    def _counts(self, pid: int) -> bool:
        """A fork's child has its own, or none as long as it counted none."""
        return pid == os.getpid()


@cache
def switches() -> OwnSwitches:
    """Those of this process; an arena is mapped once."""
    return OwnSwitches()
