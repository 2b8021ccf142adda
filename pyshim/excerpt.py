"""Part of a text that the user wrote, which knows where it stands there.

Parsers cut excerpts out of excerpts, so that an error can point at the very word that
it is about: `pyshim.errors` takes one, the command line draws it.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

_ROOM = 76
"""Columns of a terminal that a rule and its carets are shown in."""
_CUT = "..."


@dataclass(frozen=True, slots=True)
class Excerpt:
    """`whole[start:end]`."""

    whole: str
    start: int
    end: int

    @classmethod
    def of(cls, text: str | Excerpt) -> Excerpt:
        """All of a text; an excerpt stays what it is."""
        return text if isinstance(text, Excerpt) else cls(text, 0, len(text))

    def __str__(self) -> str:
        """The text itself."""
        return self.whole[self.start : self.end]

    def __len__(self) -> int:
        return self.end - self.start

    def part(self, start: int, end: int | None = None) -> Excerpt:
        """A slice of it; places count from its beginning."""
        end = self.end if end is None else self.start + end
        return Excerpt(self.whole, self.start + start, end)

    def partition(self, separator: str) -> tuple[Excerpt, str, Excerpt]:
        """As str.partition does it."""
        before, found, _ = str(self).partition(separator)
        return self.part(0, len(before)), found, self.part(len(before) + len(found))

    def split(self, separator: str) -> list[Excerpt]:
        """As str.split does it."""
        parts, rest, found = [], self, separator
        while found:
            before, found, rest = rest.partition(separator)
            parts.append(before)
        return parts

    def pointed_at(self) -> tuple[str, str]:
        """The whole text on one line, and carets under this part: one at least, as
        where something is missing. Of a text too wide for a terminal, what is near."""
        begin, before = _nearer(self.whole[: self.start])
        mark = _shown(str(self))[: _ROOM // 2]
        after = _shown(self.whole[self.end :])
        room = _ROOM - len(before) - len(mark)
        line = before + mark + (after if len(after) <= room else after[:room] + _CUT)
        return begin + line, " " * _width(begin + before) + "^" * (_width(mark) or 1)


def _nearer(before: str) -> tuple[str, str]:
    shown = _shown(before)
    if len(shown) <= _ROOM // 2:
        return "", shown
    return _CUT, shown[-_ROOM // 2 :]


def _shown(text: str) -> str:
    """With no character that would move the carets away or break the line."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def _width(text: str) -> int:
    """Columns on a terminal."""
    return sum(_columns(each) for each in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
