"""The named pipes by which libfiu's fiu-ctrl speaks to processes: PATH-PID.in, .out.

The host makes a pair for each process of the run and answers in its place: a line asks,
`0` or `-1` answers. Nothing here waits for who is at the other end.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pyshim.arena import Arena
from pyshim.errors import PyshimError, UsageError

_LOOK_EVERY = 0.05
"""Seconds between two looks for new processes."""
_MOST = 256
"""Processes with pipes: each takes a descriptor."""
_LONGEST_LINE = 512
"""libfiu's."""


@dataclass(slots=True)
class _Pair:
    """The pipes of one process."""

    asks: Path
    answers: Path
    fd: int
    """Of `asks`, which never blocks."""
    read: bytes = b""
    told: bytes = b""
    """Not yet: nobody reads `answers`."""


class Fifos:
    """`obey` raises PyshimError for what it refuses."""

    def __init__(self, base: str, arena: Arena, obey: Callable[[str], None]) -> None:
        if not Path(base).absolute().parent.is_dir():
            raise UsageError(f"fiu: -f {base}: no such folder")
        self._base = base
        self._arena = arena
        self._obey = obey
        self._pairs: dict[int, _Pair] = {}
        self._refused: set[int] = set()
        self._looked = 0.0

    def tick(self) -> None:
        """Serve who asks, and now and then see who came and went."""
        now = time.monotonic()
        if now - self._looked > _LOOK_EVERY:
            self._looked = now
            self._look()
        for pair in self._pairs.values():
            self._serve(pair)

    def close(self) -> None:
        """Remove all pipes."""
        for pid in tuple(self._pairs):
            self._remove(pid)

    def _look(self) -> None:
        running = set(self._arena.running())
        for pid in self._pairs.keys() - running:
            self._remove(pid)
        self._refused &= running
        for pid in running - self._pairs.keys() - self._refused:
            self._add(pid)

    def _add(self, pid: int) -> None:
        """Where there can be none, that process can't be asked; as in libfiu."""
        asks, answers = (Path(f"{self._base}-{pid}.{end}") for end in ("in", "out"))
        try:
            if len(self._pairs) >= _MOST:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            _make(asks)
            fd = os.open(asks, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            # Last: fiu-ctrl looks for it.
            _make(answers)
        except OSError:
            self._refused.add(pid)
            return
        self._pairs[pid] = _Pair(asks, answers, fd)

    def _remove(self, pid: int) -> None:
        pair = self._pairs.pop(pid)
        os.close(pair.fd)
        for path in (pair.asks, pair.answers):
            with suppress(OSError):
                path.unlink()

    def _serve(self, pair: _Pair) -> None:
        if not pair.told:
            with suppress(OSError):
                pair.read += os.read(pair.fd, _LONGEST_LINE)
            line, end, rest = pair.read.partition(b"\n")
            if end or len(line) > _LONGEST_LINE:
                pair.read = rest
                pair.told = self._answer(line)
        if pair.told:
            _tell(pair)

    def _answer(self, line: bytes) -> bytes:
        try:
            self._obey(line.decode("ascii"))
        except (PyshimError, UnicodeDecodeError):
            return b"-1\n"
        return b"0\n"


def _make(path: Path) -> None:
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        if not stat.S_ISFIFO(path.lstat().st_mode):
            raise


def _tell(pair: _Pair) -> None:
    """One line to who reads; ENXIO: not yet."""
    with suppress(OSError):
        fd = os.open(pair.answers, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(fd, pair.told)
            pair.told = b""
        finally:
            os.close(fd)
