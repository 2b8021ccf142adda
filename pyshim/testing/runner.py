"""Runs a program under the shim for a test, and never leaves it behind."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyshim._proctree import grown, identify, send
from pyshim.errors import PyshimError
from pyshim.hit_record import Hit
from pyshim.testing import watch
from pyshim.testing.result import NeverHit, Result, TimedOut

SECONDS = 60.0
"""The default of `timeout=`."""
ALL = "!%composite"
"""The default of `trace=`: what strace would show."""
PREFIX = "pyshim-test-"
"""Of a run's folder in the folder for temporary files; our pid follows."""
_GRACE = 15.0
"""Seconds over the limit that pyshim keeps itself, after which it is stuck, too."""
START = (
    "import sys; sys.path[:0] = sys.argv.pop(1).split('\\n'); "
    "from pyshim.cli import main; sys.exit(main())"
)
"""The same pyshim as in the test, whatever environment and folder the program gets."""
_EXEC_LASTS = 0.05
"""Seconds."""
_NOT_EXECUTABLE, _NOT_FOUND = 126, 127
_QUALIFIERS = ("inject=", "fault=")

Command = str | Sequence[str | os.PathLike[str]]
Rules = str | Sequence[str]


@dataclass(frozen=True, slots=True)
class Job:
    """One run that was asked for."""

    command: tuple[str, ...]
    rules: tuple[str, ...] = ()
    maps: tuple[tuple[str, str], ...] = ()
    plugins: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    layer: str = "auto"
    trace: str | None = ALL
    timeout: float = SECONDS
    env: Mapping[str, str] | None = None
    cwd: str | None = None
    require_hit: bool = True

    def words(self, folder: str) -> list[str]:
        """The command line that runs it."""
        found = [sys.executable, "-I", "-c", START, "\n".join(filter(None, sys.path))]
        found += ["--timeout", f"{self.timeout}s", "--layer", self.layer]
        found += ["-p", watch.__file__, "--watch", folder]
        if self.trace is not None:
            found += ["--watch-calls", self.trace]
        if self.rules or self.maps:
            found.append("--strict")
        maps = [f"{source}={target}" for source, target in self.maps]
        repeated = {"-p": self.plugins, "-e": self.rules, "--map": maps}
        for option, values in repeated.items():
            found += [word for value in values for word in (option, value)]
        return [*found, *self.options, "--", *self.command]


def command_words(command: Command) -> tuple[str, ...]:
    """A string is cut as a shell would cut it; no shell runs it."""
    if isinstance(command, str):
        return tuple(shlex.split(command))
    return tuple(os.fspath(word) for word in command)


def rule_texts(rules: Rules) -> tuple[str, ...]:
    """As behind -e: `inject=` may be left out."""
    given = [rules] if isinstance(rules, str) else rules
    return tuple(
        rule if rule.startswith(_QUALIFIERS) else f"inject={rule}" for rule in given
    )


def run(job: Job, given: bytes = b"") -> Result:
    """Run it to its end. Raises what `Pyshim.run` says."""
    __tracebackhide__ = True
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-") as folder:
        stdout, stderr, hung = _communicate(job, folder, given)
        lines, hits, end = _seen(Path(folder, watch.SEEN))
        said = _text(Path(folder, watch.SAID)).splitlines()
    if end is None and not hung:
        ours = [*said, *stderr.decode(errors="replace").splitlines()[-3:]]
        text = "\n".join(ours) or f"pyshim ran nothing: {' '.join(job.options)}"
        raise PyshimError(text.removeprefix("pyshim: "))
    result = _result(job, (lines, hits, end or {}), (stdout, stderr), said)
    if hung or (end and end["timed_out"]):
        raise TimedOut(result, job.timeout)
    assert end is not None
    _check(result, end, job)
    return result


def _check(result: Result, end: Mapping[str, Any], job: Job) -> None:
    """What must not pass for a run."""
    __tracebackhide__ = True
    if not end["ran"]:
        kind = FileNotFoundError if result.status == _NOT_FOUND else PermissionError
        raise kind(result.stderr.strip().removeprefix("pyshim: "))
    failed = [each for each in result.said if _is_failure(each)]
    if failed:
        raise PyshimError("\n".join(failed))
    silent = [
        rule for rule, count in zip(end["rules"], end["hits"], strict=True) if not count
    ]
    if silent and job.rules and job.require_hit:
        raise NeverHit(result, silent)


def _is_failure(line: str) -> bool:
    return line.endswith("the shim was never loaded; nothing was seen or changed")


Seen = tuple[list[str], list[dict[str, Any]], Mapping[str, Any]]


def _result(
    job: Job, seen: Seen, streams: tuple[bytes, bytes], said: Sequence[str]
) -> Result:
    lines, hits, end = seen
    return Result(
        command=job.command,
        rules=job.rules,
        status=end.get("status"),
        signal=_named(end.get("signal")),
        stdout_bytes=streams[0],
        stderr_bytes=streams[1],
        hits=tuple(Hit(**line["hit"]) for line in hits),
        coverage=end.get("coverage", ""),
        said=tuple(line.removeprefix("pyshim: ") for line in said),
        modules={Path(line["module"]).name: line["module"] for line in hits},
        lines=lines,
        last=tuple(end.get("last", ())),
        left_out=end.get("left_out", {}).get("call", 0),
        cwd=str(Path(job.cwd or ".").resolve()),
    )


def _named(number: int | None) -> int | None:
    """Those between SIGRTMIN and SIGRTMAX have no name."""
    try:
        return signal.Signals(number) if number else None
    except ValueError:
        return number


def _seen(
    path: Path,
) -> tuple[list[str], list[dict[str, Any]], dict[str, Any] | None]:
    """Calls and processes as text, hits, and the end. A last line that a kill has cut
    is left out."""
    lines: list[str] = []
    hits: list[dict[str, Any]] = []
    end = None
    for line in _text(path).splitlines(keepends=True):
        if line.startswith('{"hit"') and line.endswith("\n"):
            hits.append(json.loads(line))
        elif line.startswith('{"end"') and line.endswith("\n"):
            end = json.loads(line)["end"]
        elif line.endswith("\n"):
            lines.append(line)
    return lines, hits, end


def _text(path: Path) -> str:
    return path.read_text(errors="surrogateescape") if path.exists() else ""


# -- the process -------------------------------------------------------------------


def _communicate(job: Job, folder: str, given: bytes) -> tuple[bytes, bytes, bool]:
    """Both streams, and whether it had to be ended from here."""
    with subprocess.Popen(
        job.words(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=job.env,
        cwd=job.cwd,
    ) as process:
        try:
            return *_streams(process, given, job.timeout), False
        except subprocess.TimeoutExpired as error:
            _end(process)
            return error.stdout or b"", error.stderr or b"", True
        except BaseException:
            _end(process)
            raise


def _streams(
    process: subprocess.Popen[bytes], given: bytes, seconds: float
) -> tuple[bytes, bytes]:
    """Who holds them when pyshim itself has ended is waited for no longer than that."""
    try:
        return process.communicate(given, timeout=seconds)
    except subprocess.TimeoutExpired:
        if process.poll() is not None:
            raise
        return process.communicate(timeout=_GRACE)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Nothing of it runs on: the program first, for pyshim tidies up behind it."""
    host = identify(process.pid)
    tree = grown(frozenset({host} if host else ()))
    for each in tree - {host}:
        send(each, signal.SIGKILL)
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
    end_daemons(process.pid)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            stream.close()


def end_daemons(host: int) -> None:
    """What has left the tree of a run still carries its name in the environment.

    Looked for twice: who is just becoming another program has none for a moment.
    """
    for seconds in (_EXEC_LASTS, 0.0):
        for each in Path("/proc").iterdir():
            found = identify(int(each.name)) if each.name.isdecimal() else None
            if found and _is_of_run(each, host):
                send(found, signal.SIGKILL)
        time.sleep(seconds)


def _is_of_run(process: Path, host: int) -> bool:
    mark = f"PYSHIM_RUN=/dev/shm/pyshim-{host}-".encode()
    try:
        entries = (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(entry.startswith(mark) for entry in entries)
