"""A run as plugins see it."""

from __future__ import annotations

import argparse
import io
import os
import sys
from dataclasses import dataclass, field
from typing import TextIO

from pyshim import launch, layers
from pyshim.calls import Table
from pyshim.coverage import Coverage
from pyshim.rules import Rule

FAILED = 125


def open_stderr() -> TextIO:
    """Where pyshim's own lines go; nowhere, when it was started without a stderr.

    They go out in batches (Run.flush): a write(2) for each would take as long as making
    them.
    """
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(line_buffering=False)
    return sys.stderr or open(os.devnull, "w")


@dataclass(slots=True)
class Run:
    """What plugins see of a run."""

    options: argparse.Namespace
    """What was given on the command line, the plugin's own options too."""
    expressions: tuple[tuple[str, str], ...]
    """WORD and TEXT of each `-e WORD=TEXT`, in the order given."""
    argv: tuple[str, ...]
    """The command."""
    table: Table
    """All calls; `run.table.select("%file,read")` gives some."""
    rules: tuple[Rule, ...] = ()
    """Of all plugins; known when they have been asked."""
    failure: str = ""
    """Set by a plugin: printed, and the exit status becomes 125."""
    outcome: launch.Outcome | None = None
    """How the target ended; known in `pyshim_report`."""
    patched: tuple[int, int] = (0, 0)
    """How many processes' libc jumped to the shim, and from how many sites altogether;
    in the others its syscalls are caught all the same."""
    hits: list[int] = field(default_factory=list)
    """How often each of `rules` fired; known when the target has ended."""
    dropped: int = 0
    """Events that there was no room for in the shared memory."""
    torn: int = 0
    """Events that were begun and never finished: their thread was killed, or a signal
    handler jumped away."""
    lost: int = 0
    """Bytes of events that there was no room for on the disk."""
    skipped: dict[str, int] = field(default_factory=dict)
    """How often the shim stepped aside, or went without Python, by the reason."""
    bypassed: list[str] = field(default_factory=list)
    """Programs that ran without the shim, as `PATH: reason`."""
    told: set[str] = field(default_factory=set)
    """Those of them that were named before the start."""
    processes: set[int] = field(default_factory=set)
    """The pids of those that were heard from."""
    python_starts: int = 0
    """In how many processes Python was started for hooks; known, as the next three are,
    when the target has ended."""
    start_seconds: float = 0.0
    """The time that those starts took, together."""
    hooks_asked: int = 0
    hook_seconds: float = 0.0
    """The time spent in hooks of the target, without that of `call.real()`."""
    needs_full: str = ""
    """Set by a plugin in `pyshim_configure`: why it needs the full layer, whatever it
    asks for; hooks in the target are asked of all calls then. --layer=symbols has the
    last word."""
    layer: str = layers.SYMBOLS
    """How far down calls are seen: symbols or full. When the target has ended, what it
    was; mixed, when some of its programs could not be armed."""
    coverage: Coverage | None = None
    """What was seen of the run's processes; known when the target has ended, and only
    where a plugin listens."""
    stderr: TextIO = field(default_factory=open_stderr)
    """Lines written here go out together, when some events were handed out."""
    tells_events: bool = False
    """Set by a plugin that writes events to stderr as they come."""

    def say(self, text: str) -> None:
        """One line on stderr, from pyshim."""
        try:
            print(f"pyshim: {text}", file=self.stderr)
        except OSError:
            self._fall_silent()
        self.flush()

    def flush(self) -> None:
        """Let out what was written to `stderr`."""
        try:
            self.stderr.flush()
        except OSError:
            self._fall_silent()

    def _fall_silent(self) -> None:
        """Nobody reads any more; the target must not suffer from that."""
        self.stderr = open(os.devnull, "w")  # noqa: SIM115
