"""forkpty and daemon fork inside libc: their children tell of themselves alone."""

from __future__ import annotations

from collections.abc import Callable

from traces import Trace

Collect = Callable[..., Trace]
WANTED = "forkpty,daemon,fork,getppid"


def test_forkpty_is_told_by_the_parent_alone(collect: Collect) -> None:
    trace = collect("fork_inside", calls=WANTED)

    assert trace.status == 0
    (forkpty,) = trace.calls("forkpty")
    child, _ = trace.calls("getppid")
    assert forkpty.ret == child.pid == child.tid
    assert forkpty.pid == child.ret
    assert trace.whole


def test_daemon_is_a_call_the_parent_ended_in(collect: Collect) -> None:
    trace = collect("fork_inside", calls=WANTED)

    assert trace.status == 0
    assert trace.calls("daemon") == []
    (daemon,) = trace.of("unfinished", "daemon")
    (fork,) = trace.calls("fork")
    _, child = trace.calls("getppid")
    assert daemon.pid == daemon.tid == fork.ret
    assert child.pid == child.tid
    assert child.pid not in (fork.pid, fork.ret)
    assert trace.whole
