"""Starts the target, minds it until it ends, and ends as it ended.

The contract: whoever started pyshim sees what the bare target would have shown.

1. The target gets argv, environment, fds, process group, session, signal mask and
   ignored signals as pyshim got them. One thing can't be known: Python ignores SIGPIPE
   and SIGXFSZ before its first line runs, so both start as default in the target, also
   where pyshim's own parent ignored them. (So does 33, glibc's own, which no program
   can look at but in /proc.)
2. A signal sent to pyshim's pid goes on to the target. A signal that the kernel sent to
   the whole foreground group (Ctrl-C, a resize) is already there and does not.
   One that another process sends to the whole group can't be told from one sent
   to pyshim alone, and arrives twice.
3. When the target stops, pyshim stops, so that a shell sees a stopped job.
4. Nothing that happens to pyshim ends the target, save the time limit and a tick
   that says so.

`launch` and `end_as` belong on the main thread. Other threads of the host must have all
signals blocked, or one of them takes what was meant for the target: start them inside
`signals_blocked()`.
"""

from __future__ import annotations

import errno
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, TextIO

from pyshim._limit import Limit
from pyshim._signals import pass_on_all, signals_held, stop_along
from pyshim._start import start
from pyshim.errors import PyshimError

TIMED_OUT = 124
NOT_EXECUTABLE = 126
NOT_FOUND = 127


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the target ended. Exactly one of status/signal is set, unless timed_out."""

    status: int | None
    signal: int | None
    timed_out: bool
    ran: bool = field(default=True, repr=False)
    """False: it could not be executed, and that was said."""

    @property
    def exit_code(self) -> int:
        """What a shell shows as `$?`; for a signal `end_as` kills, never exits 128+n.

        Save where it can't die: the first process of a container.
        """
        if self.timed_out:
            return TIMED_OUT
        if self.signal is not None:
            return 128 + self.signal
        return self.status or 0


def inherited_env() -> dict[str, str]:
    """The environment as pyshim's parent made it.

    `os.environ` may hold more: in the C locale Python adds LC_CTYPE=C.UTF-8 to it, and
    with that the target would print and sort differently.
    """
    env: dict[str, str] = {}
    for entry in Path("/proc/self/environ").read_bytes().split(b"\0"):
        name, equals, value = entry.partition(b"=")
        if name and equals:
            env.setdefault(os.fsdecode(name), os.fsdecode(value))
    return env


@contextmanager
def signals_blocked() -> Iterator[None]:
    """Block everything while a thread is started, so that it inherits the full mask."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def launch(
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    timeout: float | None,
    tick: Callable[[], bool | None],
    interval: float = 0.01,
) -> Outcome:
    """Run `argv` as the target until it has ended; `timeout`, `interval` in seconds.

    `tick` is called at least every `interval` while the target runs and once after its
    end. It may take long: signals wait, as they do for up to `interval`. When it
    returns true the target and all it started are ended as by the time limit, and the
    outcome tells how. When it raises it is not called again, and the error is raised
    once the target has ended.
    A program that can't be run gives status 127 or 126 and a line on stderr, as `env`
    does. Raises PyshimError when there is no process to be had, or when somebody else
    in this process has collected the target's status.
    """
    ticker = _Ticker(tick)
    with signals_held() as found:
        target = start(argv, env, found)
        limit = Limit(target.pid, timeout)
        status = _mind(target.pid, limit, ticker, interval)
        failure = target.exec_failure()
    if ticker.error is not None:
        raise ticker.error
    if limit.expired:
        return Outcome(None, None, timed_out=True)
    if failure is not None:
        return _not_run(argv[0], failure)
    return _ended(status)


def end_as(outcome: Outcome) -> NoReturn:
    """End this process as the target ended: same status, or death by the same signal.

    By a signal neither `finally` nor `atexit` run: have everything done before.
    """
    for stream in (sys.stdout, sys.stderr):
        _settle(stream)
    if outcome.signal is not None:
        _die_by(outcome.signal)
    sys.exit(outcome.exit_code)


# -- mind --------------------------------------------------------------------------


class _Ticker:
    """Calls `tick` until it fails for the first time, and keeps that error."""

    def __init__(self, tick: Callable[[], bool | None]) -> None:
        self._tick = tick
        self.error: Exception | None = None

    def __call__(self) -> bool:
        """Whether the target is to end."""
        if self.error is not None:
            return False
        try:
            return bool(self._tick())
        except Exception as error:
            self.error = error
        return False


def _mind(pid: int, limit: Limit, ticker: _Ticker, interval: float) -> int:
    """The loop: the target's wait status, after the last tick."""
    ended: int | None = None
    with _watched(pid) as watch:
        while ended is None:
            if ticker():
                limit.end()
            watch.poll(interval * 1000)
            pass_on_all(pid)
            ended = _wait(pid)
            limit.enforce(running=ended is None)
    while limit.lingers():
        ticker()
        time.sleep(interval)
        limit.enforce(running=False)
    ticker()
    return ended


@contextmanager
def _watched(pid: int) -> Iterator[select.poll]:
    """Wakes when the target has ended.

    Not sigtimedwait with a timeout: CPython's gives back an uninitialised siginfo when
    the host was stopped meanwhile for longer than that.
    """
    watch = select.poll()
    handle = os.pidfd_open(pid)
    watch.register(handle, select.POLLIN)
    try:
        yield watch
    finally:
        os.close(handle)


def _wait(pid: int) -> int | None:
    try:
        changed, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
    except ChildProcessError as error:
        text = "the target's exit status was collected by another part of the host"
        raise PyshimError(text) from error
    if not changed:
        return None
    if os.WIFSTOPPED(status):
        stop_along(pid, os.WSTOPSIG(status))
        return None
    return status


# -- end ---------------------------------------------------------------------------


def _ended(status: int) -> Outcome:
    if os.WIFSIGNALED(status):
        return Outcome(None, os.WTERMSIG(status), timed_out=False)
    return Outcome(os.WEXITSTATUS(status), None, timed_out=False)


def _not_run(program: str, failure: int) -> Outcome:
    # With stderr closed, print() would choose stdout, which belongs to the target.
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            print(f"pyshim: {program}: {os.strerror(failure)}", file=sys.stderr)
    status = NOT_FOUND if failure == errno.ENOENT else NOT_EXECUTABLE
    return Outcome(status, None, timed_out=False, ran=False)


def _settle(stream: TextIO | None) -> None:
    """Flush; what can't be written is dropped, or Python would end with 120 for it."""
    if stream is None:
        return
    try:
        stream.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _die_by(number: int) -> None:
    """Returns only where the kernel spares us, as it does the first of a container."""
    _forbid_core()
    with suppress(OSError, ValueError):
        signal.signal(number, signal.SIG_DFL)
    with suppress(OSError, ValueError):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)


def _forbid_core() -> None:
    """The target's core is the one to look at; 1 also stops cores piped to a program.

    core(5): a limit of 0 is not heeded for those.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    soft = 0 if hard == 0 else 1
    resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
