"""The marker `faults`: the rules of one test, armed while its function runs."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pyshim.errors import PyshimError
from pyshim.hit_record import Hit
from pyshim.testing import restart, runner, under
from pyshim.testing.switches import OwnSwitches, host_pid, switches

MARKER = "faults"
_WAIT = 20.0
"""Seconds after which the pyshim around us is taken to be stuck."""
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


def prepare(item: pytest.Item) -> Marked:
    """Before the test's fixtures. Fails the test where its rules can't be armed."""
    __tracebackhide__ = True
    try:
        return _prepared(item)
    except PyshimError as error:
        why = str(error)
    pytest.fail(f"faults can't be armed: {why}", pytrace=False)


def _prepared(item: pytest.Item) -> Marked:
    rules = rules_of(item)
    restart.check(rules)
    home = item.config.stash.get(restart.HOME, None)
    if home is None:
        reason = item.config.stash.get(restart.REFUSED, "")
        raise PyshimError(reason or "pytest was not started again under the shim")
    missing = [rule for rule in rules if rule not in home.rules]
    if missing:
        raise PyshimError(f"not known when pytest was started again: {missing[0]}")
    mark = item.get_closest_marker(MARKER)
    assert mark is not None
    return Marked(rules, home, switches(), bool(mark.kwargs.get("require_hit", True)))


@dataclass(slots=True)
class Marked:
    """The rules of one test; armed at most once."""

    rules: tuple[str, ...]
    home: restart.Home
    switches: OwnSwitches
    require_hit: bool
    modules: dict[str, str] = field(default_factory=dict)
    """The files that hits were in, by the name that `Hit.site` has."""
    _before: dict[int, int] = field(default_factory=dict)
    """Hits until the rules were switched on, by rule."""
    _after: dict[int, int] = field(default_factory=dict)
    _start: int = 0
    """Bytes of the file of hits that are of tests before."""

    @contextmanager
    def armed(self) -> Iterator[None]:
        """Meanwhile the rules are on."""
        numbers = [self.home.rules.index(rule) for rule in self.rules]
        if not self._settle():
            raise PyshimError("the pyshim around this pytest tells no hits any more")
        self._start = self._file.stat().st_size
        self._before = {number: self.switches.hits(number) for number in numbers}
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
        if silent and self.require_hit:
            pytest.fail(
                f"never fired: {', '.join(silent)}; the test proves nothing "
                "(require_hit=False allows it)",
                pytrace=False,
            )

    def hits(self) -> tuple[Hit, ...]:
        """Those of this test, so far or altogether."""
        if not self._before:
            return ()
        on = [number for number in self._before if self.switches.is_on(number)]
        for number in on:
            self.switches.turn(number, on=False)
        self._settle()
        for number in on:
            self.switches.turn(number, on=True, anew=False)
        return self._read()

    def _read(self) -> tuple[Hit, ...]:
        with self._file.open("rb") as file:
            file.seek(self._start)
            lines = [json.loads(line) for line in file]
        ours = [line for line in lines if line["number"] in self._before]
        self.modules = {Path(each["module"]).name: each["module"] for each in ours}
        return tuple(Hit(**line["hit"]) for line in ours)

    @property
    def _file(self) -> Path:
        return under.record(self.home.folder, host_pid(self.switches.rundir))

    def _settle(self) -> bool:
        """Wait until all hits there have been are in the file: events come in order."""
        size, barrier = self._file.stat().st_size, len(self.home.rules)
        self.switches.turn(barrier, on=True)
        os.getppid()
        self.switches.turn(barrier, on=False)
        end = time.monotonic() + _WAIT
        while not (passed := self._passed(size, barrier)) and time.monotonic() < end:
            time.sleep(_STEP)
        return passed

    def _passed(self, size: int, barrier: int) -> bool:
        """Whether a hit of the barrier is in the file behind its first `size` bytes."""
        with self._file.open("rb") as file:
            file.seek(size)
            lines = [line for line in file if line.endswith(b"\n")]
        return any(json.loads(line)["number"] == barrier for line in lines)
