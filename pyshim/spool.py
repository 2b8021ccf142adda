"""The spool: the file that the drain thread appends records to, and its one reader.

It is read in pieces, so that a trace of any length needs little memory. The file has no
name and vanishes with the process.
"""

from __future__ import annotations

import os
import struct
import tempfile
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from operator import itemgetter
from typing import BinaryIO

from pyshim._host import ffi

RECORD = struct.Struct("<QIHHIIQQqihHQBBHI")
"""struct record of wire.h."""
NEVER = 1 << 64
"""A time that no call ends at."""

_SIZE, _LEFT = 1, 7
_SIZE_AND_LEFT = struct.Struct("<8xI20xQ")
_PIECE = 1 << 14
"""Bytes. So few that the memory for what is made of them is that of the piece before:
with four times as many, an event takes up to twice as long."""
_MOST = 256
"""Records given out at once: a slow plugin must not be busy with them for long."""
_FAR = 1 << 18
"""Bytes to the next mark from when on more of them are needed."""

assert RECORD.size == ffi.sizeof("struct record")

Record = tuple[int, tuple[int, ...], int, bytes]
"""When its call ended, in ticks; its header; where in which bytes it stands."""
_left = itemgetter(0)


class Spool:
    """Gives the records back in the order in which their calls ended.

    They were drained one chunk after the other, so a record may stand behind some that
    are later than itself. How far, the marks say: at most that much is held in memory.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.read_at = 0
        self._rest = b""
        self._held: list[Record] = []
        self._ready = 0
        """How many of those held can go, from the front."""
        self._given = 0
        self._marks: deque[tuple[int, int]] = deque()
        self._horizon = 0

    @property
    def size(self) -> int:
        """Bytes that were written up to now."""
        return os.fstat(self.file.fileno()).st_size

    @property
    def share(self) -> float:
        """How much of what was written up to now was given back, from 0 to 1."""
        parsed = self._given + len(self._held)
        return self.read_at / self.size * self._given / parsed if parsed else 0.0

    def mark(self, horizon: int, size: int) -> None:
        """Of all calls that ended before `horizon`, the first `size` bytes tell.

        Marks come in order. At the end, when nothing more will be written: NEVER.
        """
        if self._marks and self._marks[-1][0] == size:
            self._marks.pop()
        self._marks.append((size, horizon))

    def read(self) -> list[Record] | None:
        """The next few records that no other can come before; None: no more by now.

        Reads only a piece, and may find none in it.
        """
        if not self._ready and not self._read_piece():
            return None
        count = min(self._ready, _MOST)
        records = self._held[:count]
        del self._held[:count]
        self._ready -= count
        self._given += count
        return records

    def _read_piece(self) -> bool:
        """Whether that changed anything."""
        if self._marks and self._marks[0][0] - self.read_at > _FAR:
            self._look_ahead()
        data = os.pread(self.file.fileno(), _PIECE, self.read_at)
        self.read_at += len(data)
        whole, self._rest = _split(self._rest + data)
        self._held += whole
        if self._pass_marks():
            self._held.sort(key=_left)
            self._ready = bisect_left(self._held, self._horizon, key=_left)
        return bool(data or self._ready)

    def _pass_marks(self) -> bool:
        """Whether the horizon moved."""
        before = self._horizon
        while self._marks and self._marks[0][0] <= self.read_at:
            self._horizon = max(self._horizon, self._marks.popleft()[1])
        return self._horizon > before

    def _look_ahead(self) -> None:
        """Put marks on the way to the next one, by what is between them."""
        least = self._marks[0][1]
        for end, earliest in reversed(list(self._steps(self._marks[0][0]))):
            self._marks.appendleft((end, least))
            least = min(least, earliest)

    def _steps(self, size: int) -> Iterator[tuple[int, int]]:
        """Up to `size`: where a step ends, and when the earliest call in it ended."""
        at, rest = self.read_at, self._rest
        while at < size:
            data = os.pread(self.file.fileno(), min(_PIECE, size - at), at)
            at += len(data)
            rest += data
            earliest, used = _earliest(rest)
            rest = rest[used:]
            yield at, earliest


def _split(data: bytes) -> tuple[list[Record], bytes]:
    """The whole records, and what is left over."""
    found: list[Record] = []
    at, last = 0, len(data) - RECORD.size
    unpack = RECORD.unpack_from
    while at <= last:
        header = unpack(data, at)
        end = at + header[_SIZE]
        if end > len(data):
            break
        found.append((header[_LEFT], header, at, data))
        at = end
    return found, data[at:]


def _earliest(data: bytes) -> tuple[int, int]:
    """Of the whole records: when the earliest call ended; and the bytes of them all."""
    ended = [NEVER]
    at, last = 0, len(data) - RECORD.size
    while at <= last:
        size, left = _SIZE_AND_LEFT.unpack_from(data, at)
        if at + size > len(data):
            break
        ended.append(left)
        at += size
    return min(ended), at


def nameless_file() -> BinaryIO:
    """On disk if there is a folder to write to, else in memory."""
    try:
        return tempfile.TemporaryFile(prefix="pyshim-trace-")
    except OSError:
        return open(os.memfd_create("pyshim-trace"), "w+b")
