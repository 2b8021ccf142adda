"""Runs under `collector.py`: all their events as objects."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace

from shimmed import BY_SYMBOLS

COLLECT = [*BY_SYMBOLS, "--plugin", str(Path(__file__).with_name("collector.py"))]
DEADLINE = 30.0


class Event(SimpleNamespace):
    """One line of the collector: see there for the names."""


@dataclass(frozen=True)
class Trace:
    """Everything the collector was told of one run."""

    status: int
    path: Path

    @cached_property
    def _lines(self) -> list[Event]:
        text = self.path.read_text(encoding="utf-8")
        return [Event(**json.loads(line)) for line in text.splitlines()]

    @property
    def events(self) -> list[Event]:
        return self._lines[:-1]

    @property
    def report(self) -> Event:
        assert self._lines[-1].kind == "report"
        return self._lines[-1]

    def of(self, kind: str, name: str = "") -> list[Event]:
        return [
            each
            for each in self.events
            if each.kind == kind and (not name or each.name == name)
        ]

    def calls(self, name: str = "") -> list[Event]:
        return self.of("call", name)

    @property
    def whole(self) -> bool:
        """Nothing was dropped or torn."""
        return not (self.report.dropped or self.report.torn)


@dataclass
class Job:
    """pyshim and a target under it, to be talked to through pipes."""

    process: subprocess.Popen[str]
    trace: Path

    def hear(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline()

    def say(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def stop(self) -> None:
        """The host stands still when this returns."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def target(self) -> int:
        """The pid of the host's only child."""
        host = self.process.pid
        (pid,) = Path(f"/proc/{host}/task/{host}/children").read_text().split()
        return int(pid)

    def end(self) -> Trace:
        self.process.wait(DEADLINE)
        return Trace(self.process.returncode, self.trace)

    def kill(self) -> None:
        """The target as well, which would outlive the host."""
        if self.process.poll() is None:
            with suppress(OSError, ValueError):
                os.kill(self.target(), signal.SIGKILL)
            self.process.kill()
