"""Failure points that are enabled and disabled while the program runs.

A rule can't be added to a run. So each point has one, which is off, and what it does is
written into the run's plan: targets map that file, and read a rule at each call. A call
that is under way meanwhile may meet a mix of both, each part of which is valid.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyshim._host import ffi
from pyshim.arena import Arena
from pyshim.errors import UsageError
from pyshim.fiu.commands import Failure, Failures
from pyshim.fiu.points import Point
from pyshim.fiu.rules import HALF, error_of
from pyshim.rules import Rule, threshold
from pyshim.switches import Switches

_ALWAYS = 0xFFFFFFFF


def rule_of(point: Point) -> Rule:
    """Its rule, with room for whatever is enabled later."""
    result = point.result
    fails = not point.reduces and result is None
    return Rule(
        point.name,
        point.calls,
        error=int(fails),
        retval=result,
        short=HALF if point.reduces else 0,
        times=1,
        off=True,
        caught=False,
    )


class Live:
    """The points of one run; `points` are in the order of its rules."""

    def __init__(
        self, points: Sequence[Point], failures: Failures, seed: int,
        arena: Arena, folder: Path,
    ) -> None:  # fmt: skip
        self._points, self._failures, self._seed = points, failures, seed
        with (folder / "plan").open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0)
        self._switches = Switches(arena.head, bytes(self._memory))
        base = ffi.cast("char *", ffi.from_buffer(self._memory))
        at = ffi.cast("struct plan *", base).rules_at
        self._rules: Any = ffi.cast("struct plan_rule *", base + at)
        self._counters = [
            int(self._rules[number].times_counter) for number in range(len(points))
        ]
        self._now: dict[int, Failure] = {}
        """What is enabled, by rule."""
        self._apply()

    def obey(self, text: str) -> None:
        """A command of fiu-ctrl's. Raises UsageError, with nothing changed."""
        if "func_name=" in text:
            raise UsageError("fiu: callers can only be named at the start")
        self._failures.obey(text)
        self._apply()

    def _apply(self) -> None:
        found = enumerate(map(self._failures.of, self._points))
        wanted = {number: failure for number, failure in found if failure}
        for number in self._now.keys() - wanted.keys():
            self._switches.turn(number, on=False)
        first: dict[Failure, int] = {}
        for number, failure in wanted.items():
            lead = first.setdefault(failure, number)
            # As in libfiu, what is enabled again begins anew.
            if self._now.get(number) is not failure:
                self._switches.turn(number, on=False)
                self._write(number, failure, self._counters[lead])
                self._switches.reset(number)
                self._switches.turn(number, on=True)
        self._now = wanted

    def _write(self, number: int, failure: Failure, counter: int) -> None:
        """`counter` is that of all points which the command enabled: one `onetime`."""
        rule, point = self._rules[number], self._points[number]
        if not point.reduces and point.result is None:
            rule.err = error_of(point, failure, self._seed)
        rule.chance = min(threshold(failure.probability), _ALWAYS)
        rule.seed = self._seed
        rule.times_counter, rule.times = counter, int(failure.onetime)
