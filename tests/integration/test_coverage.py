"""What a run says it saw of its processes, and of its syscalls by strace's word."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Done = subprocess.CompletedProcess[str]
Pyshim = Callable[..., Done]
Target = Callable[..., str]
NOTHING = ("--layer=symbols", "-e", "inject=mknod:error=EIO")
"""Switches a plugin on that listens, and changes nothing."""
LAYERS = {"symbols": NOTHING, "full": NOTHING[1:]}
strace = pytest.mark.skipif(not shutil.which("strace"), reason="no strace here")


def said(done: Done) -> str:
    """The line on coverage, and that there is only one."""
    (line,) = re.findall(r"^pyshim: coverage: (.*)$", done.stderr, re.M)
    return str(line)


@pytest.fixture
def static(target: Target) -> str:
    return target("calls_by_name", "-static")


# -- the line ----------------------------------------------------------------------


@pytest.mark.parametrize("options", [NOTHING[1:], ("-p", "log"), ("-o", "log")])
@pytest.mark.parametrize("layer", LAYERS)
def test_a_single_process(pyshim: Pyshim, options: tuple[str, ...], layer: str) -> None:
    done = pyshim(f"--layer={layer}", *options, "true")
    assert said(done) == f"1 of 1 process, layer {layer}"
    assert done.stderr.splitlines()[-1].startswith("pyshim: coverage: ")


@pytest.mark.parametrize("layer", LAYERS)
def test_a_fork_tree(pyshim: Pyshim, target: Target, layer: str) -> None:
    done = pyshim(*LAYERS[layer], target("fork_loop"), "20")
    assert said(done) == f"21 of 21 processes, layer {layer}"


@pytest.mark.parametrize("layer", LAYERS)
def test_vfork_and_exec(pyshim: Pyshim, target: Target, layer: str) -> None:
    """Five children each that exec, that fail to, and that only end."""
    done = pyshim(*LAYERS[layer], target("vfork_exec"))
    assert said(done) == f"16 of 16 processes, layer {layer}"


@pytest.mark.parametrize("layer", LAYERS)
def test_every_way_to_exec_and_an_environment_without_us(
    pyshim: Pyshim, target: Target, layer: str
) -> None:
    options = LAYERS[layer]
    done = pyshim(*options, target("spawn_env"), "/usr/bin/env", "-i", "/bin/true")
    assert said(done) == f"15 of 15 processes, layer {layer}"
    done = pyshim(*options, "env", "-i", "/bin/sh", "-c", "/bin/true; exec /bin/true")
    assert said(done) == f"2 of 2 processes, layer {layer}"


def test_a_static_child(pyshim: Pyshim, static: str) -> None:
    shell = f"{static}; env {static}; /bin/true; {static} read; exit 3"
    done = pyshim(*NOTHING, "sh", "-c", shell)
    bypassed = f"{static} (static) 3 times"
    assert said(done) == f"2 of 5 processes, layer symbols; bypassed: {bypassed}"
    assert done.returncode == 3


def test_a_static_child_in_every_way(
    pyshim: Pyshim, target: Target, static: str
) -> None:
    done = pyshim(*NOTHING, target("spawn_env"), static)
    programs = f"{static} (static) 13 times, /proc/self/fd/3 (static)"
    assert said(done) == f"1 of 15 processes, layer symbols; bypassed: {programs}"


def test_the_command_is_static(pyshim: Pyshim, static: str) -> None:
    done = pyshim(*NOTHING, static)
    assert said(done).startswith("0 of 1 process, layer symbols; bypassed: ")


def test_it_says_that_a_process_goes_on(pyshim: Pyshim, tmp_path: Path) -> None:
    inner = "exec >/dev/null 2>&1; echo >up; read x <down"
    shell = f"mkfifo up down; env sh -c '{inner}' & read x <up"
    done = pyshim(*NOTHING, "sh", "-c", shell)
    (tmp_path / "down").open("w").close()  # the child waits for that, and ends
    assert said(done) == "3 of 3 processes, layer symbols; 1 still running"


def test_nobody_listens_and_nothing_is_said(pyshim: Pyshim) -> None:
    for options in ([], ["--map", "/no/such=/dev"]):
        done = pyshim(*options, "sh", "-c", "true; /bin/true; exit 0")
        assert (done.returncode, done.stderr) == (0, "")


def test_a_plugin_knows_and_hears_of_no_exec_it_did_not_ask_for(
    pyshim: Pyshim, tmp_path: Path, static: str
) -> None:
    (tmp_path / "mine.py").write_text(
        """
from dataclasses import asdict
from pyshim import hookimpl

@hookimpl
def pyshim_event(event, run):
    run.say(f"{event.kind} {event.call.name if event.call else ''}")

@hookimpl
def pyshim_report(run):
    run.say(f"{asdict(run.coverage)}")
"""
    )
    done = pyshim("-p", "./mine.py", "sh", "-c", f"{static}; exit")
    assert "'seen': 1, 'processes': 2, 'layer': 'symbols'" in done.stderr
    assert {"pyshim: start ", "pyshim: bypass ", "pyshim: exit "} <= {
        *done.stderr.splitlines()
    }
    assert "pyshim: call" not in done.stderr


# -- beside strace -----------------------------------------------------------------


@pytest.fixture
def measured(pyshim: Pyshim, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """`measured("ls")`: what `pyshim coverage --json` says of it, and `done`."""

    def go(*command: str) -> dict[str, Any]:
        done = pyshim("coverage", "--json", "found.json", "--", *command)
        found = json.loads((tmp_path / "found.json").read_text())
        assert isinstance(found, dict)
        return found | {"done": done}

    return go


Measured = Callable[..., dict[str, Any]]


@strace
def test_ls(measured: Measured, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / "tree" / name).mkdir(parents=True)
    found = measured("ls", "-lR", "tree")
    assert found["done"].returncode == 0
    assert found["done"].stdout.startswith("tree:\n")
    calls = found["syscalls"]
    assert calls["getdents64"]["missed"] == {"inside readdir": 8}
    assert calls["openat"]["missed"]["inside opendir"] == 4
    assert calls["statx"]["missed"] == {}
    assert calls["statx"]["strace"] == calls["statx"]["pyshim"] >= 4
    assert calls["exit_group"]["pyshim"] == 1
    assert found["before"]["arch_prctl"] == 1
    assert found["extra"] == {}
    assert found["dropped"] == 0
    assert found["strace"] == found["pyshim"] + sum(found["missed"].values())


@strace
def test_the_sums_are_straces(measured: Measured, tmp_path: Path) -> None:
    """Nothing is lost between the columns: another run of strace counts as many."""
    (tmp_path / "data").write_text("data")
    found = measured("cat", "data")
    subprocess.run(
        ["strace", "-c", "-o", "counts", "cat", "data"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=30,
    )
    rows = [line.split() for line in (tmp_path / "counts").read_text().splitlines()]
    counts = {
        row[-1]: int(row[3]) for row in rows if len(row) >= 5 and row[3].isdigit()
    }
    loading = {"openat", "read", "newfstatat", "mmap", "close", "mprotect", "execve"}
    for name in counts.keys() - loading - {"total", "brk", "munmap"}:
        seen = found["syscalls"].get(name, {}).get("strace", 0)
        assert seen + found["before"].get(name, 0) == counts[name], name


@strace
def test_a_static_program(measured: Measured, static: str) -> None:
    found = measured(static, "read")
    assert found["done"].stdout == "read: 1\nEXIT-SUCCESS\n"
    assert set(found["missed"]) == {f"{static}, without the shim"}
    assert found["pyshim"] == 0
    assert found["before"] == found["shim"] == {}
    assert found["coverage"]["bypassed"] == [f"{static} (static)"]


@strace
def test_a_pipeline(measured: Measured, tmp_path: Path, static: str) -> None:
    (tmp_path / "data").write_text("b\na\n")
    shell = f"cat data | env -i sort; {static} read </dev/zero; exit 4"
    found = measured("sh", "-c", shell)
    assert found["done"].returncode == 4
    assert found["done"].stdout == "a\nb\nread: 1\nEXIT-SUCCESS\n"
    calls = found["syscalls"]
    assert found["coverage"]["processes"] == 4
    assert found["coverage"]["seen"] == 3
    assert calls["execve"] == {"strace": 4, "pyshim": 4, "missed": {}}
    assert calls["exit_group"]["missed"] == {f"{static}, without the shim": 1}
    assert found["before"]["arch_prctl"] == 4  # sh, cat, env, sort
    assert found["extra"] == {}


@strace
def test_hot_calls_are_named_when_asked_for(pyshim: Pyshim) -> None:
    shell = "echo one | sort -o sorted"
    plain = pyshim("coverage", "-o", "table", "sh", "-c", shell)
    hot = pyshim("coverage", "--hot", "sh", "-c", shell)
    assert "inside f" not in plain.stderr
    assert re.search(r"^write +\d.*inside f(write|close|flush)", hot.stderr, re.M)


@strace
def test_threads_and_a_death_by_signal(measured: Measured, target: Target) -> None:
    found = measured(target("threads_read"), "5")
    assert found["syscalls"]["read"]["pyshim"] == 40
    assert found["syscalls"]["clone3"]["missed"] == {"inside pthread_create": 8}
    killed = measured(target("abort_midway"), "out")
    assert killed["done"].returncode == -9
    assert killed["syscalls"]["write"] == {"strace": 1000, "pyshim": 1000, "missed": {}}
    assert killed["syscalls"]["kill"]["pyshim"] == 1


@strace
def test_the_table(pyshim: Pyshim, tmp_path: Path) -> None:
    done = pyshim("coverage", "-o", "table", "echo", "out")
    assert (done.returncode, done.stdout) == (0, "out\n")
    assert done.stderr == "pyshim: coverage: 1 of 1 process, layer symbols\n"
    head, *rows = (tmp_path / "table").read_text().splitlines()
    assert head.split() == ["syscall", "strace", "pyshim", "missed", "from"]
    total = next(row.split() for row in rows if row.startswith("total "))
    assert int(total[1]) == int(total[2]) + int(total[3])
    assert any(row == f"seen: {row.split()[1]} % of {total[1]}" for row in rows)
    assert rows[-2] == "seen by pyshim, and answered without the kernel: 0"
    assert rows[-1] == "seen by pyshim alone: 0"


def test_refusals(pyshim: Pyshim, tmp_path: Path) -> None:
    for words, status, text in (
        ([], 125, "coverage: no command given; allowed: "),
        (["--jsn", "x", "true"], 125, "did you mean '--json'?"),
        (["-o", "/no/such/file", "true"], 125, "-o /no/such/file: No such file"),
        (["./none"], 127, "./none: No such file or directory"),
    ):
        done = pyshim("coverage", *words)
        assert (done.returncode, done.stdout) == (status, "")
        assert text in done.stderr
        assert done.stderr.startswith("pyshim: ")
        assert done.stderr.count("\n") == 1
    alone = pyshim("coverage", "/bin/true", env={"PATH": str(tmp_path)})
    assert alone.returncode == 125
    assert alone.stderr == (
        "pyshim: coverage: strace is needed to compare with: install it\n"
    )
