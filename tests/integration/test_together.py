"""`after`; and several rules for one call: the first that has an action does it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from reports import Done, returned, said

Target = Callable[..., str]
Pyshim = Callable[..., Done]
LAYERS = ["symbols", "full"]


def rules(*texts: str) -> list[str]:
    return [word for text in texts for word in ("-e", f"inject={text}")]


# -- after -------------------------------------------------------------------------


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(("after", "left"), [(":after", 3), ("", 4)])
def test_close_really_closes(
    pyshim: Pyshim, target: Target, layer: str, after: str, left: int
) -> None:
    """Of `open` and stdin, stdout, stderr, and /dev/zero: by strace's way it leaks."""
    words = ["open", "close", "fds"]
    rule = f"close:error=EIO:fd=4{after}"
    rule += ":times=1"
    done = pyshim(f"--layer={layer}", *rules(rule), target("calls_by_name"), *words)
    assert returned(done) == ["open: 0", "close: -1 EIO", f"fds: {left + 1}"]


@pytest.mark.parametrize("layer", LAYERS)
def test_what_really_fails_says_so_itself(
    pyshim: Pyshim, target: Target, layer: str
) -> None:
    words = ["close", "open", "close", "close"]
    done = pyshim(
        f"--layer={layer}",
        *rules("close:error=EIO:after"),
        target("calls_by_name"),
        *words,
    )
    assert returned(done) == [
        *("close: -1 EBADF", "open: 0", "close: -1 EIO", "close: -1 EBADF")
    ]


@pytest.mark.parametrize(
    ("command", "call", "there"),
    [
        (["mv", "a", "b"], "/^rename", {"b"}),
        (["rm", "a"], "/^unlink", set()),
        (["mkdir", "b"], "mkdir", {"a", "b"}),
        (["ln", "a", "b"], "/^link", {"a", "b"}),
        (["truncate", "-s", "5", "a"], "ftruncate", {"a"}),
    ],
)
def test_what_programs_do_is_done_and_reported_failed(
    pyshim: Pyshim, tmp_path: Path, command: list[str], call: str, there: set[str]
) -> None:
    (tmp_path / "a").touch()
    done = pyshim(*rules(f"{call}:error=EIO:after"), *command)
    assert done.returncode == 1 and "armed, hit 1 time" in done.stderr
    assert {each.name for each in tmp_path.iterdir()} == there
    if command[0] == "truncate":
        assert (tmp_path / "a").stat().st_size == 5


def test_bytes_are_written_all_the_same(pyshim: Pyshim, tmp_path: Path) -> None:
    done = pyshim(
        *rules("write:error=EIO:after:fd=pipe"), "sh", "-c", "echo hello | cat; echo $?"
    )
    assert done.stdout.startswith("hello\n")


def test_after_and_a_delay_and_a_signal(pyshim: Pyshim, target: Target) -> None:
    rule = "getppid:error=EIO:after:signal=USR1:delay_exit=50ms"
    words = ["handler", "start", "getppid", "slow", "handled"]
    done = pyshim(*rules(rule), target("calls_by_name"), *words)
    assert returned(done)[2:] == ["getppid: -5", "slow: 1", "handled: 1"]


def test_after_without_undefined_behaviour(
    pyshim: Pyshim, target: Target, ubsan: Path
) -> None:
    env = {**os.environ, "PYSHIM_LIB": str(ubsan)}
    every = "error=EIO:after:if=1:thread=*:process=**:during=0..:caller={}"
    program = target("calls_by_name")
    rule = f"%desc,getppid:{every.format(program)}"
    words = ["open", "read", "write", "close", "poll", "getppid", "getcwd"]
    done = pyshim("--layer=full", *rules(rule, rule), program, *words, env=env)
    assert done.returncode == 0 and "getppid: -5" in done.stdout, done


# -- several rules for one call ----------------------------------------------------


def hits(done: Done) -> list[str]:
    return [line.partition("armed, ")[2].split(":")[0] for line in said(done)]


def test_each_acts_and_each_is_counted(pyshim: Pyshim, target: Target) -> None:
    words = ["handler", "start", "read", "slow", "handled"]
    done = pyshim(
        *rules("read:delay_enter=50ms", "read:signal=USR1", "read:error=EIO"),
        *(target("calls_by_name"), *words),
    )
    assert returned(done)[2:] == ["read: -1 EIO", "slow: 1", "handled: 1"]
    assert hits(done) == ["hit 1 time"] * 3


@pytest.mark.parametrize(
    ("given", "result"),
    [
        (["read:error=EIO", "read:error=EPERM"], "-1 EIO"),
        (["read:retval=7", "read:error=EPERM"], "7"),
        (["read:signal=USR1", "read:error=EPERM", "read:retval=7"], "-1 EPERM"),
        (["read:error=EIO:when=2", "read:error=EPERM"], "-1 EPERM"),
    ],
)
def test_the_first_result_wins(
    pyshim: Pyshim, target: Target, given: list[str], result: str
) -> None:
    done = pyshim(*rules(*given), target("calls_by_name"), "handler", "read")
    assert returned(done)[1] == f"read: {result}"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (["read:signal=USR1", "read:error=EIO"], 1),
        (["read:error=EIO", "read:signal=USR1"], 0),
        (["read:signal=USR1", "read:delay_enter=1"], 0),
        (["read:error=EIO", "read:error=EPERM"], 0),
        (["read:delay_exit=1", "read:retval=3", "read:error=EPERM"], 1),
    ],
)
def test_the_event_names_who_decided_the_result(
    pyshim: Pyshim, target: Target, given: list[str], named: int
) -> None:
    """Its place stands behind that rule in the report; all were hit."""
    done = pyshim(*rules(*given), target("calls_by_name"), "handler", "read")
    lines = said(done)
    assert all(": armed, hit 1 time" in line for line in lines)
    placed = [i for i, line in enumerate(lines) if "read at " in line]
    assert placed == [named]


def test_a_short_one_and_a_failing_one(pyshim: Pyshim, target: Target) -> None:
    short, fails = "writev:short=2", "writev:error=ENOSPC"
    for given, result in (((short, fails), "2"), ((fails, short), "-1 ENOSPC")):
        done = pyshim(*rules(*given), target("moves"), "writev", "3,5")
        assert returned(done) == [f"writev: {result}"]


def test_a_failure_behind_what_is_not_made_is_none(
    pyshim: Pyshim, target: Target
) -> None:
    """The second one's `after` goes with its error, which is not taken."""
    given = ("close:retval=0", "close:error=EIO:after")
    words = ["open", "close", "fds"]
    done = pyshim("--layer=symbols", *rules(*given), target("calls_by_name"), *words)
    assert returned(done)[1] == "close: 0"


def test_twenty_rules_count_each_for_itself(pyshim: Pyshim, target: Target) -> None:
    given = [f"read:error={7 + n}:when={n}" for n in range(1, 21)]
    done = pyshim(*rules(*given), target("eintr_count"), "20")
    names = [f"{n} read: {errno.errorcode[7 + n]}" for n in range(1, 21)]
    assert done.stdout.splitlines()[:-1] == names
    assert hits(done) == ["hit 1 time"] * 20


def test_fair_with_other_conditions(pyshim: Pyshim, target: Target) -> None:
    """The handler has no SA_RESTART from then on; a file has no EINTR."""
    rule = "read:error=EINTR:fair:fd=pipe:if=count==1:when=2"
    words = ["read_pipe", "handler", "read_file", "read_pipe", "read_pipe", "read_pipe"]
    done = pyshim("--layer=symbols", *rules(rule), target("calls_by_name"), *words)
    assert returned(done) == [
        *("read_pipe: 1", "handler: 0", "read_file: 1"),
        *("read_pipe: -1 EINTR", "read_pipe: 1", "read_pipe: 1"),
    ]
    assert said(done)[0].endswith(" fair")
