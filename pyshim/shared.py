"""`Counter` and `Shared`: what all processes of a run know in common.

Imported by every plugin, in the host and in the target: nothing heavy here. The memory
and what makes it safe are in shim/shared.h, compiled into both sides.
"""

from __future__ import annotations

import errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_ffi: Any = None
_lib: Any = None
"""shim/shared.h as this side has it: `attach` in the target, else pyshim._host."""
_copy: Any = None
"""The type of what a value is copied to; from a text, it would be found each time."""


def attach(ffi: Any, lib: Any) -> None:
    """In the target, before any plugin is imported: use the bridge's."""
    global _ffi, _lib, _copy
    _ffi, _lib, _copy = ffi, lib, ffi.typeof("struct shared_copy *")


def _place(kind: str, name: str) -> int:
    """Where the run keeps what is called so; all names are taken in the same order."""
    if _lib is None:
        from pyshim._host import ffi, lib

        attach(ffi, lib)
    raw = name.encode()
    if not 0 < len(raw) <= _lib.SHARED_NAME or b"\0" in raw:
        raise ValueError(
            f"a name has 1 to {_lib.SHARED_NAME} bytes and no NUL, not as {name!r}"
        )
    place: int = _lib.shared_find(getattr(_lib, kind), raw)
    if place < 0:
        raise _failure(-place, name)
    return place


def _failure(error: int, name: str) -> OSError:
    """In words; one for ETIMEDOUT is a TimeoutError."""
    text = {
        errno.ENOSPC: f"a run has room for {_lib.SHARED_NAMES} names",
        errno.ENXIO: "this process has no memory in common with the run",
        errno.EMSGSIZE: f"a value has at most {_lib.SHARED_BYTES} bytes",
        errno.ETIMEDOUT: "a stopped process is just writing a value",
    }.get(error, "the run's memory is damaged")
    return OSError(error, f"{text}: {name!r}")


def _bytes(copy: Any) -> bytes:
    found: bytes = _ffi.buffer(copy.bytes)[: copy.size]
    return found


class Counter:
    """A number that all processes of the run share: `OPENS = Counter("opens")`.

    Made anywhere, in the host and in the target; whoever gives the same name has the
    same number, so begin it with your plugin's. It starts at 0 with each run, has 64
    bits with a sign and wraps. What `pyshim_configure` sets, the target finds; what the
    target counted, `pyshim_event` and `pyshim_report` find.

    Names have up to 55 bytes (ValueError), a run up to 256 of them (OSError).
    """

    __slots__ = ("_at", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._at = _place("SHARED_COUNTER", name)

    def add(self, n: int = 1) -> int:
        """Count on by `n`, which may be negative; returns the new number.

        In one step: of all threads of all processes no two get the same.
        """
        number: int = _lib.shared_add(self._at, n)
        return number

    @property
    def value(self) -> int:
        """The number as it is now; may be set."""
        number: int = _lib.shared_number(self._at)
        return number

    @value.setter
    def value(self, number: int) -> None:
        _lib.shared_put_number(self._at, number)

    def __repr__(self) -> str:
        return f"<Counter {self.name!r}: {self.value}>"


class Shared:
    """A few bytes that all processes of the run share: `LAST = Shared("last")`.

    Up to 240 bytes, empty at the start of a run. Who reads never waits, and gets one
    whole value, whichever process is just writing or was killed while it wrote. Names
    are as those of `Counter`, and apart from them.
    """

    __slots__ = ("_at", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._at = _place("SHARED_VALUE", name)

    def get(self) -> bytes:
        """The value as it is now."""
        return _bytes(self._copied())

    def set(self, value: bytes) -> None:
        """Put `value` in its place; OSError when it is too long.

        TimeoutError when a process was stopped (SIGSTOP, a debugger) in the middle of
        its own `set` and did not go on for five seconds.
        """
        self._write(value, _ffi.NULL)

    def update(self, function: Callable[[bytes], bytes]) -> bytes:
        """Put `function(value)` in place of the value, and return it.

        As in one step: when another process was first, `function` is called again with
        what that one has put there. So it should do nothing else. No lock is held
        meanwhile: it may take long, raise, or never come back.
        """
        while True:
            seen = self._copied()
            new = function(_bytes(seen))
            if self._write(new, seen):
                return new

    def _copied(self) -> Any:
        copy = _ffi.new(_copy)
        _lib.shared_get(self._at, copy)
        return copy

    def _write(self, value: bytes, seen: Any) -> bool:
        """False: it was set since `seen` was copied."""
        if not isinstance(value, bytes):
            raise TypeError(f"a shared value is bytes, not {type(value).__name__}")
        error: int = -_lib.shared_set(self._at, value, len(value), seen)
        if error and error != errno.EAGAIN:
            raise _failure(error, self.name)
        return not error

    def __repr__(self) -> str:
        return f"<Shared {self.name!r}: {self.get()!r}>"
