"""Where one command runs again and again: each time in the same folder, made afresh."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jobs import PATH, SCRIPTS, Job

PYSHIM = (sys.executable, "-m", "pyshim")
LIMIT = 180.0
"""Seconds for one run."""


class Failed(Exception):
    """The command could not be prepared, or did not end."""


@dataclass(frozen=True, slots=True)
class Seen:
    """All that a run leaves behind."""

    status: int
    stdout: tuple[bytes, ...]
    """Its lines."""
    stderr: str
    files: dict[str, str]
    """By name: mode and a digest of the content."""


class Stage:
    """Runs one job. `home` is an empty folder of ours; nothing is left running."""

    def __init__(self, home: Path, job: Job, url: str) -> None:
        self.home = home
        self._work, self._fresh = home / "work", home / "fresh"
        self._words = shlex.split(job.command.replace("$URL", url))
        self._env = _environment(self._work, home.parent / "user")
        fill(self._fresh, job)
        if job.prepare:
            self._prepare(job.prepare)

    def _prepare(self, command: str) -> None:
        self._fresh.rename(self._work)
        seen = self._run(["/bin/sh", "-e", "-c", command])
        self._work.rename(self._fresh)
        if seen.status:
            raise Failed(f"{command}: {seen.stderr.strip()}")

    def run(self, *prefix: str) -> Seen:
        """The command behind these words, in a fresh folder."""
        shutil.rmtree(self._work, ignore_errors=True)
        shutil.copytree(self._fresh, self._work, symlinks=True)
        return self._run([*prefix, *self._words])

    def _run(self, command: Sequence[str]) -> Seen:
        paths = [self.home / "stdout", self.home / "stderr"]
        with paths[0].open("wb") as out, paths[1].open("wb") as err:
            process = subprocess.Popen(
                command,
                cwd=self._work,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
            status = _wait(process)
        stdout, stderr = (each.read_bytes() for each in paths)
        lines = tuple(stdout.splitlines(keepends=True))
        text = stderr.decode(errors="replace")
        return Seen(status, lines, text, dict(_files(self._work)))


def _wait(process: subprocess.Popen[bytes]) -> int:
    """How it ended; whatever it left behind in its session ends, too."""
    try:
        return process.wait(LIMIT)
    except subprocess.TimeoutExpired:
        raise Failed(f"not done after {LIMIT:.0f} s") from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def fill(work: Path, job: Job) -> None:
    """The files that all commands find. Times are of 1970."""
    (work / "tree/deep/er").mkdir(parents=True)
    (work / "notes").write_text("a line\nanother line\n")
    (work / "numbers").write_text(
        "".join(f"{n * 7919 % 20011}\n" for n in range(20011))
    )
    (work / "big").write_bytes(bytes(n * n % 251 for n in range(100_000)))
    for n in range(40):
        (work / f"tree/f{n}").write_text(f"line {n}\n" * n)
        (work / f"tree/deep/er/g{n}").write_bytes(bytes(n * 100))
    (work / "tree/deep/soft").symlink_to("../f1")
    (work / "names").write_text("".join(f"tree/f{n}\n" for n in range(8)))
    shutil.copytree(work / "tree", work / "tree2", symlinks=True)
    (work / "tree2/f7").write_text("other\n")
    for name in job.files:
        shutil.copy(SCRIPTS / name, work)
    for path in work.rglob("*"):
        os.utime(path, (1000, 1000), follow_symlinks=False)


def _files(work: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(work.rglob("*")):
        mode = path.lstat().st_mode
        content = b""
        if stat.S_ISLNK(mode):
            content = os.fsencode(path.readlink())
        elif stat.S_ISREG(mode):
            content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        yield str(path.relative_to(work)), f"{stat.filemode(mode)} {digest}"


def _environment(work: Path, user: Path) -> dict[str, str]:
    somebody = {"NAME": "Somebody", "EMAIL": "a@b.invalid", "DATE": "@1000 +0000"}
    names = {
        f"GIT_{who}_{what}": text
        for who in ("AUTHOR", "COMMITTER")
        for what, text in somebody.items()
    }
    return {
        "PATH": PATH,
        "HOME": str(user),
        "TMPDIR": str(work),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_PAGER": "cat",
        **names,
    }
