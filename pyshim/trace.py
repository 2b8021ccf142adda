"""The host's side of the trace: from records in shared memory to events in order.

A drain thread (in C, _host.c) moves committed records from the chunks to a spool file;
`Trace.batches` reads them from there, so a slow plugin never makes the target lose
events.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

from pyshim._host import ffi, lib
from pyshim.arena import SPARE_CHUNKS, Arena
from pyshim.calls import Table
from pyshim.clock import Clock, clock_is_tsc
from pyshim.event import Event
from pyshim.records import EventMaker
from pyshim.spool import NEVER, Record, Spool, nameless_file


class Trace:
    """All events of one run, in the order in which they were completed."""

    def __init__(self, arena: Arena, table: Table) -> None:
        self.arena = arena
        self.spool = Spool(nameless_file())
        self._session = ffi.new("struct session *")
        self._session.arena = arena.head
        self._session.arena_fd = arena.fd
        self._session.trace_fd = self.spool.file.fileno()
        self._session.spare = SPARE_CHUNKS
        self._clock = Clock(clock_is_tsc())
        self._session.tsc = self._clock.tsc
        self._maker = EventMaker(table, self._clock)
        self._thread = threading.Thread(
            target=lib.host_loop, args=(self._session,), daemon=True
        )

    @property
    def torn(self) -> int:
        """Events whose thread was killed, or jumped away, while they were written."""
        return int(self._session.torn)

    @property
    def lost(self) -> int:
        """Bytes the spool had no room for: the disk is full."""
        return int(self._session.lost)

    def seconds(self, ticks: int) -> float:
        """A span of time, by the shim's clock."""
        return self._clock.span(0, ticks)[1] / 1e9

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

    def batches(self, *, last: bool = False) -> Iterator[list[Event]]:
        """The events that are complete by now, some thousand at a time, or none.

        `last`: all that there will be. Else it may go on for as long as the target
        makes events faster than they are taken; leave when it takes too long, and the
        next call goes on from there.
        """
        self._clock.adjust()
        self._mark(last)
        while (records := self.spool.read()) is not None:
            yield self._events(records)
            self._mark(last)
        if last:
            yield self._maker.rest()

    def events(self, *, last: bool = False) -> Iterator[Event]:
        """The same, one by one."""
        for batch in self.batches(last=last):
            yield from batch

    def _mark(self, last: bool) -> None:
        # In this order: what is in the spool by now goes at least up to this horizon.
        horizon = NEVER if last else int(self._session.horizon)
        self.spool.mark(horizon, self.spool.size)

    def _events(self, records: list[Record]) -> list[Event]:
        events = self._maker.events(records)
        if records:
            self._clock.keep(records[-1][0])
        return events
