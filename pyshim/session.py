"""One run: from what the plugins want to how the target ended."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pluggy

from pyshim import launch, layers
from pyshim.arena import RUN_PLACES, Arena, make_rundir
from pyshim.bridge_host import HOST, HostBridge
from pyshim.calls import LIB
from pyshim.control import Board, tell_names
from pyshim.control_server import serve
from pyshim.coverage import Coverage
from pyshim.elf import quick
from pyshim.errors import PyshimError
from pyshim.hook_errors import HookErrors
from pyshim.hook_limit import HookLimit
from pyshim.interrupts import Interrupts
from pyshim.patches import provide_plans
from pyshim.plan import LIBRARIES, Compiler, preload
from pyshim.run import Run
from pyshim.switches import Switches
from pyshim.telling import Teller
from pyshim.trace import Trace
from pyshim.unseen import UNARMED, report_coverage
from pyshim.wants import Wants

_TICK = 0.005
_FREE_EVERY = 0.25


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
        self._errors: HookErrors | None = None
        self._through = through
        self._teller = Teller(run, manager, wants)
        self._freed = time.monotonic()
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
            self._teller.tell_rest(self.trace)
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
        self._teller.tell(self.trace)
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
        programs = self._teller.programs - unarmed
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
            self._teller.processes.coverage(run.argv[0], sorted(run.told)),
            layer=run.layer,
            running=len(self.arena.running()),
            lost=bool(run.dropped or run.lost or self._teller.interrupted),
        )


def warn_bypass(path: str) -> str:
    """The launcher's look before the start: the reason why `path` will bypass us."""
    reason = quick(path)
    return f"{path}: {reason}" if reason else ""
