"""Make calls fail: EINTR once at each place by default, or what -e inject= says."""

from __future__ import annotations

import argparse
import errno
import os
from collections import Counter
from dataclasses import replace

from pyshim import fairness, hookimpl, replay, symbols
from pyshim.calls import Call
from pyshim.errors import UsageError
from pyshim.event import Event, Site
from pyshim.glob import glob_escape
from pyshim.hit_record import Hit, Recorder, is_hit
from pyshim.pokes import doubts
from pyshim.rule_keys import EVERY_CALL
from pyshim.rules import Rule, parse
from pyshim.run import Run

from . import realistic

_PLACES = 8


Place = tuple[str, Site | None, str]
"""The call, where it was made, and whether it was fair."""


class _Hits:
    """Where each rule fired. One a run."""

    places: dict[int, Counter[Place]]
    recorder: Recorder
    wanted: list[Hit]
    """By --replay."""
    found: list[Hit]


_hits = _Hits()


@hookimpl
def pyshim_addoption(parser: argparse._ArgumentGroup) -> None:
    """Add --fair, --realistic, --require-hit, --record and --replay."""
    parser.add_argument("--fair", action="store_true",
                        help="only EINTRs that could happen by themselves")  # fmt: skip
    parser.add_argument("--realistic", action="store_true",
                        help="refuse errnos that a call never gives")  # fmt: skip
    parser.add_argument("--require-hit", action="store_true",
                        help="end with 125 when a rule never fired")  # fmt: skip
    parser.add_argument("--record", metavar="FILE",
                        help="write each hit to FILE, a line of JSON")  # fmt: skip
    parser.add_argument("--replay", metavar="HITS", action="append", default=[],
                        help="hit again what is in a record, or in a line")  # fmt: skip


@hookimpl
def pyshim_qualifiers() -> tuple[str, ...]:
    """-e inject=, -e fault=."""
    return ("inject", "fault")


@hookimpl
def pyshim_configure(run: Run) -> None:
    """Forget the run before; open the record before the target starts."""
    _hits.places, _hits.found = {}, []
    _hits.wanted = [hit for given in run.options.replay for hit in replay.read(given)]
    rules = pyshim_rules(run)
    realistic.look(run, rules)
    for rule in rules:
        _warn(rule, run)
    _hits.recorder = Recorder(run.table)
    name = run.options.record
    if name is not None and not run.options.explain:
        try:
            _hits.recorder.out = open(name, "w")  # noqa: SIM115
        except OSError as error:
            raise UsageError(f"--record {name}: {error.strerror}") from None


def _warn(rule: Rule, run: Run) -> None:
    """Of what may not do what it says."""
    for text in doubts(rule):
        run.say(text)
    if not rule.calls:
        run.say(f"{rule.text}: names no call that could be hit here{_left(run)}")


@hookimpl
def pyshim_rules(run: Run) -> list[Rule]:
    """The rules given, in the order given; else the default plan."""
    given = [
        _narrowed(parse(word, text, run.table), run)
        for word, text in run.expressions
        if word in ("inject", "fault")
    ]
    given += replay.rules(_hits.wanted, run.table)
    return given or default_plan(run)


def _left(run: Run) -> str:
    traced = any(word == "trace" for word, _ in run.expressions)
    return ": only what is traced is hit, as in strace" if traced else ""


def _narrowed(rule: Rule, run: Run) -> Rule:
    """As in strace: what is not traced is not tampered with. The last trace= counts."""
    traced = [text for word, text in run.expressions if word == "trace"]
    calls = rule.calls
    if traced:
        calls &= run.table.select(traced[-1])
    ways = (os.path.abspath, os.path.realpath)
    paths = {
        glob_escape(way(path)) for path in run.options.traced_paths for way in ways
    }
    return replace(rule, calls=calls, paths=tuple(sorted(paths)))


def default_plan(run: Run) -> list[Rule]:
    """Every syscall whose man page lists EINTR fails with it, once at each call site.

    Not what libc does with several (fclose): the syscalls inside meet the signal. Those
    are made at a few places in libc, whoever called it, which tell nothing of places in
    the program: they are hit when the full layer was asked for by --layer.
    close(2) is really made first: Linux releases the descriptor whatever it reports.
    """
    return [
        Rule(
            text="EINTR, once at each call site",
            calls=frozenset(filter(_interruptible, run.table.calls)),
            error=errno.EINTR,
            when=EVERY_CALL,
            once_per_site=True,
            fair_only=run.options.fair,
            close_after=True,
            caught=run.options.layer == "full",
        )
    ]


def _interruptible(call: Call) -> bool:
    return call.eintr and not call.hot and "composite" not in call.sets


@hookimpl
def pyshim_event(event: Event, run: Run) -> None:
    """Note the place of a hit."""
    if run.options.record or _hits.wanted:
        hit = _hits.recorder.note(event, run.rules)
        _hits.found += [hit] if hit and _hits.wanted else []
    if not is_hit(event):
        return
    assert event.call is not None
    label = fairness.label(event, run.rules[event.rule])
    place = (event.call.name, event.site, label)
    _hits.places.setdefault(event.rule, Counter())[place] += 1


@hookimpl
def pyshim_report(run: Run) -> None:
    """One line a rule: how often it fired, and where."""
    for index, rule in enumerate(run.rules):
        times = run.hits[index]
        run.say(f"{rule.text}: armed, {_times(times)}{_where(index)}")
    silent = [rule.text for i, rule in enumerate(run.rules) if not run.hits[i]]
    _hits.recorder.close()
    if _hits.recorder.failure:
        why = _hits.recorder.failure
        run.failure = f"--record {run.options.record}: {why}; it is not complete"
    _compare_replay(run)
    if run.options.require_hit and silent:
        run.failure = f"--require-hit: never fired: {', '.join(silent)}"


def _compare_replay(run: Run) -> None:
    """A replay that went elsewhere is none."""
    wanted, found = _hits.wanted, _hits.found
    if left := replay.missing(wanted, found):
        names = ", ".join(f"{hit.call} at {hit.site}" for hit in left[:_PLACES])
        of = f"{len(left)} of {len(wanted)}"
        run.failure = f"--replay: {of} hits did not come again: {names}"
    if wanted and (more := replay.missing(found, wanted)):
        hits = "hit that is" if len(more) == 1 else "hits that are"
        run.say(f"--replay: {len(more)} {hits} not in the record")


def _times(count: int) -> str:
    if not count:
        return "never hit"
    return f"hit {count} time{'s' if count > 1 else ''}"


def _where(index: int) -> str:
    places = _hits.places.get(index)
    if not places:
        return ""
    named = [
        _name(place) + (f" ({count} times)" if count > 1 else "")
        for place, count in places.most_common(_PLACES)
    ]
    more = len(places) - _PLACES
    tail = f"; and {more} more places" if more > 0 else ""
    return ": " + "; ".join(named) + tail


def _name(place: Place) -> str:
    call, site, label = place
    where = symbols.name(site) if site else "an unknown place"
    return f"{call} at {where} {label}".rstrip()
