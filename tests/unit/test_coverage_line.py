"""From what events tell of processes to the line at the end of a run."""

from __future__ import annotations

import os

import pytest

from pyshim.calls import table
from pyshim.coverage import Coverage, Processes
from pyshim.event import NO_MEMORY, Event, Kind, Memory

ROOT, CHILD, OTHER = 100, 101, 102
STATIC = "/bin/st: static: no PT_INTERP"


def memory(index: int, data: bytes) -> dict[int, Memory]:
    return {index: Memory(data, len(data))}


def started(pid: int, when: int, program: str = "/bin/sh") -> Event:
    """Hello of a program; without a name, of a fork's child."""
    return Event(Kind.START, pid, pid, when, 0, memory=memory(0, os.fsencode(program)))


def forked(pid: int, when: int) -> Event:
    return started(pid, when, "")


def ended(pid: int, when: int) -> Event:
    return Event(Kind.EXIT, pid, pid, when, 0)


def bypass(pid: int, when: int, note: str = STATIC, tid: int = 0) -> Event:
    return Event(Kind.BYPASS, pid, tid or pid, when, 0, note=note)


def execed(
    pid: int, when: int, path: str = "/bin/st", err: int = 0, tid: int = 0
) -> Event:
    call = table().by_name("execve")
    kept = memory(0, path.encode())
    ret = -1 if err else 0
    return Event(Kind.CALL, pid, tid or pid, when, 1, call, (), kept, ret, err)


def spawned(
    pid: int, when: int, child: int, path: str = "/bin/st", ret: int = 0
) -> Event:
    """posix_spawn, of a caller that wants the child's pid unless that is 0."""
    call = table().by_name("posix_spawn")
    told = memory(0, child.to_bytes(4, "little")) if child else NO_MEMORY
    kept = {**told, **memory(1, path.encode())}
    return Event(Kind.CALL, pid, pid, when, 10, call, (), kept, ret, ret)


def of(*events: Event, told: tuple[str, ...] = ()) -> Coverage:
    processes = Processes()
    for each in events:
        processes.note(each)
    return processes.coverage("./app", told)


def counts(*events: Event) -> tuple[int, int, tuple[str, ...], tuple[str, ...]]:
    found = of(*events)
    return found.seen, found.processes, found.bypassed, found.unheard


# -- whom there is to count --------------------------------------------------------


def test_one_process() -> None:
    assert counts(started(ROOT, 1), ended(ROOT, 2)) == (1, 1, (), ())


def test_a_killed_process_counts_as_any() -> None:
    assert counts(started(ROOT, 1)) == (1, 1, (), ())


def test_forks_and_execs() -> None:
    events = [
        *(started(ROOT, 1), forked(CHILD, 2), execed(CHILD, 3, "/bin/ls")),
        *(started(CHILD, 4, "/bin/ls"), ended(CHILD, 5), ended(ROOT, 6)),
    ]
    assert counts(*events) == (2, 2, (), ())


def test_a_vfork_child_that_execs_or_only_ends() -> None:
    events = [
        *(started(ROOT, 1), execed(CHILD, 2), started(CHILD, 3)),
        *(execed(OTHER, 4, err=2), ended(OTHER, 5)),
    ]
    assert counts(*events) == (3, 3, (), ())


def test_an_exec_told_late_is_put_where_it_belongs() -> None:
    """A thread execed, and so it is heard of only when the run is over."""
    events = [started(ROOT, 1), started(ROOT, 5), ended(ROOT, 6)]
    assert counts(*events, execed(ROOT, 4, tid=109)) == (1, 1, (), ())


def test_nobody_at_all() -> None:
    assert of() == Coverage(0, 1, unheard=("./app",))


# -- who is out of sight -----------------------------------------------------------


def test_the_command_itself() -> None:
    assert of(told=(STATIC,)) == Coverage(0, 1, bypassed=("/bin/st (static)",))


def test_an_exec_that_bypasses() -> None:
    """What was seen before does not make it a process that was seen."""
    events = [started(ROOT, 1), execed(ROOT, 2), bypass(ROOT, 3)]
    assert counts(*events) == (0, 1, ("/bin/st (static)",), ())


def test_a_vfork_child_that_bypasses() -> None:
    events = [started(ROOT, 1), execed(CHILD, 2), bypass(CHILD, 3), ended(ROOT, 9)]
    assert counts(*events) == (1, 2, ("/bin/st (static)",), ())


@pytest.mark.parametrize("child", [CHILD, 0], ids=["its pid is told", "is not"])
def test_a_spawn_that_bypasses(child: int) -> None:
    events = [started(ROOT, 1), bypass(ROOT, 5), spawned(ROOT, 4, child)]
    assert counts(*events) == (1, 2, ("/bin/st (static)",), ())


def test_a_spawn_in_which_the_parent_died() -> None:
    assert counts(started(ROOT, 1), bypass(ROOT, 5)) == (
        *(1, 2, ("/bin/st (static)",), ()),
    )


def test_a_spawn_that_failed_ran_nothing() -> None:
    events = [started(ROOT, 1), bypass(ROOT, 5), spawned(ROOT, 4, CHILD, ret=8)]
    assert counts(*events) == (1, 1, (), ())


def test_a_spawn_after_an_exec_is_not_that_exec() -> None:
    events = [
        *(started(ROOT, 1), execed(ROOT, 2), started(ROOT, 3)),
        *(bypass(ROOT, 5), spawned(ROOT, 4, CHILD)),
    ]
    assert counts(*events) == (1, 2, ("/bin/st (static)",), ())


def test_no_hello_after_an_exec_or_a_spawn() -> None:
    events = [
        *(started(ROOT, 1), spawned(ROOT, 2, CHILD, "/bin/a"), started(CHILD, 3)),
        spawned(ROOT, 4, OTHER, "/bin/b"),
    ]
    assert counts(*events) == (2, 3, (), ("/bin/b",))
    assert counts(*events, execed(ROOT, 5, "/bin/c")) == (
        *(1, 3, (), ("/bin/c", "/bin/b")),
    )


def test_who_still_speaks_did_not_exec() -> None:
    """`inject=execve:retval=0` answers it, and the program goes on."""
    assert counts(started(ROOT, 1), execed(ROOT, 2), ended(ROOT, 3)) == (1, 1, (), ())


# -- pids come again ---------------------------------------------------------------


@pytest.mark.parametrize("hello", [forked, started])
def test_a_pid_that_is_given_out_again(hello: object) -> None:
    again = forked(CHILD, 4) if hello is forked else started(CHILD, 4)
    events = [started(ROOT, 1), forked(CHILD, 2), ended(CHILD, 3), again]
    assert counts(*events, ended(CHILD, 5)) == (3, 3, (), ())


def test_the_same_pids_in_two_namespaces() -> None:
    assert counts(started(1, 1), forked(2, 2), started(1, 3), forked(2, 4)) == (
        *(4, 4, (), ()),
    )


# -- the line ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("coverage", "line"),
    [
        (Coverage(1, 1), "1 of 1 process, layer symbols"),
        (Coverage(14, 14, "full"), "14 of 14 processes, layer full"),
        (
            Coverage(14, 15, "full", ("/sbin/ldconfig (static)",)),
            "14 of 15 processes, layer full; bypassed: /sbin/ldconfig (static)",
        ),
        (
            Coverage(0, 3, bypassed=("a (setuid)", "b (static)", "b (static)")),
            "0 of 3 processes, layer symbols; bypassed: b (static) 2 times, a (setuid)",
        ),
        (
            Coverage(0, 7, unheard=tuple("abcdefg")),
            "0 of 7 processes, layer symbols; not heard from: a, b, c, d, e, 2 more",
        ),
        (
            Coverage(2, 2, running=1, lost=True),
            "2 of 2 processes, layer symbols; 1 still running; "
            "events were lost, there may be more",
        ),
    ],
)
def test_the_line(coverage: Coverage, line: str) -> None:
    assert coverage.line() == f"coverage: {line}"
