"""Processes as /proc shows them: their tree, and signals that hit no stranger.

A pid alone is no identity, the kernel gives it out again; with its start time it is.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_GONE = ("Z", "X")
_PARENT, _STARTED = 1, 19
"""Places in /proc/PID/stat, counted from the state, which follows the name."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process, for as long as the machine runs; `started` in clock ticks."""

    pid: int
    started: int


@dataclass(frozen=True, slots=True)
class _Stat:
    state: str
    parent: int
    process: Process


def _stat(pid: int) -> _Stat | None:
    try:
        line = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The name in parentheses may hold anything, a parenthesis too.
    fields = line.rpartition(b")")[2].split()
    process = Process(pid, int(fields[_STARTED]))
    return _Stat(fields[0].decode(), int(fields[_PARENT]), process)


def state(pid: int) -> str:
    """The state's letter as in proc(5), "T" for stopped; "" when there is no such."""
    stat = _stat(pid)
    return stat.state if stat else ""


def identify(pid: int) -> Process | None:
    """The process that has this pid now."""
    stat = _stat(pid)
    return stat.process if stat else None


def grown(known: frozenset[Process]) -> frozenset[Process]:
    """Those of `known` that still run, and all that descend from them now."""
    running = [stat for stat in _all() if stat.state not in _GONE]
    tree = {stat.process.pid for stat in running if stat.process in known}
    size = -1
    while size != len(tree):
        size = len(tree)
        tree |= {stat.process.pid for stat in running if stat.parent in tree}
    return frozenset(stat.process for stat in running if stat.process.pid in tree)


def _all() -> list[_Stat]:
    pids = [int(each.name) for each in Path("/proc").iterdir() if each.name.isdecimal()]
    return [stat for pid in pids if (stat := _stat(pid)) is not None]


def send(process: Process, number: int) -> None:
    """Signal this very process; nothing when it is gone, or not ours to signal."""
    with suppress(OSError):
        handle = os.pidfd_open(process.pid)
        try:
            # The handle holds on to whoever has the pid; only then ask who it is.
            if identify(process.pid) == process:
                signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)


def sent_from_below(sender: int, root: int) -> bool:
    """Whether `sender` is `root` or descends from it, as far as can still be seen."""
    pid = sender
    while pid > 1 and pid != root:
        stat = _stat(pid)
        pid = stat.parent if stat else 0
    return pid == root
