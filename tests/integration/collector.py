"""A plugin for tests: every event of a run, one JSON object a line, then the counts."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TextIO

from pyshim import hookimpl
from pyshim.calls import Call
from pyshim.event import Event
from pyshim.run import Run

_out: list[TextIO] = []


@hookimpl
def pyshim_configure(run: Run) -> None:
    _out.append(open(os.environ["COLLECT_TO"], "w", encoding="utf-8"))  # noqa: SIM115


@hookimpl
def pyshim_trace(run: Run) -> frozenset[Call]:
    return run.table.select(os.environ.get("COLLECT", "!%composite,vfork"))


@hookimpl
def pyshim_event(event: Event, run: Run) -> None:
    _write(
        kind=event.kind,
        pid=event.pid,
        tid=event.tid,
        end=event.start + event.duration,
        duration=event.duration,
        name=event.call.name if event.call else "",
        syscall=event.call.syscall if event.call else "",
        args=event.args,
        ret=event.ret,
        err=event.err,
        note=event.note,
    )


@hookimpl
def pyshim_report(run: Run) -> None:
    _write(
        kind="report",
        dropped=run.dropped,
        torn=run.torn,
        skipped=run.skipped,
        memory=_arena_bytes(),
    )
    _out.pop().close()


def _write(**what: object) -> None:
    _out[0].write(json.dumps(what) + "\n")


def _arena_bytes() -> int:
    """Memory behind the arena, which this process has open."""
    return sum(
        fd.stat().st_blocks * 512
        for fd in Path("/proc/self/fd").iterdir()
        if fd.is_symlink() and str(fd.readlink()).endswith("/arena")
    )
