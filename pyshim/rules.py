"""Rules as values, and the grammar users write them in: strace's, plus four keys.

    inject=SET[:error=E|:retval=V][:signal=S][:delay_enter=D][:delay_exit=D][:when=W]
    fault=SET[:error=E][:when=W]                        without error=: ENOSYS
    W = first[..last][+[step]]

A key that strace has is accepted and refused exactly as strace does (6.1; the list in
`tests/unit/strace_rules.txt` is run through it). Ours work with both qualifiers:

    p=0.05      hit only this share of the calls that `when` leaves
    seed=N      which ones: the same seed, the same calls, in any order of threads
    path=GLOB   only calls on such a path (see `pyshim.glob`); write `\\:` for a colon
    fair        only where the failure could have happened by itself
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pyshim import rule_values
from pyshim.calls import Call, Table
from pyshim.errors import UsageError, nearest
from pyshim.excerpt import Excerpt

LAST_MAX = 2**64 - 1
"""The `last` of a rule without an end. strace, too, goes on after 65535 then."""

_WORD_MAX = 2**64 - 1
_GOLDEN = 0x9E3779B97F4A7C15


@dataclass(frozen=True, slots=True)
class When:
    """Which of the calls counted so far are hit. The first call is number 1."""

    first: int = 1
    last: int = LAST_MAX
    """Inclusive."""
    step: int = 1

    def hits(self, count: int) -> bool:
        """Whether call number `count` is hit: the readable twin of `shim/rules.c`."""
        in_range = self.first <= count <= self.last
        return in_range and (count - self.first) % self.step == 0


EVERY_CALL = When()


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
    signal: int = 0
    """The kernel's number: 32 is its SIGRTMIN, which glibc keeps for itself."""
    when: When = EVERY_CALL
    probability: float = 1.0
    seed: int = 0
    path: str = ""
    """A glob over the call's path or the path of its fd; "" is any call."""
    once_per_site: bool = False
    fair_only: bool = False
    close_after: bool = False
    """EINTR of close: really close, then report the failure, as Linux does."""
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
    selection, *items = _split(Excerpt.of(whole).part(len(qualifier) + 1))
    values: dict[str, Any] = {}
    for item in items:
        _add(values, item, qualifier)
    if qualifier == "fault":
        values.setdefault("error", errno.ENOSYS)
    if not values.keys() & _ACTIONS:
        message = f"{whole!r} has no action"
        end = Excerpt(whole, len(whole), len(whole))
        raise UsageError(message, allowed=_ACTIONS_ALLOWED, at=end)
    calls = table.select(selection)
    if values.keys() & {"error", "retval"}:
        calls = _returning(calls, selection)
    if values.keys() & _ACTIONS == {"delay_exit"}:
        calls = _coming_back(calls, selection)
    if isinstance(values.get("error"), str):
        calls, values["error"] = _with_code(calls, values["error"], selection, table)
    return Rule(whole, calls, **values)


def _with_code(
    calls: frozenset[Call], code: str, selection: Excerpt, table: Table
) -> tuple[frozenset[Call], int]:
    """Those that fail with a code that is no errno (EAI_AGAIN), and its number."""
    able = frozenset(call for call in calls if code in call.codes)
    if not able:
        knowing = sorted(each.name for each in table.reachable if code in each.codes)
        message = f"no call of {selection.whole!r} fails with {code}"
        raise UsageError(message, allowed=" ".join(knowing[:6]), at=selection)
    return able, next(iter(able)).codes[code]


def _returning(calls: frozenset[Call], selection: Excerpt) -> frozenset[Call]:
    """Without exit: a set may hold it, but a hit that changes nothing is none.

    Nor rewinddir: the program could not see that it was not done.
    """
    left = frozenset(call for call in calls if call.ret != "void")
    if calls and not left:
        message = f"what returns nothing has no result to change: {selection.whole!r}"
        raise UsageError(message, at=selection)
    return left


def _coming_back(calls: frozenset[Call], selection: Excerpt) -> frozenset[Call]:
    """Without exit and what is left by a jump: nothing of ours comes after them."""
    left = frozenset(call for call in calls if call.comes_back)
    if calls and not left:
        message = f"no exit to delay is seen of these calls: {selection.whole!r}"
        raise UsageError(message, at=selection)
    return left


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
    if bool(equals) == (name == "fair"):
        wrong = "takes no value" if equals else "needs a value"
        message = f"{name!r} {wrong} in {item.whole!r}"
        at = given if equals else item.part(len(name))
        raise UsageError(message, allowed=_KEYS_ALLOWED, at=at)
    key = _KEYS[name]
    if name != "when" and key.field in values:
        raise UsageError(f"{name}= is given twice in {item.whole!r}", at=named)
    values[key.field] = key.parse(value)
    if values[key.field] is None:
        message = f"bad {name}={value!r} in {item.whole!r}"
        guess = key.nearest(value)
        raise UsageError(message, allowed=key.allowed, nearest=guess, at=given)
    if values.keys() >= {"error", "retval"}:
        message = f"error= and retval= exclude each other in {item.whole!r}"
        raise UsageError(message, at=named)


def _check_key(named: Excerpt, qualifier: str) -> None:
    key, whole = str(named), named.whole
    if key in ("poke_enter", "poke_exit", "syscall"):
        message = f"{key}= of strace is not supported yet: {whole!r}"
        raise UsageError(message, allowed=_KEYS_ALLOWED, at=named)
    if key not in _KEYS:
        message = f"unknown key {key!r} in {whole!r}"
        guess = nearest(key, _KEYS)
        raise UsageError(message, allowed=_KEYS_ALLOWED, nearest=guess, at=named)
    if qualifier == "fault" and key in _KEYS_OF_INJECT:
        message = f"fault= has no {key}=, inject= has: {whole!r}"
        allowed = "error= when= p= seed= path= fair"
        raise UsageError(message, allowed=allowed, at=named)


def _when(text: str) -> When | None:
    parsed = rule_values.parse_when(text)
    if parsed is None:
        return None
    first, last, step = parsed
    return When(first, LAST_MAX if last is None else last, step)


def _path(text: str) -> str | None:
    return text or None


@dataclass(frozen=True, slots=True)
class _Key:
    """What a key sets, how its value is read and what to say of one that can't be."""

    field: str
    parse: Callable[[str], object]
    allowed: str
    nearest: Callable[[str], str] = lambda _: ""


_TIME = "a number of microseconds, or with one of s ms us ns"
_KEYS: Mapping[str, _Key] = {
    "error": _Key(
        "error",
        rule_values.parse_error,
        "a name as in errno(3), 1..4095; EAI_AGAIN and the like for what returns them",
        rule_values.nearest_errno,
    ),
    "retval": _Key("retval", rule_values.parse_retval, "64 bits, as in 1 -1 0x1f 017"),
    "signal": _Key(
        "signal",
        rule_values.parse_signal,
        "a name as in signal(7), SIGRTMIN, SIGRT_1..SIGRT_32, 1..64",
        rule_values.nearest_signal,
    ),
    "delay_enter": _Key("delay_enter", rule_values.parse_delay, _TIME),
    "delay_exit": _Key("delay_exit", rule_values.parse_delay, _TIME),
    "when": _Key(
        "when",
        _when,
        "first[..last][+[step]] with first and step 1..65535, last first..65534",
    ),
    "p": _Key("probability", rule_values.parse_probability, "0..1, as in p=0.05"),
    "seed": _Key("seed", rule_values.parse_seed, "0..2**64-1"),
    "path": _Key("path", _path, "a glob, as in path=/etc/**.conf"),
    "fair": _Key("fair_only", lambda _: True, ""),
}
_KEYS_OF_INJECT = frozenset({"retval", "signal", "delay_enter", "delay_exit"})
_ACTIONS = _KEYS_OF_INJECT | {"error"}
_ACTIONS_ALLOWED = "error= retval= signal= delay_enter= delay_exit="
_KEYS_ALLOWED = f"{_ACTIONS_ALLOWED} when= p= seed= path= fair"
