"""What goes wrong in hooks in the target, said by the host.

The first of each kind at once and in full, how many more there were at the end. A kind
is a hook, a type of exception, and the place that raised it. pyshim/inside/failures.py
writes the file that is read here, and counts in the arena.
"""

from __future__ import annotations

import ast
import os
import signal
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyshim._host import lib
from pyshim._proctree import identify, send
from pyshim.arena import Arena
from pyshim.bridge_plan import ERRORS
from pyshim.wants import TargetHook, Wants

if TYPE_CHECKING:
    from pyshim.run import Run

_FIELDS = (int, str, str, str, int, str)


@dataclass(frozen=True, slots=True)
class HookError:
    """One error, as a target has written it down."""

    hook: int
    """Its number in Wants.hooks."""
    kind: str
    """The exception's type."""
    place: str
    """FILE:LINE; "" when what the hook returned was wrong."""
    call: str
    """"" when the plugin could not be imported."""
    pid: int
    text: str
    """The traceback and the exception, lines as Python prints them."""


def parse(line: bytes) -> HookError | None:
    """None: it is none, cut off where the disk was full, or somebody else's."""
    try:
        fields = ast.literal_eval(line.decode())
        error = HookError(*fields)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    sound = all(map(isinstance, fields, _FIELDS)) and 0 <= error.hook < lib.MAX_HOOKS
    return error if sound else None


class HookErrors:
    """Owns the file; its folder is the session's."""

    def __init__(self, rundir: Path, arena: Arena, wants: Wants, run: Run) -> None:
        """Raises OSError where there is no room for the file."""
        self._fd = os.open(
            rundir / ERRORS, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
        )
        self._arena = arena
        self._hooks = wants.hooks
        self._strict = wants.strict
        self._run = run
        self._counted = b""
        self._rest = b""
        self._shown: Counter[tuple[int, bool]] = Counter()
        self._kinds: set[tuple[int, str, str]] = set()
        self._pids: set[int] = set()
        self._told = False

    def close(self) -> None:
        """Nothing more is read."""
        os.close(self._fd)

    def look(self) -> bool:
        """Say what is new; True when the run is to end for it. Cheap when nothing is.

        Targets count what they have written, so the file need not be asked.
        """
        counted = self._arena.hook_errors
        if counted != self._counted:
            self._read()
            self._counted = counted
        return self._strict and (any(counted) or self._told)

    def tell(self, text: str) -> None:
        """Say what went wrong in a hook; with --strict-plugins that ends the run."""
        self._told = True
        self._run.say(text.rstrip())

    def finish(self) -> None:
        """The run is over: say the rest, and how many there were of each hook."""
        self._read()
        for number, hook in enumerate(self._hooks):
            self._say_raised(number, hook)
            self._say_unloaded(number, hook)
        if self.look():
            self._end_waiting()
            self._run.failure = "--strict-plugins: a hook failed, and ended the run"

    def _read(self) -> None:
        while data := os.read(self._fd, 1 << 20):
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in filter(None, lines):
                if (error := parse(line)) and error.hook < len(self._hooks):
                    self._tell(error)

    def _tell(self, error: HookError) -> None:
        self._pids.add(error.pid)
        kind = error.hook, error.kind, error.place
        if kind in self._kinds:
            return
        self._kinds.add(kind)
        self._shown[error.hook, bool(error.call)] += 1
        self.tell(f"{_headline(error, self._hooks[error.hook])}{self._end(error)}")

    def _end(self, error: HookError) -> str:
        if self._strict:
            then = "the run ends"
        else:
            then = "the call went through" if error.call else "it asks no hook"
        return f"; {then}\n{error.text}"

    def _say_raised(self, number: int, hook: TargetHook) -> None:
        raised = self._arena.hook_error(number, lib.HOOK_RAISED)
        processes = self._arena.hook_error(number, lib.HOOK_RAISED_IN)
        shown = self._shown[number, True]
        if raised > shown:
            count = _times(raised - shown, "more " if shown else "")
            where = _processes(processes) + ("" if shown else _ELSEWHERE)
            self._run.say(
                f"plugin {hook.plugin}: {hook.function} raised {count} in {where}"
            )

    def _say_unloaded(self, number: int, hook: TargetHook) -> None:
        unloaded = self._arena.hook_error(number, lib.HOOK_UNLOADED_IN)
        shown = self._shown[number, False]
        if unloaded > shown:
            where = _processes(unloaded - shown, "more " if shown else "")
            where += "" if shown else _ELSEWHERE
            self._run.say(f"plugin {hook.plugin}: can't be imported in {where}")

    def _end_waiting(self) -> None:
        """Who failed waits to be ended, also where its parent had ended before."""
        for pid in self._pids.intersection(self._arena.running()):
            if process := identify(pid):
                send(process, signal.SIGKILL)


_ELSEWHERE = ", which could say so only on stderr"


def _headline(error: HookError, hook: TargetHook) -> str:
    if error.call:
        what = f"{hook.function} raised for {error.call} in"
    else:
        what = "can't be imported in the target,"
    return f"plugin {hook.plugin}: {what} process {error.pid}"


def _times(count: int, more: str) -> str:
    return f"{count} {more}time{'s'[: count != 1]}"


def _processes(count: int, more: str = "") -> str:
    return f"{count} {more}process{'es' if count != 1 else ''}"
