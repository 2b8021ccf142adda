"""Rules as values, and the grammar users write them in: strace's, and keys of our own.

    inject=SET[:error=E|:retval=V][:signal=S][:delay_enter=D][:delay_exit=D]
              [:poke_enter=P][:poke_exit=P][:syscall=NAME][:when=W]
    fault=SET[:error=E][:syscall=NAME][:when=W]         without error=: ENOSYS
    P = @argN=HEX[,@argM=HEX...]
    W = first[..last][+[step]]

A key that strace has is accepted and refused exactly as strace does (6.1; the list in
`tests/unit/strace_rules.txt` is run through it). Ours (rule_keys.py) work with both
qualifiers, but for short= and interrupt=; `\\:` in a value stands for a colon. Actions:

    after       the call is really made, then error= is reported
    short=K     only K bytes are moved; half, 30%
    budget=N    of %alloc: ENOMEM where more than N bytes (64MiB) would be allocated
    interrupt=S@T   signal S comes when the call has waited for T
    fds=N       as if RLIMIT_NOFILE were N: EMFILE, and what else the kernel says then
    quota=SIZE  the files at path= have so much room: ENOSPC until some is freed
    lose        with error= on fsync: what was written since the last one is gone

Conditions, which have to hold for a call to be counted by when=:

    path=GLOB   a path of the call, or of its descriptor (pyshim.glob)
    fd=3 fd=socket port=80      what its descriptor is
    if=EXPR     of its arguments (pyshim.expressions)
    caller=F    made by this function or library; site=FILE+0xOFFSET by this very place
    thread=GLOB process=GLOB    whose name is such
    during=2s..5s               of the run; since=GLOB: once such a path was opened
    off name=N  switched off until `pyshim ctl` switches N on

and of the calls counted:

    p=0.05      hit only this share of those that `when` leaves
    seed=N      which ones: the same seed, the same calls, in any order of threads
    fair        only where the failure could have happened by itself: of calls whose
                manual lists it, and EINTR where signal(7) has one
    times=N     so often in a process, no more
"""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass
from typing import Any

from pyshim import limits, rule_calls
from pyshim.calls import Call, Table
from pyshim.errors import UsageError, nearest
from pyshim.excerpt import Excerpt
from pyshim.expressions import Expression
from pyshim.pokes import Poke
from pyshim.rule_keys import (
    ACTIONS,
    ACTIONS_ALLOWED,
    CONDITIONS_ALLOWED,
    ESCAPED,
    EVERY_CALL,
    KEYS,
    OF_INJECT,
    RESULTS,
    Key,
    When,
)

_WORD_MAX = 2**64 - 1
_GOLDEN = 0x9E3779B97F4A7C15


@dataclass(frozen=True, slots=True)
class Rule:
    """What one `-e inject=` or `-e fault=` asks for."""

    text: str
    """As the user wrote it, qualifier and all, for reports."""
    calls: frozenset[Call]
    error: int = 0
    """The errno to fail with, 0: none; negative for a code that is no errno."""
    retval: int | None = None
    """What to return instead of calling, signed 64-bit."""
    delay_enter: int = 0
    """Nanoseconds, as delay_exit."""
    delay_exit: int = 0
    poke_enter: tuple[Poke, ...] = ()
    """Written where the kernel's arguments point to, before the call; bytes and all."""
    poke_exit: tuple[Poke, ...] = ()
    instead: str = ""
    """The syscall to be made in its place. One without effect, so it is not made."""
    signal: int = 0
    """The kernel's number: 32 is its SIGRTMIN, which glibc keeps for itself."""
    when: When = EVERY_CALL
    probability: float = 1.0
    seed: int = 0
    path: str = ""
    """A glob over the call's path or the path of its fd; "" is any call."""
    once_per_site: bool = False
    fair_only: bool = False
    after: bool = False
    """Make the call, then report the failure."""
    close_after: bool = False
    """The same for close alone: EINTR of it as Linux has it."""
    short: int = 0
    """Bytes to be moved; negative: percent of them."""
    interrupt: tuple[int, int] = (0, 0)
    """A signal, and microseconds that the call has to have waited for it."""
    budget: int = 0
    """Bytes that may be allocated at a time; 0: any number."""
    fds: int | None = None
    """Descriptors from this number on are not given out."""
    lose: bool = False
    """With an error of fsync: the bytes that it was to sync are gone."""
    quota: int | None = None
    """Bytes that the files at `path` may take together, the whole run's processes."""
    times: int = 0
    """Hits a process, 0: any number."""
    fd: int | str = ""
    """A number, or a kind of enum fd_kind in lower case."""
    port: int = 0
    condition: Expression | None = None
    caller: str = ""
    """FUNCTION, LIBRARY.so or LIBRARY.so!FUNCTION: places.py."""
    site: tuple[str, int] = ("", 0)
    """A file, by its path or the end of it, and an offset there."""
    thread: str = ""
    process: str = ""
    during: tuple[int, int] = (0, 0)
    """Nanoseconds of the run, the second not included."""
    since: str = ""
    name: str = ""
    off: bool = False
    paths: tuple[str, ...] = ()
    """Besides `path`: globs of which one must match, if there are any."""
    stand_ins: frozenset[Call] = frozenset()
    """Of the calls: what is there only for the syscalls inside it, which the full layer
    sees for themselves."""
    caught: bool = True
    """Whether it is for syscalls, too, that come through no symbol: libc's own and
    inline ones, which the full layer sees."""


def threshold(probability: float) -> int:
    """The share `probability` of 2**32: how many draws of 2**32 are hits."""
    return int(probability * 2**32)


def chance_hits(seed: int, count: int, threshold: int) -> bool:
    """Whether chance hits call number `count`: the readable twin of `shim/rules.c`.

    Hashing the number instead of drawing the next one from a generator makes the hits
    the same whichever thread comes first.
    """
    return _splitmix64(seed ^ (count * _GOLDEN & _WORD_MAX)) >> 32 < threshold


def _splitmix64(state: int) -> int:
    """The first output of SplitMix64 started at `state` (Steele, Lea, Flood 2014)."""
    mixed = (state + _GOLDEN) & _WORD_MAX
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _WORD_MAX
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _WORD_MAX
    return mixed ^ mixed >> 31


_QUALIFIERS = {"trace": "trace", "t": "trace", "inject": "inject", "fault": "fault"}
_OTHER_QUALIFIERS_OF_STRACE = re.compile(
    "abbrev|a|verbose|v|raw|x|signals?|s|reads?|r|writes?|w|status|quiet|silent"
    "|silence|q|decode-fds?|decode-pids?|kvm"
)


def parse_expression(text: str) -> tuple[str, str]:
    """Split the argument of `-e` into qualifier and rest; without one it is `trace`."""
    word, equals, rest = text.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z_-]+", word):
        return "trace", text
    if word in _QUALIFIERS:
        return _QUALIFIERS[word], rest
    allowed, at = "trace= (or t=), inject=, fault=", Excerpt(text, 0, len(word))
    if _OTHER_QUALIFIERS_OF_STRACE.fullmatch(word):
        message = f"-e {word}= of strace is not supported yet"
        raise UsageError(message, allowed=allowed, at=at)
    message, guess = f"unknown qualifier {word!r}", nearest(word, _QUALIFIERS)
    raise UsageError(message, allowed=allowed, nearest=guess, at=at)


def parse(qualifier: str, text: str, table: Table) -> Rule:
    """The rule that `-e QUALIFIER=TEXT` asks for; the qualifier is inject or fault.

    Raises UsageError for everything that is not understood: a rule that silently does
    less than it says would make the run worthless.
    """
    if qualifier not in ("inject", "fault"):
        raise UsageError(f"{qualifier!r} makes no rule", allowed="inject, fault")
    whole = f"{qualifier}={text}"
    selection, *items = _parts(Excerpt.of(whole).part(len(qualifier) + 1))
    values: dict[str, Any] = {}
    for item in items:
        _add(values, item, qualifier)
    if qualifier == "fault":
        values.setdefault("error", errno.ENOSYS)
    named = (item.partition("=")[0] for item in items)
    _check_actions(values, {KEYS[str(word)].field: word for word in named}, whole)
    calls, values = rule_calls.able(table.select(selection), values, selection, table)
    stand_ins = table.stand_ins(selection) & calls
    return Rule(whole, calls, stand_ins=stand_ins, **values)


def _check_actions(
    values: dict[str, Any], named: dict[str, Excerpt], whole: str
) -> None:
    """What needs one another, or can't go together. `named`: its words, by field."""
    end = Excerpt(whole, len(whole), len(whole))
    if not values.keys() & ACTIONS:
        message = f"{whole!r} has no action"
        raise UsageError(message, allowed=ACTIONS_ALLOWED, at=end)
    for field, word in (("after", "after"), ("fair_only", "fair")):
        if field in values and "error" not in values:
            message = f"{word} goes with error=, in {whole!r}"
            raise UsageError(message, at=named[field])
    limits.check(values, named, end)
    if "off" in values and "name" not in values:
        message = f"what is off needs a name to be switched on by, in {whole!r}"
        raise UsageError(message, allowed="name=", at=end)


def _parts(text: Excerpt) -> list[Excerpt]:
    """The set, then the keys. Without a set those of limits know what they are for."""
    parts = _split(text)
    whole = limits.names_itself(str(parts[0]))
    return [Excerpt.of("all"), *parts] if whole else parts


def _split(text: Excerpt) -> list[Excerpt]:
    # The set may be empty (and is refused later); further empty parts count for nothing
    # in strace. No word of strace's holds a backslash, so `\:` is free for globs.
    found = re.finditer(r"(?:^|:)((?:\\.|[^:\\]|\\\Z)*)", str(text), re.DOTALL)
    first, *rest = (text.part(*each.span(1)) for each in found)
    return [first, *filter(None, rest)]


def _add(values: dict[str, Any], item: Excerpt, qualifier: str) -> None:
    named, equals, given = item.partition("=")
    name, value = str(named), str(given)
    _check_key(named, qualifier)
    key = KEYS[name]
    if bool(equals) == key.bare:
        wrong = "takes no value" if equals else "needs a value"
        message = f"{name!r} {wrong} in {item.whole!r}"
        at = given if equals else item.part(len(name))
        raise UsageError(message, allowed=_KEYS_ALLOWED, at=at)
    if name != "when" and key.field in values:
        raise UsageError(f"{name}= is given twice in {item.whole!r}", at=named)
    values[key.field] = _parsed(key, value, given)
    if values[key.field] is None:
        message = f"bad {name}={value!r} in {item.whole!r}"
        guess = key.nearest(value)
        raise UsageError(message, allowed=key.allowed, nearest=guess, at=given)
    both = [name for name in values if name in RESULTS]
    if len(both) > 1 and name in both:
        message = f"{both[0]}= and {both[1]}= exclude each other in {item.whole!r}"
        raise UsageError(message, at=named)


def _parsed(key: Key, value: str, given: Excerpt) -> object:
    """What the key makes of it. In a glob `\\:` stands for a colon by itself."""
    if key.field in ESCAPED:
        value = value.replace("\\:", ":")
    try:
        return key.parse(value)
    except UsageError as error:
        raise UsageError(str(error), at=given) from None


def _check_key(named: Excerpt, qualifier: str) -> None:
    key, whole = str(named), named.whole
    if key not in KEYS:
        message = f"unknown key {key!r} in {whole!r}"
        guess = nearest(key, KEYS)
        raise UsageError(message, allowed=_KEYS_ALLOWED, nearest=guess, at=named)
    if qualifier == "fault" and key in OF_INJECT:
        message = f"fault= has no {key}=, inject= has: {whole!r}"
        allowed = f"error= after {CONDITIONS_ALLOWED}"
        raise UsageError(message, allowed=allowed, at=named)


_KEYS_ALLOWED = f"{ACTIONS_ALLOWED} {CONDITIONS_ALLOWED}"
