"""The host's side of the trace: from records in shared memory to events in order.

A drain thread (in C, _host.c) moves committed records from the chunks to a spool file;
`Trace.events` reads them from there, so a slow plugin never makes the target lose
events. The spool has no name and vanishes with the process.
"""

from __future__ import annotations

import os
import struct
import tempfile
import threading
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from types import MappingProxyType
from typing import BinaryIO

from pyshim._host import ffi, lib
from pyshim.arena import SPARE_CHUNKS, Arena
from pyshim.calls import Call, Table
from pyshim.clock import Clock, clock_is_tsc
from pyshim.event import Event, Kind, Memory, Site

_RECORD = struct.Struct("<QIHHIIQQqihHQII")
_MEMORY = struct.Struct("<IIQ")
_READ = 4 << 20

assert _RECORD.size == ffi.sizeof("struct record")
assert _MEMORY.size == ffi.sizeof("struct memory")


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
        self._spool = _nameless_file()
        self._session = ffi.new("struct session *")
        self._session.arena = arena.head
        self._session.arena_fd = arena.fd
        self._session.trace_fd = self._spool.fileno()
        self._session.spare = SPARE_CHUNKS
        self._clock = Clock(clock_is_tsc())
        self._session.tsc = self._clock.tsc
        self._thread = threading.Thread(
            target=lib.host_loop, args=(self._session,), daemon=True
        )
        self._read_at = 0
        self._rest = b""
        self._held: list[_Record] = []
        self._execs: dict[int, list[_Record]] = {}
        self._programs: dict[int, str] = {}

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
        lib.host_last(self._session)

    def events(self, *, last: bool = False) -> Iterator[Event]:
        """The events that are complete by now. `last`: all that there will be.

        A record is held back until every other one of an earlier time is in the spool.
        """
        # In this order: what is in the spool by now goes at least up to this horizon.
        horizon = int(self._session.horizon)
        self._held.extend(self._records())
        self._held.sort(key=_left)
        ready = len(self._held) if last else bisect_left(self._held, horizon, key=_left)
        batch, self._held = self._held[:ready], self._held[ready:]
        self._clock.adjust()
        for record in batch:
            yield from self._settle(record)
        self._clock.keep(horizon)
        if last:
            for tid in list(self._execs):
                yield from self._execed(tid)

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
        """An exec that was announced becomes an event when it did not come back.

        So does the note behind it that what it starts will bypass us.
        """
        announced = self._execs.get(record.tid)
        if announced and record.kind == lib.RECORD_BYPASS:
            announced.append(record)
            return
        if announced and record.entered == announced[0].entered:
            del self._execs[record.tid]
        yield from self._execed(record.tid)
        if record.kind == lib.RECORD_EXEC:
            self._execs[record.tid] = [record]
        else:
            yield self._event(record, _KINDS[record.kind])

    def _execed(self, tid: int) -> Iterator[Event]:
        for record in self._execs.pop(tid, ()):
            yield self._event(record, _KINDS[record.kind])

    def _event(self, record: _Record, kind: Kind) -> Event:
        is_call = kind in (Kind.CALL, Kind.UNFINISHED)
        note = "" if is_call else _note(record)
        if kind is Kind.START:
            note = self._programs[record.pid] = note or self._programs.get(
                record.ret, ""
            )
        call = self.calls[record.call] if is_call else None
        module = record.memory.pop(lib.MEMORY_MODULE, None)
        return Event(
            kind=kind,
            pid=record.pid,
            tid=record.tid,
            start=self._clock.when(record.entered),
            duration=self._clock.when(record.left) - self._clock.when(record.entered),
            call=call,
            args=record.args[: len(call.params)] if call else record.args,
            memory=MappingProxyType(record.memory),
            ret=record.ret,
            err=record.err,
            rule=record.rule,
            asked=bool(record.flags & lib_asked),
            fair=bool(record.flags & lib_fair),
            site=self._site(record, module),
            note=note,
        )

    def _site(self, record: _Record, module: Memory | None) -> Site | None:
        """ld.so knows the program itself by an empty name."""
        if module is None:
            return None
        name = os.fsdecode(module.data[8:]) or self._programs.get(record.pid, "?")
        return Site(name, record.site - int.from_bytes(module.data[:8], "little"))


_SIZE = struct.Struct("<I")
_left = attrgetter("left")
lib_asked, lib_fair = 8, 16
_KINDS = {
    lib.RECORD_CALL: Kind.CALL,
    lib.RECORD_EXEC: Kind.CALL,
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


def _nameless_file() -> BinaryIO:
    """On disk if there is a folder to write to, else in memory."""
    try:
        return tempfile.TemporaryFile(prefix="pyshim-trace-")
    except OSError:
        return open(os.memfd_create("pyshim-trace"), "w+b")
