"""The program's memory, as a stand-in reaches it: by the thread that waits for it.

The thread reads, writes and asks the kernel for us (shim/remote.c). So no right is
needed to trace the program, which containers and Yama refuse, and no pid of it.
"""

from __future__ import annotations

import os

from pyshim._host import ffi, lib
from pyshim.inside.memory import text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyshim.outside.stand_in import StandIn

_KEPT = 4
"""As in pyshim/inside/memory.py."""
_PAGE = 4096
_SMALLEST = 64
_MANY_THREADS = 64
"""So many have strings of ours: time to see which of them have ended."""


class _Lent:
    """A copy of the program's memory, given to a hook as if it were that itself."""

    __slots__ = ("address", "copy", "view", "writable")

    def __init__(self, address: int, copy: bytearray, writable: bool) -> None:
        self.address = address
        self.copy = copy
        self.writable = writable
        view = memoryview(copy)
        self.view = view if writable else view.toreadonly()


class FarMemory:
    """What pyshim.inside.memory.Memory is to hooks inside."""

    def __init__(self, stand_in: StandIn) -> None:
        self._at = stand_in
        self._lent: list[_Lent] = []
        self._kept: dict[int, list[tuple[int, int]]] = {}
        self._free: dict[int, list[int]] = {}
        self.now = ffi.new("struct call *")
        self.entering = True
        self.count = 0
        self.delay = 0
        self.narrowed: dict[int, tuple[int, int]] = {}

    def text(self, address: int) -> bytes | None:
        """The string there; None for NULL, and where the kernel would say EFAULT."""
        if not address:
            return None
        channel = self._at.channel
        for given in channel.texts:
            if given.address == address and not self._lent:
                return bytes(ffi.buffer(given.text, given.length))
        length = self._ask(lib.WANT_TEXT, address, 0)
        if length < 0:
            return None
        first = ffi.buffer(channel.window, min(length, lib.REMOTE_WINDOW))[:]
        rest = self._read(address + len(first), length - len(first))
        return None if rest is None else first + rest

    def number(self, address: int, size: int) -> int | None:
        """The integer of `size` bytes there; None where it can't be read."""
        raw = self._read(address, size) if address else None
        return None if raw is None else int.from_bytes(raw, "little")

    def view(self, address: int, size: int, writable: bool) -> memoryview | None:
        """A copy, until `release`, that goes back where it was written to."""
        for lent in self._lent:
            if (lent.address, len(lent.copy), lent.writable) == (
                *(address, size, writable),
            ):
                return lent.view
        raw = self._read(address, size) if address else None
        if raw is None:
            return None
        self._lent.append(_Lent(address, bytearray(raw), writable))
        return self._lent[-1].view

    def release(self) -> None:
        """Take back what `view` gave: the hook has returned."""
        while self._lent:
            lent = self._lent.pop()
            if lent.writable:
                self._write(lent.address, bytes(lent.copy))
            lent.view.release()

    def path(self, place: int) -> str | None:
        """The path that argument means, or the file behind it, made absolute."""
        channel = self._at.channel
        length = lib.remote_want(self._at.remote, channel, lib.WANT_PATH, 0, place)
        if length < 0:
            return None
        address = channel.address
        raw = self._read(address, length)
        return None if raw is None else text_of(raw)

    def real(self) -> bool:
        """Make the call now. False: it is none that can be made from a hook."""
        return self._at.real()

    def wait(self, nanoseconds: int) -> None:
        """Let the thread wait for so long once all hooks have returned."""
        self.delay = nanoseconds

    def narrow(self, number: int, signed: int, unsigned: int) -> None:
        """Which arguments of a call are of 32 bits: the kernel ignores the others."""
        self.narrowed[number] = signed, unsigned

    def count_error(self, hook: int, error: int) -> None:
        """In memory that the host sees: enum hook_error of shim/wire.h."""
        lib.remote_count_error(hook, error)

    def keep(self, text: bytes) -> int:
        """The address, in the target, of a copy of it with a NUL behind."""
        if len(self._kept) > _MANY_THREADS:
            self._forget_ended()
        text += b"\0"
        size = max(_SMALLEST, 1 << (len(text) - 1).bit_length())
        address = self._room(size)
        if not self._write(address, text):
            raise MemoryError("no room in the target")
        kept = self._kept.setdefault(self.now.tid, [])
        kept.append((size, address))
        for old, at in kept[:-_KEPT]:
            self._free[old].append(at)
        del kept[:-_KEPT]
        return address

    def forget(self, tid: int) -> None:
        """A thread has ended."""
        for size, address in self._kept.pop(tid, ()):
            self._free[size].append(address)

    def _forget_ended(self) -> None:
        for tid in list(self._kept):
            if not os.path.exists(f"/proc/{self._at.channel.pid}/task/{tid}"):  # noqa: PTH110
                self.forget(tid)

    def _room(self, size: int) -> int:
        free = self._free.setdefault(size, [])
        if not free:
            whole = max(size, _PAGE)
            at = self._ask(lib.WANT_MEMORY, 0, whole)
            if -_PAGE < at < 0:
                raise MemoryError("no room in the target")
            free.extend(range(at, at + whole, size))
        return free.pop()

    def _ask(self, word: int, address: int, size: int) -> int:
        at = self._at
        return int(lib.remote_want(at.remote, at.channel, word, address, size))

    def _read(self, address: int, size: int) -> bytes | None:
        parts = []
        for start in range(0, size, lib.REMOTE_WINDOW):
            part = min(size - start, lib.REMOTE_WINDOW)
            if self._ask(lib.WANT_READ, address + start, part) < 0:
                return None
            parts.append(ffi.buffer(self._at.channel.window, part)[:])
        return b"".join(parts)

    def _write(self, address: int, raw: bytes) -> bool:
        for start in range(0, len(raw), lib.REMOTE_WINDOW):
            part = raw[start : start + lib.REMOTE_WINDOW]
            ffi.memmove(self._at.channel.window, part, len(part))
            if self._ask(lib.WANT_WRITE, address + start, len(part)) < 0:
                return False
        return True
