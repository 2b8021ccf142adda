"""`fds=N`: a limit that only the program meets, beside the kernel's own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from reports import Done, returned, said

Target = Callable[..., str]
Pyshim = Callable[..., Done]
Hooked = Callable[..., Done]


def bare(*command: str, cwd: Path) -> Done:
    """Without the shim."""
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=30, check=False
    )


LIMITS = [(20, 0), (20, 1), (20, 2), (20, 3), (100, 0), (1000, 0)]


@pytest.mark.parametrize(("limit", "spare"), LIMITS)
@pytest.mark.parametrize("layer", ["symbols", "full"])
def test_the_program_meets_what_it_meets_at_its_own_limit(
    pyshim: Pyshim, target: Target, tmp_path: Path, limit: int, spare: int, layer: str
) -> None:
    program, numbers = target("fd_limits"), (str(limit), str(spare))
    real = bare(program, "real", *numbers, cwd=tmp_path)
    assert real.returncode == 0, real
    rule = f"inject=fds={limit}"
    done = pyshim(f"--layer={layer}", "-e", rule, program, "virtual", *numbers)
    assert done.stdout.splitlines() == real.stdout.splitlines()
    assert done.returncode == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == ["kept"]


def test_of_libc_itself_too(pyshim: Pyshim, target: Target) -> None:
    done = pyshim("-e", "inject=fds=0", "ls", "/")
    assert done.returncode == 2
    assert "ls: cannot open directory '/': Too many open files" in done.stderr


def test_a_set_says_which_calls_are_limited(pyshim: Pyshim, target: Target) -> None:
    words = ["open", "dup"]
    rule = "inject=dup,read:fds=3"
    done = pyshim("-e", rule, target("fd_calls"), *words)
    assert returned(done) == ["open: ok", "dup: EMFILE"]
    assert "hit 1 time" in said(done)[0]


def test_other_conditions_hold_as_well(pyshim: Pyshim, target: Target) -> None:
    words = ["open", "dup", "open", "open_zero"]
    rule = "inject=fds=3:path=/dev/zero"
    done = pyshim("-e", rule, target("fd_calls"), *words)
    assert returned(done) == ["open: ok", "dup: ok", "open: ok", "open_zero: EMFILE"]


def test_calls_at_the_limit_are_counted(pyshim: Pyshim, target: Target) -> None:
    rule = "inject=fds=4:when=2"
    done = pyshim("-e", rule, target("fd_calls"), *["dup"] * 4)
    assert returned(done) == ["dup: ok", "dup: ok", "dup: EMFILE", "dup: ok"]


def test_the_real_limit_still_holds_and_is_the_one_that_is_told(
    pyshim: Pyshim, target: Target, tmp_path: Path
) -> None:
    words = ["limit", "dup", "lower", "dup"]
    done = pyshim("-e", "inject=fds=100000", target("fd_calls"), *words)
    assert returned(done)[1:] == ["dup: ok", "lower: ok", "dup: EMFILE"]
    real = bare(target("fd_calls"), "limit", cwd=tmp_path)
    assert returned(done)[0] == returned(real)[0]
    assert "never hit" in said(done)[0]


def test_what_a_hook_answers_brings_no_descriptors(
    hooked: Hooked, target: Target
) -> None:
    """What the message holds then is the program's own, and stays open."""
    source = """
@hookimpl(calls=["recvmsg"])
def pyshim_call_enter(call):
    return Return(1)
"""
    rule = "inject=recvmsg:fds=3"
    done = hooked(source, "-e", rule, target("fd_calls"), "receive")
    assert returned(done) == ["receive: ok"]
