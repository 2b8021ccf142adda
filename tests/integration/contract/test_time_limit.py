"""The time limit: all that was started ends, with 124."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from contract_jobs import Start, gone, run, until

SLOW = {
    "plain": (1, "echo $$; exec sleep 600"),
    "a child": (2, "echo $$; sleep 600 & echo $!; wait"),
    "a grandchild": (3, "echo $$; sh -c 'echo $$; sleep 600 & echo $!; wait'; exit"),
    "stubborn": (1, "trap '' TERM; echo $$; exec sleep 600"),
    "a stubborn child": (
        2,
        "echo $$; (trap '' TERM; exec sleep 600) & echo $!; wait",
    ),
}
"""How many processes each is, whose pids it prints."""


@pytest.mark.parametrize("name", SLOW)
def test_time_is_up(wrapper: list[str], start: Start, name: str) -> None:
    count, script = SLOW[name]
    job = start([*wrapper, "--timeout", "1", "sh", "-c", script])
    pids = job.pids(count)
    assert job.end() == 124
    until(lambda: all(gone(pid) for pid in pids), f"{pids} are gone")


def test_time_is_up_says_sigterm_first(
    wrapper: list[str], target: Callable[[str], str], start: Start
) -> None:
    job = start([*wrapper, "--timeout", "1", target("signals")])
    job.ready()
    assert job.lines() == [f"got {signal.SIGTERM}"]
    assert job.end() == 124


@pytest.mark.parametrize("name", ["exit", "signal"])
def test_time_is_not_up(
    wrapper: list[str], target: Callable[[str], str], name: str
) -> None:
    done = run([*wrapper, "--timeout", "600", target("end"), name, "9"])
    assert done.returncode == (9 if name == "exit" else -9)
