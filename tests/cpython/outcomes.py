"""How tests ended, bare and shimmed, held against each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

MODULE = "(module)"
"""Stands for the module in a run: its outcome is how the process ended."""
REPEATS = 3
"""How often a test is run alone, in each mode, before its outcome counts as other."""
TOO_MANY = 40
"""Tests of one module that differ: beyond this none of them is run alone."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`how` is compared; `detail` is a traceback for the reader."""

    how: str
    detail: str = ""


Outcomes = dict[str, Outcome]
"""By the test's id; with MODULE."""
ABSENT = Outcome("not run")


@dataclass(slots=True)
class Odd:
    """A test that ended in another way than bare, and what came of running it alone."""

    test: str
    mode: str
    bare: Counter[str]
    shimmed: Counter[str]
    detail: str = ""

    @property
    def differs(self) -> bool:
        """Never shimmed as it was bare; else it is flaky."""
        return not set(self.bare) & set(self.shimmed)

    def __str__(self) -> str:
        verdict = "differs" if self.differs else "flaky"
        sides = f"bare {_said(self.bare)}; shimmed {_said(self.shimmed)}"
        return f"{self.test}: {verdict} ({self.mode}): {sides}"


def _said(outcomes: Counter[str]) -> str:
    return " | ".join(f"{how} [{times}x]" for how, times in outcomes.items())


@dataclass(slots=True)
class Comparison:
    """One module in all modes."""

    module: str
    tests: set[str] = field(default_factory=set)
    odd: list[Odd] = field(default_factory=list)

    @property
    def flaky(self) -> set[str]:
        """Tests that were flaky in some mode and differed in none."""
        return {each.test for each in self.odd} - self.differing

    @property
    def differing(self) -> set[str]:
        """Tests that differed in at least one mode."""
        return {each.test for each in self.odd if each.differs}

    @property
    def same(self) -> int:
        """Tests whose first outcome was the same in all modes."""
        return len(self.tests - {each.test for each in self.odd})


Alone = Callable[[str, str], Outcome]
"""`alone(mode, test)` runs that one test by itself."""


def compare(
    module: str, bare: Outcomes, shimmed: Mapping[str, Outcomes], alone: Alone
) -> Comparison:
    """Hold each shimmed mode's outcomes against bare's; what is odd is run alone."""
    found = Comparison(module, set(bare).union(*shimmed.values()) - {MODULE})
    for mode, outcomes in shimmed.items():
        for test in sorted(set(bare) | set(outcomes)):
            here, there = bare.get(test, ABSENT), outcomes.get(test, ABSENT)
            if here.how != there.how:
                counts = Counter([here.how]), Counter([there.how])
                found.odd.append(Odd(test, mode, *counts, there.detail or here.detail))
    if len(found.odd) <= TOO_MANY:
        for odd in found.odd:
            _repeat(odd, alone)
    return found


def _repeat(odd: Odd, alone: Alone) -> None:
    """Until the two sides have an outcome in common, or REPEATS times."""
    for _ in range(REPEATS):
        odd.bare[alone("bare", odd.test).how] += 1
        odd.shimmed[alone(odd.mode, odd.test).how] += 1
        if not odd.differs:
            return
