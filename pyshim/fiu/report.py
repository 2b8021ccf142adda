"""What `pyshim fiu` says at the end: which failures were met, by which calls."""

from __future__ import annotations

import errno
from collections import Counter

from pyshim import hookimpl, symbols
from pyshim.event import Event, Kind
from pyshim.rules import Rule
from pyshim.run import Run

_PLACES = 4
"""Named for each rule."""


class Report:
    """The plugin. One a run."""

    def __init__(self) -> None:
        self._places: dict[int, Counter[str]] = {}

    @hookimpl
    def pyshim_event(self, event: Event) -> None:
        """Note who was hit, and where."""
        if event.kind is not Kind.CALL or event.rule < 0 or event.call is None:
            return
        where = symbols.name(event.site) if event.site else "an unknown place"
        place = f"{event.call.name} at {where}"
        self._places.setdefault(event.rule, Counter())[place] += 1

    @hookimpl
    def pyshim_report(self, run: Run) -> None:
        """A line for each rule that was hit, and for each command that never was."""
        hit = {
            rule.text for rule, hits in zip(run.rules, run.hits, strict=True) if hits
        }
        for number, (rule, hits) in enumerate(zip(run.rules, run.hits, strict=True)):
            if hits:
                run.say(f"fiu: {rule.text}: {self._told(number, hits, rule)}")
        silent = {rule.text: None for rule in run.rules if not rule.off}
        for text in silent.keys() - hit:
            run.say(f"fiu: {text}: never hit")

    def _told(self, number: int, hits: int, rule: Rule) -> str:
        found = self._places.get(number, Counter()).most_common()
        named = [place for place, _ in found[:_PLACES]]
        if len(found) > _PLACES:
            named.append(f"and {len(found) - _PLACES} more places")
        name = "" if rule.off else errno.errorcode.get(rule.error, "")
        text = f"hit {hits} time{'s' * (hits > 1)}{name and f' by {name}'}"
        return ": ".join([text, "; ".join(named)]) if named else text
