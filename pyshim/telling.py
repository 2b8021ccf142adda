"""Hands the events of a run out to its plugins, and notes what they say of the run."""

from __future__ import annotations

import time

import pluggy

from pyshim.calls import Call
from pyshim.coverage import Processes
from pyshim.event import Event, Kind
from pyshim.plan import EXECS
from pyshim.plugins import event_hooks
from pyshim.progress import Progress
from pyshim.run import Run
from pyshim.trace import Trace
from pyshim.wants import Wants

_LONGEST = 0.05
"""Seconds for which a signal to the target may wait while events are handed out."""


class Teller:
    """Of one run, in the host's main thread."""

    def __init__(self, run: Run, manager: pluggy.PluginManager, wants: Wants) -> None:
        self.processes = Processes()
        self.programs = 0
        """How many were heard to start."""
        self.interrupted = False
        """Not all events were handed out: Ctrl-C."""
        self._run = run
        self._logged = wants.logged
        self._execs = {each.id for each in run.table.calls if each.base in EXECS}
        self._hooks = event_hooks(manager, run)

    def tell(self, trace: Trace) -> None:
        """The events there are, as far as time allows."""
        end = time.monotonic() + _LONGEST
        for batch in trace.batches():
            self.tell_batch(batch)
            if time.monotonic() > end:
                break

    def tell_rest(self, trace: Trace) -> None:
        """All events there are. Ctrl-C, which has no target to go to, is for us."""
        progress, before = self._progress(), trace.spool.share
        try:
            for batch in trace.batches(last=True):
                self.tell_batch(batch)
                done = trace.spool.share - before
                progress.at(done / (1 - before) if done else 0.0)
        except KeyboardInterrupt:
            self.interrupted = True
            self._run.failure = "interrupted before all events were handed out"
        finally:
            progress.end()

    def _progress(self) -> Progress:
        """Only for one who looks on, and sees nothing else move."""
        shown = self._run.stderr.isatty() and not self._run.tells_events
        return Progress(self._run.stderr if shown else None, "pyshim: writing the log")

    def tell_batch(self, batch: list[Event]) -> None:
        """In the order in which they came."""
        for event in batch:
            call = event.call
            if call is None or call.id in self._execs:
                self._note(event)
                if call is not None and not self._asked_for(call, event):
                    continue
            # The name is what plugins.culprit looks for.
            for hook_impl, tell in self._hooks:  # noqa: B007
                tell(event)
        self._run.flush()

    def _asked_for(self, call: Call, event: Event) -> bool:
        """Whether a plugin is to hear of an exec: the shim tells us of all of them."""
        return call in self._logged or event.rule >= 0 or event.asked

    def _note(self, event: Event) -> None:
        self.processes.note(event)
        if event.kind is Kind.BYPASS:
            self._run.bypassed.append(event.note)
        elif event.kind is Kind.START:
            self._run.processes.add(event.pid)
            self.programs += 0 in event.memory
