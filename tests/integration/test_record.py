"""`--record FILE`: a line for each hit, the same in every run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from reports import Done, said
from shimmed import PYSHIM

Target = Callable[..., str]
Pyshim = Callable[..., Done]

KEYS = [
    *("rule", "call", "process", "program", "thread", "site", "function", "count"),
    *("nth", "result", "errno", "label", "replay"),
]
SEEDED = "inject=read:error=EIO:p=0.4:seed=7"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_for_each_hit(pyshim: Pyshim, target: Target, tmp_path: Path) -> None:
    rule = "inject=read:error=EIO:when=2+"
    pyshim("-e", rule, "--record", "hits", target("calls_by_name"), *["read"] * 3)
    found = lines(tmp_path / "hits")
    assert [list(each) for each in found] == [KEYS, KEYS]
    first, second = found
    assert first | {"site": ""} == {
        "rule": rule,
        "call": "read",
        "process": "1",
        "program": "calls_by_name",
        "thread": 1,
        "site": "",
        "function": "by_read",
        "count": 2,
        "nth": 1,
        "result": -1,
        "errno": "EIO",
        "label": "",
        "replay": "inject=read:error=EIO:when=2",
    }
    assert first["site"].startswith("calls_by_name+0x")
    later = {"nth": 2, "count": 3, "replay": "inject=read:error=EIO:when=3"}
    assert second == first | later


def test_the_default_plan_and_its_labels(
    pyshim: Pyshim, target: Target, tmp_path: Path
) -> None:
    words = ["-p", "faults", "--record", "hits", target("calls_by_name")]
    pyshim(*words, "handler", "read", "read_file")
    found = lines(tmp_path / "hits")
    assert [(each["function"], each["label"]) for each in found] == [
        *(("by_read", "fair"), ("by_read_file", "unusual"))
    ]


def test_an_error_the_call_does_not_have(
    pyshim: Pyshim, target: Target, tmp_path: Path
) -> None:
    rule = "inject=read:error=EXDEV"
    pyshim("-e", rule, "--record", "hits", target("calls_by_name"), "read")
    assert [each["label"] for each in lines(tmp_path / "hits")] == ["unlisted"]


def test_processes_by_their_place(pyshim: Pyshim, tmp_path: Path) -> None:
    script = "cat /dev/null; cat /dev/null"
    rule = "inject=open:error=EIO:path=/dev/null"
    done = pyshim("-e", rule, "--record", "hits", "sh", "-c", f"{script}; true")
    assert done.returncode == 0
    found = lines(tmp_path / "hits")
    assert [(each["process"], each["program"]) for each in found] == [
        *(("1.1", "cat"), ("1.2", "cat"))
    ]


def test_nothing_is_lost_at_sigkill(
    pyshim: Pyshim, target: Target, tmp_path: Path
) -> None:
    rule = "inject=write:delay_enter=1ns"
    done = pyshim("-e", rule, "--record", "hits", target("abort_midway"), "out")
    assert done.returncode == -signal.SIGKILL
    assert len(lines(tmp_path / "hits")) == 1000


def test_a_hit_that_ends_the_process(
    pyshim: Pyshim, target: Target, tmp_path: Path
) -> None:
    rule = "inject=read:signal=SIGKILL:when=2"
    command = [target("calls_by_name"), "read", "read"]
    done = pyshim("-e", rule, "--record", "hits", *command)
    assert done.returncode == -signal.SIGKILL
    assert [each["count"] for each in lines(tmp_path / "hits")] == [2]


def test_lines_come_while_the_program_runs(target: Target, tmp_path: Path) -> None:
    """And stay when pyshim itself is killed."""
    record = tmp_path / "hits"
    os.mkfifo(record)
    rule = "inject=write:delay_enter=1ns"
    command = [*PYSHIM, "-e", rule, "--record", str(record), "tee"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdin=-1, stdout=subprocess.DEVNULL
    ) as process:
        assert process.stdin
        with record.open() as hits:
            process.stdin.write(b"x")
            process.stdin.flush()
            assert json.loads(hits.readline())["call"] == "write"
            process.kill()
            process.wait(30)


def test_a_record_that_cannot_be_written(pyshim: Pyshim) -> None:
    done = pyshim("-p", "faults", "--record", "no/such", "true")
    assert (done.returncode, said(done)) == (
        *(125, ["--record no/such: No such file or directory"]),
    )
    assert pyshim("-p", "faults", "--record", "", "true").returncode == 125
    full = pyshim("-e", "inject=fopen:error=EIO", "--record", "/dev/full", "paste", "x")
    assert full.returncode == 125
    assert said(full)[-1] == (
        "--record /dev/full: No space left on device; it is not complete"
    )


def test_explain_leaves_an_old_record_alone(pyshim: Pyshim, tmp_path: Path) -> None:
    (tmp_path / "hits").write_text("old")
    pyshim("--explain", "-p", "faults", "--record", "hits", "true")
    assert (tmp_path / "hits").read_text() == "old"


def test_no_pid_and_no_address_is_in_it(
    pyshim: Pyshim, target: Target, tmp_path: Path
) -> None:
    """But what a rule has put in their place, and what says that the call failed."""
    rules = {
        "getppid:delay_exit=1ns:when=1": None,
        "getppid:retval=7:when=2": 7,
        "getppid:error=EXDEV:when=3": -18,
        "mmap:delay_exit=1ns:when=1": None,
        "mmap:error=ENOMEM:when=2": -1,
        "read:delay_exit=1ns:when=1": 1,
    }
    words = [word for rule in rules for word in ("-e", f"inject={rule}")]
    calls = ["getppid"] * 3 + ["mmap"] * 2 + ["read"]
    layer = "--layer=symbols"
    pyshim(layer, *words, "--record", "hits", target("calls_by_name"), *calls)
    found = [each["result"] for each in lines(tmp_path / "hits")]
    assert found == list(rules.values())


def records(pyshim: Pyshim, command: list[str], tmp_path: Path, runs: int) -> set[str]:
    """All that differ among so many runs; the kernel places programs anew in each."""
    found = set()
    for number in range(runs):
        path = tmp_path / f"hits{number}"
        rules = ["-e", SEEDED, "-e", "inject=open:error=EMFILE:when=2+2"]
        pyshim(*rules, "--record", str(path), *command)
        found.add(path.read_text())
    return found


@pytest.mark.parametrize(
    "runs", [4, pytest.param(100, marks=[pytest.mark.long, pytest.mark.timeout(300)])]
)
def test_the_same_bytes_in_every_run(
    pyshim: Pyshim, target: Target, tmp_path: Path, runs: int
) -> None:
    command = [target("calls_by_name"), *["read", "open", "read_file", "fork"] * 6]
    (record,) = records(pyshim, command, tmp_path, runs)
    found = [json.loads(line)["call"] for line in record.splitlines()]
    assert {"read", "open"} <= set(found)
