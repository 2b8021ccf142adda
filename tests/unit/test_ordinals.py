"""Processes and threads by numbers that are the same in each run."""

from __future__ import annotations

from pyshim.event import Event, Kind, Memory
from pyshim.ordinals import Ordinals


def hello(pid: int, parent: int, program: str = "") -> Event:
    """As the shim tells of a program that begins, or without one of a fork's child."""
    name = program.encode()
    memory = {0: Memory(name, len(name))} if program else {}
    return Event(Kind.START, pid, pid, 0, 0, ret=parent, memory=memory, note=program)


def paths(*events: Event) -> list[str]:
    ordinals = Ordinals()
    found = []
    for event in events:
        ordinals.note(event)
        found.append(ordinals.process(event.pid))
    return found


def test_children_count_below_their_parent() -> None:
    first, other = hello(70, 9, "/bin/sh"), hello(80, 70)
    assert paths(first, other, hello(81, 70), hello(82, 81)) == [
        *("1", "1.1", "1.2", "1.2.1")
    ]


def test_an_exec_changes_the_program_and_not_the_path() -> None:
    ordinals = Ordinals()
    for event in (hello(7, 1, "/bin/sh"), hello(8, 7), hello(8, 7, "/bin/ls")):
        ordinals.note(event)
    assert (ordinals.process(8), ordinals.program(8)) == ("1.1", "ls")


def test_a_pid_that_is_given_out_again_is_another_process() -> None:
    sh, end = hello(7, 1, "/bin/sh"), Event(Kind.EXIT, 8, 8, 0, 0)
    once, again = hello(8, 7, "/bin/ls"), hello(8, 7, "/bin/ls")
    assert paths(sh, once, end, again) == ["1", "1.1", "1.1", "1.2"]
    assert paths(sh, hello(8, 7), hello(8, 7)) == ["1", "1.1", "1.2"]


def test_children_of_one_nobody_heard_of_stay_together() -> None:
    sh = hello(7, 1, "/bin/sh")
    assert paths(sh, hello(9, 8), hello(10, 8), hello(11, 1)) == [
        *("1", "?.1.1", "?.1.2", "?.2.1")
    ]


def test_threads_count_as_they_are_asked_for() -> None:
    ordinals = Ordinals()
    ordinals.note(hello(7, 1, "/bin/x"))
    assert [ordinals.thread(7, tid) for tid in (7, 12, 9, 12, 7)] == [1, 2, 3, 2, 1]
