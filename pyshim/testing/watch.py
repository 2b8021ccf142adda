"""The host's part of a run in a test: a plugin that writes down all there is to know.

One JSON value a line, of these kinds:

    {"start": pid, "parent": pid, "process": "1.2"}
    {"call": name, "syscall": ..., "text": strace's line, "args": [...], "paths": {...},
     "result": ..., "errno": name, "process": "1.2", "pid": ..., "thread": 1}
    {"hit": what --record has, "module": path}
    {"end": how it ended, and what was and was not seen}

Of calls and of hits there are no more than MOST each: a program that never ends is not
to fill the disk. How many were left out stands in the end, with the last calls.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from pyshim import hookimpl
from pyshim.calls import Call
from pyshim.decode import Formatter
from pyshim.event import Event, Kind
from pyshim.hit_record import Recorder
from pyshim.plan_rules import PATHS
from pyshim.run import Run

SAID, SEEN = "said", "seen"
"""Files in the folder that --watch names: pyshim's own lines, and those above."""
MOST = 100_000
"""Lines of a kind. A test that looks at more has no use for a list."""
_LAST = 5
_NO_COLUMN = 0


@dataclass(slots=True)
class _Watch:
    """One a run; made by `pyshim_configure`."""

    seen: TextIO
    recorder: Recorder
    traced: frozenset[Call] = frozenset()
    formatter: Formatter = field(default_factory=Formatter)
    counts: Counter[str] = field(default_factory=Counter)
    """Of calls and hits, all that there were."""
    last: deque[Event] = field(default_factory=lambda: deque(maxlen=_LAST))

    def put(self, line: dict[str, Any]) -> None:
        """One line."""
        self.seen.write(json.dumps(line) + "\n")

    def has_room(self, kind: str) -> bool:
        """Whether one more of this kind is to be written."""
        self.counts[kind] += 1
        return self.counts[kind] <= MOST


_watches: list[_Watch] = []


@hookimpl
def pyshim_addoption(parser: argparse._ArgumentGroup) -> None:
    """Add --watch and --watch-calls."""
    parser.add_argument("--watch", metavar="FOLDER", help="where the two files go")
    parser.add_argument("--watch-calls", metavar="SET", help="which calls to write")


@hookimpl
def pyshim_configure(run: Run) -> None:
    """Pyshim's own lines go to a file: the program's stderr is then its alone."""
    folder = Path(run.options.watch)
    run.stderr = (folder / SAID).open("w")
    seen = (folder / SEEN).open("w", errors="surrogateescape")
    _watches[:] = [_Watch(seen, Recorder(run.table))]


@hookimpl
def pyshim_trace(run: Run) -> frozenset[Call]:
    """None but the hits, unless a set was given."""
    if run.options.watch_calls:
        _watches[0].traced = run.table.select(run.options.watch_calls)
    return _watches[0].traced


@hookimpl
def pyshim_event(event: Event, run: Run) -> None:
    """Write it down."""
    watch = _watches[0]
    hit = watch.recorder.note(event, run.rules)
    if event.kind is Kind.START:
        process = watch.recorder.ordinals.process(event.pid)
        watch.put({"start": event.pid, "parent": event.ret, "process": process})
    elif event.call is not None and event.call in watch.traced:
        watch.last.append(event)
        if watch.has_room("call"):
            watch.put(_call(event, event.call, watch))
    if hit is not None and watch.has_room("hit"):
        module = event.site.module if event.site else ""
        watch.put({"hit": asdict(hit), "module": module})
        watch.seen.flush()


def _call(event: Event, call: Call, watch: _Watch) -> dict[str, Any]:
    ordinals = watch.recorder.ordinals
    return {
        "call": call.name,
        "syscall": call.syscall,
        "text": watch.formatter.line(event, _NO_COLUMN),
        "args": dict(zip((p.name for p in call.params), event.args, strict=False)),
        "paths": _paths(event, call),
        "result": event.ret,
        "errno": errno.errorcode.get(event.err, str(event.err)) if event.err else "",
        "process": ordinals.process(event.pid),
        "pid": event.pid,
        "thread": ordinals.thread(event.pid, event.tid),
    }


def _paths(event: Event, call: Call) -> dict[str, tuple[str | None, str]]:
    """By parameter: the parameter with the folder it is relative to, and the text."""
    found = {}
    for at, param in enumerate(call.params):
        if param.kind in PATHS and at in event.memory:
            before = call.params[at - 1] if at else None
            base = before.name if before and before.kind == "dirfd" else None
            found[param.name] = base, os.fsdecode(event.memory[at].data)
    return found


@hookimpl(trylast=True)
def pyshim_report(run: Run) -> None:
    """How it ended. What is missing behind a kill is known to be missing."""
    watch, outcome = _watches[0], run.outcome
    assert outcome is not None
    end = {
        "status": outcome.status,
        "signal": outcome.signal,
        "timed_out": outcome.timed_out,
        "ran": outcome.ran,
        "rules": [rule.text for rule in run.rules],
        "hits": list(run.hits),
        "dropped": run.dropped + run.torn,
        "coverage": run.coverage.line() if run.coverage else "",
        "bypassed": run.bypassed,
        "left_out": {kind: max(0, n - MOST) for kind, n in watch.counts.items()},
        "last": [watch.formatter.line(event, _NO_COLUMN) for event in watch.last],
    }
    watch.put({"end": end})
    watch.seen.close()
