"""Little of everything: of memory, descriptors, room in files, and nowhere to put them.

A program that has enough for itself bare has enough under the shim. Where pyshim can't
start it says so in one line, with a way out, and ends with 125.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from shimmed import PYSHIM, Done, ours, run, without_coverage, without_ours

Target = Callable[..., str]

MODES = {
    "none": (),
    "rule": ("-e", "inject=all:error=EIO:when=60000:p=0"),
    "log": ("--plugin", "log", "-o", "{tmp}/log"),
    "map": ("--map", "/no/such/folder=/dev"),
}
LIMITS = {
    "as-32M": ("prlimit", "--as=33554432", "--"),
    "stack-128K": ("prlimit", "--stack=131072", "--"),
    "fsize-0": ("prlimit", "--fsize=0", "--"),
    "nofile-4": ("prlimit", "--nofile=4", "--"),
    "nofile-3": ("sh", "-c", 'exec 0<&-; exec prlimit --nofile=3 -- "$0"'),
}
"""What comes before the target and limits it; pyshim itself is not limited.

With three descriptors ld.so needs one of them, and RLIMIT_NPROC does not bind root.
"""
LOG = (*PYSHIM, "--plugin", "log", "-o", "{tmp}/log", "--")


@pytest.mark.parametrize("limit", LIMITS)
def test_a_limited_program_runs_as_bare(
    target: Target, tmp_path: Path, limit: str
) -> None:
    command = [*LIMITS[limit], target("limited")]
    bare = run(command, cwd=tmp_path)
    assert (bare.status, bare.stdout[-13:]) == (0, b"EXIT-SUCCESS\n"), bare.stderr
    for mode, options in MODES.items():
        words = [word.format(tmp=tmp_path) for word in options]
        done = run([*PYSHIM, *words, "--", *command], cwd=tmp_path)
        assert (mode, without_ours(done)) == (mode, bare)
        assert not [line for line in ours(done) if "never hit" not in line]
    assert 'access("/no/such"' in (tmp_path / "log").read_text(), "it stayed out"


@pytest.mark.parametrize("mode", MODES)
def test_a_program_that_limits_itself(
    target: Target, tmp_path: Path, mode: str
) -> None:
    command = [target("lowers_limit")]
    words = [word.format(tmp=tmp_path) for word in MODES[mode]]
    done = run([*PYSHIM, *words, "--", *command])
    assert without_ours(done) == run(command) == Done(0, b"EXIT-SUCCESS\n", b"")


def test_a_program_without_room_for_the_shim(target: Target, tmp_path: Path) -> None:
    """Room for ld.so to load it, but none for the arena: that is told."""
    command = ["prlimit", f"--as={4 << 20}", "--", target("getppid_loop"), "10"]
    bare = run(command)
    assert bare.status == 0, bare.stderr
    done = run([*PYSHIM, "--plugin", "log", "-o", str(tmp_path / "log"), *command])
    assert without_ours(done) == bare
    aside, coverage = ours(done)
    assert aside == f"pyshim: stepped aside 1 times: {NO_MEMORY}"
    assert "coverage: 0 of 1 process, layer full; not heard from: /" in coverage


NO_MEMORY = "a limit of the program's left no memory for the shim"
NO_COUNTERS = """
import pyshim.arena
from pyshim.cli import main

pyshim.arena.NPROCS = 1  # the target's own: its child has to make counters for itself
raise SystemExit(main())
"""


def test_a_process_without_room_for_counters(target: Target) -> None:
    command = [target("no_room_after_fork")]
    bare = run(command)
    assert bare.status == 0, bare.stderr
    rule = ("-e", "inject=%file,%desc:error=EIO:when=60000")
    done = run([sys.executable, "-c", NO_COUNTERS, *rule, *command])
    assert without_ours(done) == bare
    (told,) = [line for line in ours(done) if "never hit" not in line]
    assert told.endswith(NO_MEMORY)


# -- pyshim's own ------------------------------------------------------------------


@pytest.mark.parametrize("limit", ["--as=100000000", "--as=400000000"])
def test_pyshim_with_little_memory(target: Target, tmp_path: Path, limit: str) -> None:
    command = [target("limited")]
    bare = run(["prlimit", limit, *command], cwd=tmp_path)
    words = [word.format(tmp=tmp_path) for word in LOG]
    done = run(["prlimit", limit, "--", *words, *command], cwd=tmp_path)
    assert without_coverage(done) == bare


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        ("--fsize=0", "File too large"),
        ("--fsize=1000000", "File too large"),
        ("--nofile=5", "Too many open files"),
        ("--nofile=6", "Too many open files"),
        ("--nofile=7", "Too many open files"),
        ("--nofile=8", "Too many open files"),
    ],
)
def test_pyshim_without_room_says_so(tmp_path: Path, limit: str, says: str) -> None:
    words = [word.format(tmp=tmp_path) for word in LOG]
    done = run(["prlimit", limit, "--", *words, "touch", str(tmp_path / "started")])
    check_refused(done, says)
    assert not (tmp_path / "started").exists()


def check_refused(done: Done, says: str) -> None:
    line = done.stderr.decode()
    assert (done.status, done.stdout) == (125, b"")
    assert line.startswith("pyshim: ")
    assert line.count("\n") == 1, line
    assert says in line


@pytest.mark.parametrize("limit", ["--fsize=100000000", "--nofile=12"])
def test_pyshim_with_just_enough(tmp_path: Path, limit: str) -> None:
    words = [word.format(tmp=tmp_path) for word in LOG]
    done = run(["prlimit", limit, "--", *words, "/bin/echo", "hello"])
    assert without_coverage(done) == Done(0, b"hello\n", b"")


# -- no place ----------------------------------------------------------------------


def small(sizes: dict[Path, str], command: Sequence[str]) -> list[str]:
    """The command with file systems of that size at these places, for itself only."""
    mounts = [f"mount -t tmpfs -o {size} none {at}" for at, size in sizes.items()]
    return [
        "unshare",
        "-m",
        "sh",
        "-ec",
        "\n".join([*mounts, 'exec "$@"']),
        "sh",
        *command,
    ]


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A folder to mount on; skips the test where that is not allowed."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    if run(small({folder: "size=64k"}, ["true"])).status:
        pytest.skip("no right to mount")
    return folder


SHM = Path("/dev/shm")
WRITES = ("dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=5000", "status=none")


def elsewhere(folder: Path) -> dict[str, str]:
    return os.environ | {"TMPDIR": str(folder)}


@pytest.mark.parametrize("size", ["size=64k", "size=2500k", "size=6m", "ro"])
def test_a_full_shm(tiny: Path, tmp_path: Path, size: str) -> None:
    """What does not fit there goes to TMPDIR; what began to fit is never a SIGBUS."""
    words = [word.format(tmp=tmp_path) for word in LOG]
    done = run(small({SHM: size}, [*words, *WRITES]), env=elsewhere(tmp_path))
    assert without_ours(done) == Done(0, b"", b"")
    assert not [line for line in ours(done) if "dropped" not in line]
    log = (tmp_path / "log").read_text()
    assert log.count(" write(") > 1000
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("pyshim-")]


def test_no_place_at_all(tiny: Path, tmp_path: Path) -> None:
    full = {SHM: "size=64k", tiny: "size=64k"}
    words = [word.format(tmp=tmp_path) for word in LOG]
    done = run(small(full, [*words, "echo", "hello"]), env=elsewhere(tiny))
    check_refused(done, "No space left on device")


def test_what_the_disk_can_not_hold_is_told(tiny: Path, tmp_path: Path) -> None:
    words = [word.format(tmp=tmp_path) for word in LOG]
    done = run(small({tiny: "size=64k"}, [*words, *WRITES]), env=elsewhere(tiny))
    assert without_ours(done) == Done(0, b"", b"")
    (line,) = ours(done)
    assert re.fullmatch(
        r"pyshim: lost \d+ bytes of events: no room for them in TMPDIR", line
    )


@pytest.mark.parametrize(
    "env", [{"TMPDIR": "/nowhere"}, {"TMPDIR": "{tmp}/with space"}, {}]
)
def test_a_bare_environment(tmp_path: Path, env: dict[str, str]) -> None:
    """No HOME, no PATH, no LANG; and a TMPDIR that is of no use."""
    (tmp_path / "with space").mkdir()
    given = {key: word.format(tmp=tmp_path) for key, word in env.items()}
    given |= {key: os.environ[key] for key in BUILD if key in os.environ}
    words = [word.format(tmp=tmp_path) for word in LOG]
    shimmed = run([*words, "/usr/bin/env"], env=given)
    assert without_shim(shimmed) == run(["/usr/bin/env"], env=given)


BUILD = ("PYSHIM_LIB", "PYTHONPATH")
"""Another pyshim than the installed one may be under test."""


def without_shim(done: Done) -> Done:
    """Without the two variables that the shim needs."""
    lines = done.stdout.splitlines(True)
    kept = [
        line for line in lines if not line.startswith((b"LD_PRELOAD=", b"PYSHIM_RUN="))
    ]
    return replace(without_coverage(done), stdout=b"".join(kept))


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    gone = 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"'
    words = [word.format(tmp=tmp_path) for word in LOG]
    inside = ["sh", "-c", gone, str(tmp_path / "gone")]
    for command in (["/bin/pwd"], ["ls"], ["/usr/bin/python3", "-c", "print(3)"]):
        bare = run([*inside, *command])
        assert without_ours(run([*inside, *words, *command])) == bare


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
def test_closed_at_the_start(target: Target, tmp_path: Path, closed: str) -> None:
    """The next files opened get their numbers, and no other does."""
    inside = ["sh", "-c", f'exec "$@" {closed}', "sh"]
    words = [word.format(tmp=tmp_path) for word in LOG]
    command = [target("std_closed"), str(tmp_path / "seen")]
    bare = run([*inside, *command])
    seen = (tmp_path / "seen").read_text()
    assert seen.endswith("EXIT-SUCCESS\n")
    shimmed = run([*inside, *words, *command])
    assert (without_coverage(shimmed), (tmp_path / "seen").read_text()) == (bare, seen)
