"""One module's tests in one mode: started, watched, cleaned up after, read."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from choice import Module
from outcomes import ABSENT, MODULE, Outcome, Outcomes

RUN_MODULE = Path(__file__).with_name("run_module.py")
PYSHIM = (sys.executable, "-m", "pyshim")
LOG = ("--plugin", "log", "-e", "trace=all", "-o", "{log}", "--")


@dataclass(frozen=True, slots=True)
class Mode:
    """`words` are put in front of the command; `layer` is what it then finds in itself:
    symbols, full, or, where there is to be no shim, nothing."""

    layer: str
    words: tuple[str, ...]


MODES = {
    "bare": Mode("", ()),
    "no plugin": Mode("symbols", (*PYSHIM, "--")),
    "log": Mode("symbols", (*PYSHIM, "--layer=symbols", *LOG)),
    "full": Mode("full", (*PYSHIM, "--layer=full", *LOG)),
    "unpatched": Mode("full", (*PYSHIM, "--layer=full", "--no-patch", *LOG)),
}
USUAL = ("bare", "no plugin", "log", "full")
"""Those that are run when nobody says which."""
RESTARTS = 4
"""How often the rest of a module is run after a crash or a hang."""
PLANS = 60.0
"""Seconds for patch plans to be made, where the machine is busy."""
PATIENCE = 2.0
"""Seconds for a process that was asked to end."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one module did in one mode."""

    outcomes: Outcomes
    seconds: float
    said: tuple[str, ...]


class NotAsMeant(Exception):
    """The shim was there in a bare run, or was not, or not all of it, in another."""


class Stopped(Exception):
    """The user interrupted the comparison."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs modules with one Python. `seconds` is for one test; `folder` is ours."""

    python: str
    folder: Path
    seconds: float
    stop: threading.Event = field(default_factory=threading.Event)

    def prepare(self, modes: Sequence[str]) -> None:
        """Have patch plans made before: it takes seconds, and no test hangs then."""
        folder = _fresh(self.folder)
        for mode in modes:
            subprocess.run(
                [*_words(mode, folder), self.python, "-c", ""],
                env=_environment(folder),
                capture_output=True,
                timeout=self.seconds + PLANS,
                check=False,
            )
        shutil.rmtree(folder, ignore_errors=True)

    def run(self, mode: str, module: Module) -> Run:
        """All tests; those behind a crash or a hang in a process of their own."""
        begin = time.monotonic()
        folder = _fresh(self.folder)
        notes, output = folder / "notes", folder / "output"
        for _ in range(1 + RESTARTS):
            ended = self._process(mode, module, folder)
            if not _broken_off(notes, Outcome(ended, _tail(output))):
                break
        _check(notes, mode)
        module_end = Outcome(ended, "" if ended == "exit 0" else _tail(output))
        run = Run(
            {**_read(notes), MODULE: module_end},
            time.monotonic() - begin,
            _said(output),
        )
        shutil.rmtree(folder, ignore_errors=True)
        return run

    def alone(self, mode: str, module: Module, test: str) -> Outcome:
        """One test of it, in a process of its own; MODULE is all of them."""
        only = module.only if test == MODULE else (_pattern(test),)
        run = self.run(mode, replace(module, only=only))
        return run.outcomes.get(test, ABSENT)

    def _process(self, mode: str, module: Module, folder: Path) -> str:
        """Run it to its end or its time; how it ended."""
        words = _words(mode, folder)
        words += [self.python, str(RUN_MODULE), str(folder / "notes"), module.name]
        for option, patterns in (("--only", module.only), ("--but", module.but)):
            words += [option, *patterns] if patterns else []
        with (folder / "output").open("ab") as output:
            process = subprocess.Popen(
                words,
                cwd=folder / "tmp",
                env=_environment(folder),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            return self._wait(process, folder / "notes")
        finally:
            _end(process, folder)
            (folder / "log").unlink(missing_ok=True)

    def _wait(self, process: subprocess.Popen[bytes], notes: Path) -> str:
        """How it ended. A process hangs when no test began or ended for too long."""
        length, since = 0, time.monotonic()
        while time.monotonic() < since + self.seconds:
            with suppress(subprocess.TimeoutExpired):
                return _status(process.wait(0.5))
            if self.stop.is_set():
                raise Stopped
            if notes.exists() and notes.stat().st_size != length:
                length, since = notes.stat().st_size, time.monotonic()
        _say_where(notes)
        return "hang"


def _fresh(parent: Path) -> Path:
    """A folder with one for the tests in it; its path is short, as sockets' must be."""
    folder = Path(tempfile.mkdtemp(prefix="", dir=parent))
    (folder / "tmp").mkdir()
    return folder


def _words(mode: str, folder: Path) -> list[str]:
    """What is put in front of the command."""
    return [each.format(log=folder / "log") for each in MODES[mode].words]


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of the caller's but PATH, and the library under test.

    The cache is the whole comparison's: patch plans are made once.
    """
    kept = {name: os.environ.get(name, "") for name in ("PATH", "PYSHIM_LIB")}
    temporary = str(folder / "tmp")
    own = {"HOME": temporary, "TMPDIR": temporary, "LC_ALL": "C.UTF-8"}
    cache = str(folder.parent / "cache")
    told = {
        **{**kept, **own, "XDG_CACHE_HOME": cache},
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return {name: value for name, value in told.items() if value}


def _status(status: int) -> str:
    if status < 0:
        return f"killed: {signal.strsignal(-status)}"
    return f"exit {status}"


def _say_where(notes: Path) -> None:
    """Have the hanging Python write its stacks: its faulthandler knows SIGABRT."""
    with suppress(OSError, IndexError):
        pids = [int(line["pid"]) for line in _lines(notes) if "pid" in line]
        os.kill(pids[-1], signal.SIGABRT)


def _end(process: subprocess.Popen[bytes], folder: Path) -> None:
    """End what is left: asked first, so that shared memory and the run are tidied."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
    deadline = time.monotonic() + PATIENCE
    while left := [*_started_in(folder)]:
        if time.monotonic() > deadline:
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    process.kill()
    process.wait()


def _started_in(folder: Path) -> Iterator[int]:
    """Processes that work in this folder or were told of it."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            with suppress(OSError):
                where = f"{(entry / 'cwd').readlink()}/"
                told = (entry / "environ").read_bytes()
                if where.startswith(f"{folder}/") or f"{folder}/".encode() in told:
                    yield int(entry.name)


def _lines(notes: Path) -> list[dict[str, str]]:
    if not notes.exists():
        return []
    return [json.loads(line) for line in notes.read_text().splitlines()]


def _broken_off(notes: Path, end: Outcome) -> bool:
    """Write that the process ended inside a test, if it did."""
    inside = ""
    for line in _lines(notes):
        inside = line.get("start", "" if "test" in line else inside)
    if inside:
        with notes.open("a") as file:
            line = {"test": inside, "outcome": end.how, "detail": end.detail}
            print(json.dumps(line), file=file)
    return bool(inside)


def _read(notes: Path) -> Outcomes:
    found: Outcomes = {}
    for line in _lines(notes):
        if "test" in line:
            test = _unused(found, line["test"])
            found[test] = Outcome(line["outcome"], line["detail"])
    return found


def _unused(found: Outcomes, test: str) -> str:
    """Some ids are there more than once: a class imported from elsewhere."""
    name, number = test, 1
    while name in found:
        number += 1
        name = f"{test} #{number}"
    return name


def _tail(output: Path) -> str:
    return output.read_text(errors="replace")[-3000:]


def _said(output: Path) -> tuple[str, ...]:
    """What pyshim reported: a run that dropped events still has to be the same."""
    lines = output.read_text(errors="replace").splitlines()
    return tuple(each for each in lines if each.startswith("pyshim: "))


def _check(notes: Path, mode: str) -> None:
    """A comparison of bare with bare would always come out well."""
    for line in _lines(notes):
        if "layer" in line and line["layer"] != MODES[mode].layer:
            raise NotAsMeant(f"{mode}: the shim in it: {line['layer'] or 'none'}")


def _pattern(test: str) -> str:
    """What runs that test: its id, or its class for what setUpClass did."""
    name = test.partition(" #")[0]
    if "(" not in name:
        return name
    return name[name.index("(") + 1 : name.rindex(")")] + ".*"
