"""How it ends: the same status, or by the same signal, and as soon."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from signal import Signals

import pytest
from contract_jobs import Start, gone, run


@pytest.mark.parametrize("status", [0, 1, 2, 77, 124, 125, 126, 127, 255])
def test_ends_with_the_same_status(
    prefix: list[str], target: Callable[[str], str], status: int
) -> None:
    done = run([*prefix, target("end"), "exit", str(status)])
    assert (done.returncode, done.stdout, done.stderr) == (status, b"", b"")


DEADLY = "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV PIPE ALRM TERM XFSZ SYS"


@pytest.mark.parametrize(
    "number", [*(Signals[f"SIG{name}"] for name in DEADLY.split()), signal.SIGRTMAX]
)
def test_dies_by_the_same_signal(
    prefix: list[str], target: Callable[[str], str], tmp_path: Path, number: int
) -> None:
    done = run([*prefix, target("end"), "signal", str(int(number))], cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (-number, b"", b"")


def test_the_host_leaves_no_core(
    wrapper: list[str], target: Callable[[str], str], start: Start
) -> None:
    def allow_core() -> None:
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

    signalled = [target("end"), "signal", str(int(signal.SIGSEGV))]
    job = start([*wrapper, *signalled], preexec_fn=allow_core)
    assert job.lines() == []
    found = os.waitid(os.P_PID, job.pid, os.WEXITED | os.WNOWAIT)
    assert found is not None
    assert (found.si_code, found.si_status) == (os.CLD_KILLED, signal.SIGSEGV)
    assert job.end() == -signal.SIGSEGV


def test_sigpipe_kills_the_target_of_a_closed_pipe(
    prefix: list[str], start: Start
) -> None:
    job = start([*prefix, "yes"])
    assert job.line() == "y"
    assert job.process.stdout is not None
    job.process.stdout.close()
    assert job.end() == -signal.SIGPIPE


def test_the_end_does_not_wait_for_a_background_child(
    prefix: list[str], start: Start
) -> None:
    job = start([*prefix, "sh", "-c", "sleep 600 & echo $!; exit 3"])
    (child,) = job.pids(1)
    assert job.end() == 3
    assert not gone(child)
