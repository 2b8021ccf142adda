"""Where Python hooks run, and the nursery of those that run in the host.

In the target where that can be, else in processes of the host's (pyshim/outside):
chosen here before the start, in shim/python.c by a process that refuses, or by an
option.
"""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from pyshim._host import ffi, lib
from pyshim._proctree import state
from pyshim.arena import GONE
from pyshim.calls import LIB
from pyshim.errors import PyshimError

AUTO, TARGET, HOST = "auto", "target", "host"
CHOICES = (AUTO, TARGET, HOST)
NO_LIBPYTHON = "this Python has no shared libpython"
_PAGE = 4096
_SPINS = 1500
"""Rounds for which who waits for a turn keeps its processor: about 50 us, more than a
turn takes and less than the kernel needs to wake somebody who sleeps."""
_PROGRAM = (
    "import sys; rundir, host, *sys.path = sys.argv[1:]; "
    "from pyshim.outside.nursery import main; main(rundir, int(host))"
)
_BARE = ("-I", "-S", "-B", "-u", "-X", "utf8")
"""As shim/embed.c starts the interpreter inside."""


def inside_possible() -> bool:
    """Whether there is a bridge for the target at all."""
    return (LIB / "libpybridge.so").exists()


def choose(wanted: str) -> tuple[str, str]:
    """Where hooks run, target, host or auto; and why, where that is to be said.

    Raises PyshimError when they can't run where they must.
    """
    if wanted == TARGET and not inside_possible():
        raise PyshimError(
            f"--bridge=target: {NO_LIBPYTHON}", allowed="--bridge=host, auto"
        )
    if wanted != AUTO or inside_possible():
        return wanted, ""
    return HOST, NO_LIBPYTHON


class HostBridge:
    """The shared memory of the stand-ins of one run, and their nursery."""

    def __init__(
        self, rundir: Path, search_path: tuple[str, ...], say: Callable[[str], None]
    ) -> None:
        """Raises OSError where there is no room for it. On the main thread only: the
        target takes its end for the host's."""
        self._rundir, self._search_path, self._say = rundir, search_path, say
        self._nursery: subprocess.Popen[bytes] | None = None
        size = _PAGE * (lib.REMOTE_CHANNELS + 1)
        with open(rundir / "hooks", "x+b") as file:
            os.posix_fallocate(file.fileno(), 0, size)
            self._memory = mmap.mmap(file.fileno(), size)
        self._remote: Any = ffi.cast("struct remote *", ffi.from_buffer(self._memory))
        self._remote.magic = lib.REMOTE_MAGIC
        self._remote.version = lib.REMOTE_VERSION
        self._remote.spins = _SPINS if len(os.sched_getaffinity(0)) > 1 else 0
        lib.remote_take(ffi.addressof(self._remote, "host"))

    def start(self) -> None:
        """Before the target starts, or when one of its processes has called."""
        words = (sys.executable, *_BARE, "-c", _PROGRAM)
        args = (str(self._rundir), str(os.getpid()), *self._search_path)
        try:
            self._nursery = subprocess.Popen((*words, *args), start_new_session=True)
        except OSError as error:
            lib.remote_close(self._remote)
            self._say(f"Python hooks can't run in the host: {error.strerror}")

    def tick(self) -> None:
        """Has a process called that was to have its hooks inside?"""
        if self._nursery is None and self._remote.claims and not self._remote.closed:
            self._say(f"Python hooks run in the host: {self._why()}")
            self.start()
        elif self._nursery and not self._remote.closed and self._nursery.poll():
            lib.remote_close(self._remote)
            self._say("Python hooks don't run any more: the process for them has ended")

    def _why(self) -> str:
        for channel in self._channels():
            if channel.why:
                why = bytes(ffi.buffer(channel.window, channel.why))
                return (
                    f"refused in process {channel.pid}: {why.decode(errors='replace')}"
                )
        return "refused in a process"

    def _channels(self) -> Iterator[Any]:
        for index in range(lib.REMOTE_CHANNELS):
            channel = lib.remote_channel(self._remote, index)
            if channel.pid:
                yield channel

    def report(self) -> None:
        """When the target has ended: whose hooks end here, or were nowhere."""
        if self._remote.full:
            self._say(
                f"{_processes(self._remote.full)} found no room for Python hooks "
                f"in the host: {lib.REMOTE_CHANNELS} at a time have it"
            )
        running = {each.pid for each in self._channels() if state(each.pid) not in GONE}
        if running and self._nursery:
            self._say(
                f"{_processes(len(running))} outlived the run, and will not be asked "
                "about: their Python hooks ran in the host"
            )

    def stop(self) -> None:
        """End the nursery and all stand-ins; what still runs of the target goes on."""
        lib.remote_close(self._remote)
        if self._nursery is not None:
            with suppress(OSError):
                self._nursery.kill()
            self._nursery.wait()


def _processes(count: int) -> str:
    return "1 process" if count == 1 else f"{count} processes"
