"""Names for processes and threads that are the same in every run: numbers, no pids.

The command is process 1, its second child 1.2, that one's first child 1.2.1. Children
are numbered as they say hello: those of one parent that start at once may change places
from run to run. A parent that was not heard from before (a subshell that only forks,
init as the parent of a daemon) is ?.1, the next such one ?.2; so is a hit between
vfork and exec.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pyshim.event import Event, Kind


@dataclass(slots=True)
class _Process:
    path: str
    program: str = ""
    """The file's own name, without its folder."""
    ended: bool = False
    children: int = 0
    threads: dict[int, int] = field(default_factory=dict)
    heard: bool = True
    """Whether it said hello."""


@dataclass(slots=True)
class Ordinals:
    """Learns from START and EXIT events; knows the processes of all later ones."""

    _processes: dict[int, _Process] = field(default_factory=dict)
    _strangers: int = 0

    def note(self, event: Event) -> None:
        """An event of any kind, in order."""
        if event.kind is Kind.START:
            self._started(event)
        elif event.kind is Kind.EXIT:
            self._of(event.pid).ended = True

    def process(self, pid: int) -> str:
        """The ordinal path."""
        return self._of(pid).path

    def program(self, pid: int) -> str:
        """What it runs now; "" where nobody told."""
        return self._of(pid).program

    def thread(self, pid: int, tid: int) -> int:
        """1 is the main thread, the others count as they are asked for."""
        threads = self._of(pid).threads
        return 1 if tid == pid else threads.setdefault(tid, len(threads) + 2)

    def _of(self, pid: int) -> _Process:
        """Of one that never said hello, too."""
        if pid not in self._processes:
            self._strangers += 1
            self._processes[pid] = _Process(f"?.{self._strangers}", heard=False)
        return self._processes[pid]

    def _started(self, event: Event) -> None:
        """Hello: of a fork's child, or of a program that was exec'd (memory 0)."""
        known = self._processes.get(event.pid)
        forked = 0 not in event.memory
        if known is None or known.ended or forked or not known.heard:
            # The kernel gives pids out again: a fork's child is always somebody new.
            known = self._processes[event.pid] = _Process(self._next(event.ret))
        known.program = Path(event.note).name
        known.threads.clear()

    def _next(self, parent: int) -> str:
        """The path of a new process; `parent` is a pid, perhaps an unknown one."""
        if not any(each.heard for each in self._processes.values()):
            return "1"
        above = self._of(parent)
        above.children += 1
        return f"{above.path}.{above.children}"
