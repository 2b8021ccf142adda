"""What a set of calls means: strace's grammar, read as strace 6.1 reads it.

    openat,%file    names and classes; empty parts count for nothing
    !read           all but these; each ! turns the whole set around
    /^f.*sync$      a POSIX extended regular expression, found anywhere in a name
    ?newname        no mistake if there is none
    39              the syscall of that number
    read@64         the kernel's read, of 64 bits; @32 and @x32 are not ours
    all, none

To strace a name is a syscall. Here it is a function of libc's, too (with its aliases),
and so it is to a regular expression; classes hold functions as well as syscalls.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyshim.errors import UsageError, nearest
from pyshim.excerpt import Excerpt
from pyshim.strace_names import BITS, CLASSES, NAMES, NUMBERS, OLD_CLASSES, has_number

if TYPE_CHECKING:
    from pyshim.calls import Call

_ALIASES = {"net": "network"}
_CLASSES_OF_BOTH = {"net", "creds", "clock", *CLASSES}
"""Classes of strace's, besides the old ones."""
_INT_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class _Word:
    """What one part of a set asks for."""

    has: Callable[[Call], bool]
    is_syscall: Callable[[Call], bool]
    """The same, where only the name of its syscall counts."""
    known: Callable[[str], bool]
    """Whether strace knows it of this bitness."""
    may_be_empty: bool = False
    """A class: it is one, whatever it holds."""

    def matcher(self, bits: str) -> Callable[[Call], bool]:
        """Which calls it names with this behind its @."""
        if not bits:
            return self.has
        return lambda call: (
            bits == "64" and "composite" not in call.sets and self.is_syscall(call)
        )

    def is_elsewhere(self, bits: str) -> bool:
        """Whether it is another bitness's, of which no call of ours is."""
        if bits:
            return bits != "64" and self.known(bits)
        return not self.known("64") and any(map(self.known, BITS))


def select(named: Excerpt, calls: frozenset[Call]) -> frozenset[Call]:
    """Those of `calls` that the set names.

    Hot calls are in no class and not in `all`; a name or a regular expression reaches
    them. What allocates is meant by its name and by %alloc alone. Raises UsageError for
    what neither strace nor the table knows.
    """
    rest = str(named).lstrip("!")
    turns = len(named) - len(rest)
    found = _listed(named.part(turns), calls)
    return _all(calls) - found if turns % 2 else found


def stand_ins(named: Excerpt, calls: frozenset[Call]) -> frozenset[Call]:
    """Those of the set that are no syscalls, and are in it as nobody said their names:
    fopen in %file, where strace has the openat that it makes. Where that is seen, too,
    they are not what was asked for.
    """
    chosen = frozenset(
        call for call in select(named, calls) if "composite" in call.sets
    )
    if not chosen or str(named).startswith("!"):
        return chosen
    spoken = [word for word in named.split(",") if word and _is_spoken(str(word))]
    return chosen.difference(*(_select_word(word, calls) for word in spoken))


def _is_spoken(word: str) -> bool:
    """A name, or a class that strace hasn't."""
    word = word.lstrip("?")
    if word.startswith("%"):
        return word.removeprefix("%") not in OLD_CLASSES | _CLASSES_OF_BOTH
    return not word.startswith("/") and word != "all" and word not in OLD_CLASSES


def _all(calls: Iterable[Call]) -> frozenset[Call]:
    return frozenset(call for call in calls if not (call.hot or call.allocates))


def _listed(named: Excerpt, calls: frozenset[Call]) -> frozenset[Call]:
    if str(named) == "none":
        return frozenset()
    words = [word for word in named.split(",") if word]
    if not words:
        allowed = "names, %sets, all, none"
        raise UsageError("empty set of calls", allowed=allowed, at=named)
    return frozenset().union(*(_select_word(word, calls) for word in words))


def _select_word(named: Excerpt, calls: frozenset[Call]) -> frozenset[Call]:
    plain = named.part(len(named) - len(str(named).lstrip("?")))
    bits, bare = _bitness(plain)
    word = _read(bare, calls)
    found = frozenset(filter(word.matcher(bits), calls))
    optional = plain.start > named.start
    if not (found or optional or word.may_be_empty or word.is_elsewhere(bits)):
        raise _unknown(plain, bare, calls)
    return found


def _bitness(named: Excerpt) -> tuple[str, Excerpt]:
    before, at, bits = str(named).rpartition("@")
    if not at:
        return "", named
    if bits not in BITS:
        allowed = " ".join("@" + each for each in BITS)
        wrong = named.part(len(before) + 1)
        raise UsageError(f"unknown bitness {bits!r}", allowed=allowed, at=wrong)
    return bits, named.part(0, len(before))


def _read(named: Excerpt, calls: frozenset[Call]) -> _Word:
    text = str(named)
    if re.match("[0-9]", text):
        return _number(text)
    if text.startswith("/"):
        return _regular_expression(named.part(1), calls)
    if text == "all":
        return _group(lambda call: not call.allocates, known=True)
    if text.startswith("%") or text in OLD_CLASSES:
        return _class(text.removeprefix("%"), calls)
    return _Word(
        lambda call: text in (call.name, call.base, call.syscall),
        lambda call: text == call.syscall,
        lambda bits: text in NAMES[bits],
    )


def _number(text: str) -> _Word:
    number = int(text) if re.fullmatch("[0-9]{1,15}", text) else _INT_MAX
    name = NUMBERS.get(number)

    def has(call: Call) -> bool:
        return call.syscall == name

    return _Word(has, has, lambda bits: has_number(number, bits))


def _class(name: str, calls: Iterable[Call]) -> _Word:
    name = _ALIASES.get(name, name)
    if name in CLASSES:
        members = CLASSES[name]
        return _group(lambda call: call.syscall in members, known=True)
    known = name in OLD_CLASSES or any(name in call.sets for call in calls)
    return _group(lambda call: name in call.sets, known)


def _group(holds: Callable[[Call], bool], known: bool) -> _Word:
    def has(call: Call) -> bool:
        return holds(call) and not call.hot

    return _Word(has, has, lambda _: known, may_be_empty=known)


def _regular_expression(named: Excerpt, calls: Iterable[Call]) -> _Word:
    names = {each for call in calls for each in (call.name, call.syscall)}
    found = _matching(named, names.union(*NAMES.values()))

    def has(call: Call) -> bool:
        if call.allocates:
            return False
        # SYS_x is a name of the table's for what has none of its own.
        return call.syscall in found or (call.name in found and not call.number)

    return _Word(
        has,
        lambda call: call.syscall in found and not call.allocates,
        lambda bits: not found.isdisjoint(NAMES[bits]),
    )


def _matching(named: Excerpt, names: Iterable[str]) -> frozenset[str]:
    """The names in which libc's own regcomp(3) finds it, as in strace."""
    from pyshim._host import ffi, lib

    compiled = ffi.new("regex_t *")
    text, flags = os.fsencode(str(named)), lib.REG_EXTENDED | lib.REG_NOSUB
    if error := lib.regcomp(compiled, text, flags):
        room = ffi.new("char[]", 256)
        lib.regerror(error, compiled, room, len(room))
        why = ffi.string(room).decode(errors="replace")
        message = f"bad regular expression {str(named)!r}: {why}"
        raise UsageError(message, at=named)
    try:
        return frozenset(
            each
            for each in names
            if not lib.regexec(compiled, each.encode(), 0, ffi.NULL, 0)
        )
    finally:
        lib.regfree(compiled)


def _unknown(named: Excerpt, bare: Excerpt, calls: frozenset[Call]) -> UsageError:
    text = str(bare)
    if text.startswith("%"):
        known = _class_names(calls)
        return UsageError(
            f"unknown set {text!r}",
            nearest=nearest(text, known),
            allowed=" ".join(known),
            at=named,
        )
    names = {each for call in calls for each in (call.name, call.syscall)}
    return UsageError(
        f"unknown call {str(named)!r}",
        nearest=nearest(text, names),
        allowed="see `pyshim calls`",
        at=named,
    )


def _class_names(calls: Iterable[Call]) -> list[str]:
    names = {each for call in calls for each in call.sets} | CLASSES.keys()
    return sorted("%" + each for each in names)
