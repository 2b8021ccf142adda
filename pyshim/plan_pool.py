"""The end of a plan: texts and small arrays that its fixed parts point to."""

from __future__ import annotations

import os

_WORD = 8


class Pool:
    """Grows at `base`, bytes from the start of the plan. Each thing is there once."""

    def __init__(self, base: int) -> None:
        self.data = bytearray()
        self._base = base
        self._known: dict[bytes, int] = {}

    def text(self, text: str | bytes) -> int:
        """Offset of a text, which ends in NUL; an empty one is nowhere: 0."""
        raw = os.fsencode(text) if isinstance(text, str) else text
        return self._add(raw + b"\0") if raw else 0

    def array(self, raw: bytes) -> int:
        """Offset of an array of words."""
        if raw not in self._known:
            self.data += b"\0" * (-(self._base + len(self.data)) % _WORD)
        return self._add(raw)

    def _add(self, raw: bytes) -> int:
        if raw not in self._known:
            self._known[raw] = self._base + len(self.data)
            self.data += raw
        return self._known[raw]
