"""Writes docs/fidelity.md: the conditions, the calls, the rules that do the same."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from case import Case, Way
from cases import CASES

_HEAD = Path(__file__).with_name("page_head.md")
_TABLE = "| call | how far it had come | rules |\n|---|---|---|"


def _rules(way: Way) -> str:
    text = " ".join(f"`{rule}`".replace("|", "\\|") for rule in way.rules)
    return text if len(way.layers) == 2 else f"{text} ({way.layers[0]})"


def _line(case: Case) -> str:
    rules = "; ".join(_rules(way) for way in case.ways)
    return f"| {case.call} | {case.progress} | {rules} |"


def page() -> Iterator[str]:
    """The lines of the page."""
    yield _HEAD.read_text().replace("{count}", str(len(CASES)))
    in_order = sorted(CASES, key=lambda case: case.condition)
    for condition, cases in groupby(in_order, key=lambda case: case.condition):
        yield f"## {condition[0].upper()}{condition[1:]}\n"
        yield _TABLE
        yield from (_line(case) for case in cases)
        yield ""


if __name__ == "__main__":
    sys.stdout.write("\n".join(page()))
