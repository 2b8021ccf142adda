"""Signals sent to the host's pid: the target has each of them once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from signal import Signals

import pytest
from contract_jobs import END, Start, ignoring, until

SENT = "HUP INT QUIT ABRT USR1 USR2 ALRM TERM WINCH URG IO PWR"


@pytest.mark.parametrize(
    "number", [*(Signals[f"SIG{name}"] for name in SENT.split()), signal.SIGRTMIN]
)
def test_a_signal_reaches_the_target_once(
    prefix: list[str], target: Callable[[str], str], start: Start, number: int
) -> None:
    job = start([*prefix, target("signals")])
    job.ready()
    job.send(number)
    assert job.line() == f"got {number:02}"
    job.send(END)
    assert job.lines() == [f"got {END}"]
    assert job.end() == 0


def test_the_target_is_a_child_of_what_was_started(
    wrapper: list[str], target: Callable[[str], str], start: Start
) -> None:
    job = start([*wrapper, target("signals")])
    assert job.ready() == job.pid


def test_ignored_signals_stay_ignored(
    prefix: list[str], target: Callable[[str], str], start: Start
) -> None:
    """Sent to all of a background job, then its end by one that is not ignored."""
    ignored = (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
    job = start([*prefix, "sleep", "600"], preexec_fn=ignoring(*ignored))
    job.target = _only_child(job.pid) if prefix else job.pid
    until(lambda: _runs(job.target, "sleep"), "the target's exec")
    for number in ignored:
        job.send(number)
    job.send(signal.SIGTERM)
    assert job.end() == -signal.SIGTERM


def _only_child(pid: int) -> int:
    def children() -> list[str]:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()

    until(lambda: bool(children()), "a child")
    return int(children()[0])


def _runs(pid: int, name: str) -> bool:
    return Path(f"/proc/{pid}/comm").read_text().strip() == name


def test_a_signal_of_the_target_to_its_group_is_not_sent_back(
    prefix: list[str], target: Callable[[str], str], start: Start
) -> None:
    job = start([*prefix, target("signals"), "group"], process_group=0)
    job.ready()
    assert job.line() == f"got {signal.SIGUSR1:02}"
    job.send(END)
    assert job.lines() == [f"got {END}"]
    assert job.end() == 0


def test_an_alarm_set_before_goes_to_the_target(
    prefix: list[str], target: Callable[[str], str], start: Start
) -> None:
    """`perl -e 'alarm 5; exec ...'`: the timer is the host's, the end the target's.

    On a slow machine the alarm may come before the target is ready: then once more.
    """

    def alarmed(seconds: float) -> list[str]:
        def prepare() -> None:
            signal.setitimer(signal.ITIMER_REAL, seconds)

        job = start([*prefix, target("signals")], preexec_fn=prepare)
        first = job.line()
        if not first.startswith("ready"):
            return []
        job.target = int(first.split()[1])
        assert job.line() == f"got {signal.SIGALRM:02}"
        job.send(END)
        return job.lines()

    assert (alarmed(0.5) or alarmed(5)) == [f"got {END}"]


def test_sigkill_of_the_host_leaves_the_target(
    wrapper: list[str], target: Callable[[str], str], start: Start
) -> None:
    job = start([*wrapper, target("signals")])
    job.ready()
    job.send(signal.SIGKILL)
    assert job.end() == -signal.SIGKILL
    os.kill(job.target, END)
    assert job.lines() == [f"got {END}"]
