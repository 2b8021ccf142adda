"""The marker `faults`: the rules of one test, armed while its function runs.

A test may have put others in the place of `time.sleep`, `os.stat` or `Path.open`. So
what is called here meanwhile is taken by its own name, at the import.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import FileIO
from json import loads
from os import getppid
from pathlib import Path
from time import monotonic, sleep
from typing import NoReturn

import pytest

from pyshim.errors import PyshimError
from pyshim.hit_record import Hit
from pyshim.testing import restart, runner, under
from pyshim.testing.switches import OwnSwitches, host_pid, switches

MARKER = "faults"
UNPROVEN: pytest.StashKey[bool] = pytest.StashKey()
"""Of a test that failed since it proves nothing: that is not what an xfail expects."""
_WAIT = 20.0
"""Seconds without a word after which the pyshim around us is taken to be stuck."""
_STEP = 0.005


def rules_of(item: pytest.Item) -> tuple[str, ...]:
    """Of all its markers, the class's and module's first. Raises PyshimError."""
    found: list[str] = []
    for mark in reversed(list(item.iter_markers(MARKER))):
        if not mark.args or not all(isinstance(rule, str) for rule in mark.args):
            raise PyshimError("the marker faults needs rules, as in "
                              '@pytest.mark.faults("write:error=ENOSPC")')  # fmt: skip
        if mark.kwargs.keys() - {"require_hit"}:
            raise PyshimError(f"the marker faults knows no {', '.join(mark.kwargs)}=; "
                              "allowed: require_hit=")  # fmt: skip
        found += runner.rule_texts(mark.args)
    return tuple(dict.fromkeys(found))


def required_of(item: pytest.Item) -> frozenset[str]:
    """Those that have to fire: each marker says it of its own."""
    marks = item.iter_markers(MARKER)
    needing = (mark for mark in marks if mark.kwargs.get("require_hit", True))
    return frozenset(rule for mark in needing for rule in runner.rule_texts(mark.args))


def prepare(item: pytest.Item) -> Marked:
    """Before the test's fixtures. Fails the test where its rules can't be armed."""
    __tracebackhide__ = True
    try:
        return _prepared(item)
    except PyshimError as error:
        why = str(error)
    return fail(item, f"faults can't be armed: {why}")


def fail(item: pytest.Item, message: str) -> NoReturn:
    """For what proves nothing."""
    __tracebackhide__ = True
    item.stash[UNPROVEN] = True
    pytest.fail(message, pytrace=False)


def unproven(item: pytest.Item, report: pytest.TestReport) -> None:
    """No xfail makes a success of it."""
    if item.stash.get(UNPROVEN, False) and hasattr(report, "wasxfail"):
        report.outcome = "failed"
        del report.wasxfail


def _prepared(item: pytest.Item) -> Marked:
    rules = rules_of(item)
    restart.check(rules)
    home = item.config.stash.get(restart.HOME, None)
    if home is None:
        reason = item.config.stash.get(restart.REFUSED, "")
        raise PyshimError(reason or "pytest was not started again under the shim")
    missing = [rule for rule in rules if rule not in home.rules]
    if missing:
        raise PyshimError(f"not known when pytest was started again, or more than a "
                          f"run can have: {missing[0]}")  # fmt: skip
    return Marked(item, rules, home, switches(), required_of(item))


@dataclass(slots=True)
class Marked:
    """The rules of one test; armed at most once."""

    item: pytest.Item
    rules: tuple[str, ...]
    home: restart.Home
    switches: OwnSwitches
    required: frozenset[str]
    modules: dict[str, str] = field(default_factory=dict)
    """The files that hits were in, by the name that `Hit.site` has."""
    _before: dict[int, int] = field(default_factory=dict)
    """Hits until the rules were switched on, by rule."""
    _after: dict[int, int] = field(default_factory=dict)
    _start: int = 0
    """Bytes of the file of hits that are of tests before."""

    @contextmanager
    def around(self) -> Iterator[None]:
        """Armed while the function runs; of a unittest.TestCase pytest makes one call
        of setUp, the method and tearDown, which are fixtures."""
        case = getattr(self.item, "instance", None)
        unittest = sys.modules.get("unittest")
        if unittest is None or not isinstance(case, unittest.TestCase):
            with self.armed():
                yield
            return
        call: Callable[[object], None] = case._callTestMethod

        def armed_call(method: object) -> None:
            with self.armed():
                call(method)

        case._callTestMethod = armed_call
        try:
            yield
        finally:
            del case._callTestMethod

    @contextmanager
    def armed(self) -> Iterator[None]:
        """Meanwhile the rules are on."""
        numbers = [self.home.rules.index(rule) for rule in self.rules]
        self.item.stash[UNPROVEN] = True
        self._settle()
        del self.item.stash[UNPROVEN]
        self._start = self._size()
        self._before = {number: self.switches.hits(number) for number in numbers}
        self.switches.begin(numbers)
        try:
            for number in numbers:
                self.switches.turn(number, on=True)
            yield
        finally:
            for number in numbers:
                self.switches.turn(number, on=False)
            self._after = {number: self.switches.hits(number) for number in numbers}

    def check(self) -> None:
        """Fail the test when a rule never fired."""
        __tracebackhide__ = True
        silent = [
            self.home.rules[number]
            for number, before in self._before.items()
            if self._after[number] == before
        ]
        if silent := [rule for rule in silent if rule in self.required]:
            fail(
                self.item,
                f"never fired: {', '.join(silent)}; the test proves nothing "
                "(require_hit=False allows it)",
            )

    def hits(self) -> tuple[Hit, ...]:
        """Those of this test, so far or altogether; of very many the first.

        Raises PyshimError where they are not told any more.
        """
        if not self._before:
            return ()
        on = [number for number in self._before if self.switches.is_on(number)]
        for number in on:
            self.switches.turn(number, on=False)
        try:
            self._settle()
        finally:
            for number in on:
                self.switches.turn(number, on=True, anew=False)
        lines = map(loads, self._read(self._start).splitlines())
        ours = [line for line in lines if line["number"] in self._before]
        self.modules = {Path(each["module"]).name: each["module"] for each in ours}
        return tuple(Hit(**line["hit"]) for line in ours)

    def _read(self, start: int) -> bytes:
        """What is in the file of hits from there on, whole lines."""
        with FileIO(self._file) as file:
            file.seek(start)
            text = file.readall()
        return text[: text.rfind(b"\n") + 1]

    def _size(self) -> int:
        with FileIO(self._file) as file:
            return file.seek(0, 2)

    @property
    def _file(self) -> str:
        record = under.record(self.home.folder, host_pid(self.switches.rundir))
        return str(record)

    def _settle(self) -> None:
        """Wait until all hits there have been are in the file: events come in order."""
        at, barrier = self._size(), len(self.home.rules)
        self.switches.turn(barrier, on=True)
        getppid()
        self.switches.turn(barrier, on=False)
        passed = under.line_start(barrier).encode()
        end = monotonic() + _WAIT
        while monotonic() < end:
            told = self._read(at)
            if any(line.startswith(passed) for line in told.splitlines()):
                return
            if told:
                end = monotonic() + _WAIT
            at += len(told)
            sleep(_STEP)
        raise PyshimError("the pyshim around this pytest tells no hits any more")
