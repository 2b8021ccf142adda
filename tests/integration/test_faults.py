"""Rules, decided in C inside the program: what it sees, against what was asked for."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from reports import Done, returned, said

Target = Callable[..., str]
Pyshim = Callable[..., Done]


# -- actions -----------------------------------------------------------------------


@pytest.mark.parametrize("word", ["read", "open", "write", "mmap", "getcwd"])
def test_error_is_returned_as_this_function_does(
    pyshim: Pyshim, target: Target, word: str
) -> None:
    rule = f"inject={word}:error=EXDEV"
    done = pyshim("--layer=symbols", "-e", rule, target("calls_by_name"), word)
    assert returned(done) == [f"{word}: -1 EXDEV"]


def test_what_libc_takes_for_a_success_comes_as_the_kernel_said_it(
    pyshim: Pyshim, target: Target
) -> None:
    """getppid(2) can't fail: libc does not look."""
    done = pyshim("-e", "inject=getppid:error=EIO", target("calls_by_name"), "getppid")
    assert returned(done) == ["getppid: -5"]


@pytest.mark.parametrize("word", ["posix_fallocate", "clock_nanosleep"])
def test_functions_that_return_the_errno_leave_errno_alone(
    pyshim: Pyshim, target: Target, word: str
) -> None:
    done = pyshim("-e", f"inject={word}:error=ENOMEM", target("calls_by_name"), word)
    assert returned(done) == [f"{word}: -1 ENOMEM"]


@pytest.mark.parametrize(("value", "seen"), [("7", "7"), ("0", "0"), ("-5", "-1 EIO")])
def test_retval_is_the_kernels_answer(
    pyshim: Pyshim, target: Target, value: str, seen: str
) -> None:
    done = pyshim("-e", f"inject=read:retval={value}", target("calls_by_name"), "read")
    assert returned(done) == [f"read: {seen}"]


@pytest.mark.parametrize("when", ["delay_enter", "delay_exit"])
def test_delay_takes_at_least_its_time(
    pyshim: Pyshim, target: Target, when: str
) -> None:
    words = ["start", "getppid", "slow", "start", "read", "slow"]
    rule = f"inject=getppid:{when}=50ms"
    seen = returned(pyshim("-e", rule, target("calls_by_name"), *words))
    assert seen[:3] == ["start: 0", "getppid: 0", "slow: 1"]


def test_signal_comes_to_the_thread_and_the_call_goes_on(
    pyshim: Pyshim, target: Target
) -> None:
    rule = "inject=read:signal=USR1:when=2"
    words = ["handler", "read", "handled", "read", "handled", "read", "handled"]
    seen = returned(pyshim("-e", rule, target("calls_by_name"), *words))
    assert seen == [
        *("handler: 0", "read: 1", "handled: 0"),
        *("read: 1", "handled: 1", "read: 1", "handled: 1"),
    ]


def test_signal_without_a_handler_ends_the_program(
    pyshim: Pyshim, target: Target
) -> None:
    done = pyshim("-e", "inject=read:signal=TERM", target("calls_by_name"), "read")
    assert done.returncode == -signal.SIGTERM
    assert "hit 1 time" in said(done)[0]


def test_several_actions_at_once(pyshim: Pyshim, target: Target) -> None:
    rule = "inject=getppid:error=EIO:signal=USR1:delay_enter=50ms"
    words = ["handler", "start", "getppid", "slow", "handled"]
    seen = returned(pyshim("-e", rule, target("calls_by_name"), *words))
    assert seen[2:] == ["getppid: -5", "slow: 1", "handled: 1"]


def test_fault_fails_with_enosys_by_itself(pyshim: Pyshim, target: Target) -> None:
    done = pyshim("-e", "fault=read:when=1", target("calls_by_name"), "read", "read")
    assert returned(done) == ["read: -1 ENOSYS", "read: 1"]


def test_an_exit_is_not_stopped_by_an_error(pyshim: Pyshim, target: Target) -> None:
    """What follows _exit in the program is whatever the compiler put there."""
    for rule in ("inject=exit_group,mmap:error=EPERM", "inject=_exit,mmap:retval=0"):
        assert pyshim("-e", rule, target("calls_by_name"), "leave").returncode == 3


# -- which calls: strace is the oracle ---------------------------------------------

WHENS = ["1", "3", "2..4", "2+", "1+2", "3+2", "2..6+2", "4..4", "10", "1..3+5"]


def strace(rule: str, *command: str, cwd: Path) -> list[str]:
    """What a static build prints under strace: it makes the same calls and no other."""
    done = subprocess.run(
        ["strace", "-f", "-o", "/dev/null", "-e", rule, *command],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done
    return done.stdout.splitlines()


@pytest.mark.parametrize("when", WHENS)
def test_when_hits_the_calls_that_strace_hits(
    pyshim: Pyshim, target: Target, tmp_path: Path, when: str
) -> None:
    rule = f"inject=read:error=EINTR:when={when}"
    done = pyshim("-e", rule, target("eintr_count"), "9")
    oracle = strace(rule, target("eintr_count", "-static"), "9", cwd=tmp_path)
    assert done.stdout.splitlines() == oracle
    hits = sum("EINTR" in line for line in oracle)
    assert f"hit {hits} time" in said(done)[0] or not hits


ORACLE = {
    "sites do not matter": ("read:error=EIO:when=2+3", "site_loop", []),
    "open and openat count together": (
        "openat:error=EPERM:when=3+2",
        "calls_by_name",
        ["open", "openat", "open", "open64", "syscall_openat", "open"],
    ),
    "openat named alone means open too": (
        "openat:error=EPERM:when=2",
        "calls_by_name",
        ["open", "open"],
    ),
    "a child starts anew": (
        "read:error=EIO:when=2",
        "calls_by_name",
        ["read", "fork", "read", "read", "read"],
    ),
    "an exec goes on": (
        "read:error=EIO:when=3",
        "calls_by_name",
        ["read", "read", "exec", "read", "read"],
    ),
    "by number": (
        "read:error=EIO:when=2+2",
        "calls_by_name",
        ["syscall_read", "syscall_read", "read", "read"],
    ),
    "each name of a set counts for itself": (
        "read,poll:error=EIO:when=2",
        "calls_by_name",
        ["read", "poll", "poll", "read", "read"],
    ),
    "a value": ("read:retval=5:when=2", "calls_by_name", ["read", "read", "read"]),
    "a signal": (
        "getppid:signal=USR1:when=2+",
        "calls_by_name",
        ["handler", "getppid", "getppid", "handled", "getppid", "handled"],
    ),
}


@pytest.mark.parametrize("name", ORACLE)
def test_the_program_sees_what_it_sees_under_strace(
    pyshim: Pyshim, target: Target, tmp_path: Path, name: str
) -> None:
    rule, program, words = ORACLE[name]
    oracle = strace(f"inject={rule}", target(program, "-static"), *words, cwd=tmp_path)
    done = pyshim("-e", f"inject={rule}", target(program), *words)
    assert (done.returncode, done.stdout.splitlines()) == (0, oracle)


def test_first_match_wins_and_all_count(pyshim: Pyshim, target: Target) -> None:
    done = pyshim(
        *("-e", "inject=read:error=EIO:when=2"),
        *("-e", "inject=read:error=EPERM:when=2+2"),
        *("-e", "fault=read:error=EXDEV:when=5"),
        target("calls_by_name"),
        *(["read"] * 5),
    )
    assert returned(done) == [
        *("read: 1", "read: -1 EIO", "read: 1", "read: -1 EPERM", "read: -1 EXDEV")
    ]


def test_the_order_is_that_of_the_command_line(pyshim: Pyshim, target: Target) -> None:
    rules = ["fault=read:error=EXDEV", "inject=read:error=EIO"]
    words = [word for rule in rules for word in ("-e", rule)]
    done = pyshim(*words, target("calls_by_name"), "read")
    assert returned(done) == ["read: -1 EXDEV"]
    assert [line.split(":")[0] for line in said(done)] == ["fault=read", "inject=read"]


# -- chance ------------------------------------------------------------------------


def test_chance_is_the_seeds(pyshim: Pyshim, target: Target) -> None:
    def hit(seed: int) -> list[str]:
        rule = f"inject=read:error=EIO:p=0.5:seed={seed}"
        return pyshim("-e", rule, target("eintr_count"), "200").stdout.splitlines()

    first = hit(1)
    assert first == hit(1) != hit(2)
    assert 60 < sum("EIO" in line for line in first) < 140


@pytest.mark.parametrize(("p", "hits"), [("0", 0), ("1", 9), ("1.0", 9)])
def test_chance_of_nothing_and_all(
    pyshim: Pyshim, target: Target, p: str, hits: int
) -> None:
    done = pyshim("-e", f"inject=read:error=EIO:p={p}", target("eintr_count"), "9")
    assert done.stdout.count("EIO") == hits


# -- names -------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["openat", "open", "open64", "%file", "/^open"])
def test_a_name_of_libc_or_of_the_kernel(
    pyshim: Pyshim, target: Target, rule: str
) -> None:
    words = ["open", "open64", "openat"]
    done = pyshim("-e", f"inject={rule}:error=EIO", target("calls_by_name"), *words)
    hit = {"open": words[:2], "open64": words[1:2]}.get(rule, words)
    assert returned(done) == [
        f"{word}: {'-1 EIO' if word in hit else '0'}" for word in words
    ]


def test_fortified_names(pyshim: Pyshim, target: Target) -> None:
    program = target("calls_by_name", "-O2", "-D_FORTIFY_SOURCE=2")
    nm = ["nm", "-D", program]
    imports = subprocess.run(nm, capture_output=True, timeout=30, check=True).stdout
    for name in (b"__read_chk", b"__open_2", b"__poll_chk"):
        assert name in imports
    words = ["read", "open", "poll"]
    done = pyshim("-e", "inject=read,openat,poll:error=EIO", program, *words)
    assert returned(done) == [f"{word}: -1 EIO" for word in words]


# -- paths -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("glob", "hit"),
    [("/dev/zero", "open_zero"), ("/dev/n*", "open"), ("/proc/**", "open_self")],
)
def test_path_of_a_path(pyshim: Pyshim, target: Target, glob: str, hit: str) -> None:
    words = ["open", "open_zero", "open_self"]
    rule = f"inject=open:error=EACCES:path={glob}"
    done = pyshim("-e", rule, target("calls_by_name"), *words)
    assert returned(done) == [
        f"{word}: {'-1 EACCES' if word == hit else '0'}" for word in words
    ]


def test_path_of_an_fd(pyshim: Pyshim, target: Target) -> None:
    rule = "inject=read:error=EIO:path=/dev/zero"
    words = ["read", "read_file", "read_pipe"]
    done = pyshim("-e", rule, target("calls_by_name"), *words)
    assert returned(done) == ["read: -1 EIO", "read_file: 1", "read_pipe: 1"]


def test_only_calls_on_the_path_count(pyshim: Pyshim, target: Target) -> None:
    rule = "inject=read:error=EIO:path=/dev/zero:when=2"
    words = ["read_file", "read", "read_pipe", "read", "read"]
    done = pyshim("-e", rule, target("calls_by_name"), *words)
    assert returned(done) == [
        *("read_file: 1", "read: 1", "read_pipe: 1", "read: -1 EIO", "read: 1")
    ]
