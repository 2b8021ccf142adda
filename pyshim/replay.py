"""Rules that hit the same calls again, from a record of hits; and whether they did."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from pyshim import hit_record
from pyshim.calls import Table
from pyshim.errors import UsageError
from pyshim.hit_record import Hit
from pyshim.rule_keys import When
from pyshim.rules import Rule, parse, parse_expression


def read(given: str) -> list[Hit]:
    """`--replay`: a file that --record wrote, or one line of it. Raises UsageError."""
    if given.lstrip().startswith("{"):
        return [hit_record.from_line(given)]
    try:
        found = list(hit_record.read(Path(given)))
    except OSError as error:
        raise UsageError(f"--replay {given}: {error.strerror}") from None
    if not found:
        raise UsageError(f"--replay {given}: no hits in it")
    return found


def rules(hits: Iterable[Hit], table: Table) -> list[Rule]:
    """Few rules for many hits: numbers at equal distances are one."""
    numbers: dict[str, set[int]] = {}
    whole: dict[str, Rule] = {}
    for hit in hits:
        if "quota=" in hit.replay:
            whole[hit.replay] = parse(*parse_expression(hit.replay), table)
            continue
        base, _, number = hit.replay.rpartition(":when=")
        if not base or not number.isdecimal():
            raise UsageError(f"--replay: no rule in {json.dumps(hit.replay)}")
        numbers.setdefault(base, set()).add(int(number))
    found = []
    for base, wanted in numbers.items():
        rule = parse(*parse_expression(base), table)
        found += [replace(rule, when=when) for when in _runs(sorted(wanted))]
    return [*whole.values(), *(replace(rule, text=_text(rule)) for rule in found)]


def _text(rule: Rule) -> str:
    when = rule.when
    if when.first == when.last:
        return f"{rule.text}:when={when.first}"
    return f"{rule.text}:when={when.first}..{when.last}+{when.step}"


def _runs(numbers: Sequence[int]) -> list[When]:
    """`numbers` rise."""
    found: list[When] = []
    for number in numbers:
        last = found[-1] if found else None
        if last is None or not _continues(last, number):
            found.append(When(number, number))
        else:
            found[-1] = When(last.first, number, number - last.last)
    return found


def _continues(run: When, number: int) -> bool:
    return run.first == run.last or number - run.last == run.step


def missing(wanted: Iterable[Hit], found: Iterable[Hit]) -> list[Hit]:
    """Those that did not come again: same call, same place, same program."""
    there = Counter(map(_place, found))
    left = []
    for hit in wanted:
        there[_place(hit)] -= 1
        if there[_place(hit)] < 0:
            left.append(hit)
    return left


def _place(hit: Hit) -> tuple[object, ...]:
    return hit.call, hit.program, hit.site, hit.errno
