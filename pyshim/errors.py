"""The one error that pyshim itself raises, and how it names the way out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from pyshim.excerpt import Excerpt


class PyshimError(Exception):
    """Pyshim refuses: the command line prints it and ends with 125.

    The message names what was wrong; `allowed` (what would be right) and `nearest`
    (the right word the user most likely meant) are appended when given. `at` is the
    part of what the user wrote that is wrong; the command line points at it.
    """

    def __init__(
        self,
        message: str,
        *,
        allowed: str = "",
        nearest: str = "",
        at: Excerpt | None = None,
    ) -> None:
        parts = [message]
        if nearest:
            parts.append(f"did you mean {nearest!r}?")
        if allowed:
            parts.append(f"allowed: {allowed}")
        super().__init__("; ".join(parts))
        self.at = at

    def told(self) -> str:
        """The message; below it what the user wrote, and carets where it is wrong."""
        lines = self.at.pointed_at() if self.at is not None else ()
        return "\n  ".join([str(self), *lines])


class PluginError(PyshimError):
    """A plugin could not be loaded or breaks a hookspec."""


class UsageError(PyshimError):
    """A command line, an expression or an option that pyshim does not understand."""


def _distance(word: str, other: str) -> tuple[float, int]:
    ratio = difflib.SequenceMatcher(None, word, other).ratio()
    return -ratio, abs(len(word) - len(other))


def nearest(word: str, words: Iterable[str]) -> str:
    """The word among `words` closest to `word`, or "" when none is close."""
    found = difflib.get_close_matches(word, list(words), n=5, cutoff=0.6)
    return min(found, key=lambda each: _distance(word, each), default="")
