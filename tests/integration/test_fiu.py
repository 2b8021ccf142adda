"""`pyshim fiu` beside libfiu's own fiu-run and fiu-ctrl: same line, same results."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from shimmed import PYSHIM, in_turn

Done = subprocess.CompletedProcess[str]
Pyshim = Callable[..., Done]
Target = Callable[..., str]

SECONDS = 30
LINES = Path(__file__).with_name("fiu_lines.txt")
HAVE_LIBFIU = bool(shutil.which("fiu-run") and shutil.which("fiu-ctrl"))
needs_libfiu = pytest.mark.skipif(
    not HAVE_LIBFIU, reason="NOT COMPARED WITH LIBFIU: no fiu-run here (fiu-utils)"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One of fiu_lines.txt."""

    commands: tuple[str, ...]
    steps: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        given = [word for command in self.commands for word in ("-c", command)]
        return ["-x", *given]


def lines() -> list[Line]:
    """All of them."""
    found = []
    for text in LINES.read_text().splitlines():
        if not text.startswith("#"):
            commands, _, steps = text.rpartition(":")
            given = tuple(each.strip() for each in commands.split(";") if each.strip())
            found.append(Line(given, tuple(steps.split())))
    return found


@pytest.fixture
def points(target: Target) -> str:
    """The program; libfiu finds its functions by their exported names."""
    return target("fiu_points", "-rdynamic")


# -- the same as libfiu ------------------------------------------------------------


def test_there_are_lines_enough() -> None:
    assert len(lines()) >= 55


@needs_libfiu
@pytest.mark.parametrize(
    "line", in_turn(lines(), 3), ids=lambda each: ";".join(each.commands)
)
def test_the_program_sees_what_libfiu_shows_it(
    pyshim: Pyshim, tmp_path: Path, points: str, line: Line
) -> None:
    command = [*line.words, points, *line.steps]
    theirs = subprocess.run(
        ["fiu-run", "-f", "", *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    ours = pyshim("fiu", *command)
    assert theirs.stdout.count("\n") == 3 * len(line.steps)
    assert (ours.stdout, ours.returncode) == (theirs.stdout, theirs.returncode)


@needs_libfiu
def test_each_of_its_points_is_known(pyshim: Pyshim) -> None:
    library = "/usr/lib/fiu/fiu_posix_preload.so"
    text = Path(library).read_bytes()
    theirs = {
        word.decode()
        for word in text.split(b"\0")
        if word.startswith((b"posix/", b"libc/", b"linux/"))
    }
    ours = {row.split()[0] for row in pyshim("fiu", "--points").stdout.splitlines()}
    assert len(theirs) > 100
    assert ours == theirs


# -- on its own --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "step", "results"),
    [
        ("enable name=posix/io/rw/read,failinfo=5", "read", ["-1 5"] * 3),
        ("enable name=posix/io/rw/read,failinfo=5,onetime", "read",
         ["-1 5", "6 0", "6 0"]),
        ("enable name=posix/io/rw/read/reduce", "read", ["3 0"] * 3),
        ("enable name=posix/proc/signal,failinfo=22", "signal", ["1 22"] * 3),
        ("enable_stack_by_name name=posix/io/rw/*,func_name=do_chosen,failinfo=9",
         "chosen", ["-1 9"] * 3),
    ],
)  # fmt: skip
def test_a_command_fails_its_calls(
    pyshim: Pyshim, points: str, command: str, step: str, results: list[str]
) -> None:
    done = pyshim("fiu", "-x", "-c", command, points, step)
    assert done.stdout.splitlines() == [f"{step} {result}" for result in results]
    assert f"pyshim: fiu: {command}: hit" in done.stderr


def test_without_failinfo_it_is_an_errno_of_the_call_and_the_seed_is_told(
    pyshim: Pyshim, points: str
) -> None:
    words = ["fiu", "-x", "-c", "enable name=posix/io/rw/write", points, "write"]
    done = pyshim(*words)
    seed = done.stderr.partition("FIU_PRNG_SEED=")[2].split()[0]
    again = pyshim(*words, env={**os.environ, "FIU_PRNG_SEED": seed})
    assert done.stdout == again.stdout
    results = {line.split()[1] for line in done.stdout.splitlines()}
    errors = {int(line.split()[2]) for line in done.stdout.splitlines()}
    assert results == {"-1"}
    assert len(errors) == 1
    assert not errors & {0, 4, 11}, "what would be tried again for ever"


def test_the_same_seed_hits_the_same(pyshim: Pyshim, points: str) -> None:
    command = "enable_random name=posix/io/*,probability=0.5,failinfo=5"
    words = ["fiu", "-x", "-c", command, points, *["read", "write", "pread"] * 9]
    found = {
        seed: {pyshim(*words, env={**os.environ, "FIU_PRNG_SEED": seed}).stdout
               for _ in range(2)}
        for seed in ("1", "2")
    }  # fmt: skip
    assert [len(each) for each in found.values()] == [1, 1]
    assert found["1"] != found["2"]


def test_what_the_manual_shows_is_taken(pyshim: Pyshim) -> None:
    given = "enable_random name=posix/io/rw/read,probability=0.05"
    other = "enable_random name=posix/io/*,probability=0.25"
    for words in (
        ["-x", "-c", given],
        ["-c", other, "-x"],
        ["-x", "-f", "", "-c", given],
    ):
        assert pyshim("fiu", *words, "true").returncode == 0


def test_commands_of_the_environment_come_first(pyshim: Pyshim, points: str) -> None:
    env = {**os.environ, "FIU_ENABLE": "\n  enable name=posix/io/*,failinfo=5\n\n"}
    words = "-x", "-c", "disable name=posix/io/*"
    assert "-1 5" in pyshim("fiu", "-x", points, "read", env=env).stdout
    assert "-1" not in pyshim("fiu", *words, points, "read", env=env).stdout


def test_it_ends_as_the_program(pyshim: Pyshim) -> None:
    assert pyshim("fiu", "-x", "sh", "-c", "exit 7").returncode == 7
    assert pyshim("fiu", "-x", "sh", "-c", "kill -9 $$").returncode == -9
    assert pyshim("fiu", "-x", "/none").returncode == 127


def test_dry_runs_run_nothing(pyshim: Pyshim, tmp_path: Path) -> None:
    command = "enable name=posix/io/oc/open,failinfo=2"
    done = pyshim("fiu", "-n", "-x", "-c", command, "touch", "ran")
    assert (done.returncode, done.stdout) == (0, command + "\n")
    assert not (tmp_path / "ran").exists()


# -- refused -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-x", "-c", "enable name=posix/io/rw/read,nth=3"],
         "unknown parameter 'nth=3'"),
        (["-x", "-c", "enable name=posix/io/rw/read,failinf=3"],
         "did you mean 'failinfo'"),
        (["-x", "-c", "enable name=posix/io/rw/read,failinfo=ENOSPC"], "bad failinfo"),
        (["-x", "-c", "enable name=posix/io/rw/read,failinfo=5000"], "bad failinfo"),
        (["-x", "-c", "enable name=posix/io/rw/read,failnum=-1"], "bad failnum"),
        (["-x", "-c", "enable name=posix/io/rw/read, failinfo=5"], "not understood"),
        (["-x", "-c", "enable name=posix/io/rw/read,onetime=1"], "'onetime=1'"),
        (["-x", "-c", "enable name=posix/io/rw/reed"],
         "did you mean 'posix/io/rw/read'"),
        (["-x", "-c", "enable name=*/read"], "no failure point is named"),
        (["-x", "-c", "enable name="], "names no failure point"),
        (["-x", "-c", "enable failinfo=5"], "lacks name="),
        (["-x", "-c", "enable"], "not understood"),
        (["-x", "-c", ""], "not understood"),
        (["-x", "-c", "enabel name=posix/io/rw/read"], "did you mean 'enable'"),
        (["-x", "-c", "enable_random name=posix/io/rw/read"], "lacks probability="),
        (["-x", "-c", "enable_random name=posix/io/rw/read,probability=2"],
         "bad probability='2'"),
        (["-x", "-c", "enable_random name=posix/io/rw/read,probability=x"],
         "bad probability"),
        (["-x", "-c", "enable_random name=posix/io/rw/read,probability=1e-12"],
         "bad probability"),
        (["-x", "-c", "enable name=posix/io/rw/read,name=posix/io/rw/write"],
         "name is given twice"),
        (["-x", "-c", "enable name=posix/io/rw/read,probability=1"],
         "unknown parameter"),
        (["-x", "-c", "enable_stack_by_name name=posix/io/rw/read"],
         "lacks func_name="),
        (["-x", "-c", "enable_stack_by_name name=posix/io/rw/read,func_name=main,"
          "pos_in_stack=2"], "allowed: -1"),
        (["-x", "-c", "enable_stack_by_name name=posix/io/rw/read,func_name=no_such"],
         "no_such"),
        (["-x", "-c", "disable name=posix/io/rw/read"], "was not enabled"),
        (["-c", "enable name=posix/io/rw/read"], "without -x"),
        (["-x", "-l", "/usr/lib/fiu"], "-l of fiu-run"),
        (["-x", "-p", "5"], "-p of fiu-run"),
        (["-x", "-e", "posix/io/rw/read"], "-e of fiu-run"),
        (["-x", "-q"], "unrecognized"),
        (["-x", "-f", "/none/such/c"], "no such folder"),
    ],
)  # fmt: skip
def test_what_would_do_less_than_it_says_runs_nothing(
    pyshim: Pyshim, tmp_path: Path, words: list[str], told: str
) -> None:
    done = pyshim("fiu", *words, "touch", "ran")
    assert (done.returncode, done.stdout) == (125, "")
    assert told in done.stderr
    assert not (tmp_path / "ran").exists()


def test_a_bad_seed_is_refused(pyshim: Pyshim) -> None:
    done = pyshim("fiu", "-x", "true", env={**os.environ, "FIU_PRNG_SEED": "x"})
    assert (done.returncode, "bad FIU_PRNG_SEED='x'" in done.stderr) == (125, True)


# -- fiu-ctrl ----------------------------------------------------------------------

ASKED = "while read step; do {points} $step; done"


class Going:
    """A shell under `pyshim fiu -f`, that runs the steps it is told."""

    def __init__(self, run: subprocess.Popen[str], folder: Path) -> None:
        self.run = run
        self.base = folder / f"c-{self._first(folder)}"

    def _first(self, folder: Path) -> str:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and self.run.poll() is None:
            for path in folder.glob("c-*.out"):
                return path.stem.partition("-")[2]
        raise AssertionError("no pipes")

    def ask(self, command: str) -> str:
        """As fiu-ctrl does it."""
        Path(f"{self.base}.in").write_text(command + "\n")
        return Path(f"{self.base}.out").read_text()

    def take(self, step: str) -> list[str]:
        """The results of three times that step, in a program of its own."""
        assert self.run.stdin is not None
        assert self.run.stdout is not None
        self.run.stdin.write(step + "\n")
        self.run.stdin.flush()
        return [self.run.stdout.readline().partition(" ")[2].strip() for _ in range(3)]


@contextmanager
def going(tmp_path: Path, points: str, *words: str) -> Iterator[Going]:
    script = ASKED.format(points=points)
    with subprocess.Popen(
        [*PYSHIM, "fiu", "-x", "-f", str(tmp_path / "c"), *words, "sh", "-c", script],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        try:
            yield Going(run, tmp_path)
            run.communicate(timeout=SECONDS)
        finally:
            run.kill()


def test_points_are_enabled_and_disabled_meanwhile(tmp_path: Path, points: str) -> None:
    with going(tmp_path, points) as run:
        assert run.take("kill") == ["0 0"] * 3
        assert run.ask("enable name=posix/proc/kill,failinfo=1") == "0\n"
        assert run.take("kill") == ["-1 1"] * 3
        assert run.ask("enable name=posix/proc/kill,failinfo=3,onetime") == "0\n"
        assert run.take("kill") == ["-1 3", "0 0", "0 0"]
        assert run.ask("disable name=posix/proc/kill") == "0\n"
        assert run.take("kill") == ["0 0"] * 3
        assert run.ask("enable name=posix/io/sync/*,failinfo=5,onetime") == "0\n"
        assert run.take("fsync fdatasync")[0] == "-1 5"
        assert run.run.stdout is not None
        assert run.run.stdout.readline() == "fdatasync 0 0\n", "onetime is one time"
    assert not list(tmp_path.glob("c-*"))


def test_what_was_enabled_at_the_start_is(tmp_path: Path, points: str) -> None:
    command = "enable name=posix/io/sync/fsync,failinfo=30"
    with going(tmp_path, points, "-c", command) as run:
        assert run.take("fsync") == ["-1 30"] * 3
        assert run.ask("disable name=posix/io/sync/fsync") == "0\n"
        assert run.take("fsync") == ["0 0"] * 3


@pytest.mark.parametrize(
    "command",
    [
        "enable nam=posix/proc/kill",
        "enable name=posix/none",
        "disable name=posix/proc/kill",
        "enable_stack_by_name name=posix/proc/kill,func_name=main",
        "x" * 3000,
        "\N{SNOWMAN}",
        "",
    ],
)
def test_what_is_not_understood_is_answered_so(
    tmp_path: Path, points: str, command: str
) -> None:
    with going(tmp_path, points) as run:
        assert run.ask(command).startswith("-1\n")
        assert run.take("kill") == ["0 0"] * 3


@needs_libfiu
def test_fiu_ctrl_itself_is_understood(tmp_path: Path, points: str) -> None:
    def ctrl(run: Going, command: str) -> str:
        pid = run.base.name.partition("-")[2]
        done = subprocess.run(
            ["fiu-ctrl", "-f", str(tmp_path / "c"), "-c", command, pid],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return done.stdout + done.stderr

    with going(tmp_path, points) as run:
        assert ctrl(run, "enable name=posix/proc/*,failinfo=1") == ""
        assert run.take("kill") == ["-1 1"] * 3
        assert ctrl(run, "disable name=posix/proc/*") == ""
        assert run.take("kill") == ["0 0"] * 3
        assert "returned error (-1)" in ctrl(run, "disable name=posix/proc/*")
