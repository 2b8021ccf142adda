"""Stop and continue: host and target together, whichever was told."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
from contract_jobs import CONTINUED, END, Job, Start, state, stopped_by


@pytest.mark.parametrize("number", [signal.SIGTSTP, signal.SIGTTIN, signal.SIGSTOP])
def test_a_stopped_target_stops_the_host(
    prefix: list[str], target: Callable[[str], str], start: Start, number: int
) -> None:
    job = start([*prefix, target("signals")], process_group=0)
    job.ready()
    os.kill(job.target, number)
    assert stopped_by(job) == number
    _continue(job)


def test_sigtstp_to_the_host_stops_both(
    prefix: list[str], target: Callable[[str], str], start: Start
) -> None:
    job = start([*prefix, target("signals")], process_group=0)
    job.ready()
    for _ in range(3):
        job.send(signal.SIGTSTP)
        assert stopped_by(job) == signal.SIGTSTP
        assert state(job.target) == "T"
        job.send(signal.SIGCONT)
        assert job.line() == CONTINUED
    job.send(END)
    assert job.lines() == [f"got {END}"]


def _continue(job: Job) -> None:
    """By the host's pid; the target goes on, has had SIGCONT once, and ends."""
    assert state(job.target) == "T"
    assert state(job.pid) == "T"
    job.send(signal.SIGCONT)
    assert job.line() == CONTINUED
    assert state(job.target) != "T"
    job.send(END)
    assert job.lines() == [f"got {END}"]
    assert job.end() == 0


def test_stopping_the_host_alone_leaves_the_target(
    wrapper: list[str], target: Callable[[str], str], start: Start
) -> None:
    job = start([*wrapper, target("signals")], process_group=0)
    job.ready()
    job.send(signal.SIGSTOP)
    assert stopped_by(job) == signal.SIGSTOP
    os.kill(job.target, signal.SIGUSR1)
    assert job.line() == f"got {signal.SIGUSR1:02}"
    job.send(signal.SIGCONT)
    job.send(END)
    assert job.lines() == [f"got {END}"]
    assert job.end() == 0
