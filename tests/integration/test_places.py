"""Calls from narrow places: small stacks, and pointers the kernel will refuse."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Done = subprocess.CompletedProcess[str]
Pyshim = Callable[..., Done]

DELAY = "inject=open:delay_enter=1:path=/dev/*"
HOOK = """\
import os

from pyshim import hookimpl


@hookimpl(calls=["all"])
def pyshim_call_enter(call):
    repr((call.path, call.args))
"""


@pytest.mark.parametrize("name", ["small_stack", "altstack"])
@pytest.mark.parametrize(
    "options",
    [
        ("-e", "trace=all", "-o", "log"),
        ("-e", DELAY),
        ("--map", "/dev/zero=/dev/zero"),
        ("-e", DELAY, "-e", "trace=all", "-o", "log", "--map", "/dev/zero=/dev/zero"),
        ("--plugin", "./hook.py"),
    ],
    ids=["log", "rule", "map", "all", "hook"],
)
def test_fits_on_a_small_stack(
    pyshim: Pyshim,
    target: Callable[..., str],
    tmp_path: Path,
    name: str,
    options: tuple[str, ...],
) -> None:
    (tmp_path / "hook.py").write_text(HOOK)
    done = pyshim(*options, target(name))
    assert (done.returncode, done.stdout) == (0, "EXIT-SUCCESS\n"), done.stderr


@pytest.mark.parametrize("where", ["thread", "handler"])
@pytest.mark.parametrize(
    "rule",
    [
        "all:delay_exit=1:path={}/**",
        "quota=1M:path={}/**",
        "fsync:error=EIO:lose",
        "fds=20",
        "writev:short=1023",
    ],
)
def test_rules_fit_on_a_small_stack(
    pyshim: Pyshim, target: Callable[..., str], tmp_path: Path, where: str, rule: str
) -> None:
    words = "-e", f"inject={rule.format(tmp_path)}", target("small_disk"), where
    for layer in ("symbols", "full"):
        done = pyshim(f"--layer={layer}", *words)
        assert (done.returncode, done.stdout) == (0, "EXIT-SUCCESS\n"), done.stderr


def test_a_hook_may_look_at_what_the_kernel_refuses(
    pyshim: Pyshim, target: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "hook.py").write_text(HOOK)
    done = pyshim("--plugin", "./hook.py", target("bad_pointers"))
    assert done.returncode == 0, done
    assert done.stdout.splitlines()[-1] == "EXIT-SUCCESS"
    assert "raised" not in done.stderr
