"""What the host does with an event: from a record in the spool to a line in the log.

`python benchmarks/host.py [--rounds N] [--events N] [--clock cpu]`. A target makes real
records of openat, read, write and close; then they are decoded again and again. All
stages take turns on each piece of the spool, so the machine's moods hit all of them.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import BinaryIO

from pyshim import plugins
from pyshim.calls import table
from pyshim.clock import Clock
from pyshim.decode import Formatter
from pyshim.records import EventMaker
from pyshim.run import Run
from pyshim.session import Session
from pyshim.spool import NEVER, Spool
from pyshim.telling import Teller
from pyshim.wants import Wants

CALLS = "openat,read,write,close"
TARGET = """
import os, sys
text, null = open(sys.argv[2], "rb").read(32), os.open("/dev/null", os.O_WRONLY)
for _ in range(int(sys.argv[1]) // 4):
    fd = os.open(sys.argv[2], os.O_RDONLY)
    os.read(fd, 32)
    os.write(null, text)
    os.close(fd)
"""
STAGES = {
    "read": "pieces of the spool, records in order",
    "event": "records to events",
    "line": "events to strace's lines, nothing more",
    "log": "the log plugin: lines, and into the file",
}
Clockwork = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds that each stage took in all, and how many events there were."""

    seconds: dict[str, float]
    events: int

    def each(self, *stages: str) -> float:
        """Microseconds per event of these stages together."""
        return sum(self.seconds[stage] for stage in stages) / self.events * 1e6


def capture(events: int) -> BinaryIO:
    """The spool of a run of the target: some hundred events more, Python's own."""
    argv = (sys.executable, "-c", TARGET, str(events), __file__)
    run = Run(argparse.Namespace(timeout=None), (), argv, table())
    wants = Wants(logged=table().select(CALLS))
    session = Session(run, plugins.manager([]), wants)
    outcome = session.execute()
    if outcome.exit_code or run.dropped:
        sys.exit(f"the target ended with {outcome.exit_code}, {run.dropped} dropped")
    return session.trace.spool.file


def log_to(path: Path) -> Teller:
    """Hands events out to the log plugin."""
    log = plugins.find("log", plugins.installed())
    options = argparse.Namespace(o=str(path), s=32, timeout=None)
    run = Run(options, (), ("true",), table())
    manager = plugins.manager([log])
    manager.hook.pyshim_configure(run=run)
    manager.hook.pyshim_trace(run=run)
    return Teller(run, manager, Wants())


def decode(file: BinaryIO, teller: Teller, now: Clockwork) -> Round:
    """The whole spool once."""
    spool, maker, formatter = Spool(file), EventMaker(table(), Clock(True)), Formatter()
    spool.mark(NEVER, spool.size)
    seconds = dict.fromkeys(STAGES, 0.0)
    count = 0
    began = now()
    while (records := spool.read()) is not None:
        was_read = now()
        events = maker.events(records)
        made = now()
        for event in events:
            if event.call is not None:
                formatter.line(event, 34)
        formatted = now()
        teller.tell_batch(events)
        logged = now()
        count += len(events)
        marks = (began, was_read, made, formatted, logged)
        for stage, start, end in zip(STAGES, marks, marks[1:], strict=False):
            seconds[stage] += end - start
        began = now()
    return Round(seconds, count)


def rows(rounds: list[Round]) -> Iterator[tuple[str, float, float, str]]:
    """Stage, least and median microseconds per event, and what it is."""
    for stage, text in STAGES.items():
        each = [one.each(stage) for one in rounds]
        yield stage, min(each), median(each), text
    each = [one.each("read", "event", "log") for one in rounds]
    yield "all", min(each), median(each), "read, event and log: all the host does"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    options = parser.parse_args()
    now = time.process_time if options.clock == "cpu" else time.perf_counter
    file = capture(options.events)
    with tempfile.TemporaryDirectory() as folder:
        teller = log_to(Path(folder) / "log")
        rounds = [decode(file, teller, now) for _ in range(options.rounds)]
    print(f"{rounds[0].events} events, {os.fstat(file.fileno()).st_size} bytes")
    print(f"{'µs/event':10} {'min':>6} {'median':>7}")
    for stage, least, middle, text in rows(rounds):
        print(f"{stage:10} {least:6.2f} {middle:7.2f}  {text}")


if __name__ == "__main__":
    main()
