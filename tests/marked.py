"""Processes of one run, known by a word in their environment: found wherever they went,
looked at, and ended; nobody else's."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_SECONDS = 30
"""For gdb; what it has said by then is kept."""


def _has(pid: int, mark: str) -> bool:
    """Zombies have no environment any more: they have ended."""
    try:
        return mark.encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def marked(mark: str) -> list[int]:
    """Pids of all that have `NAME=value` in their environment."""
    pids = (int(each) for each in os.listdir("/proc") if each.isdecimal())
    return [pid for pid in pids if pid != os.getpid() and _has(pid, mark)]


def _gone(pidfd: int, seconds: float) -> bool:
    """A pidfd is readable when its process has ended, pidfd_open(2)."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            signal.pidfd_send_signal(pidfd, 0)
        except ProcessLookupError:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)


def end(pids: Iterable[int], what: str, *, patience: float) -> list[str]:
    """Kill those that do not end by themselves in time; a line on each, if `what`."""
    said = []
    for pid in pids:
        with suppress(ProcessLookupError):
            pidfd = os.pidfd_open(pid)
            try:
                if not _gone(pidfd, patience):
                    said.append(f"{what}: {pid}\n{threads_of(pid)}")
                    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            finally:
                os.close(pidfd)
    return said if what else []


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError as error:
        return f"({error.strerror})"


def _backtraces(pid: int) -> str:
    if not shutil.which("gdb"):
        return "(no gdb)"
    command = ["gdb", "-nx", "-batch", "-p", str(pid)]
    command += ["-ex", "set pagination off", "-ex", "thread apply all bt 16"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        return str(error.stdout)
    return "\n".join(
        each
        for each in done.stdout.splitlines()
        if each.startswith(("#", "Thread")) or each[:1].isspace()
    )


def threads_of(pid: int) -> str:
    """Where each thread of a process is, as the kernel and gdb see it."""
    lines = [f"== {pid} {_read(Path(f'/proc/{pid}/cmdline'))!r}"]
    for task in sorted(Path(f"/proc/{pid}/task").glob("*")):
        state = _read(task / "stat").rpartition(")")[2][:2]
        lines.append(f"-- {task.name} {_read(task / 'comm')}{state}")
        lines += [f"{_read(task / each)}" for each in ("wchan", "syscall", "stack")]
    return "\n".join([*lines, _backtraces(pid), ""])
