"""Which function of a libc calls which, and which can issue a syscall.

Three things that its code alone does not show are known about glibc: STREAM_CHECK,
STREAM_ENDS and LOCK. What never returns (abort and whoever ends in it) is not counted
against a caller that does: it is how everything ends that goes wrong.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from drift_code import GIVEN, Body, body
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from gen_exports import libc_versions

from pyshim.machine_code import Code

STREAM_CHECK = b"detected an invalid stdio handle"
"""What glibc says before it dies of a foreign vtable. Whoever calls a stream's
functions through its vtable calls, on a cold path, the function that says it."""

STREAM_ENDS = re.compile(r"_IO_file_(read|write|seek|close|stat)@.*")
"""What is behind a stream's vtable in the end; glibc exports it."""

LOCK = re.compile(r"(__)?pthread_mutex_\w+@.*")
"""A mutex with a priority ceiling changes the thread's priority. None of glibc's own
has one, so that what takes a lock does not reach the scheduler by it."""

FUTEX = 202
"""Waiting for a lock; all of libc does it, and a log of it says nothing."""

PRIVATE = "@GLIBC_PRIVATE"
"""The version of what glibc's libraries have among themselves, not for programs."""


@dataclass(frozen=True, slots=True)
class Graph:
    """A libc's functions, by where they start."""

    names: Mapping[int, tuple[str, ...]]
    """Each name@version; of hidden functions none."""
    edges: Mapping[int, frozenset[int]]
    syscalls: Mapping[int, frozenset[int]]
    """Those it issues itself, futex left out."""


def read_graph(libc: Path) -> Graph:
    """All functions of a libc; SystemExit when it isn't one we know our way in."""
    names: dict[int, tuple[str, ...]] = {}
    for name, versions in libc_versions(libc).items():
        for version, _, at in versions:
            names[at] = (*names.get(at, ()), f"{name}@{version}")
    with libc.open("rb") as file:
        elf = ELFFile(file)
        text = find_text(elf)
        code = Code(elf, names)
        bodies = {start: body(code, start) for start in code.starts}
    check = next(at for at, each in bodies.items() if text in each.addresses)
    charge(bodies)
    return Graph(
        {at: each for at, each in names.items() if at in bodies},
        connect(code, bodies, names, check),
        {at: frozenset(each.syscalls - {FUTEX}) for at, each in bodies.items()},
    )


def find_text(elf: ELFFile) -> int:
    """The address of what STREAM_CHECK is part of."""
    for section in elf.iter_sections():
        content = section.data() if section["sh_flags"] & SH_FLAGS.SHF_ALLOC else b""
        if (position := content.find(STREAM_CHECK)) >= 0:
            before = content.rfind(b"\0", 0, position) + 1
            return int(section["sh_addr"]) + before
    raise SystemExit("drift.py: not a glibc since 2.24: its streams can't be followed")


def charge(bodies: Mapping[int, Body]) -> None:
    """Count a syscall that is made by order against who gives the order.

    Since 2.41 the cancellation points push the number and call one function that waits.
    """
    done: set[int] = set()
    while (
        helpers := {at for at, each in bodies.items() if GIVEN in each.syscalls} - done
    ):
        for each in bodies.values():
            for helper in helpers & each.calls.keys():
                each.syscalls |= each.calls.pop(helper)
        done |= helpers


def connect(
    code: Code,
    bodies: Mapping[int, Body],
    names: Mapping[int, tuple[str, ...]],
    check: int,
) -> dict[int, frozenset[int]]:
    """What each function can come to in one step.

    A function whose address is taken may be called by whom it is given to. The address
    of the check is not: glibc keeps it to know that the program is an old one.
    """
    given = bodies.keys() - {check}
    back, locks = returning(bodies), named(LOCK, names)
    edges = {}
    for start, each in bodies.items():
        found = map(code.function, (*each.calls, *each.jumps))
        reached = {at for at in found if at is not None} | each.addresses & given
        edges[start] = frozenset(reached & back if start in back else reached) - locks
    edges[check] = named(STREAM_ENDS, names)
    return edges


def named(
    pattern: re.Pattern[str], names: Mapping[int, tuple[str, ...]]
) -> frozenset[int]:
    """Where the functions start that have such a name@version."""
    return frozenset(
        at for at, each in names.items() if any(map(pattern.fullmatch, each))
    )


def returning(bodies: Mapping[int, Body]) -> set[int]:
    """The functions that may come back, by themselves or through what they jump to."""
    found = {start for start, each in bodies.items() if each.returns}
    callers = defaultdict(set)
    for start, each in bodies.items():
        for at in each.jumps:
            callers[at].add(start)
    return closure(found, lambda at: callers[at])


def closure(
    first: Iterable[int], following: Callable[[int], Iterable[int]]
) -> set[int]:
    """Everything that can be come to from `first`."""
    found = set(first)
    waiting = list(found)
    while waiting:
        new = set(following(waiting.pop())) - found
        found |= new
        waiting += new
    return found


def issuing(graph: Graph) -> dict[str, int]:
    """Each exported name@version that can issue a syscall, and where it starts."""
    callers = defaultdict(set)
    for start, reached in graph.edges.items():
        for at in reached:
            callers[at].add(start)
    first = (at for at, own in graph.syscalls.items() if own)
    found = closure(first, lambda at: callers[at])
    return {
        name: at
        for at, names in graph.names.items()
        for name in names
        if at in found and not name.endswith(PRIVATE)
    }


def reached_by(graph: Graph, start: int) -> set[int]:
    """The syscalls that a function can issue, itself or through what it calls."""
    inside = closure([start], lambda at: graph.edges[at])
    return {each for at in inside for each in graph.syscalls[at]}


def shortest_path(graph: Graph, start: int) -> list[int]:
    """From `start` to the nearest function that issues a syscall itself."""
    paths = [[start]]
    seen = {start}
    for path in paths:
        if graph.syscalls[path[-1]]:
            return path
        new = sorted(graph.edges[path[-1]] - seen)
        seen |= set(new)
        paths += [[*path, at] for at in new]
    raise ValueError(f"no syscall from {start:#x}")
