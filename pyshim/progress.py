"""A line on the terminal about work that takes long; nothing about other work."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

_LONG = 2.0
_SURE_AFTER = 0.2
_EVERY = 0.1
_ERASE = "\x1b[K"


class Progress:
    """Shown from when more than two seconds seem to be left, until `end`.

    `out`: a terminal, or None to show nothing. The cursor stays at the start of the
    line: whatever else is written there takes its place.
    """

    def __init__(
        self, out: TextIO | None, what: str, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._out = out
        self._what = what
        self._now = now
        self._began = now()
        self._next = self._began + _SURE_AFTER
        self._shown = False

    def at(self, share: float) -> None:
        """How much is done, from 0 to 1."""
        now = self._now()
        if self._out is None or now < self._next or share <= 0:
            return
        left = (now - self._began) * (1 - share) / share
        if self._shown or left > _LONG:
            self._shown = True
            self._next = now + _EVERY
            self._write(f"{self._what}: {share:.0%}".replace("%", " %"))

    def end(self) -> None:
        """Erase the line."""
        if self._shown:
            self._write("")

    def _write(self, text: str) -> None:
        assert self._out is not None
        # A terminal that is gone is no reason to lose the work.
        with suppress(OSError):
            self._out.write(f"{_ERASE}{text}\r")
            self._out.flush()
