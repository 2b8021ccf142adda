"""The object behind the fixture `pyshim`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyshim.errors import UsageError
from pyshim.hit_record import Hit
from pyshim.testing import runner
from pyshim.testing.result import NeverHit, Result, TimedOut
from pyshim.testing.runner import ALL, SECONDS, Command, Job, Rules

if TYPE_CHECKING:
    from pyshim.testing.marked import Marked

Path = str | os.PathLike[str]


class Pyshim:
    """Runs programs under the shim, for one test."""

    def __init__(self, marked: Marked | None = None) -> None:
        self._marked = marked
        self.runs: list[Result] = []
        """All of this test, also those that raised; shown when it fails."""

    def run(
        self,
        command: Command,
        *,
        faults: Rules = (),
        maps: Mapping[Path, Path] | None = None,
        plugins: Sequence[Path] = (),
        options: Sequence[str] = (),
        layer: str = "auto",
        trace: str | None = ALL,
        timeout: float = SECONDS,
        input: str | bytes = b"",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        require_hit: bool = True,
    ) -> Result:
        """Run a command under the shim to its end; nothing of it is left running.

        `command`: words, or a string cut into words as a shell does. `faults`: rules as
        behind `pyshim -e inject=`, one or several. `maps`: the program finds what is at
        or below the value at the key. `plugins`: names, or files, as behind -p.
        `options`: other options of pyshim. `layer`: symbols, full or auto. `trace`: of
        which calls `Result.calls` and `Result.files` tell, None: none. `timeout` is in
        seconds. `input`, `env`, `cwd` are as in subprocess.run.

        How the program ends is in the result, whatever that is. Raises TimedOut when it
        had to be ended, NeverHit when a rule never fired (unless `require_hit` is
        false), FileNotFoundError or PermissionError when it can't be run, PyshimError
        for a rule that pyshim refuses, and for a program that it can't see.
        """
        __tracebackhide__ = True
        if self._marked is not None:
            raise UsageError(
                "pyshim.run in a test that is marked with faults: those would hit "
                "pyshim, too",
                allowed="pyshim.run(faults=...), or subprocess.run",
            )
        job = Job(
            command=runner.command_words(command),
            rules=runner.rule_texts(faults),
            maps=tuple((_path(a), _path(b)) for a, b in (maps or {}).items()),
            plugins=tuple(os.fspath(each) for each in plugins),
            options=tuple(options),
            layer=layer,
            trace=trace,
            timeout=timeout,
            env=env,
            cwd=None if cwd is None else os.fspath(cwd),
            require_hit=require_hit,
        )
        given = input.encode() if isinstance(input, str) else input
        try:
            self.runs.append(runner.run(job, given))
        except (TimedOut, NeverHit) as error:
            self.runs.append(error.result)
            raise
        return self.runs[-1]

    @property
    def hits(self) -> tuple[Hit, ...]:
        """Those of the test's own marker so far, in this process and its children."""
        return self._marked.hits() if self._marked else ()


def _path(path: Path) -> str:
    return os.fspath(path)
