"""What a hook in the target may return. Imported in the target: nothing heavy here."""

from __future__ import annotations

import errno as _errno


class Errno:
    """Fail the call with this errno, by name or number; the real call is not made."""

    __slots__ = ("number",)

    def __init__(self, error: str | int) -> None:
        if isinstance(error, str):
            number = getattr(_errno, error, None)
            if not isinstance(number, int):
                raise ValueError(f"no errno is called {error!r}")
            error = number
        self.number = error

    def __repr__(self) -> str:
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
