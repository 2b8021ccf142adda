"""What `pyshim coverage` says of the full layer: all of it, and nothing twice."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shimmed import run

ROOT = Path(__file__).parents[2]
COVERAGE = ROOT / "benchmarks" / "coverage"
Full = Callable[..., dict[str, Any]]
Pyshim = Callable[..., subprocess.CompletedProcess[str]]
Target = Callable[..., str]
pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="no strace here")


@pytest.fixture
def full(pyshim: Pyshim, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """`full("ls")`: what `pyshim coverage --json` says of it, and `done`."""

    def go(*command: str) -> dict[str, Any]:
        words = ("--layer=full", "--json", "found.json", *command)
        done = pyshim("coverage", *words, timeout=60)
        found = json.loads((tmp_path / "found.json").read_text())
        assert isinstance(found, dict)
        assert found["coverage"]["layer"] == "full"
        return found | {"done": done}

    return go


@pytest.fixture
def compiled(tmp_path: Path) -> Callable[..., str]:
    """`compiled("inline")`: one of the small programs of the table of coverage."""

    def build(name: str) -> str:
        out, source = tmp_path / name, COVERAGE / "scripts" / f"{name}.c"
        subprocess.run(
            ["gcc", "-O1", "-pthread", "-o", str(out), str(source)],
            check=True,
            timeout=60,
        )
        return str(out)

    return build


DEAF = """
import sys
from pyshim.commands import coverage

wanted = coverage._wanted
coverage._wanted = lambda known, options: (
    wanted(known, options) - known.select("openat,getpid,rt_sigaction")
)
coverage.run(sys.argv[1:])
"""
"""`pyshim coverage` that hears nothing of three syscalls."""


def all_seen(found: dict[str, Any]) -> bool:
    """Each syscall of the program's, and none that it did not make."""
    assert found["missed"] == found["extra"] == {}
    assert found["dropped"] == 0
    return bool(found["strace"] == found["pyshim"] > 0)


def test_sort_in_full(full: Full, tmp_path: Path) -> None:
    lines = sorted(f"{n * 7919 % 20011}\n" for n in range(20011))
    (tmp_path / "data").write_text("".join(reversed(lines)))
    found = full("--", "sort", "-S", "64K", "-T", ".", "-o", "sorted", "data")
    assert (tmp_path / "sorted").read_text() == "".join(lines)
    assert all_seen(found)
    calls = found["syscalls"]
    assert calls["write"]["pyshim"] > 20
    assert calls["openat"]["pyshim"] > 5
    assert "inside" not in found["done"].stderr


def test_the_shims_own_are_told_apart_in_full(full: Full) -> None:
    """Both are made by the same library, and some of the same name."""
    found = full("--", "sh", "-c", "cat /dev/null; exec 3</dev/null; umask")
    assert all_seen(found)
    calls, own = found["syscalls"], found["shim"]
    assert calls["umask"]["pyshim"] > 0
    assert own.keys() >= {"prctl", "rt_sigreturn", "getpid"}
    # Where libc's sites are patched there are fewer.
    assert own["rt_sigreturn"] <= found["strace"]


def test_syscall_instructions_in_full(
    full: Full, compiled: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "notes").write_text("a line\n")
    found = full("--", compiled("inline"))
    assert found["done"].stdout == "-9 -38\n5\n3\n"
    assert found["missed"] == {"the program's own instruction": 1}  # no such number
    assert found["syscalls"]["syscall_0x1f3"]["pyshim"] == 0
    for name, count in (("open", 200), ("read", 200), ("close", 201)):
        assert found["syscalls"][name]["pyshim"] >= count
    assert found["extra"] == {}


def test_threads_and_a_timer_in_full(full: Full, compiled: Callable[..., str]) -> None:
    found = full("--", compiled("timer"))
    assert found["done"].stdout == "97000\n"
    assert all_seen(found)
    assert found["syscalls"]["clone3"]["pyshim"] == 4
    assert found["syscalls"]["rt_sigreturn"]["pyshim"] > 0
    assert not found["answered"].keys() & {"read", "write"}  # told once each


def test_what_is_cut_off_by_the_end_in_full(
    full: Full, compiled: Callable[..., str]
) -> None:
    """Threads that wait for what never comes, in libc and by an instruction."""
    found = full("--", compiled("waits"))
    assert found["done"].returncode == 3
    assert all_seen(found)
    for name in ("futex", "epoll_pwait"):
        assert found["syscalls"][name]["pyshim"] > 0


def test_a_static_program_in_full(full: Full, target: Target) -> None:
    """What nobody sees is missed in any layer."""
    static = target("calls_by_name", "-static")
    found = full("--", "sh", "-c", f"{static} read; umask")
    assert set(found["missed"]) == {f"{static}, without the shim"}
    assert found["syscalls"]["umask"]["pyshim"] > 0


@pytest.mark.parametrize("options", [(), ("--no-patch",)])
def test_a_miss_is_no_call_of_the_shims(
    options: tuple[str, ...], pyshim: Pyshim, full: Full, tmp_path: Path
) -> None:
    """What is not told is missed, though the shim makes it, and some for itself."""
    command = ("sh", "-c", "trap : TERM; cat /dev/null; echo $$")
    whole = full(*options, "--", *command)
    assert all_seen(whole)
    deaf = (sys.executable, "-c", DEAF, "--layer=full", "--json", "deaf.json")
    done = run([*deaf, *options, "--", *command], cwd=tmp_path)
    assert done.status == 0, done.stderr
    found = json.loads((tmp_path / "deaf.json").read_text())
    for name in ("openat", "getpid", "rt_sigaction"):
        counts = found["syscalls"][name]
        assert counts["pyshim"] == 0
        assert counts["strace"] == whole["syscalls"][name]["strace"] > 0
    assert found["extra"] == {}


def test_the_page_has_all_commands_of_its_list() -> None:
    page = str(COVERAGE / "page.py")
    listed = subprocess.run(
        [sys.executable, page, "--list"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.splitlines()
    assert len(listed) == len(set(listed)) >= 40
    text = (ROOT / "docs" / "coverage.md").read_text()
    rows = re.findall(r"^\| `(.*)` \|", text, re.M)
    assert [each.replace("\\|", "|") for each in rows] == listed
