"""The host's side of the chunks, given chunks in the states that targets leave behind.

Real targets get into most of these states only for some nanoseconds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyshim._host import ffi, lib
from pyshim.arena import Arena
from pyshim.calls import table
from pyshim.event import Event, Kind
from pyshim.trace import Trace

SIZE = 80
GETPPID = table().by_name("getppid")


class Chunk:
    """Writes records as shim/chunk.c does; `pid` owns it, 0: nobody."""

    def __init__(self, arena: Arena, index: int, pid: int) -> None:
        self.head = arena._heads()[index]
        self.head.owner = pid << 32 | pid
        base = ffi.cast("char *", arena.head) + arena.head.chunks_at
        self.ring = base + index * arena.head.chunk_size

    def reserve(self, *, size: int = SIZE) -> int:
        """The position of a record that is not committed; `size` 0: not known yet."""
        at = int(self.head.head)
        self.head.head = at + SIZE
        self._record(at).size = size
        return at

    def commit(self, at: int, left: int) -> None:
        record = self._record(at)
        record.kind, record.call = lib.RECORD_CALL, GETPPID.id
        record.pid = record.tid = 1
        record.entered = record.left = record.ret = left
        record.rule = -1
        record.commit = at + 1

    def write(self, *lefts: int) -> None:
        for left in lefts:
            self.commit(self.reserve(), left)

    def _record(self, at: int) -> object:
        return ffi.cast("struct record *", self.ring + at)


@pytest.fixture
def arena(tmp_path: Path) -> Iterator[Arena]:
    made = Arena(tmp_path / "arena", 0)
    os.posix_fallocate(made.fd, made.head.chunks_at, 4 * made.head.chunk_size)
    made.head.ready = 4
    yield made
    os.close(made.fd)


@pytest.fixture
def trace(arena: Arena) -> Trace:
    return Trace(arena, table())


def drained(trace: Trace) -> list[Event]:
    lib.host_drain(trace._session)
    return list(trace.events())


def results(trace: Trace) -> list[int]:
    """`write` makes each record's result its time: the results of one round."""
    return [event.ret for event in drained(trace)]


def test_records_of_two_chunks_come_in_order(arena: Arena, trace: Trace) -> None:
    Chunk(arena, 1, os.getpid()).write(10, 30)
    Chunk(arena, 2, os.getpid()).write(20, 40)
    assert results(trace) == [10, 20, 30, 40]


def test_what_may_be_later_waits_for_a_record_being_written(
    arena: Arena, trace: Trace
) -> None:
    early, late = (Chunk(arena, index, os.getpid()) for index in (1, 2))
    at = early.reserve()
    late.write(20)
    assert results(trace) == []
    early.commit(at, 10)
    assert results(trace) == [10, 20]


def test_a_record_that_stays_torn_is_not_waited_for_for_ever(
    arena: Arena, trace: Trace
) -> None:
    Chunk(arena, 1, os.getpid()).reserve()
    Chunk(arena, 2, os.getpid()).write(20)
    rounds = [results(trace) for _ in range(1000)]
    assert [each for each in rounds if each] == [[20]]
    assert trace.torn == 0


@pytest.mark.parametrize("size", [SIZE, 0, 8, 1 << 31])
def test_what_is_behind_a_torn_record_is_not_lost(
    arena: Arena, trace: Trace, size: int
) -> None:
    chunk = Chunk(arena, 1, 0)
    chunk.write(10)
    chunk.reserve(size=size)
    chunk.write(20, 30)
    assert results(trace) == [10, 20, 30]
    assert trace.torn == 1


def test_half_a_chunk_behind_it_tells_a_torn_record(arena: Arena, trace: Trace) -> None:
    chunk = Chunk(arena, 1, os.getpid())
    half = arena.head.chunk_size // 2 // SIZE
    chunk.reserve()
    chunk.write(*range(half - 1))
    assert results(trace) == []
    chunk.write(half)
    assert len(results(trace)) == half
    assert trace.torn == 1


def gone() -> int:
    """The pid of a process that has ended."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return pid


def test_a_dead_thread_is_reaped(arena: Arena, trace: Trace) -> None:
    chunk = Chunk(arena, 1, gone())
    chunk.write(10)
    chunk.reserve()
    chunk.head.mark.call, chunk.head.mark.entered = GETPPID.id, 5
    lib.host_reap(trace._session)
    first, last = trace.events(last=True)
    assert (first.kind, first.ret) == (Kind.CALL, 10)
    assert (last.kind, last.call) == (Kind.UNFINISHED, GETPPID)
    assert last.duration > first.duration
    assert chunk.head.owner == 0
    assert trace.torn == 1


def test_a_living_thread_is_not_reaped(arena: Arena, trace: Trace) -> None:
    chunk = Chunk(arena, 1, os.getpid())
    owner = chunk.head.owner
    chunk.reserve()
    lib.host_reap(trace._session)
    assert drained(trace) == []
    assert chunk.head.owner == owner
    assert trace.torn == 0
