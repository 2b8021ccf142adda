"""The rules of the run that this very process is in: on, off, and how often they hit.

The plan and the arena of that run (shim/wire.h), seen from within. What is written here
holds from the next call on, in this process and in all others of the run.
"""

from __future__ import annotations

import mmap
import os
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from pyshim._host import ffi, lib
from pyshim.errors import PyshimError

RUN = "PYSHIM_RUN"
"""The variable by which a process finds its run's folder."""


def host_pid(rundir: str) -> int:
    """Of the pyshim that made it: arena.make_rundir."""
    return int(Path(rundir).name.split("-")[1])


class Switches:
    """Raises PyshimError where this process is in no run, or in another pyshim's."""

    def __init__(self) -> None:
        self.rundir = os.environ.get(RUN, "")
        try:
            with Path(self.rundir, "arena").open("r+b") as file:
                self._memory = mmap.mmap(file.fileno(), 0)
            self._plan = Path(self.rundir, "plan").read_bytes()
        except OSError as error:
            raise PyshimError("this process is not under the shim") from error
        self._arena: Any = ffi.cast("struct arena *", ffi.from_buffer(self._memory))
        if self._arena.version != lib.WIRE_VERSION:
            raise PyshimError("this process is under the shim of another pyshim")

    def is_on(self, rule: int) -> bool:
        """Whether it is switched on."""
        return not self._arena.off[rule]

    def turn(self, rule: int, on: bool, anew: bool = True) -> None:
        """Switch a rule; `anew`: it counts the calls of this process from 1 again."""
        if on and anew:
            self._reset(rule)
        self._arena.off[rule] = not on

    def _reset(self, rule: int) -> None:
        """Where there is no entry of this process yet, nothing was counted."""
        own = self._own_counters()
        for counter in self._counters.get(rule, ()) if own else ():
            own[counter] = 0

    def hits(self, rule: int) -> int:
        """How often it fired, in all processes of the run. Known at once."""
        return int(self._arena.hits[rule])

    def _own_counters(self) -> Any:
        """This process's, as its entry stands now: a fork's child has its own."""
        base = ffi.cast("char *", self._arena) + self._arena.procs_at
        for index in range(self._arena.nprocs):
            entry = ffi.cast("struct proc *", base + index * self._arena.proc_size)
            if entry.pid == os.getpid():
                return ffi.cast("uint32_t *", lib.host_counters(entry))
        return None

    @cached_property
    def _counters(self) -> dict[int, set[int]]:
        """By rule: the numbers of its counters, one for each syscall and for times=."""
        data = ffi.from_buffer(self._plan)
        plan = ffi.cast("struct plan *", data)
        refs = ffi.cast("struct plan_ref *", data + plan.refs_at)
        rows = ffi.cast("struct plan_row *", data + plan.rows_at)
        count = (plan.refs_at - plan.rows_at) // ffi.sizeof("struct plan_row")
        found: dict[int, set[int]] = {}
        for row in range(count):
            for at in range(rows[row].nrefs):
                ref = refs[rows[row].first_ref + at]
                found.setdefault(int(ref.rule), set()).add(int(ref.counter))
        rules = ffi.cast("struct plan_rule *", data + plan.rules_at)
        for rule, counters in found.items():
            if rules[rule].times:
                counters.add(int(rules[rule].times_counter))
        return found


@cache
def switches() -> Switches:
    """Those of this process; an arena is mapped once."""
    return Switches()
