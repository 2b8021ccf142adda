"""What is enabled of libfiu's failure points, as rules."""

from __future__ import annotations

import errno
import random
from collections.abc import Iterable, Iterator

from pyshim.calls import Call
from pyshim.fiu.commands import Failure, Failures
from pyshim.fiu.points import Point
from pyshim.rules import Rule

_AGAIN = {"EINTR", "EAGAIN", "EWOULDBLOCK"}
"""What makes a right program try again: for ever, if each call failed with it."""
HALF = -50
"""Of the bytes, in percent: Rule.short."""


def error_of(point: Point, failure: Failure, seed: int) -> int:
    """failinfo, or one of the errnos that the call has: drawn for each point once."""
    if failure.failinfo:
        return failure.failinfo
    names = frozenset[str]().union(*(call.errnos for call in point.calls))
    able = sorted(names - _AGAIN) or sorted(names) or ["EIO"]
    return int(getattr(errno, random.Random(f"{seed} {point.name}").choice(able)))


def rules(points: Iterable[Point], failures: Failures, seed: int) -> tuple[Rule, ...]:
    """One for all calls that one command lets fail alike, so that its `onetime` is one
    time."""
    groups: dict[tuple[Failure, int, int | None, int], set[Call]] = {}
    for point, failure in _enabled(points, failures):
        error, short = error_of(point, failure, seed), 0
        if point.reduces:
            error, short = 0, HALF
        elif point.result is not None:
            error = 0
        key = failure, error, point.result, short
        groups.setdefault(key, set()).update(point.calls)
    made = (
        rule(failure, frozenset(calls), seed, error=error, retval=result, short=short)
        for (failure, error, result, short), calls in groups.items()
    )
    return tuple(made)


def _enabled(
    points: Iterable[Point], failures: Failures
) -> Iterator[tuple[Point, Failure]]:
    """In the order in which they count. libfiu asks for a reduction first, and for a
    failure behind it, which wins; so `onetime` is gone with the reduction."""
    found = [(point, failures.of(point)) for point in points]
    enabled = [(point, failure) for point, failure in found if failure]
    yield from (each for each in enabled if each[0].reduces and each[1].onetime)
    yield from (each for each in enabled if not (each[0].reduces and each[1].onetime))


def rule(
    failure: Failure,
    calls: frozenset[Call],
    seed: int,
    *,
    error: int = 0,
    retval: int | None = None,
    short: int = 0,
) -> Rule:
    """By symbols alone, as a preloaded library sees calls."""
    return Rule(
        failure.text,
        calls,
        error=error,
        retval=retval,
        short=short,
        probability=failure.probability,
        seed=seed,
        times=int(failure.onetime),
        caller=failure.function,
        caught=False,
    )
