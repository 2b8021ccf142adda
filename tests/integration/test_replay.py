"""`--replay`: a hit that was recorded is hit again, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from reports import Done, returned, said

from pyshim.hit_record import Hit

Target = Callable[..., str]
Pyshim = Callable[..., Done]

RULES = [
    "inject=read:error=EIO",
    "inject=read:error=EIO:when=2+2",
    "inject=read:error=EIO:p=0.5:seed=3",
    "inject=%desc:error=EIO:p=0.3:seed=9",
    "inject=read,open:error=EIO:path=/dev/null",
    "inject=/^(read|fork)$:error=EAGAIN:when=2",
    "fault=read:when=3",
]
READS = ["read", "read"]
WORDS = ["read", "open", "read", "read_file", "fork", "read", "open", "read"]


def hits(path: Path) -> list[dict[str, Any]]:
    """The lines, without what is different by right: rule and its numbers."""
    left_out = ("rule", "count", "nth", "replay")
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return [{k: v for k, v in each.items() if k not in left_out} for each in found]


@pytest.mark.parametrize("rule", RULES)
def test_the_same_hits_come_again(
    pyshim: Pyshim, target: Target, tmp_path: Path, rule: str
) -> None:
    command = [target("calls_by_name"), *WORDS]
    first = pyshim("-e", rule, "--record", "a", *command)
    again = pyshim("--replay", "a", "--record", "b", *command)
    assert hits(tmp_path / "a") == hits(tmp_path / "b") != []
    assert again.stdout == first.stdout
    assert "came" not in again.stderr


def test_the_default_plan_comes_again(
    pyshim: Pyshim, target: Target, tmp_path: Path
) -> None:
    command = [target("calls_by_name"), "fds", "open", "open", "close", "fds"]
    first = pyshim("-p", "faults", "--record", "a", *command)
    again = pyshim("--replay", "a", "--record", "b", *command)
    assert "close: -1 EINTR" in returned(again)
    assert hits(tmp_path / "a") == hits(tmp_path / "b") != []
    assert again.stdout == first.stdout


def test_hits_that_times_has_limited(
    pyshim: Pyshim, target: Target, tmp_path: Path
) -> None:
    command = [target("calls_by_name"), *["read", "open"] * 4]
    rule = "inject=%desc:error=EIO:times=3:path=/dev/*:if=1"
    pyshim("-e", rule, "--record", "a", *command)
    pyshim("--replay", "a", "--record", "b", *command)
    assert hits(tmp_path / "a") == hits(tmp_path / "b")
    assert len(hits(tmp_path / "a")) == 3


def test_hits_besides_are_told(pyshim: Pyshim, target: Target) -> None:
    by_name = target("calls_by_name")
    pyshim("-e", "inject=read:error=EIO:when=2", "--record", "a", by_name, *READS)
    done = pyshim("--replay", "a", by_name, "read", "fork", "read", "read")
    assert done.returncode == 0
    assert "--replay: 1 hit that is not in the record" in said(done)


def replays(path: Path) -> list[str]:
    return [json.loads(line)["replay"] for line in path.read_text().splitlines()]


def test_one_line_hits_one_call(pyshim: Pyshim, target: Target, tmp_path: Path) -> None:
    command = [target("calls_by_name"), *["read"] * 5]
    pyshim("-e", "inject=read:error=EIO:p=0.5:seed=3", "--record", "a", *command)
    line = (tmp_path / "a").read_text().splitlines()[1]
    number = json.loads(line)["count"]
    for option in (["--replay", line], ["-e", json.loads(line)["replay"]]):
        seen = returned(pyshim(*option, *command))
        assert [at for at, text in enumerate(seen, 1) if "EIO" in text] == [number]


def test_a_place_is_named_where_all_its_calls_were_hit(
    pyshim: Pyshim, target: Target, tmp_path: Path
) -> None:
    """So that a call more before it changes nothing."""
    by_name = target("calls_by_name")
    pyshim("-e", "inject=read:error=EIO", "--record", "a", by_name, "read_file")
    (replay,) = replays(tmp_path / "a")
    assert replay.startswith("inject=read:error=EIO:site=calls_by_name+0x")
    seen = returned(pyshim("-e", replay, by_name, "read", "read_file", "read_file"))
    assert seen == ["read: 1", "read_file: -1 EIO", "read_file: 1"]


def test_many_hits_are_few_rules(
    pyshim: Pyshim, target: Target, tmp_path: Path
) -> None:
    command = [target("abort_midway"), "out"]
    pyshim("-e", "inject=write:delay_enter=1ns", "--record", "a", *command)
    again = pyshim("--replay", "a", "--record", "b", *command)
    assert len(hits(tmp_path / "a")) == len(hits(tmp_path / "b")) == 1000
    assert sum("armed" in line for line in said(again)) == 1


def test_a_hit_that_does_not_come_again_is_told(pyshim: Pyshim, target: Target) -> None:
    by_name = target("calls_by_name")
    pyshim("-e", "inject=read:error=EIO", "--record", "a", by_name, "read", "read")
    done = pyshim("--replay", "a", by_name, "read")
    assert done.returncode == 125
    assert said(done)[-1].startswith(
        "--replay: 1 of 2 hits did not come again: read at calls_by_name+0x"
    )


def test_calls_that_two_rules_hit(
    pyshim: Pyshim, target: Target, tmp_path: Path
) -> None:
    """The second one's hits are told but for where the first has decided."""
    command = [target("calls_by_name"), *["read"] * 4]
    rules = ["-e", "inject=read:error=EIO:when=2", "-e", "inject=read:error=EINTR"]
    first = pyshim(*rules, "--record", "a", *command)
    again = pyshim("--replay", "a", "--record", "b", *command)
    assert again.returncode == 0
    assert again.stdout == first.stdout
    assert hits(tmp_path / "a") == hits(tmp_path / "b")


def test_a_thread_that_was_delayed(
    pyshim: Pyshim, target: Target, tmp_path: Path
) -> None:
    """Of a call that comes back twice the number is told, too."""
    command = [target("two_threads")]
    rule = "inject=clone3:delay_enter=1ns:when=2"
    pyshim("-e", rule, "--record", "a", *command)
    assert replays(tmp_path / "a") == [rule]
    again = pyshim("--replay", "a", *command)
    assert (again.returncode, again.stdout) == (0, "EXIT-SUCCESS\n")


def test_the_child_of_a_vfork(pyshim: Pyshim, target: Target, tmp_path: Path) -> None:
    """Its site is in its parent's program, of which nobody has told it is that."""
    command = [target("vfork_exec")]
    rule = "inject=execve:delay_enter=1ns"
    pyshim("--layer=symbols", "-e", rule, "--record", "a", *command)
    again = pyshim("--layer=symbols", "--replay", "a", "--record", "b", *command)
    sites = {str(hit["site"]).partition("+")[0] for hit in hits(tmp_path / "a")}
    assert sites == {"vfork_exec"}
    assert hits(tmp_path / "a") == hits(tmp_path / "b")
    assert "came" not in again.stderr


def test_the_child_of_a_child_that_was_not_heard_from(
    pyshim: Pyshim, target: Target, tmp_path: Path
) -> None:
    """What program it is only it can tell: its parent had made no call before."""
    command = [target("grandchild_reads")]
    rule = ("--layer=symbols", "-e", "inject=read:delay_enter=1ns")
    pyshim(*rule, "--record", "a", *command)
    (hit,) = hits(tmp_path / "a")
    assert hit["program"] == "grandchild_reads"
    assert str(hit["site"]).startswith("grandchild_reads+")
    again = pyshim("--layer=symbols", "--replay", "a", *command)
    assert again.returncode == 0
    assert "came" not in again.stderr


LINE = Hit(
    *("inject=read:error=EIO", "read", "1", "cat", 1, None, None, 1, 1, -1, "EIO", ""),
    replay="inject=read:error=EIO:when=1",
).line()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no hits in it"),
        (LINE.replace('"read"', '["read"]') + "\n", "call: ['read']"),
        (LINE.replace('"nth": 1', '"nth": "1"') + "\n", "nth: '1'"),
        (LINE.replace("when=1", "when=x") + "\n", "no rule in "),
        (LINE.replace("when=1", "when=3+2") + "\n", "no rule in "),
        ("\udcff\n", "no line of a record"),
        ("nonsense\n", "no line of a record: 'nonsense'"),
        ('{"rule": "x"}\n', "no line of a record"),
        (None, "No such file or directory"),
    ],
    ids=[
        *("empty", "list", "text", "when", "step", "bytes", "nonsense", "keys"),
        "missing",
    ],
)
def test_what_is_no_record_is_refused(
    pyshim: Pyshim, tmp_path: Path, text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / "a").write_text(text, errors="surrogateescape")
    done = pyshim("--replay", "a", "echo", "ran")
    assert (done.returncode, done.stdout) == (125, "")
    assert message in said(done)[-1]


@pytest.mark.parametrize(
    "runs", [3, pytest.param(100, marks=[pytest.mark.long, pytest.mark.timeout(300)])]
)
def test_it_hits_the_same_place_each_time(
    pyshim: Pyshim, target: Target, tmp_path: Path, runs: int
) -> None:
    command = [target("calls_by_name"), *WORDS * 3]
    pyshim("-e", "inject=read:error=EIO:p=0.2:seed=5", "--record", "a", *command)
    for number in range(runs):
        pyshim("--replay", "a", "--record", f"b{number}", *command)
    found = [hits(tmp_path / f"b{number}") for number in range(runs)]
    assert found == [hits(tmp_path / "a")] * runs
