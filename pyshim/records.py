"""From records, as the target wrote them, to events."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from types import MappingProxyType

from pyshim._host import ffi, lib
from pyshim.calls import Call, Table
from pyshim.clock import Clock
from pyshim.event import NO_MEMORY, Event, Kind, Memory, Site
from pyshim.spool import RECORD, Record

_MEMORY = struct.Struct("<IIQ")
_MOST_ARGS = 6
_ARGS = [struct.Struct(f"<{count}q").unpack_from for count in range(_MOST_ARGS + 1)]
_unpack_memory = _MEMORY.unpack_from
_new = tuple.__new__
_ASKED, _FAIR, _CAUGHT = 8, 16, 256
_KINDS = {
    lib.RECORD_CALL: Kind.CALL,
    lib.RECORD_EXEC: Kind.CALL,
    lib.RECORD_START: Kind.START,
    lib.RECORD_EXIT: Kind.EXIT,
    lib.RECORD_BYPASS: Kind.BYPASS,
    lib.RECORD_UNFINISHED: Kind.UNFINISHED,
    lib.RECORD_DEADLY: Kind.UNFINISHED,
}
# An attribute of cffi's `lib` costs more than a name, and these are for each record.
_CALL, _EXEC, _BYPASS = lib.RECORD_CALL, lib.RECORD_EXEC, lib.RECORD_BYPASS
_START, _MODULE = lib.RECORD_START, lib.MEMORY_MODULE
_UNFINISHED, _DEADLY = lib.RECORD_UNFINISHED, lib.RECORD_DEADLY
_OF_CALLS = (_CALL, _EXEC, _UNFINISHED, _DEADLY)
_KIND, _ENTERED, _FLAGS = 2, 6, 11

assert _MEMORY.size == ffi.sizeof("struct memory")


class EventMaker:
    """Makes events of records that come in order, with what it learned from others."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._calls: tuple[Call, ...] = table.calls
        self._clock = clock
        self._execs: dict[int, tuple[int, list[Event]]] = {}
        """By thread: when an exec that may come back was entered, and what it tells."""
        self._deadly: dict[int, tuple[int, Event]] = {}
        """By thread: when a call was entered that it may die in, and what it tells."""
        self._programs: dict[int, str] = {}
        """By process: its executable."""

    def events(self, records: list[Record]) -> list[Event]:
        """In the order of the records."""
        found: list[Event] = []
        execs, deadly = self._execs, self._deadly
        for record in records:
            event = self._event(record)
            tid = event.tid
            if record[1][_KIND] == _CALL and tid not in execs and tid not in deadly:
                found.append(event)
            else:
                found += self._settled(event, record)
        return found

    def rest(self) -> list[Event]:
        """At the end: the execs of which nobody came back."""
        return [event for tid in list(self._execs) for event in self._execed(tid)]

    def _settled(self, event: Event, record: Record) -> list[Event]:
        """An exec that was announced becomes an event when it did not come back.

        So does the note behind it that what it starts will bypass us.
        """
        kind, entered = record[1][_KIND], record[1][_ENTERED]
        if kind == _DEADLY:
            self._deadly[event.tid] = entered, event
            return []
        event = self._survived(event, record)
        announced, told = self._execs.get(event.tid, (0, []))
        if told and kind == _BYPASS:
            told.append(event)
            return []
        if told and entered == announced:
            del self._execs[event.tid]
        before = self._execed(event.tid)
        if kind == _EXEC:
            self._execs[event.tid] = entered, [event]
            return before
        return [*before, event]

    def _survived(self, event: Event, record: Record) -> Event:
        """Of a call that its thread died in what was told before knows more than the
        mark that is left: whose hit it is, and where."""
        header = record[1]
        before, told = self._deadly.get(event.tid, (0, event))
        if header[_ENTERED] != before:
            return event
        del self._deadly[event.tid]
        sent = header[_FLAGS] & lib.CALL_INTERRUPT
        return told if header[_KIND] == _UNFINISHED and sent else event

    def _execed(self, tid: int) -> list[Event]:
        return self._execs.pop(tid, (0, []))[1]

    def _event(self, record: Record) -> Event:
        _, header, at, data = record
        (_, _, kind, number, pid, tid, entered, left, ret, err, rule, flags, address,
         nargs, nmemory, via, count) = header  # fmt: skip
        at += RECORD.size
        args = _ARGS[nargs](data, at)
        memory = _memory(data, at + 8 * nargs, nmemory) if nmemory else NO_MEMORY
        call, note, site = None, "", None
        if kind in _OF_CALLS:
            call = self._calls[number]
            args = args[: len(call.params)]
        else:
            note = self._note(kind, pid, ret, memory)
        if _MODULE in memory:
            memory, site = self._with_site(pid, address, memory)
        start, duration = self._clock.span(entered, left)
        # Past the __new__ of named tuples, which is written in Python.
        return _new(Event, (
            _KINDS[kind], pid, tid, start, duration, call, args, memory, ret, err,
            rule, flags & _ASKED != 0, flags & _FAIR != 0, site, note,
            flags & _CAUGHT != 0, self._calls[via - 1] if via else None, count,
        ))  # fmt: skip

    def _note(
        self, kind: int, pid: int, parent: int, memory: Mapping[int, Memory]
    ) -> str:
        note = ": ".join(os.fsdecode(each.data) for each in memory.values())
        if kind == _START:
            note = self._programs[pid] = note or self._programs.get(parent, "")
        return note

    def _with_site(
        self, pid: int, address: int, memory: Mapping[int, Memory]
    ) -> tuple[Mapping[int, Memory], Site]:
        """The memory without the module. ld.so knows the program by an empty name."""
        pointed = dict(memory)
        module = pointed.pop(_MODULE).data
        name = os.fsdecode(module[8:]) or self._programs.get(pid, "?")
        site = Site(name, address - int.from_bytes(module[:8], "little"))
        return MappingProxyType(pointed), site


def _memory(data: bytes, at: int, count: int) -> Mapping[int, Memory]:
    found = {}
    for _ in range(count):
        index, kept, size = _unpack_memory(data, at)
        at += _MEMORY.size
        found[index] = _new(Memory, (data[at : at + kept], size))
        at += kept + 7 & ~7
    return MappingProxyType(found)
