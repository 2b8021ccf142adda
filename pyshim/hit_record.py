"""The record of hits: one JSON line for each time a rule fired, in order of arrival.

Nothing in it changes from run to run of a program that does the same: no pids,
addresses or times. What is in a line, and in which order, is in `Hit`.
"""

from __future__ import annotations

import errno
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TextIO

from pyshim import fairness, replay_line, symbols
from pyshim.calls import Call, Table
from pyshim.errors import UsageError
from pyshim.event import Event, Kind, Site
from pyshim.ordinals import Ordinals
from pyshim.rules import Rule


@dataclass(frozen=True, slots=True)
class Hit:
    """One hit of a rule: a line of the record."""

    rule: str
    """As the user wrote it."""
    call: str
    """The libc function, or the syscall where no function made it."""
    process: str
    """"1" is the command, "1.2" its second child: ordinals.py."""
    program: str
    """What that process runs, without the folder."""
    thread: int
    """1 is the main thread; the others are numbered as they are hit."""
    site: str | None
    """`libfoo.so+0x12ab`: where the call returns to. None where it is in no file."""
    function: str | None
    """The function that site is in, where symbols tell."""
    count: int | None
    """Which of the calls that the rule counted in that process, from 1."""
    nth: int
    """Which of this rule's hits of this call at this site in this process, from 1."""
    result: int | None
    """What the program was given. None where it never came back from the call, or was
    given what is another in each run: a pid, an address."""
    errno: str
    """By name; "" where the call did not fail, or not with an errno."""
    label: str
    """"fair", "unusual", "unlisted" or ""."""
    replay: str
    """The rule that hits it again: `pyshim -e` takes it, --replay takes the line."""

    def line(self) -> str:
        """JSON, keys in the order of the fields."""
        return json.dumps(asdict(self))


_OF_CALLS = (Kind.CALL, Kind.UNFINISHED)


_NUMBER = int | None
_KINDS: dict[str, Any] = {
    **{"site": str | None, "function": str | None, "thread": int, "nth": int},
    **{"count": _NUMBER, "result": _NUMBER},
}
"""Of what kind a line's values are; all others are text."""


class RecordError(UsageError):
    """A file that is no record, or a line of it."""


def from_line(line: str) -> Hit:
    """Raises RecordError. Unknown keys are left out: of a later version."""
    try:
        values: dict[str, Any] = json.loads(line)
        found = {each.name: values[each.name] for each in fields(Hit)}
        for name, value in found.items():
            if not isinstance(value, _KINDS.get(name, str)):
                raise ValueError(f"{name}: {value!r}")
        return Hit(**found)
    except (ValueError, KeyError, TypeError) as error:
        text = f"no line of a record: {line.strip()[:80]!r}: {error}"
        raise RecordError(text, allowed="what --record wrote") from error


def read(path: Path) -> Iterator[Hit]:
    """The hits that are there. A last line that is still being written is left out."""
    for line in path.read_text(errors="replace").splitlines(keepends=True):
        if line.endswith("\n"):
            yield from_line(line)


def _error(event: Event) -> str:
    if not event.err:
        return ""
    return errno.errorcode.get(event.err, str(event.err))


def _result(event: Event, call: Call, rule: Rule) -> int | None:
    own = call.ret in _OF_THE_RUN and event.ret and not event.err
    if event.kind is not Kind.CALL or (own and rule.retval is None):
        return None
    return event.ret


_OF_THE_RUN = ("pid", "ptr")


def _function(site: Site | None) -> str | None:
    if site is None:
        return None
    return symbols.function_at(site.module, site.offset) or None


def is_hit(event: Event) -> bool:
    """Whether a rule decided the call that this event is about; also one from which
    nobody came back."""
    return event.kind in _OF_CALLS and event.rule >= 0 and event.call is not None


@dataclass(slots=True)
class Recorder:
    """Writes the lines; flushed one by one, so that a kill loses nothing."""

    table: Table
    out: TextIO | None = None
    """None: makes hits and writes nothing."""
    failure: str = ""
    """Why the record is not complete."""
    ordinals: Ordinals = field(default_factory=Ordinals)
    """Of all processes and threads that were heard from."""
    _seen: Counter[tuple[str, str, str, str | None]] = field(default_factory=Counter)
    _bases: dict[tuple[str, str], str] = field(default_factory=dict)
    """replay_line.base by rule and call: to make one takes longer than all the rest."""

    def note(self, event: Event, rules: Sequence[Rule]) -> Hit | None:
        """The hit that this event is, if it is one, written down."""
        self.ordinals.note(event)
        if not is_hit(event):
            return None
        hit = self._hit(event, rules)
        self._write(hit)
        return hit

    def close(self) -> None:
        """May be called twice."""
        if self.out is not None:
            self.out.close()
            self.out = None

    def _hit(self, event: Event, rules: Sequence[Rule]) -> Hit:
        assert event.call is not None
        site, call, rule = event.site, event.call, rules[event.rule]
        others = (each for i, each in enumerate(rules) if i != event.rule)
        shared = any(call in each.calls for each in others)
        place = f"{Path(site.module).name}+{site.offset:#x}" if site else None
        process = self.ordinals.process(event.pid)
        here = (rule.text, process, call.name, place)
        self._seen[here] += 1
        nth = self._seen[here]
        return Hit(
            rule=rule.text,
            call=call.name,
            process=process,
            program=self.ordinals.program(event.pid),
            thread=self.ordinals.thread(event.pid, event.tid),
            site=place,
            function=_function(site),
            count=event.nth or None,
            nth=nth,
            result=_result(event, call, rule),
            errno=_error(event),
            label=fairness.label(event, rule),
            replay=replay_line.one_line(
                *(rule, self._base(rule, call)),
                site=None if shared else place,
                nth=nth,
                count=event.nth,
            ),
        )

    def _base(self, rule: Rule, call: Call) -> str:
        key = rule.text, call.name
        if key not in self._bases:
            self._bases[key] = replay_line.base(rule, call, self.table)
        return self._bases[key]

    def _write(self, hit: Hit) -> None:
        if self.out is None:
            return
        try:
            self.out.write(hit.line() + "\n")
            self.out.flush()
        except OSError as error:
            self.failure, self.out = str(error.strerror), None
