"""The examples' own tests: they find each mistake, and pass on the repaired ones."""

from __future__ import annotations

import inspect
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pyshim.calls import table
from pyshim.errors import UsageError

EXAMPLES = Path(__file__).parents[2] / "examples"
FIVE = ["interrupted_read", "interrupted_close", "short_write", "full_disk"]
LANGUAGES = ["C", "C++", "Python"]


def has_allocation() -> bool:
    """Whether rules may name what allocates memory."""
    try:
        table().select("realloc")
    except UsageError:
        return False
    return True


if has_allocation():
    FIVE.append("no_more_memory")
if shutil.which("rustc"):
    LANGUAGES.append("Rust")


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, compiled."""
    copy = tmp_path_factory.mktemp("examples") / "examples"
    shutil.copytree(EXAMPLES, copy, ignore=shutil.ignore_patterns("build"))
    subprocess.run(["make", "-s", "-C", copy], check=True, timeout=100)
    return copy


def results(examples: Path, file: str, **env: str) -> dict[str, str]:
    """By test, how it ended."""
    options = ["-p", "no:cacheprovider", "-c", "/dev/null", "--tb=no", "-rA"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", examples, file],
        cwd=examples,
        env=os.environ | env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    lines = re.findall(r"^(PASSED|FAILED|ERROR) \S+::test_(.*)", done.stdout, re.M)
    return {name.partition(" - ")[0]: word for word, name in lines}


@pytest.mark.timeout(200)
@pytest.mark.parametrize(
    ("env", "outcome"), [({}, "PASSED"), ({"WRONG": "1"}, "FAILED")], ids=str
)
def test_five_bugs(examples: Path, env: dict[str, str], outcome: str) -> None:
    found = results(examples, "test_five_bugs.py", **env)
    assert {name: found.get(name) for name in FIVE} == dict.fromkeys(FIVE, outcome)


@pytest.mark.timeout(200)
@pytest.mark.parametrize(
    ("env", "outcome"), [({}, "PASSED"), ({"WRONG": "1"}, "FAILED")], ids=str
)
def test_four_languages(examples: Path, env: dict[str, str], outcome: str) -> None:
    found = results(examples, "test_eintr.py", **env)
    names = [f"an_interrupted_read_is_made_again[{each}]" for each in LANGUAGES]
    assert {name: found.get(name) for name in names} == dict.fromkeys(names, outcome)


@pytest.mark.parametrize("file", ["test_own_calls.py", "test_each_site.py"])
def test_the_others(examples: Path, file: str) -> None:
    found = results(examples, file)
    assert len(found) > 1
    assert set(found.values()) == {"PASSED"}


def test_they_are_short() -> None:
    """Under ten lines each."""
    found = runpy.run_path(str(EXAMPLES / "test_five_bugs.py"))
    tests = [each for name, each in found.items() if name.startswith("test_")]
    assert len(tests) == 5
    assert max(len(inspect.getsource(each).splitlines()) for each in tests) < 10
