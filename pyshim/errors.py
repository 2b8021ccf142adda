"""The one error that pyshim itself raises, and how it names the way out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PyshimError(Exception):
    """Pyshim refuses: the command line prints one line and ends with 125.

    The message names what was wrong; `allowed` (what would be right) and `nearest`
    (the right word the user most likely meant) are appended when given.
    """

    def __init__(self, message: str, *, allowed: str = "", nearest: str = "") -> None:
        parts = [message]
        if nearest:
            parts.append(f"did you mean {nearest!r}?")
        if allowed:
            parts.append(f"allowed: {allowed}")
        super().__init__("; ".join(parts))


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
