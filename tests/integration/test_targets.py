"""Every behaviour target does under the shim what it does bare, whatever is asked of it.

Its stdout, exit status and signal are the same, what it says on stderr too; pyshim's own
lines are compared with what is known to be outside its reach.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from conftest import PYSHIM, ROOT, TARGETS, run

ELSEWHERE = {"exec_errors", "exec_large", "no_libc_env", "own_preload"}
"""Not to be run by themselves; test_exec.py says what they need."""
ARGS = {
    "abort_midway": ("out",),
    "calls_by_name": ("open", "read", "write", "getppid", "poll", "getcwd", "close"),
    "env_clear": ("/bin/echo", "hello"),
    "fork_threads": ("20",),
    "getppid_loop": ("20000",),
    "longjmp_handler": ("200",),
    "path_calls": ("{tmp}/folder",),
    "signal_handler_calls": ("50",),
    "spawn_env": ("/usr/bin/printenv", "WAY"),
    "system_popen": ("echo $0",),
}
TRIVIAL = """
from pyshim import hookimpl

@hookimpl(calls=["all"])
def pyshim_call_enter(call):
    return None

@hookimpl(calls=["all"])
def pyshim_call_exit(call):
    return None
"""
NEVER = "error=EIO:when=4000000000"
MODES = {
    "idle": ("-e", "inject=symlink:error=EIO:when=60000"),
    "rule": ("-e", f"inject=all:{NEVER}"),
    "log": ("--plugin", "log", "-o", "{tmp}/log"),
    "log and path": (
        *("--plugin", "log", "-o", "{tmp}/log"),
        *("-e", "inject=%file:error=EIO:path=/no/such/**"),
    ),
    "python": ("--plugin", "{tmp}/trivial.py"),
    "map": ("--map", "/no/such/folder=/dev"),
    "all, ubsan": (
        *("--plugin", "log", "-o", "{tmp}/log", "-e", f"inject=all:{NEVER}"),
        *("--map", "/no/such/folder=/dev"),
    ),
}
LIMITS = {
    ("longjmp_handler", "python"): "call inside a Python hook, or in a handler",
    ("fork_threads", "log"): "came faster than they were read",
    ("longjmp_handler", "log"): "came faster|jumped away",
    ("seccomp_filter", "python"): "the program entered seccomp",
    ("seccomp_strict", "*"): "the program entered seccomp",
    ("signal_handler_calls", "log"): "came faster than they were read",
    ("signal_handler_calls", "python"): "in a handler that interrupted one",
    ("threads_read", "log"): "came faster than they were read",
    ("vfork_exec", "python"): "Python hook in a vfork child",
}
"""What pyshim says, as a regular expression, where it can't see or do everything."""
REPORT = re.compile(r"pyshim: inject=.*: armed, never hit")


def is_known(line: str, name: str, mode: str) -> bool:
    """Whether pyshim is to say this of that target in that mode."""
    return bool(REPORT.match(line)) or any(
        re.search(text, line)
        for (its, word), text in LIMITS.items()
        if its == name and (word == "*" or word in mode)
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """What whoever started the target sees of it."""

    status: int
    stdout: str
    stderr: str


def behaviours() -> list[str]:
    found = {each.stem for each in TARGETS.glob("*.c")} - ELSEWHERE
    return sorted(
        each for each in found if not each.startswith(("check_", "contract_"))
    )


@pytest.fixture(scope="session")
def ubsan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shim built so that undefined behaviour in it is a SIGILL."""
    out = tmp_path_factory.mktemp("ubsan")
    made = [f"BUILD={out}/build", f"OUT={out}/lib", f"PYTHON={PYSHIM[0]}"]
    subprocess.run(
        ["make", "-s", "-C", str(ROOT / "shim"), "SANITIZE=ubsan", *made],
        check=True,
        timeout=120,
    )
    return out / "lib"


Bare = Callable[[str], Shown]


@pytest.fixture(scope="module")
def bare(target: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Bare:
    """How the target `name` does without pyshim. Skips the test where it can't run."""

    @cache
    def once(name: str) -> Shown:
        return show([], target(name), tmp_path_factory.mktemp(name))

    def known(name: str) -> Shown:
        if once(name).status == 77:
            pytest.skip(once(name).stdout)
        return once(name)

    return known


def show(prefix: list[str], program: str, folder: Path, **options: object) -> Shown:
    (folder / "folder").mkdir()
    (folder / "work").mkdir()
    name = Path(program).name
    words = [program, *(word.format(tmp=folder) for word in ARGS.get(name, ()))]
    done = run([*prefix, *words], cwd=folder / "work", **options)
    return Shown(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("name", behaviours())
def test_bare(bare: Bare, name: str) -> None:
    if name == "abort_midway":
        assert bare(name) == Shown(-signal.SIGKILL, "", "")
    elif name == "env_clear":
        assert bare(name) == Shown(0, "hello\n", "")
    else:
        assert bare(name).status == 0
        assert bare(name).stdout.endswith("EXIT-SUCCESS\n")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", behaviours())
def test_as_bare(
    bare: Bare,
    target: Callable[..., str],
    request: pytest.FixtureRequest,
    tmp_path: Path,
    name: str,
    mode: str,
) -> None:
    expected = bare(name)
    (tmp_path / "trivial.py").write_text(TRIVIAL)
    options = [word.format(tmp=tmp_path) for word in MODES[mode]]
    env = dict(os.environ)
    if "ubsan" in mode:
        env["PYSHIM_LIB"] = str(request.getfixturevalue("ubsan"))
    got = show([*PYSHIM, *options], target(name), tmp_path, env=env)
    said = [line for line in got.stderr.splitlines(True) if line.startswith("pyshim: ")]
    theirs = got.stderr.splitlines(True)
    stderr = "".join(line for line in theirs if line not in said)
    assert Shown(got.status, got.stdout, stderr) == expected
    assert not [line for line in said if not is_known(line, name, mode)]
