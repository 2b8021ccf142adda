"""The host's part of a pytest under the shim: gives the rules, notes the hits.

A plugin. Every rule is off until a test switches it on (switches.py).
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TextIO

from pyshim import hookimpl
from pyshim.event import Event
from pyshim.hit_record import Recorder
from pyshim.rules import Rule, parse, parse_expression
from pyshim.run import Run

RULES = "rules"
"""The file in the folder that --pytest-rules names: their texts, as JSON."""


@dataclass(slots=True)
class _Hits:
    """One a run."""

    recorder: Recorder
    out: TextIO


_hits: list[_Hits] = []


def record(folder: str, host: int) -> Path:
    """Where the hits of the run with this host are written."""
    return Path(folder, f"hits-{host}")


BARRIER = "inject=getppid:delay_enter=1"
"""Comes behind the rules. A hit of it is written when all hits before it are."""


def _off(number: int, text: str) -> str:
    """With what lets it be switched on."""
    return f"{text}:off:name=pytest{number}"


@hookimpl
def pyshim_addoption(parser: argparse._ArgumentGroup) -> None:
    """Add --pytest-rules."""
    parser.add_argument("--pytest-rules", metavar="FOLDER", help="where they are")


@hookimpl
def pyshim_configure(run: Run) -> None:
    """Open the file of hits."""
    out = record(run.options.pytest_rules, os.getpid()).open("w")
    _hits[:] = [_Hits(Recorder(run.table), out)]


@hookimpl
def pyshim_rules(run: Run) -> list[Rule]:
    """In the order of the file: that is their number in shared memory."""
    texts: list[str] = json.loads(Path(run.options.pytest_rules, RULES).read_text())
    named = [_off(number, text) for number, text in enumerate([*texts, BARRIER])]
    *rules, barrier = (parse(*parse_expression(text), run.table) for text in named)
    return [*rules, replace(barrier, caught=False)]


@hookimpl
def pyshim_event(event: Event, run: Run) -> None:
    """The test waits for the line of its last hit."""
    hits = _hits[0]
    hit = hits.recorder.note(event, run.rules)
    if hit is not None:
        module = event.site.module if event.site else ""
        line = {"number": event.rule, "hit": asdict(hit), "module": module}
        hits.out.write(json.dumps(line) + "\n")
        hits.out.flush()
