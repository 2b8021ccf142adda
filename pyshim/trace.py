"""The host's side of the trace: from records in shared memory to events in order.

A drain thread (in C, _host.c) moves committed records from the chunks to a spool file;
`Trace.events` reads them from there, so a slow plugin never makes the target lose
events. The spool has no name and vanishes with the process.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pyshim._host import ffi, lib
from pyshim.calls import Call, Table
from pyshim.event import Event, Kind, Memory, Site
from pyshim.plan import SPARE_CHUNKS, arena_header, clock_is_tsc

_RECORD = struct.Struct("<QIHHIIQQqihHQII")
_MEMORY = struct.Struct("<IIQ")
_READ = 4 << 20

assert _RECORD.size == ffi.sizeof("struct record")
assert _MEMORY.size == ffi.sizeof("struct memory")


class Arena:
    """The shared memory of one run: the host makes it, the target maps it by name."""

    def __init__(self, path: Path, ncounters: int) -> None:
        header = arena_header(ncounters)
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        os.ftruncate(self.fd, header.size)
        os.posix_fallocate(self.fd, 0, header.chunks_at)
        self.memory = mmap.mmap(self.fd, header.size)
        self.memory[: ffi.sizeof("struct arena")] = bytes(ffi.buffer(header))
        self.head = ffi.cast("struct arena *", ffi.from_buffer(self.memory))
        self.ncounters = ncounters

    @property
    def hits(self) -> list[int]:
        """How often each rule fired, in the whole process tree."""
        return [int(count) for count in self.head.hits]

    @property
    def skipped(self) -> dict[str, int]:
        """Why and how often the shim stepped aside."""
        names = ffi.typeof("enum skip_reason").elements
        return {
            name.removeprefix("SKIP_").lower(): int(self.head.skipped[number])
            for number, name in names.items()
            if self.head.skipped[number]
        }

    @property
    def dropped(self) -> int:
        """Events that did not fit: no chunk was free, or the chunk was full."""
        heads = self._heads()
        rings = sum(int(heads[i].dropped) for i in range(self.head.ready))
        return int(self.head.dropped) + rings

    def _heads(self) -> Any:
        base = ffi.cast("char *", self.head) + self.head.heads_at
        return ffi.cast("struct head *", base)

    def free_dead(self) -> None:
        """Give the entries of ended processes to new ones."""
        base = ffi.cast("char *", self.head) + self.head.procs_at
        for index in range(self.head.nprocs):
            entry = ffi.cast("struct proc *", base + index * self.head.proc_size)
            if entry.pid and not Path(f"/proc/{entry.pid}").exists():
                ffi.memmove(lib.host_counters(entry), bytes(4 * self.ncounters),
                            4 * self.ncounters)  # fmt: skip
                entry.state = lib.PROC_FREE
                entry.pid = 0


@dataclass(slots=True)
class _Clock:
    """Turns ticks into nanoseconds since the epoch, from two readings of both."""

    tsc: bool
    ticks0: int = 0
    ns0: int = 0
    rate: float = 1.0
    """Nanoseconds a tick."""

    def start(self) -> None:
        self.ticks0, self.ns0 = self._both()

    def adjust(self) -> None:
        """Measure the rate over the time since `start`."""
        ticks, ns = self._both()
        if self.tsc and ticks > self.ticks0:
            self.rate = (ns - self.ns0) / (ticks - self.ticks0)

    def _both(self) -> tuple[int, int]:
        return int(lib.host_ticks(self.tsc)), time.time_ns()

    def when(self, ticks: int) -> int:
        return self.ns0 + round((ticks - self.ticks0) * self.rate)

    def took(self, ticks: int) -> int:
        return round(ticks * self.rate)


@dataclass(slots=True)
class _Record:
    """A record as read: what sorts and what becomes an event."""

    kind: int
    call: int
    pid: int
    tid: int
    entered: int
    left: int
    ret: int
    err: int
    rule: int
    flags: int
    site: int
    args: tuple[int, ...]
    memory: dict[int, Memory] = field(default_factory=dict)


class Trace:
    """All events of one run, in the order in which they were completed."""

    def __init__(self, arena: Arena, table: Table) -> None:
        self.arena = arena
        self.calls: tuple[Call, ...] = table.calls
        self._spool = tempfile.TemporaryFile(prefix="pyshim-trace-")  # noqa: SIM115
        self._session = ffi.new("struct session *")
        self._session.arena = arena.head
        self._session.arena_fd = arena.fd
        self._session.trace_fd = self._spool.fileno()
        self._session.spare = SPARE_CHUNKS
        self._clock = _Clock(clock_is_tsc())
        self._thread = threading.Thread(
            target=lib.host_loop, args=(self._session,), daemon=True
        )
        self._read_at = 0
        self._rest = b""
        self._held: list[_Record] = []
        self._execs: dict[int, _Record] = {}

    @property
    def torn(self) -> int:
        """Events a signal handler jumped away from while they were written."""
        return int(self._session.torn)

    @property
    def lost(self) -> int:
        """Bytes the spool had no room for: the disk is full."""
        return int(self._session.lost)

    def start(self) -> None:
        """Begin to drain. Call with all signals blocked (launch.signals_blocked)."""
        lib.host_grow(self._session)
        self._clock.start()
        self._thread.start()

    def stop(self) -> None:
        """The target has ended: take what is left, end the drain thread."""
        self._session.stop = 1
        self._thread.join()
        lib.host_drain(self._session)
        lib.host_reap(self._session)
        lib.host_drain(self._session)

    def events(self, *, last: bool = False) -> Iterator[Event]:
        """The events that are complete by now. `last`: all that there will be.

        A record is held back until every other one of an earlier time is in the spool:
        those that left their call before this round of reading began.
        """
        horizon = int(lib.host_ticks(self._clock.tsc)) - self._slack()
        self._clock.adjust()
        self._held.extend(self._records())
        self._held.sort(key=lambda record: record.left)
        ready = len(self._held)
        if not last:
            ready = next(
                (i for i, each in enumerate(self._held) if each.left >= horizon), ready
            )
        batch, self._held = self._held[:ready], self._held[ready:]
        for record in batch:
            yield from self._settle(record)
        if last:
            for record in self._execs.values():
                yield self._event(record, Kind.CALL)
            self._execs.clear()

    def _slack(self) -> int:
        """Ticks between a call's end and the latest moment its record is spooled."""
        return round(3_000_000 / self._clock.rate) if self._clock.rate else 0

    def _records(self) -> Iterator[_Record]:
        while True:
            data = os.pread(self._spool.fileno(), _READ, self._read_at)
            if not data:
                return
            self._read_at += len(data)
            data = self._rest + data
            at = 0
            while at + _RECORD.size <= len(data):
                size = _SIZE.unpack_from(data, at + 8)[0]
                if at + size > len(data):
                    break
                yield _parse(data, at)
                at += size
            self._rest = data[at:]

    def _settle(self, record: _Record) -> Iterator[Event]:
        """An exec that was announced becomes an event when it did not come back."""
        announced = self._execs.get(record.tid)
        if record.kind == lib.RECORD_EXEC:
            self._execs[record.tid] = record
            return
        if announced:
            del self._execs[record.tid]
            failed = record.kind == lib.RECORD_CALL and record.entered == announced.entered
            if not failed:
                yield self._event(announced, Kind.CALL)
        yield self._event(record, _KINDS[record.kind])

    def _event(self, record: _Record, kind: Kind) -> Event:
        is_call = kind in (Kind.CALL, Kind.UNFINISHED)
        call = self.calls[record.call] if is_call else None
        module = record.memory.pop(lib.MEMORY_MODULE, None)
        return Event(
            kind=kind,
            pid=record.pid,
            tid=record.tid,
            start=self._clock.when(record.entered),
            duration=self._clock.took(record.left - record.entered),
            call=call,
            args=record.args[: len(call.params)] if call else record.args,
            memory=MappingProxyType(record.memory),
            ret=record.ret,
            err=record.err,
            rule=record.rule,
            asked=bool(record.flags & lib_asked),
            fair=bool(record.flags & lib_fair),
            site=_site(module, record.site),
            note="" if is_call else _note(record),
        )


_SIZE = struct.Struct("<I")
lib_asked, lib_fair = 8, 16
_KINDS = {
    lib.RECORD_CALL: Kind.CALL,
    lib.RECORD_START: Kind.START,
    lib.RECORD_EXIT: Kind.EXIT,
    lib.RECORD_BYPASS: Kind.BYPASS,
    lib.RECORD_UNFINISHED: Kind.UNFINISHED,
}


def _parse(data: bytes, at: int) -> _Record:
    (_, _, kind, call, pid, tid, entered, left, ret, err, rule, flags, site, nargs,
     nmemory) = _RECORD.unpack_from(data, at)  # fmt: skip
    at += _RECORD.size
    args = struct.unpack_from(f"<{nargs}q", data, at)
    at += 8 * nargs
    memory = {}
    for _ in range(nmemory):
        index, kept, size = _MEMORY.unpack_from(data, at)
        at += _MEMORY.size
        memory[index] = Memory(data[at : at + kept], size)
        at += (kept + 7) & ~7
    return _Record(
        kind, call, pid, tid, entered, left, ret, err, rule, flags, site, args, memory
    )


def _note(record: _Record) -> str:
    return ": ".join(os.fsdecode(each.data) for each in record.memory.values())


def _site(module: Memory | None, address: int) -> Site | None:
    if module is None:
        return None
    base = int.from_bytes(module.data[:8], "little")
    return Site(os.fsdecode(module.data[8:]), address - base)
