"""Commands started as a login shell starts them, and what their parent sees of them."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE = 20.0
"""Seconds after which something awaited is taken to never come."""
END = signal.SIGRTMIN + 1
"""What `contract_signals` ends at."""
CONTINUED = f"got {signal.SIGCONT:02}"


class Job:
    """A started command and its output, line by line.

    `pid` is that of the wrapper (of the target when bare), `target` what `ready` said.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.pid = process.pid
        self.target = 0
        self.others: list[int] = []
        self._buffer = b""

    def line(self) -> str:
        """The next line of stdout; "" at its end."""
        while b"\n" not in self._buffer and (more := self._read()):
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode()

    def _read(self) -> bytes:
        stdout = self.process.stdout
        assert stdout is not None
        assert select.select([stdout], [], [], PATIENCE)[0], "no output came"
        return os.read(stdout.fileno(), 4096)

    def lines(self) -> list[str]:
        return list(iter(self.line, ""))

    def pids(self, count: int) -> list[int]:
        """The next lines, as pids of processes that are to be gone after the test."""
        for _ in range(count):
            self.others.append(int(self.line()))
        return self.others

    def ready(self) -> int:
        """Waits for the `ready PID PPID` of `contract_signals`; the PPID."""
        word, pid, parent = self.line().split()
        assert word == "ready"
        self.target = int(pid)
        return int(parent)

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def end(self) -> int:
        return self.process.wait(PATIENCE)


Start = Callable[..., Job]


def signals_as_at_login(prepare: Callable[[], object] | None) -> Callable[[], None]:
    """Before the exec: signals as a login shell has them, however pytest was started.

    In the background of a script, for one, SIGINT is ignored.
    """

    def prepared() -> None:
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        if prepare is not None:
            prepare()

    return prepared


def ignoring(*numbers: int) -> Callable[[], None]:
    """For Popen: the command starts with these ignored."""

    def prepare() -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)

    return prepare


def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.005)


def state(pid: int) -> str:
    """The letter of proc(5); "" when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return stat.rpartition(")")[2].split()[0]


def gone(pid: int) -> bool:
    return state(pid) in ("", "Z", "X")


def stopped_by(job: Job) -> int:
    """Waits until the wrapper has stopped; by which signal, as its parent sees it."""
    seen: list[int] = []

    def stopped() -> bool:
        found = os.waitid(os.P_PID, job.pid, os.WSTOPPED | os.WNOHANG)
        if found is not None:
            seen.append(found.si_status)
        return bool(seen)

    until(stopped, "the wrapper stops")
    return seen[0]


def run(argv: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
    given = {"stdin": subprocess.DEVNULL, "capture_output": True, **options}
    given["preexec_fn"] = signals_as_at_login(given.get("preexec_fn"))
    return subprocess.run(argv, timeout=PATIENCE, check=False, **given)
