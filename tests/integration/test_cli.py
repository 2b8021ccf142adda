"""The command line: how the command is given, what is printed, where it goes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from reports import Done
from shimmed import PYSHIM, besides

from pyshim.calls import LIB

Pyshim = Callable[..., Done]
Target = Callable[..., str]


# -- the command -------------------------------------------------------------------


def test_options_stop_at_the_first_positional(pyshim: Pyshim, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = pyshim("-e", "trace=none", "ls", "-l", "-p", "log", "--timeout")
    assert done.returncode == 2
    assert "ls: unrecognized option '--timeout'" in done.stderr
    done = pyshim("-e", "trace=none", "ls", "-1", "--", "file")
    assert (done.returncode, done.stdout) == (0, "file\n")


@pytest.mark.parametrize(
    "words",
    [
        ["echo", "a", "--", "-b"],
        ["--", "echo", "a", "--", "-b"],
        ["run", "echo", "a", "--", "-b"],
        ["run", "--", "echo", "a", "--", "-b"],
        ["--strict", "--", "echo", "a", "--", "-b"],
    ],
    ids=" ".join,
)
def test_ways_to_give_the_command(pyshim: Pyshim, words: list[str]) -> None:
    done = pyshim(*words)
    assert (done.returncode, done.stdout, done.stderr) == (0, "a -- -b\n", "")


COMMANDS = ["run", "ctl", "fiu", "check", "coverage", "calls", "plugins", "new-plugin"]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_program_named_like_a_subcommand(
    pyshim: Pyshim, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text(f"#!/bin/sh\necho this is {name} $1\n")
    (tmp_path / name).chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    for words in (["--", name, "-x"], ["run", name, "-x"]):
        assert pyshim(*words, env=env).stdout == f"this is {name} -x\n"


def test_not_found_and_not_executable(pyshim: Pyshim, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    for word, status in (("./none", 127), ("none-on-path", 127), ("./plain", 126)):
        done = pyshim("-p", "log", word)
        assert (done.returncode, done.stdout) == (status, "")
        assert done.stderr.startswith(f"pyshim: {word}: ")
        assert done.stderr.count("\n") == 1


def test_module_and_script_are_the_same(tmp_path: Path) -> None:
    script = Path(sys.executable).parent / "pyshim"
    for words in (["--help"], ["--version"], ["--plugin", "lgo", "true"], ["false"]):
        ends = [
            subprocess.run(
                [*command, *words],
                cwd=tmp_path,
                capture_output=True,
                timeout=30,
                check=False,
            )
            for command in (PYSHIM, [script])
        ]
        assert [(e.returncode, e.stdout, e.stderr) for e in ends[:1]] == [
            (e.returncode, e.stdout, e.stderr) for e in ends[1:]
        ]


# -- what is printed ---------------------------------------------------------------


def test_help_fits_a_screen_and_loads_nothing_heavy(pyshim: Pyshim) -> None:
    done = pyshim("--help")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) < 88
    look = "import sys, atexit; from pyshim.cli import main\n"
    look += "atexit.register(lambda: print(*sys.modules, file=sys.stderr)); main()"
    command = [sys.executable, "-c", look, "--help"]
    loaded = subprocess.run(
        command, capture_output=True, text=True, timeout=30, check=True
    ).stderr.split()
    assert "pyshim.commands.run" in loaded
    assert not {"rich", "elftools", "sqlite3", "pyshim.decode"} & {*loaded}


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_subcommand(pyshim: Pyshim, name: str) -> None:
    done = pyshim(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "usage: pyshim" in done.stdout
    assert len(done.stdout.splitlines()) <= 40


def test_version(pyshim: Pyshim) -> None:
    done = pyshim("--version")
    assert re.fullmatch(r"pyshim \d+\.\d+\.\d+\n", done.stdout)
    assert done.returncode == 0


def test_calls(pyshim: Pyshim) -> None:
    lines = pyshim("calls", "open,%clock").stdout.splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in lines}
    assert rows["open64"] == ["openat", "%desc", "%file"]
    assert rows["SYS_open"] == ["open", "%desc", "%file"]
    assert all(row[0] in ("open", "openat") or "%clock" in row for row in rows.values())
    assert any("%clock" in row for row in rows.values())


def test_calls_are_as_many_as_the_library_wraps(pyshim: Pyshim) -> None:
    """By rows, and what nm shows of the library: names, and names by version.

    The allocator's names are in a library of their own: tests/shim/test_exports.py.
    """
    table = json.loads((LIB / "table.json").read_text())
    dynamic = ["nm", "-D", "--defined-only", "--with-symbol-versions"]
    done = subprocess.run(
        [*dynamic, LIB / "libpyshim.so"],
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    exported = {line.split()[2] for line in done.stdout.splitlines() if " T " in line}
    by_rows = {each.partition("@")[0] for each in table["wrapped"] + table["alloc"]}
    by_rows -= {each for each in by_rows if each.startswith("_Z")}
    numbers = sum(call["number"] for call in table["calls"])
    assert int(pyshim("calls", "--count").stdout) == len(by_rows) + numbers
    assert len(by_rows) >= 800
    assert {each.replace("@@", "@") for each in exported} >= set(table["exports"])
    assert len(table["exports"]) >= 1200


def test_plugins(pyshim: Pyshim) -> None:
    lines = pyshim("plugins").stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        [name, "pyshim"] for name in ("faults", "log", "rewrite")
    ]
    assert all(len(line.split()) > 4 for line in lines)


def test_output_to_a_closed_pipe(tmp_path: Path) -> None:
    shell = 'set -o pipefail; "$@" calls | head -1 >&2'
    command = ["bash", "-c", shell, "bash", *PYSHIM]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=30, check=False
    )
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


# -- where it goes -----------------------------------------------------------------


def test_the_log_goes_to_stderr_or_the_file(pyshim: Pyshim, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("data")
    seen = pyshim("-p", "log", "cat", "data")
    kept = pyshim("-o", "log", "cat", "data")
    assert seen.stdout == kept.stdout == "data"
    for log in (seen.stderr, (tmp_path / "log").read_text()):
        assert re.search(r'openat\(AT_FDCWD, "data", O_RDONLY\) += 3', log)
    assert besides(kept.stderr) == ""


def test_a_log_that_can_not_be_written_is_a_failure(pyshim: Pyshim) -> None:
    done = pyshim("-o", "/dev/full", "echo", "whole")
    assert (done.returncode, done.stdout) == (125, "whole\n")
    assert besides(done.stderr) == (
        "pyshim: -o /dev/full: No space left on device; the log is not complete\n"
    )


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("-p log sh -c 'echo out; exit 3'", 3),
        ("-e inject=read:error=EIO sh -c 'echo out; exit 3'", 3),
        ("-p log -p faults --require-hit sh -c 'echo out; exit 3'", 3),
        ("-p nothing true", 125),
        ("-e inject=mmap:error=EIO --require-hit sh -c 'echo out'", 125),
        ("./none", 127),
    ],
)
def test_without_a_stderr_nothing_else_changes(
    tmp_path: Path, redirection: str, words: str, status: int
) -> None:
    shell = f'"$@" {words} {redirection}'
    done = subprocess.run(
        ["sh", "-c", shell, "sh", *PYSHIM],
        cwd=tmp_path,
        capture_output=True,
        timeout=30,
        check=False,
    )
    out = b"out\n" if "echo out" in words else b""
    assert (done.returncode, done.stdout, done.stderr) == (status, out, b"")


def test_without_a_home_or_a_place_for_temporary_files(
    pyshim: Pyshim, tmp_path: Path
) -> None:
    """/proc can't be written to, not even by root."""
    env = {"PATH": os.environ["PATH"], "TMPDIR": "/proc", "LC_ALL": "C.UTF-8"}
    (tmp_path / "data").write_text("data")
    command = ["-p", "log", "-p", "faults", "cat", str(tmp_path / "data")]
    done = pyshim(*command, env=env, cwd="/proc")
    assert "armed, hit" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("last", ["true", "kill -9 $$", "exec ./none"])
def test_nothing_is_left_behind(pyshim: Pyshim, tmp_path: Path, last: str) -> None:
    done = pyshim(
        *("-p", "log", "sh", "-c", f"echo $PYSHIM_RUN; {last}"),
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert Path(done.stdout.strip()).name.startswith("pyshim-")
    assert not Path(done.stdout.strip()).exists()
    assert list(tmp_path.iterdir()) == []


def test_a_bypass_is_said_and_strict_refuses_it(pyshim: Pyshim, target: Target) -> None:
    static = target("calls_by_name", "-static")
    done = pyshim("-e", "inject=read:error=EIO", static, "read")
    assert (done.returncode, done.stdout) == (0, "read: 1\nEXIT-SUCCESS\n")
    warning = done.stderr.splitlines()[0]
    assert warning.startswith(f"pyshim: bypass: {static}: static")
    refused = pyshim("--strict", static, "read")
    assert (refused.returncode, refused.stdout) == (125, "")
    assert re.fullmatch(r"pyshim: bypass: .*static.*--strict.*\n", refused.stderr)
    assert pyshim("--strict", target("calls_by_name"), "read").returncode == 0
