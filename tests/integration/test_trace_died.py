"""A call that never returned is told, too: its process or thread ended in it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from traces import Job, Trace

Collect = Callable[..., Trace]


def wait_asleep(pid: int) -> None:
    """Until every thread of the process is asleep, as in a call that blocks."""
    tasks = Path(f"/proc/{pid}/task")
    while any(state(task) != "S" for task in tasks.iterdir()):
        os.sched_yield()


def state(task: Path) -> str:
    return (task / "stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.parametrize(
    ("way", "name"), [("read", "read"), ("sleep", "nanosleep"), ("thread", "read")]
)
def test_the_call_a_process_died_in(
    start: Callable[..., Job], way: str, name: str
) -> None:
    job = start("blocked", way)
    assert job.hear() == "ready\n"
    pid = job.target()
    wait_asleep(pid)
    os.kill(pid, signal.SIGKILL)
    trace = job.end()
    assert trace.status == -signal.SIGKILL
    (last,) = trace.of("unfinished")
    assert (last.name, last.pid) == (name, pid)
    assert (last.tid == pid) == (way != "thread")
    assert trace.whole


def test_the_call_a_child_died_in(start: Callable[..., Job]) -> None:
    job = start("blocked", "child")
    words = sorted([job.hear(), job.hear()])
    pid = int(words[0].split()[1])
    wait_asleep(pid)
    os.kill(pid, signal.SIGKILL)
    trace = job.end()
    assert trace.status == 0
    (last,) = trace.of("unfinished")
    assert (last.name, last.pid, last.tid) == ("read", pid, pid)
    assert [each.ret for each in trace.calls("waitpid")] == [pid]


def test_a_handler_does_not_hide_the_call_it_interrupts(
    start: Callable[..., Job],
) -> None:
    job = start("blocked", "handler")
    assert job.hear() == "ready\n"
    pid = job.target()
    wait_asleep(pid)
    os.kill(pid, signal.SIGUSR1)
    assert job.hear() == "handled\n"
    wait_asleep(pid)
    os.kill(pid, signal.SIGKILL)
    trace = job.end()
    assert [each.name for each in trace.of("unfinished")] == ["read"]
    assert len(trace.calls("write")) == 2


def test_a_cancelled_call_is_unfinished(collect: Collect) -> None:
    trace = collect("cancel_read")
    assert [each.name for each in trace.of("unfinished")] == ["read"] * 5
    assert trace.events[0].pid not in {each.tid for each in trace.of("unfinished")}
    assert trace.whole
