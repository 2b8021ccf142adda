"""One run: from what the plugins want to how the target ended."""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TextIO

import pluggy

from pyshim import launch, layers
from pyshim.arena import RUN_PLACES, Arena, make_rundir
from pyshim.bridge_host import HOST, HostBridge
from pyshim.calls import LIB, Call, Table
from pyshim.control import Board, tell_names
from pyshim.control_server import serve
from pyshim.coverage import Coverage, Processes
from pyshim.elf import quick
from pyshim.errors import PyshimError
from pyshim.event import Event, Kind
from pyshim.hook_errors import HookErrors
from pyshim.hook_limit import HookLimit
from pyshim.interrupts import Interrupts
from pyshim.patches import provide_plans
from pyshim.plan import EXECS, LIBRARIES, Compiler, preload
from pyshim.plugins import event_hooks
from pyshim.progress import Progress
from pyshim.rules import Rule
from pyshim.switches import Switches
from pyshim.trace import Trace
from pyshim.unseen import UNARMED, report_coverage
from pyshim.wants import Wants

FAILED = 125
_TICK = 0.005
_FREE_EVERY = 0.25
_LONGEST_TICK = 0.05
"""Seconds for which a signal to the target may wait while events are handed out."""


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


Through = Callable[[Mapping[str, str]], Sequence[str]]
"""A command line that runs the command with these settings in its environment."""


class Attendant(Protocol):
    """Who is to be served between two other things while the target runs."""

    def tick(self) -> None:
        """Never waits."""

    def close(self) -> None:
        """The target has ended. May be called twice."""


Attend = Callable[[Arena, Path], Attendant]
"""Makes one, from the run's memory and its folder, before the target starts."""


class Session:
    """Owns the shared memory of a run, from before the start to after the report."""

    def __init__(
        self,
        run: Run,
        manager: pluggy.PluginManager,
        wants: Wants,
        through: Through | None = None,
        attend: Attend | None = None,
    ) -> None:
        self.run = run
        self.manager = manager
        self.wants = wants
        run.layer = layers.FULL if wants.full else layers.SYMBOLS
        self._programs = 0
        self._errors: HookErrors | None = None
        self._through = through
        self._processes = Processes()
        self._interrupted = False
        self._execs = {each.id for each in run.table.calls if each.base in EXECS}
        self._freed = time.monotonic()
        self._hooks = event_hooks(manager, run)
        self._env = launch.inherited_env()
        self._limit: HookLimit | None = None
        self._interrupts: Interrupts | None = None
        self._attend = attend
        self._attendants: list[Attendant] = []
        self._preload = ""
        self.hooks: HostBridge | None = None

    def execute(self) -> launch.Outcome:
        """Run the target and hand out its events; returns how it ended."""
        with ExitStack() as stack:
            rundir = self._set_up(stack)
            stack.enter_context(self.arena.sharing())
            self._start_trace()
            try:
                outcome = self._launch(rundir)
            finally:
                for attendant in self._attendants:
                    attendant.close()
                self.trace.stop()
            self._hand_out_rest()
            self._finish(outcome)
            return outcome

    def _start_trace(self) -> None:
        try:
            with launch.signals_blocked():
                self.trace.start()
        except RuntimeError as error:
            raise PyshimError(
                f"cannot start a thread: {error}", allowed="a higher ulimit -u or -v"
            ) from error

    def _set_up(self, stack: ExitStack) -> Path:
        """The run's folder, in the first place that has room; removed with `stack`."""
        failure: OSError | None = None
        for place in RUN_PLACES:
            try:
                with ExitStack() as made:
                    rundir = self._fill(make_rundir(place), made)
                    stack.enter_context(made.pop_all())
                return rundir
            except OSError as error:
                failure = failure or error
        raise PyshimError(
            f"no place for the run's files: {failure}",
            allowed="3 MB in /dev/shm or TMPDIR and nine descriptors, within ulimit",
        )

    def _fill(self, rundir: Path, stack: ExitStack) -> Path:
        """Put the plan and the arena there, and make the trace. Raises OSError."""
        stack.callback(shutil.rmtree, rundir, ignore_errors=True)
        compiler = Compiler(self.wants, self.run.table, str(rundir))
        plan = compiler.build()
        (rundir / "plan").write_bytes(plan)
        self._preload = preload(str(rundir), compiler.allocates)
        if self._preload.startswith(str(rundir)):
            for name in LIBRARIES:
                (rundir / name).symlink_to(LIB / name)
        if self.wants.full and self.wants.patched:
            out = self.run.stderr if self.run.stderr.isatty() else None
            provide_plans(self.run.argv[0], rundir, out)
        self.arena = Arena(
            rundir / "arena",
            compiler.ncounters,
            shared=bool(self.wants.hooks),
            files=any(rule.quota is not None for rule in self.wants.rules),
            undo=any(rule.lose for rule in self.wants.rules),
        )
        self._make_switches(rundir, plan, stack)
        if self.wants.hooks:
            self.hooks = HostBridge(rundir, self.wants.search_path, self.run.say)
            stack.callback(self.hooks.stop)
        self.trace = Trace(self.arena, self.run.table)
        if any(rule.interrupt[0] for rule in self.wants.rules):
            self._interrupts = Interrupts(self.arena)
        if self.wants.hooks:
            limit = self.run.options.hook_limit
            self._limit = HookLimit(
                *(self.arena, self.run.table, self.wants.hooks, rundir, limit),
                strict=self.wants.strict,
            )
            self._errors = HookErrors(rundir, self.arena, self.wants, self.run)
            stack.callback(self._errors.close)
        return rundir

    def _make_switches(self, rundir: Path, plan: bytes, stack: ExitStack) -> None:
        """Rules that start off; and what switches them, where that was asked for."""
        rules, path = self.wants.rules, self.run.options.ctl
        for index, rule in enumerate(rules):
            self.arena.head.off[index] = rule.off
        self._attendants.clear()
        if path is not None or any(rule.name for rule in rules):
            board = Board(Switches(self.arena.head, plan), tell_names(rundir, rules))
            self._attendants.append(serve(board, rundir, path))
        if self._attend:
            self._attendants.append(self._attend(self.arena, rundir))
        for attendant in self._attendants:
            stack.callback(attendant.close)

    def _launch(self, rundir: Path) -> launch.Outcome:
        if self.hooks and self.wants.bridge == HOST:
            self.hooks.start()
        env = dict(self._env)
        ours: dict[str, str] = {}
        # As at each exec (shim/preload.c): musl would not even start with it.
        if not self.run.bypassed:
            lists = self._preload, env.get("LD_PRELOAD", "")
            ours["LD_PRELOAD"] = ":".join(filter(None, lists))
            ours["PYSHIM_RUN"] = str(rundir)
        return launch.launch(
            self._through(ours) if self._through else self.run.argv,
            env if self._through else env | ours,
            timeout=self.run.options.timeout,
            tick=self._tick,
            interval=_TICK,
        )

    def _tick(self) -> bool:
        """Whether the run is to end: for an error in a hook, --strict-plugins."""
        ending = self._errors is not None and self._errors.look()
        self._hand_out()
        if self._interrupts:
            self._interrupts.look()
        for attendant in self._attendants:
            attendant.tick()
        if self._limit and not ending:
            self._limit.look(self._given_up)
        if self.hooks:
            self.hooks.tick()
        now = time.monotonic()
        if now - self._freed > _FREE_EVERY:
            self._freed = now
            self.arena.free_dead()
        return ending

    def _given_up(self, line: str, trace: str) -> None:
        if self._errors:
            self._errors.tell(f"{line}\n{trace}")

    def _hand_out(self) -> None:
        """The events there are, as far as time allows."""
        end = time.monotonic() + _LONGEST_TICK
        for batch in self.trace.batches():
            self._tell(batch)
            if time.monotonic() > end:
                break

    def _hand_out_rest(self) -> None:
        """All events there are. Ctrl-C, which has no target to go to, is for us."""
        progress, before = self._progress(), self.trace.spool.share
        try:
            for batch in self.trace.batches(last=True):
                self._tell(batch)
                done = self.trace.spool.share - before
                progress.at(done / (1 - before) if done else 0.0)
        except KeyboardInterrupt:
            self._interrupted = True
            self.run.failure = "interrupted before all events were handed out"
        finally:
            progress.end()

    def _progress(self) -> Progress:
        """Only for one who looks on, and sees nothing else move."""
        shown = self.run.stderr.isatty() and not self.run.tells_events
        return Progress(self.run.stderr if shown else None, "pyshim: writing the log")

    def _tell(self, batch: list[Event]) -> None:
        for event in batch:
            call = event.call
            if call is None or call.id in self._execs:
                self._note(event)
                if call is not None and not self._asked_for(call, event):
                    continue
            # The name is what plugins.culprit looks for.
            for hook_impl, tell in self._hooks:  # noqa: B007
                tell(event)
        self.run.flush()

    def _asked_for(self, call: Call, event: Event) -> bool:
        """Whether a plugin is to hear of an exec: the shim tells us of all of them."""
        return call in self.wants.logged or event.rule >= 0 or event.asked

    def _note(self, event: Event) -> None:
        self._processes.note(event)
        if event.kind is Kind.BYPASS:
            self.run.bypassed.append(event.note)
        elif event.kind is Kind.START:
            self.run.processes.add(event.pid)
            self._programs += bool(event.memory)

    def _finish(self, outcome: launch.Outcome) -> None:
        self.run.outcome = outcome
        if self._limit:
            self._limit.collect(self._given_up)
        self.run.hits = self.arena.hits[: len(self.run.rules)]
        self.run.patched = self.arena.patched
        self.run.dropped = self.arena.dropped
        self.run.torn = self.trace.torn
        self.run.lost = self.trace.lost
        self.run.skipped = self.arena.skipped
        self._count_python()
        unarmed, children = (self.run.skipped.get(each, 0) for each in UNARMED)
        programs = self._programs - unarmed
        self.run.layer = layers.armed(self.wants.full, programs, unarmed + children)
        self.run.coverage = self._coverage() if self.wants.heard else None
        if self._errors is not None:
            self._errors.finish()
        self.manager.hook.pyshim_report(run=self.run)
        if self.hooks:
            self.hooks.report()
        if outcome.ran:
            report_coverage(self.run)

    def _count_python(self) -> None:
        run, seconds = self.run, self.trace.seconds
        run.python_starts, start, run.hooks_asked, asked = self.arena.python
        run.start_seconds, run.hook_seconds = seconds(start), seconds(asked)

    def _coverage(self) -> Coverage:
        run = self.run
        return replace(
            self._processes.coverage(run.argv[0], sorted(run.told)),
            layer=run.layer,
            running=len(self.arena.running()),
            lost=bool(run.dropped or run.lost or self._interrupted),
        )


def warn_bypass(path: str) -> str:
    """The launcher's look before the start: the reason why `path` will bypass us."""
    reason = quick(path)
    return f"{path}: {reason}" if reason else ""
