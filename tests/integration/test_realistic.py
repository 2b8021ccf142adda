"""Errnos that a call never gives: said before the start, labelled, or refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from reports import Done

Target = Callable[..., str]
Pyshim = Callable[..., Done]
BEFORE = "unlisted in the manual, injected all the same"


def test_it_runs_and_is_said_once(pyshim: Pyshim, target: Target) -> None:
    rules = [
        "inject=getppid:error=EXDEV",
        "inject=read:error=EIO",
        "inject=open:retval=-32",
    ]
    words = [word for rule in rules for word in ("-e", rule)]
    done = pyshim("--layer=symbols", *words, target("calls_by_name"), "getppid", "read")
    assert done.stdout.startswith("getppid: -18\nread: -1 EIO\n")
    first, *others = done.stderr.splitlines()
    assert first == f"pyshim: {BEFORE}: EXDEV of getppid; EPIPE of open"
    assert not any(BEFORE in line for line in others)
    by_getppid, by_read = others[:2]
    assert by_getppid.endswith(" (by_getppid) unlisted")
    assert by_read.endswith(" (by_read)")


def test_nothing_is_said_of_what_happens(pyshim: Pyshim, target: Target) -> None:
    rules = ["inject=read:error=EIO", "fault=getppid", "inject=write:short=1"]
    words = [word for rule in rules for word in ("-e", rule)]
    assert "unlisted" not in pyshim(*words, target("calls_by_name"), "getppid").stderr


def test_eintr_stays_fair_or_unusual(pyshim: Pyshim, target: Target) -> None:
    words = ("-e", "inject=read:error=EINTR", target("calls_by_name"), "read")
    done = pyshim("--layer=symbols", *words)
    assert done.stderr.splitlines()[0].endswith("(by_read) unusual")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("inject=getppid:error=EXDEV", "no EXDEV is listed for getppid"),
        ("inject=getppid:error=EXDEV", "getppid: it never fails"),
        ("inject=getppid,read:retval=-5", "no EIO is listed for getppid"),
        ("inject=umount2:error=EINTR", "umount: EAGAIN EBUSY"),
    ],
)
def test_realistic_refuses_before_the_start(
    pyshim: Pyshim, target: Target, rule: str, words: str
) -> None:
    done = pyshim("--realistic", "-e", rule, target("calls_by_name"), "read")
    assert (done.returncode, done.stdout) == (125, "")
    assert "--realistic: " in done.stderr and words in done.stderr


def test_realistic_lets_pass_what_happens(pyshim: Pyshim, target: Target) -> None:
    rule = "inject=read:error=EIO"
    done = pyshim("--realistic", "-e", rule, target("calls_by_name"), "read")
    assert done.stdout.startswith("read: -1 EIO\n")


@pytest.mark.parametrize("error", ["EIO", "EINTR"])
def test_fair_of_another_errno_is_hit_on_any_file(
    pyshim: Pyshim, target: Target, error: str
) -> None:
    """A regular file has no EINTR, but any other error that read(2) lists."""
    rule = f"inject=read:error={error}:fair"
    words = ("-e", rule, target("calls_by_name"), "read_file")
    done = pyshim("--layer=symbols", *words)
    hit = {"EIO": "read_file: -1 EIO", "EINTR": "read_file: 1"}[error]
    assert done.stdout == f"{hit}\nEXIT-SUCCESS\n"
