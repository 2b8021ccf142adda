"""What authors of plugins and of tests are told by mypy --strict: where they are right,
nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parent / "plugin.py"
FAULTS = Path(__file__).parent / "faults.py"
ROOT = PLUGIN.parents[2]

WRONG = {
    "a misspelt option of the marker": (
        "@hookimpl(tryfirst=True)",
        "@hookimpl(tryfist=True)",
        "call-overload",
    ),
    "calls that are no texts": ('calls=["openat"]', "calls=[2]", "list-item"),
    "an argument of a hook misused": ("event.err:", "event.error:", "attr-defined"),
    "a verdict that is none": ("return Return(-1)", "return -1", "return-value"),
    "an errno that is no name or number": ('"EACCES")', "None)", "arg-type"),
    "a change that is no value": ("flags=0", "flags=None", "arg-type"),
    "a shared value that is no bytes": ("path.encode())", "path)", "arg-type"),
    "an update that returns no bytes": ('old + b"!"', "len(old)", "arg-type"),
    "a counter by a fraction": ("OPENS.add()", "OPENS.add(0.5)", "arg-type"),
    "an unset field of an event": (
        "event.call is not None and ",
        "",
        "union-attr",
    ),
}
WRONG_TESTS = {
    "a rule that is no text": ('faults=["read:error=EIO"]', "faults=[3]", "list-item"),
    "a result without a signal": (
        "done.signal ==",
        "done.signal.name ==",
        "union-attr",
    ),
    "an attribute that is none": ("fault.site", "fault.place", "attr-defined"),
    "a timeout as text": ("timeout=3", 'timeout="3s"', "arg-type"),
}


def mypy(plugin: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    """As where pyshim is an installed package: its types are seen, not its errors."""
    options = ["--strict", "--config-file=", f"--cache-dir={cache}"]
    options += ["--follow-imports=silent"]
    return subprocess.run(
        [sys.executable, "-m", "mypy", *options, plugin],
        cwd=plugin.parent,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mypy")


@pytest.mark.parametrize("file", [PLUGIN, FAULTS], ids=["plugin", "test"])
def test_what_is_right_has_nothing_to_hear(
    file: Path, tmp_path: Path, cache: Path
) -> None:
    plugin = tmp_path / file.name
    plugin.write_text(file.read_text())
    done = mypy(plugin, cache)

    assert done.stdout == "Success: no issues found in 1 source file\n"


CASES = [(PLUGIN, *each) for each in WRONG.values()]
CASES += [(FAULTS, *each) for each in WRONG_TESTS.values()]


@pytest.mark.parametrize(
    ("file", "right", "wrong", "code"), CASES, ids=[*WRONG, *WRONG_TESTS]
)
def test_a_mistake_is_found(
    file: Path, right: str, wrong: str, code: str, tmp_path: Path, cache: Path
) -> None:
    text = file.read_text()
    plugin = tmp_path / file.name
    plugin.write_text(text.replace(right, wrong, 1))
    done = mypy(plugin, cache)
    line = text[: text.index(right)].count("\n") + 1
    found = re.findall(r"^\w+\.py:(\d+): error: .*\[(.*)\]$", done.stdout, re.M)

    assert code in {each for _, each in found}, done.stdout
    assert min(abs(int(at) - line) for at, _ in found) <= 1
