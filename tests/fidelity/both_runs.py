"""Runs a case bare under its condition, and under pyshim with a rule; what each did."""

from __future__ import annotations

import hashlib
import json
import os
import select
import shutil
import signal
import stat
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from case import Case, Way
from together import Companion, Shared

SECONDS = 20
"""After which a run is taken to hang."""
_LOOK = 0.001
_FILLER = "filler"
_MOUNTED = """
mount -t tmpfs -o "$1" fidelity . || exit 99
cd "$PWD"; out=$2; shift 2
"$@"; status=$?
umount -q dir 2>/dev/null; mount -o remount,rw . ; rm -f filler
cp -a . "$out"; exit $status
"""
NO_MOUNT = 99


@dataclass(frozen=True, slots=True)
class Shown:
    """All that whoever started the target can see of it."""

    status: int
    """As a shell's `$?`."""
    transcript: str
    folder: dict[str, str]

    def text(self) -> str:
        """One line for each thing, for a diff."""
        files = [f"{name}: {what}" for name, what in self.folder.items()]
        return "\n".join([self.transcript, *files, f"status {self.status}"])


class CannotRun(Exception):
    """The condition can't be made here; why."""


def real(target: str, case: Case, place: Path) -> Shown:
    """Bare, with the condition made real. Raises CannotRun."""
    folder, shared = _prepare(place)
    command = [target, str(shared.path), "real", *case.words.split()]
    if case.root and os.geteuid() != 0:
        raise CannotRun("only root can make the condition")
    out = place / "out"
    out.mkdir()
    with (place / "stderr").open("wb+") as stderr:
        spaced = [*_spaces(case, out), *command]
        status = _bare(case, spaced, folder, shared, stderr.fileno())
    shared.remove_queue()
    said = (place / "stderr").read_text()
    if status == NO_MOUNT or said.startswith("unshare:"):
        raise CannotRun(said)
    assert "no condition" not in said, said
    return Shown(status, shared.transcript, _snapshot(out if case.mount else folder))


def _spaces(case: Case, out: Path) -> list[str]:
    """What runs a command in namespaces of its own, on a file system of its own, and
    copies what is left there to `out`."""
    wanted = case.unshare.split() + ["-m"] * bool(case.mount)
    if not wanted:
        return []
    if not shutil.which("unshare"):
        raise CannotRun("no unshare(1)")
    script = ["sh", "-c", _MOUNTED, "sh", case.mount, f"{out}/"] if case.mount else []
    return ["unshare", *["-r"] * (os.geteuid() != 0), *wanted, "--", *script]


def _prepare(place: Path) -> tuple[Path, Shared]:
    folder = place / "folder"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    return folder, Shared(place / "shared")


def _bare(
    case: Case, command: list[str], folder: Path, shared: Shared, stderr: int
) -> int:
    number = signal.Signals[case.signal] if case.signal else 0
    companion = Companion(shared, number, case.release)
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=stderr,
    )  # fmt: skip
    end = time.monotonic() + SECONDS
    while process.poll() is None:
        companion.look()
        time.sleep(_LOOK)
        if time.monotonic() > end:
            _kill(process, shared)
    return _as_shell(process.returncode)


def _kill(process: subprocess.Popen[bytes], shared: Shared) -> None:
    if shared.number(0):
        os.kill(shared.number(0), signal.SIGKILL)
    process.kill()


def _as_shell(status: int) -> int:
    return 128 - status if status < 0 else status


class Warm:
    """The process that runs pyshim for us: warm.py. Owned: to be stopped."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("warm.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def stop(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(SECONDS)

    def run(self, request: dict[str, object], companion: Companion) -> int:
        """The status of one command line, as a shell's `$?`."""
        process = self.process
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        end = time.monotonic() + 2 * SECONDS
        while not select.select([process.stdout], [], [], _LOOK)[0]:
            companion.look()
            assert time.monotonic() < end, "pyshim hangs"
        return _as_shell(os.waitstatus_to_exitcode(int(process.stdout.readline())))


def injected(
    target: str, case: Case, way: Way, layer: str, place: Path, warm: Warm
) -> tuple[Shown, str]:
    """Under pyshim, where the condition is not; and what pyshim said."""
    folder, shared = _prepare(place)
    rules = [word for rule in way.rules for word in ("-e", f"inject={rule}")]
    command = [target, str(shared.path), "injected", *case.words.split()]
    options = [f"--layer={layer}", f"--timeout={SECONDS}s", "--require-hit"]
    argv = [*options, *rules, "--", *command]
    companion = Companion(shared, 0, case.release)
    stderr = place / "stderr"
    status = warm.run(
        {"argv": argv, "cwd": str(folder), "stderr": str(stderr)}, companion
    )
    shared.remove_queue()
    shown = Shown(status, shared.transcript, _snapshot(folder))
    return shown, stderr.read_text(errors="replace")


def _snapshot(folder: Path) -> dict[str, str]:
    paths = sorted(folder.rglob("*"))
    return {
        str(path.relative_to(folder)): _what(path)
        for path in paths
        if path.name != _FILLER
    }


def _what(path: Path) -> str:
    found = path.lstat()
    kind = stat.filemode(found.st_mode)
    if stat.S_ISLNK(found.st_mode):
        return f"{kind} -> {path.readlink()}"
    if not stat.S_ISREG(found.st_mode):
        return kind
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:12]
    return f"{kind} links {found.st_nlink} size {len(content)} {digest}"
