"""What a hook in the target reaches of the program: the call, its memory, its paths.

The call that is being asked about lies at one place for all hooks of the process
(`now` in shim/embed_call.c), for only one of them runs at a time.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_KEPT = 4
"""Strings given by `Args` live until this many more were given in the same thread: the
call they belong to, and calls of signal handlers that interrupt it."""


def text_of(raw: bytes) -> str:
    """As os.fsdecode in UTF-8 mode; os would take 1 ms to import."""
    return raw.decode("utf-8", "surrogateescape")


def bytes_of(text: str | bytes) -> bytes:
    """As os.fsencode."""
    if not isinstance(text, (str, bytes)):
        raise TypeError(f"neither a number nor text: {text!r}")
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


class Memory:
    """The program's memory, as its own threads see it."""

    __slots__ = ("_ffi", "_kept", "_lent", "_lib", "_room", "now")

    def __init__(self, ffi: Any, lib: Any) -> None:
        self._ffi, self._lib = ffi, lib
        self._kept: dict[int, list[Any]] = {}
        self._lent: list[memoryview] = []
        self._room = ffi.new("char[4096]")
        self.now = ffi.addressof(lib, "now")

    @property
    def entering(self) -> bool:
        """Whether the call has not been made yet."""
        return bool(self._lib.now_entering)

    @property
    def count(self) -> int:
        """How often this call was asked about in this process."""
        return int(self._lib.now_count)

    def text(self, address: int) -> bytes | None:
        """The string there; None for NULL, and where the kernel would say EFAULT."""
        text = self._ffi.cast("char *", address)
        length = self._lib.text_length(text) if address else -1
        return None if length < 0 else self._ffi.buffer(text, length)[:]

    def number(self, address: int, size: int) -> int | None:
        """The integer of `size` bytes there; None where it can't be read."""
        at = self._ffi.cast("char *", address)
        if not address or not self._lib.can_read(at, size):
            return None
        return int.from_bytes(self._ffi.buffer(at, size)[:], "little")

    def view(self, address: int, size: int, writable: bool) -> memoryview | None:
        """The memory itself, until `release`; None where it can't be read."""
        at = self._ffi.cast("char *", address)
        if not address or (size and not self._lib.can_read(at, size)):
            return None
        view = memoryview(self._ffi.buffer(at, size))
        self._lent.append(view if writable else view.toreadonly())
        self._lib.now_lent = 1
        return self._lent[-1]

    def release(self) -> None:
        """Take back what `view` gave: the hook has returned."""
        while self._lent:
            self._lent.pop().release()

    def path(self, place: int) -> str | None:
        """The path that argument means, or the file behind it, made absolute."""
        if not self._lib.now_path(place, self._room):
            return None
        return text_of(self._ffi.string(self._room))

    def real(self) -> bool:
        """Make the call now. False: it is none that can be made from a hook."""
        return bool(self._lib.now_real())

    def wait(self, nanoseconds: int) -> None:
        """Let the thread wait for so long once all hooks have returned."""
        self._lib.now_delay = nanoseconds

    def narrow(self, number: int, signed: int, unsigned: int) -> None:
        """Which arguments of a call are of 32 bits: the kernel ignores the others."""
        self._lib.narrow(number, signed, unsigned)

    def count_error(self, hook: int, error: int) -> None:
        """In memory that the host sees: enum hook_error of shim/wire.h."""
        self._lib.count_error(hook, error)

    def keep(self, text: bytes) -> int:
        """The address of a copy with a NUL behind, good until the call is over."""
        memory = self._ffi.new("char[]", text)
        kept = self._kept.setdefault(self.now.tid, [])
        kept.append(memory)
        del kept[:-_KEPT]
        return int(self._ffi.cast("intptr_t", memory))

    def forget(self, tid: int) -> None:
        """A thread has ended."""
        self._kept.pop(tid, None)
