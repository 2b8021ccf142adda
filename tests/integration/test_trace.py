"""What the trace tells of a run: everything, once, in order, under the right ids.

`collector.py` writes each event as JSON; strace, run in the same processes, is the
judge of calls and results.
"""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace

import pytest
from shimmed import PYSHIM, run

from pyshim.arena import CHUNK_SIZE, SPARE_CHUNKS

COLLECT = [*PYSHIM, "--plugin", str(Path(__file__).with_name("collector.py"))]
DEADLINE = 30.0
FEW_CHUNKS = (SPARE_CHUNKS + 32) * CHUNK_SIZE
"""Bytes: what is kept ready, and then some, but far from all of them."""
Target = Callable[..., str]


class Event(SimpleNamespace):
    """One line of the collector: see there for the names."""


@dataclass(frozen=True)
class Trace:
    """Everything the collector was told of one run."""

    status: int
    path: Path

    @cached_property
    def _lines(self) -> list[Event]:
        text = self.path.read_text(encoding="utf-8")
        return [Event(**json.loads(line)) for line in text.splitlines()]

    @property
    def events(self) -> list[Event]:
        return self._lines[:-1]

    @property
    def report(self) -> Event:
        assert self._lines[-1].kind == "report"
        return self._lines[-1]

    def of(self, kind: str, name: str = "") -> list[Event]:
        return [
            each
            for each in self.events
            if each.kind == kind and (not name or each.name == name)
        ]

    def calls(self, name: str = "") -> list[Event]:
        return self.of("call", name)

    @property
    def whole(self) -> bool:
        """Nothing was dropped or torn."""
        return not (self.report.dropped or self.report.torn)


Collect = Callable[..., Trace]


@pytest.fixture
def collect(target: Target, tmp_path: Path) -> Collect:
    """Runs a target, or a command line before it, under the collector."""

    def go(
        name: str, *args: str, calls: str = "all", before: tuple[str, ...] = ()
    ) -> Trace:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        env = {**os.environ, "COLLECT_TO": str(folder / "events"), "COLLECT": calls}
        done = run([*COLLECT, *before, target(name), *args], cwd=folder, env=env)
        return Trace(done.status, folder / "events")

    return go


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


@dataclass
class Job:
    """pyshim and a target under it, to be talked to through pipes."""

    process: subprocess.Popen[str]
    trace: Path

    def hear(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline()

    def say(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def stop(self) -> None:
        """The host stands still when this returns."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def target(self) -> int:
        """The pid of the host's only child."""
        host = self.process.pid
        (pid,) = Path(f"/proc/{host}/task/{host}/children").read_text().split()
        return int(pid)

    def end(self) -> Trace:
        self.process.wait(DEADLINE)
        return Trace(self.process.returncode, self.trace)


@pytest.fixture
def start(target: Target, tmp_path: Path) -> Iterator[Callable[..., Job]]:
    jobs: list[Job] = []

    def go(name: str, *args: str) -> Job:
        path = tmp_path / f"events{len(jobs)}"
        process = subprocess.Popen(
            [*COLLECT, target(name), *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "COLLECT_TO": str(path)},
        )
        jobs.append(Job(process, path))
        return jobs[-1]

    yield go
    for job in jobs:
        with job.process:
            job.process.kill()


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


# ---- calls that never return ----


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


# ---- strace as the judge ----

Calls = list[tuple[str, object]]
LINE = re.compile(
    r"(\w+)\((.*)\) += (-?\d+|0x[0-9a-f]+|\?)(?: (E[A-Z0-9]+))?(?: \(.*\))?"
)


def strace_calls(path: Path) -> dict[int, Calls]:
    """By thread: each syscall's name and its result, an int or the errno's name."""
    calls: dict[int, Calls] = defaultdict(list)
    begun: dict[str, str] = {}
    for line in path.read_text(errors="replace").splitlines():
        tid, text = line.split(maxsplit=1)
        if text.endswith("<unfinished ...>"):
            begun[tid] = text.removesuffix("<unfinished ...>")
            continue
        if text.startswith("<... "):
            text = begun.pop(tid) + text.partition(" resumed>")[2]
        if match := LINE.fullmatch(text):
            name, _, result, failed = match.groups()
            calls[int(tid)].append((name, failed or number(result)))
    return calls


def number(text: str) -> object:
    """strace writes addresses and flags in hex, masks of permissions in octal."""
    if text == "?":
        return text
    octal = text.startswith("0") and text[1:].isdigit()
    return int(text, 8 if octal else 0)


def logged_calls(trace: Trace) -> dict[int, Calls]:
    """The same of the trace; what a process did before strace's exec is left out."""
    calls: dict[int, Calls] = defaultdict(list)
    programs: dict[int, str] = {}
    for each in trace.events:
        if each.kind == "start":
            if programs.get(each.pid, "").endswith("/strace"):
                calls.pop(each.pid, None)
            programs[each.pid] = each.note
        elif each.kind == "call" and not each.name.startswith("posix_spawn"):
            result = errno.errorcode[each.err] if each.err else each.ret
            calls[each.tid].append((each.syscall, result))
    return calls


def made_by_libc(judged: Calls, logged: Calls) -> set[str]:
    """What strace saw in between; fails when it has not seen what was logged, in order.

    From the end, because the loader's calls look like the program's own.
    """
    between: list[str] = []
    rest = iter(reversed(judged))
    for call in reversed(logged):
        for other in rest:
            if other == call:
                break
            between.append(other[0])
        else:
            pytest.fail(f"strace has not seen {call}")
    return set(between)


def compare(collect: Collect, folder: Path, name: str, *args: str) -> set[str]:
    """Run a target under both; what only strace saw between logged calls."""
    judge = ("strace", "-f", "-o", str(folder / "strace"))
    trace = collect(name, *args, before=judge)
    assert trace.status == 0
    assert trace.whole
    judged, logged = strace_calls(folder / "strace"), logged_calls(trace)
    assert sum(len(logged[tid]) for tid in judged) > 5
    return {
        name
        for tid in judged
        if logged[tid]
        for name in made_by_libc(judged[tid], logged[tid])
    }


@pytest.mark.parametrize(
    ("name", "args"),
    [("errno_untouched", ("20",)), ("fork_loop", ("20",)), ("variadics", ())],
)
def test_strace_sees_these_calls_and_no_others(
    collect: Collect, tmp_path: Path, name: str, args: tuple[str, ...]
) -> None:
    by_libc = {"brk", "getrandom", "newfstatat", "write", "exit_group", "getpid"}
    assert compare(collect, tmp_path, name, *args) <= by_libc


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("bad_pointers", ()),
        ("cancel_read", ()),
        ("ctor_atexit", ()),
        ("open_modes", ()),
        ("path_calls", ("{tmp}",)),
        ("spawn_env", ("/usr/bin/printenv", "WAY")),
        ("vfork_exec", ()),
    ],
)
def test_strace_sees_the_same_results(
    collect: Collect, tmp_path: Path, name: str, args: tuple[str, ...]
) -> None:
    compare(collect, tmp_path, name, *(word.format(tmp=tmp_path) for word in args))
