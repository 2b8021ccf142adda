"""What a hook in the target may return. Imported in the target: nothing heavy here."""

from __future__ import annotations

import errno as _errno

_CODES = ("EAI_", "GLOB_", "WRDE_", "HOST_", "TRY_", "NO_", "thrd_")
"""How the failures begin that are no errno: netdb.h, glob.h, wordexp.h, threads.h."""


class Errno:
    """Fail the call with this errno, by name or number; the real call is not made.

    Functions with failures of their own take those by name: `Errno("EAI_AGAIN")`.
    """

    __slots__ = ("code", "number")

    def __init__(self, error: str | int) -> None:
        self.code = ""
        if isinstance(error, str):
            number = getattr(_errno, error, None)
            if error.startswith(_CODES):
                self.code, number = error, 0
            if not isinstance(number, int):
                raise ValueError(f"no errno is called {error!r}")
            error = number
        self.number = error

    def __repr__(self) -> str:
        if self.code:
            return f"Errno({self.code!r})"
        return f"Errno({_errno.errorcode.get(self.number, self.number)!r})"


class Return:
    """Let the call return this number; the real call is not made."""

    __slots__ = ("value",)

    def __init__(self, value: int) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"Return({self.value})"


class Args:
    """Make the real call with some arguments changed: `Args(path="/tmp/x", flags=0)`.

    A str or bytes value becomes NUL-terminated memory, there until the call is over.
    """

    __slots__ = ("changes",)

    def __init__(self, **changes: int | str | bytes) -> None:
        self.changes = changes

    def __repr__(self) -> str:
        return f"Args({', '.join(f'{k}={v!r}' for k, v in self.changes.items())})"


class Short:
    """Make the real call with its byte count lowered to `count`: a short read or write.

    For calls whose buffer has a length argument: read, write, send, recv, pread...
    """

    __slots__ = ("count",)

    def __init__(self, count: int) -> None:
        if count < 0:
            raise ValueError(f"Short({count}): a count of bytes is not negative")
        self.count = count

    def __repr__(self) -> str:
        return f"Short({self.count})"


class Delay:
    """Let the thread wait so many seconds after the hook has returned, then `then`.

    Unlike a sleep in the hook it keeps no other thread's hooks waiting.
    """

    __slots__ = ("nanoseconds", "then")

    def __init__(
        self, seconds: float, then: Errno | Return | Args | Short | None = None
    ) -> None:
        self.nanoseconds = int(seconds * 1e9)
        if not 0 <= self.nanoseconds < 1 << 63:
            raise ValueError(f"Delay({seconds}): not a time to wait")
        self.then = then

    def __repr__(self) -> str:
        return f"Delay({self.nanoseconds / 1e9}, {self.then!r})"
