"""The benchmarks of Python hooks run, and measure what they say they do."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
LIMIT = 240
"""Seconds after which a benchmark is taken to hang."""
PROGRAM_CALLS = {
    "no syscall": "futimens",
    "read": "read",
    "stat, path matches": "stat",
    "getppid in libc": "getppid",
    "8 threads": "futimens",
    "fresh thread": "futimens",
}
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def bench(tmp_path: Path) -> Callable[..., Any]:
    """`bench("hooks.py")` runs it quickly; what it kept, and its table."""

    def go(name: str, *words: str) -> tuple[Any, str]:
        kept = tmp_path / "kept.json"
        command = [sys.executable, str(BENCHMARKS / name), "--quick", "--json"]
        done = subprocess.run(
            [*command, str(kept), *words],
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=True,
        )
        return json.loads(kept.read_text()), done.stdout

    return go


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """benchmarks/hooks.py as a module."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    before = set(sys.modules)
    import hooks

    yield hooks
    for name in set(sys.modules) - before:
        if str(BENCHMARKS) in (getattr(sys.modules[name], "__file__", "") or ""):
            del sys.modules[name]


@pytest.mark.timeout(LIMIT)
def test_hooks_are_measured_in_every_mode(
    bench: Callable[..., Any], hooks: ModuleType, tmp_path: Path
) -> None:
    kept, table = bench("hooks.py", "--rounds", "1")
    found = {(row["call"], row["mode"]) for row in kept["rows"]}
    for case in hooks.cases(tmp_path):
        if case.mode.name == "trivial, host":
            continue
        starts = tuple(hooks.STARTS) if case.starts else ()
        assert found >= {(call, case.mode.name) for call in case.calls + starts}
    assert set(hooks.GOALS) <= found
    assert all(word in table for word in ("goal", "holds", "12,000,000"))


@pytest.mark.timeout(LIMIT)
def test_make_is_measured_with_its_share_in_python(bench: Callable[..., Any]) -> None:
    kept, table = bench("make_headers.py", "--files", "3")
    assert {"1", "2"} == set(kept)
    for modes in kept.values():
        assert {"bare", "pyshim rule", "pyshim hook"} <= set(modes)
        assert all(taken[0]["own"] > 0 for taken in modes.values())
        told = modes["pyshim hook"][0]["asked"]
        # Each compiler, and each header that it opens.
        assert told["starts"] >= 3
        assert told["asked"] >= 9
        assert told["seconds"] > 0
    assert table.count(" starts, ") == len(kept)


def speaking(source: str) -> str:
    """The plugin of the benchmark, saying once in a process what it is asked about."""
    head, body = source.split("(call):\n", 1)
    said = "new = {call.name} - told; told.update(new)"
    told = "[os.write(1, b'asked %s\\n' % name.encode()) for name in new]"
    assert body.strip()
    return f"import os\ntold = set()\n{head}(call):\n    {said}\n    {told}\n"


def asked(done: subprocess.CompletedProcess[str]) -> set[str]:
    return {
        line.removeprefix("asked ")
        for line in done.stdout.splitlines()
        if line.startswith("asked ")
    }


def test_each_hook_is_asked_about_what_is_measured(
    hooks: ModuleType, pyshim: Run, tmp_path: Path
) -> None:
    hooks.build(tmp_path)
    for name, source in hooks.PLUGINS.items():
        (tmp_path / f"{name}.py").write_text(speaking(source))
    program = str(tmp_path / "hooks")
    for case in hooks.cases(tmp_path)[1:]:
        if case.mode.name == "trivial, host":
            continue
        words = (*case.mode.prefix[1:], program)
        calls = [call for call in case.calls if call in PROGRAM_CALLS]
        found = asked(pyshim(*words, "1", *calls)) if calls else set()
        assert found >= {PROGRAM_CALLS[call] for call in calls}, case
        if case.starts:
            assert asked(pyshim(*words, "0", "ask")) == {"futimens"}
            assert not asked(pyshim(*words, "0", "rest")), case


def test_the_compiler_asks_about_the_headers(
    pyshim: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hooks: ModuleType
) -> None:
    import make_headers

    assert hooks
    monkeypatch.chdir(tmp_path)
    make_headers.write_sources(1)
    plugin = make_headers.PLUGIN.replace("call.path", "print(call.path, flush=True)")
    (tmp_path / "headers.py").write_text(plugin)
    done = pyshim("--layer=symbols", "--plugin", "./headers.py", "make")
    assert "include/h0.h" in done.stdout.splitlines()


@pytest.mark.timeout(LIMIT)
def test_rules_are_measured_beside_bare(bench: Callable[..., Any]) -> None:
    kept, table = bench("rules.py", "--rounds", "1", "--only", "decided")
    found = {(row["call"], row["mode"]) for row in kept["rows"]}
    assert found == {
        ("no-syscall", "bare"),
        ("no-syscall", "decided"),
        ("read", "bare"),
    }
    assert "decided: " in table and "goal 100 ns" in table
