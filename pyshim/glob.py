r"""Globs over paths: what the `path=` of a rule means.

    *       any run of bytes without a slash, the empty one too
    **      any run of bytes, slashes too
    ?       one byte, no slash
    [a-z]   one byte of these, never a slash; [!a-z] or [^a-z] one that is not.
            A `]` stands for itself when first, a `-` when first or last
    \       takes its meaning from the character behind it

Only a slash matches a slash. A `[` that is never closed and a `\` at the end stand for
themselves. The whole path must match. Paths are bytes to the kernel, so a character of
several bytes is several `?`, and has no place between brackets.
"""

from __future__ import annotations

import os
import re

_SLASH, _STAR, _QUESTION, _OPEN, _CLOSE, _BACKSLASH, _DASH = b"/*?[]\\-"


def glob_match(pattern: str, text: str) -> bool:
    """Whether all of `text` matches: the readable twin of `shim/glob.c`."""
    return _match(os.fsencode(pattern), os.fsencode(text))


def glob_escape(path: str) -> str:
    """The glob that matches this path alone."""
    return re.sub(r"([*?\[\\])", r"\\\1", path)


def _match(pattern: bytes, text: bytes) -> bool:
    # Where to go on when nothing fits, as (pattern, text): behind the last `**`, behind
    # the last `*` after it. shim/glob.c says why these two are enough.
    any_star: tuple[int, int] | None = None
    part_star: tuple[int, int] | None = None
    at = here = 0
    while True:
        if (stars := _count_stars(pattern, at)) > 0:
            at += stars
            if stars > 1:
                any_star, part_star = (at, here), None
            else:
                part_star = at, here
        elif here == len(text):
            return at == len(pattern)
        elif end := _element(pattern, at, text[here]):
            at, here = end, here + 1
        elif part_star and text[part_star[1]] != _SLASH:
            at, here = part_star = part_star[0], part_star[1] + 1
        elif any_star:
            at, here = any_star = any_star[0], any_star[1] + 1
        else:
            return False


def _count_stars(pattern: bytes, at: int) -> int:
    return len(pattern) - at - len(pattern[at:].lstrip(b"*"))


def _element(pattern: bytes, at: int, byte: int) -> int:
    """The end of the element at `at` if it matches `byte`, otherwise 0."""
    if at == len(pattern):
        return 0
    if pattern[at] == _QUESTION:
        return at + 1 if byte != _SLASH else 0
    if pattern[at] == _OPEN and (end := _class_end(pattern, at + 1)):
        return end if _class_has(pattern[at + 1 : end - 1], byte) else 0
    literal, end = _literal(pattern, at)
    return end if literal == byte else 0


def _literal(pattern: bytes, at: int) -> tuple[int, int]:
    """The byte at `at`, which a backslash may stand before, and its end."""
    if pattern[at] == _BACKSLASH and at + 1 < len(pattern):
        at += 1
    return pattern[at], at + 1


def _class_end(pattern: bytes, at: int) -> int:
    """The place behind the `]` of the class that has its inside at `at`, or 0."""
    at += pattern[at : at + 1] in (b"!", b"^")
    first = at
    while at < len(pattern):
        if pattern[at] == _CLOSE and at > first:
            return at + 1
        at = _literal(pattern, at)[1]
    return 0


def _class_has(inside: bytes, byte: int) -> bool:
    negated = inside[:1] in (b"!", b"^")
    at, found = int(negated), False
    while at < len(inside):
        low, at = _literal(inside, at)
        high = low
        if inside[at : at + 1] == b"-" and at + 1 < len(inside):
            high, at = _literal(inside, at + 1)
        found |= low <= byte <= high
    return found != negated and byte != _SLASH
