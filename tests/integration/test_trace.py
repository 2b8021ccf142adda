"""What the trace tells of a run: everything, once, in order, under the right ids."""

from __future__ import annotations

import errno
import re
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from shimmed import PYSHIM, run
from traces import Job, Trace

from pyshim.arena import CHUNK_SIZE, SPARE_CHUNKS

FEW_CHUNKS = (SPARE_CHUNKS + 32) * CHUNK_SIZE
"""Bytes: what is kept ready, and then some, but far from all of them."""
Target = Callable[..., str]
Collect = Callable[..., Trace]


# ---- nothing is lost ----


def test_a_killed_process_loses_no_call(collect: Collect) -> None:
    trace = collect("abort_midway", "out")
    assert trace.status == -signal.SIGKILL
    assert [each.ret for each in trace.calls("write")] == [1] * 1000
    (last,) = trace.of("unfinished")
    assert (last.name, last.args) == ("kill", [last.pid, signal.SIGKILL])
    assert trace.events[-1] == last
    assert trace.whole


def test_the_log_of_a_killed_process(target: Target, tmp_path: Path) -> None:
    command = [*PYSHIM, "--plugin", "log", "-o", "log", target("abort_midway"), "out"]
    run(command, cwd=tmp_path)
    lines = (tmp_path / "log").read_text().splitlines()
    assert sum(" write(3, " in line for line in lines) == 1000
    assert re.fullmatch(r"(\d+) kill\(\1, SIGKILL <unfinished ...>\) += \?", lines[-1])


def test_the_log_of_forks(target: Target, tmp_path: Path) -> None:
    run(
        [*PYSHIM, "-e", "trace=fork", "-o", "log", target("fork_loop"), "2"],
        cwd=tmp_path,
    )
    lines = (tmp_path / "log").read_text().splitlines()
    parent = lines[-1].split()[0]
    clones = re.compile(
        rf"{parent} clone\(child_stack=NULL, flags=CLONE_CHILD_CLEARTID"
        r"\|CLONE_CHILD_SETTID\|SIGCHLD, .*\) = (\d+)"
    )
    children = [match[1] for line in lines if (match := clones.fullmatch(line))]
    assert len(children) == 2
    ends = [line for line in lines if "+++" in line]
    assert ends == [
        *(f"{child} +++ exited with 7 +++" for child in children),
        f"{parent} +++ exited with 0 +++",
    ]


@pytest.mark.parametrize("reads", [2000, 20000])
def test_threads(collect: Collect, reads: int) -> None:
    trace = collect("threads_read", str(reads))
    seen = Counter(each.tid for each in trace.calls("read"))
    assert trace.report.torn == 0
    # Each thread opens and closes, too; the process starts and exits.
    assert len(trace.events) + trace.report.dropped == 8 * (reads + 2) + 2
    assert len(seen) == 8
    assert all(count <= reads for count in seen.values())
    if trace.whole:
        assert set(seen.values()) == {reads}


def test_ten_thousand_threads_reuse_chunks(collect: Collect) -> None:
    trace = collect("short_threads", "10000")
    assert len(trace.calls("read")) == 10000
    assert trace.whole
    assert trace.report.memory < FEW_CHUNKS


def test_a_process_that_execs_reuses_its_chunk(collect: Collect) -> None:
    trace = collect("exec_again", "300")
    assert len(trace.calls("getppid")) == 301
    assert len(trace.calls("execv")) == 300
    assert len({each.pid for each in trace.events}) == 1
    assert trace.whole
    assert trace.report.memory < FEW_CHUNKS


def test_jumps_out_of_calls(collect: Collect) -> None:
    trace = collect("longjmp_handler", "100")
    assert trace.status == 0
    last = [*trace.calls("getppid"), *trace.of("exit")]
    assert len(last) == 11 or trace.report.dropped > 11 - len(last)
    jumped = Counter(each.name for each in trace.of("unfinished"))
    assert set(jumped) <= {"read", "write"}
    assert 0 < jumped.total() + trace.report.torn <= 100


def test_calls_of_a_handler(collect: Collect) -> None:
    trace = collect("signal_handler_calls", "20", calls="write,read")
    assert trace.whole or trace.report.dropped
    ticks = [each for each in trace.calls("write") if each.ret == 1]
    assert len(ticks) + trace.report.dropped >= 20
    results = {(each.ret, each.err) for each in trace.calls("read")}
    assert results == {(32, 0), (-1, errno.EBADF)}


# ---- what is dropped is counted ----


def paced(job: Job, *, away: bool) -> Trace:
    """Let `paced` make its calls, the host looking away or not."""
    assert job.hear() == "ready\n"
    if away:
        job.stop()
    job.say()
    assert job.hear() == "done\n"
    if away:
        job.process.send_signal(signal.SIGCONT)
    job.say()
    return job.end()


def in_order(trace: Trace) -> bool:
    times = [each.end for each in trace.events]
    return times == sorted(times)


def test_a_host_that_was_away_gives_events_in_order(start: Callable[..., Job]) -> None:
    trace = paced(start("paced", "5000", "4"), away=True)
    assert trace.whole
    assert len(trace.calls("getppid")) == 20000
    assert in_order(trace)


def test_dropped_is_counted_to_the_last_one(start: Callable[..., Job]) -> None:
    plain = paced(start("paced", "10"), away=False)
    assert plain.whole
    others = len(plain.events) - 10
    trace = paced(start("paced", "100000"), away=True)
    assert trace.status == 0
    seen = len(trace.calls("getppid"))
    assert trace.report.dropped > 0
    assert len(trace.events) + trace.report.dropped == 100000 + others
    assert 0 < seen < 100000
    assert trace.report.torn == 0


# ---- processes ----


def test_calls_of_forks_children(collect: Collect) -> None:
    trace = collect("fork_loop")
    parent = trace.events[0].pid
    children = [each.ret for each in trace.calls("fork")]
    reads = Counter(each.pid for each in trace.calls("read"))
    assert len(children) == 200
    assert reads == {parent: 4000, **dict.fromkeys(children, 20)}
    assert [each.ret for each in trace.calls("waitpid")] == children
    assert [each.pid for each in trace.of("start")] == [parent, *children]
    assert {each.ret for each in trace.of("start")[1:]} == {parent}
    exits = [(each.pid, each.ret) for each in trace.of("exit")]
    assert exits == [*((child, 7) for child in children), (parent, 0)]
    assert all(each.pid == each.tid for each in trace.events)
    assert trace.whole


def test_calls_of_vforks_children(collect: Collect) -> None:
    trace = collect("vfork_exec")
    parent = trace.events[0].pid
    children = [each.ret for each in trace.calls("waitpid")]
    assert len(set(children)) == 15
    good, bad, plain = children[::3], children[1::3], children[2::3]
    execs = [(each.pid, each.err) for each in trace.calls("execve")]
    assert execs == [
        each
        for pair in zip(good, bad, strict=True)
        for each in ((pair[0], 0), (pair[1], errno.ENOENT))
    ]
    exits = [(each.pid, each.ret) for each in trace.of("exit")]
    assert exits == [
        *((pid, status) for trio in zip(good, bad, plain, strict=True)
          for pid, status in zip(trio, (0, 127, 7), strict=True)),
        (parent, 0),
    ]  # fmt: skip
    assert {each.pid for each in trace.calls("getppid")} == {parent}
    assert all(each.pid == each.tid for each in trace.events)
    assert trace.whole


def test_events_come_in_the_order_of_time(collect: Collect) -> None:
    for name, *args in (["threads_read", "2000"], ["fork_threads", "2"]):
        assert in_order(collect(name, *args))
