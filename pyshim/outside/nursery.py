"""The process that makes and ends stand-ins: one thread, nothing of a plugin in it.

Started by bridge_host.py as `python -c ... RUNDIR HOST`, so that what a stand-in begins
with is a bare interpreter and not the host, with its threads and the plugins it knows.
Ends when the host does, and all stand-ins with it, whatever they are doing.
"""

from __future__ import annotations

import marshal
import mmap
import os
import select
import signal
import sys
import time
from contextlib import suppress

from pyshim import run_options
from pyshim._host import ffi, lib
from pyshim.inside.hooks import Told
from pyshim.inside.memory import text_of
from pyshim.outside.stand_in import WHERE, StandIn, write_whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LOOK = 100_000_000
"""Nanoseconds after which to see whether processes have ended, if nobody calls."""
_LATE = 60.0
"""Seconds after which a fork that nobody came of has failed, and a stand-in as well."""
_TELLS = 1.0
"""Seconds for a stand-in that is given up to say where it stands."""
_PAGE = 4096
_MOST_FDS = 1 << 16


_kept: list[mmap.mmap] = []


class _Served:
    """A process of the target's that a channel is for. `handle` is owned: its pidfd."""

    __slots__ = ("handle", "pid", "since")

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.since = time.monotonic()
        try:
            self.handle = os.pidfd_open(pid)
        except OSError:
            self.handle = -1

    def is_late(self) -> bool:
        """Whether what is to come within seconds has not come."""
        return time.monotonic() - self.since > _LATE


class Nursery:
    """Minds the channels of one run."""

    def __init__(self, remote: Any, wanted: Any, rundir: str) -> None:
        self.remote, self.wanted, self.rundir = remote, wanted, rundir
        self._served: dict[int, _Served] = {}
        self._stand_ins: dict[int, int] = {}
        self._found = ffi.new("uint32_t[]", lib.REMOTE_CHANNELS)

    def run(self) -> None:
        """For ever: whoever started us ends us."""
        seen = 0
        while True:
            seen = lib.remote_claims(self.remote, seen, _LOOK)
            self._collect()
            for place in range(lib.remote_used(self.remote, self._found)):
                index = self._found[place]
                self._look(index, lib.remote_channel(self.remote, index))

    def _collect(self) -> None:
        """Children that have ended: one that never ran leaves somebody waiting."""
        while self._stand_ins or self._served:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            index = self._stand_ins.pop(pid, None)
            if index is not None:
                channel = lib.remote_channel(self.remote, index)
                if channel.state == lib.REMOTE_STARTING:
                    lib.remote_set_state(channel, lib.REMOTE_BROKEN)

    def _look(self, index: int, channel: Any) -> None:
        served = self._served.get(index)
        if channel.gave_up == 1:
            self._give_up(channel)
        if channel.unborn:
            self._look_unborn(index, channel)
        elif served is None or served.pid != channel.pid:
            self._begin(index, channel)
        elif served.handle < 0 or _ended(served.handle):
            self._end(index, channel)
        elif channel.state == lib.REMOTE_STARTING and served.is_late():
            lib.remote_set_state(channel, lib.REMOTE_BROKEN)

    def _begin(self, index: int, channel: Any) -> None:
        """Somebody new: from a fork, with a stand-in, or not yet."""
        if channel.state == lib.REMOTE_FREE:
            return
        self._forget(index)
        for other in list(self._served):
            theirs = lib.remote_channel(self.remote, other)
            # In this order: who is born changes the pid first.
            if not theirs.unborn and theirs.pid == channel.pid:
                self._end(other, theirs)  # it has become another program
        self._served[index] = _Served(channel.pid)
        if channel.state == lib.REMOTE_STARTING and not channel.forked:
            self._start(index, channel)

    def _start(self, index: int, channel: Any) -> None:
        nursery = os.getpid()
        try:
            pid = os.fork()
        except OSError:
            lib.remote_set_state(channel, lib.REMOTE_BROKEN)
            return
        if pid:
            self._stand_ins[pid] = index
            channel.stand_in = pid
            return
        try:
            if not lib.remote_end_with(nursery):
                self._become(channel, nursery)
        except Told:
            pass
        except BaseException:
            sys.__excepthook__(*sys.exc_info())
        finally:
            os._exit(1)

    def _become(self, channel: Any, nursery: int) -> None:
        os.closerange(3, _MOST_FDS)
        stand_in = StandIn(self.remote, channel, nursery, self.rundir)
        stand_in.set_up(self.wanted)
        stand_in.serve()
        # Another thread of it serves now; this one's end would be the process's.
        while True:
            signal.pause()

    def _look_unborn(self, index: int, channel: Any) -> None:
        served = self._served.get(index)
        if served is None or served.pid != channel.pid:
            self._forget(index)
            self._served[index] = _Served(channel.pid)
        elif served.is_late() and lib.remote_disown(channel, served.pid):
            self._end(index, channel)

    def _give_up(self, channel: Any) -> None:
        """Its stand-in says where it stands, if it can, and ends."""
        file = f"{self.rundir}/gave-up.{channel.pid}"
        until = time.monotonic() + _TELLS
        _send(channel.stand_in, WHERE)
        while not os.path.exists(file) and time.monotonic() < until:  # noqa: PTH110
            time.sleep(0.01)
        self._kill(channel)
        if not os.path.exists(file):  # noqa: PTH110 pathlib is not there
            write_whole(file, f"-1 {channel.call.id}\n")
        lib.remote_gave_up(channel)

    def _end(self, index: int, channel: Any) -> None:
        self._forget(index)
        self._kill(channel)
        lib.remote_free(channel)

    def _kill(self, channel: Any) -> None:
        if channel.stand_in:
            _send(channel.stand_in, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(channel.stand_in, 0)
            self._stand_ins.pop(channel.stand_in, None)
            channel.stand_in = 0

    def _forget(self, index: int) -> None:
        served = self._served.pop(index, None)
        if served and served.handle >= 0:
            os.close(served.handle)


def _send(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _ended(handle: int) -> bool:
    watch = select.poll()
    watch.register(handle, select.POLLIN)
    return bool(watch.poll(0))


def _map(path: str, size: int) -> Any:
    """The file, 0: all of it, for as long as we live."""
    with open(path, "r+b") as file:
        memory = mmap.mmap(file.fileno(), size)
    _kept.append(memory)
    return ffi.cast("void *", ffi.from_buffer(memory))


def main(rundir: str, host: int) -> None:
    """Never returns."""
    lib.remote_adopts()
    if lib.remote_end_with(host):
        return
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    remote = ffi.cast("struct remote *", _map(f"{rundir}/hooks", 0))
    arena = ffi.cast("struct arena *", _map(f"{rundir}/arena", _PAGE))
    lib.remote_share(_map(f"{rundir}/arena", arena.chunks_at))
    with open(f"{rundir}/plan", "rb") as file:
        raw = file.read()
    header = ffi.cast("struct plan *", ffi.from_buffer(raw))
    path, size, rest = raw[header.bridge_plan :].split(b"\n", 2)
    wanted = marshal.loads(rest[: int(size)])
    run_options.give(wanted["options"])
    if lib.remote_take(ffi.addressof(remote, "nursery")):
        lib.remote_close(remote)
        return
    sys.path[:] = text_of(path).split(":")
    sys.argv[:] = [""]
    Nursery(remote, wanted, rundir).run()
