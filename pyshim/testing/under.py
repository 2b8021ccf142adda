"""The host's part of a pytest under the shim: gives the rules, notes the hits.

A plugin. Every rule is off until a test switches it on (switches.py).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TextIO

from pyshim import hookimpl
from pyshim.calls import Table
from pyshim.event import Event
from pyshim.hit_record import Recorder
from pyshim.rules import Rule, parse, parse_expression
from pyshim.run import Run

GUARD = "PYSHIM_PYTEST"
"""In the environment of a pytest that was started again: the folder with its rules. It
is taken out at once, so that a pytest that a test starts is a first one."""
MOST = 100_000
"""Hits of a test that are written down."""
RULES = "rules"
"""The file in the folder that --pytest-rules names: their texts, as JSON."""


@dataclass(slots=True)
class _Hits:
    """One a run."""

    recorder: Recorder
    out: TextIO
    left: int = MOST
    """How many more are written until the next barrier."""


_hits: list[_Hits] = []


def record(folder: str, host: int) -> Path:
    """Where the hits of the run with this host are written."""
    return Path(folder, f"hits-{host}")


BARRIER = "inject=getppid:delay_enter=1"
"""Comes behind the rules. A hit of it is written when all hits before it are."""


def line_start(number: int) -> str:
    """That of a line about this rule: it need not be parsed to be found."""
    return json.dumps({"number": number})[:-1] + ","


def _off(number: int, text: str, table: Table) -> Rule:
    """With what lets it be switched on; its text is the user's."""
    rule = parse(*parse_expression(text), table)
    return replace(rule, off=True, name=f"pytest{number}")


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
    numbered = enumerate([*texts, BARRIER])
    *rules, barrier = (_off(number, text, run.table) for number, text in numbered)
    return [*rules, replace(barrier, caught=False)]


@hookimpl
def pyshim_event(event: Event, run: Run) -> None:
    """The test waits for the line of its last hit."""
    hits = _hits[0]
    hit = hits.recorder.note(event, run.rules)
    if hit is None:
        return
    barrier = event.rule == len(run.rules) - 1
    hits.left = MOST if barrier else hits.left - 1
    if hits.left >= 0:
        module = event.site.module if event.site else ""
        line = {"number": event.rule, "hit": asdict(hit), "module": module}
        hits.out.write(json.dumps(line) + "\n")
        hits.out.flush()


@hookimpl(trylast=True)
def pyshim_report(run: Run) -> None:
    """A pytest that was killed has left its folder. A worker's is the controller's."""
    folder = run.options.pytest_rules
    if os.environ.get(GUARD) == folder:
        shutil.rmtree(folder, ignore_errors=True)
