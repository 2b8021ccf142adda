"""One host, bare and under pyshim: what each showed, and whether that is right."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hosts import CFLAGS, PROGRAMS, STATUS, Host
from moments import EARLY, HEAD, Moment

PYSHIM = (sys.executable, "-m", "pyshim")
SECONDS = 25
"""After which a run is taken to hang."""
MORE = 20
"""Seconds for pyshim to end what hangs."""
TIMED_OUT = 124


@dataclass(frozen=True, slots=True)
class Shown:
    """What a run showed; `status` is None when it hung. `ours` are pyshim's lines."""

    status: int | None
    stdout: bytes
    stderr: bytes
    ours: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """`wrong` says what is not as it should be; empty when all is."""

    wrong: str
    asked: int
    """Calls that the hooks were asked about before the program made them."""
    shown: Shown


class Stage:
    """A folder of ours in which hosts are built and run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._early = str(folder / "early.so")
        flags = (*CFLAGS, "-shared", "-fPIC")
        source = str(PROGRAMS / "early.c")
        command = ["gcc", *flags, source, "-o", self._early]
        subprocess.run(command, check=True, timeout=SECONDS)

    def bare(self, host: Host, command: tuple[str, ...]) -> Shown:
        """Without pyshim. Raises when it does not do what it is for."""
        work = self._fresh()
        shown = _run(command, work, _environment(work, host.preload))
        if shown.status != STATUS or b"note: bare" not in shown.stdout:
            raise RuntimeError(f"{host.name} does not work bare: {shown}")
        return shown

    def hooked(
        self,
        host: Host,
        command: tuple[str, ...],
        moment: Moment,
        layer: str,
        bare: Shown,
    ) -> Outcome:
        """With a plugin, and compared with bare."""
        work = self._fresh()
        paths = {
            name: str(work.parent / name) for name in ("tally", "scratch", "other")
        }
        source = (HEAD + moment.source).format(
            note=str(work / "note"), early=EARLY, **paths
        )
        plugin = work.parent / "plugin.py"
        plugin.write_text(source)
        preload = [host.preload, self._early if moment.early else ""]
        options = [f"--layer={layer}", f"--timeout={SECONDS}", "-p", str(plugin)]
        words = (*PYSHIM, *options, "--", *command)
        shown = _run(words, work, _environment(work, *preload))
        tally = Path(paths["tally"])
        counts = tally.read_text().split() if tally.exists() else ["0", "0"]
        asked, early = (int(each) for each in counts)
        return Outcome(_wrong(shown, bare, moment, asked, early), asked, shown)

    def _fresh(self) -> Path:
        home = Path(tempfile.mkdtemp(dir=self.folder))
        work = home / "work"
        work.mkdir()
        (home / "tmp").mkdir()
        (work / "note").write_text("bare\n")
        (home / "other").write_text("hooked\n")
        return work


def _environment(work: Path, *preload: str) -> dict[str, str]:
    """The same for bare and hooked, but for its folders."""
    kept = {
        name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ
    }
    cache = str(work.parent.parent / "cache")
    home = {"HOME": str(work.parent), "TMPDIR": str(work.parent / "tmp")}
    libraries = ":".join(each for each in preload if each)
    preloaded = {"LD_PRELOAD": libraries} if libraries else {}
    return {**kept, **home, **preloaded, "LC_ALL": "C.UTF-8", "XDG_CACHE_HOME": cache}


def _run(command: tuple[str, ...], work: Path, env: dict[str, str]) -> Shown:
    """To its end, or to the end of all it started, when it hangs."""
    out, err = work.parent / "stdout", work.parent / "stderr"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            command,
            cwd=work,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        status = _status(process)
    lines = err.read_bytes().splitlines(keepends=True)
    theirs = b"".join(each for each in lines if not each.startswith(b"pyshim: "))
    ours = [
        each.decode(errors="replace") for each in lines if each.startswith(b"pyshim: ")
    ]
    return Shown(status, out.read_bytes(), theirs, tuple(ours))


def _status(process: subprocess.Popen[bytes]) -> int | None:
    try:
        status = process.wait(SECONDS + MORE)
        return None if status == TIMED_OUT else status
    except subprocess.TimeoutExpired:
        return None
    finally:
        # What it left in its session is ours to end.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wrong(shown: Shown, bare: Shown, moment: Moment, asked: int, early: int) -> str:
    """The first thing that is."""
    if shown.status != bare.status:
        return "hangs" if shown.status is None else f"status {shown.status}"
    other = b"note: hooked" if moment.changes else b"note: bare"
    expected = bare.stdout.replace(b"note: bare", other)
    checks = {
        "its note was not changed": shown.stdout == bare.stdout != expected,
        **{line.strip(): True for line in shown.ours if _is_error(line)},
        "other output": shown.stdout != expected,
        "other errors": shown.stderr != bare.stderr,
        "no hook was asked": not asked,
        "no hook was asked before the start": moment.early and not early,
    }
    return next((text for text, is_so in checks.items() if is_so), "")


def _is_error(line: str) -> bool:
    """Where pyshim steps aside it says so; nothing else is to be said but coverage."""
    return not line.startswith(("pyshim: stepped aside ", "pyshim: coverage: "))
