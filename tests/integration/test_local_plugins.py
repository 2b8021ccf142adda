"""Plugins that are files: their options are options, as an installed one's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from reports import Done, said

Pyshim = Callable[..., Done]

SOURCE = """
'''Tells where it looks.'''
from pyshim import hookimpl

print("loaded", flush=True)

@hookimpl
def pyshim_addoption(parser):
    parser.add_argument("--{name}", metavar="PATH", help="where {name} looks")

@hookimpl
def pyshim_report(run):
    run.say(f"{name}: {{run.options.{name}}}")
"""


@pytest.fixture
def plugins(tmp_path: Path) -> None:
    """./look.py with --look, ./more.py with --more."""
    for name in ("look", "more"):
        (tmp_path / f"{name}.py").write_text(SOURCE.format(name=name))


@pytest.mark.parametrize(
    "words",
    [
        ["-p", "./look.py", "--look", "here"],
        ["-p", "look.py", "--look=here"],
        ["--plugin=./look.py", "--timeout", "30", "--look", "here"],
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("plugins")
def test_options_behind_the_plugin(pyshim: Pyshim, words: list[str]) -> None:
    done = pyshim(*words, "echo", "--look", "there")
    assert done.returncode == 0, done
    assert done.stdout == "loaded\n--look there\n"
    assert said(done) == ["look: here"]


@pytest.mark.usefixtures("plugins")
def test_several(pyshim: Pyshim) -> None:
    words = ["-p", "./look.py", "--look", "a", "-p", "./more.py", "--more", "b"]
    done = pyshim(*words, "true")
    assert sorted(said(done)) == ["look: a", "more: b"]
    assert done.stdout == "loaded\n" * 2
    assert said(pyshim("-p", "./look.py", "true")) == ["look: None"]


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize("first", ["-h", "--help"])
def test_help_has_them(pyshim: Pyshim, first: str) -> None:
    for words in ([first, "-p", "./look.py"], ["-p", "./look.py", first]):
        done = pyshim(*words)
        assert (done.returncode, done.stderr) == (0, "")
        assert "look:\n  Tells where it looks.\n" in done.stdout
        assert "--look PATH" in done.stdout
        assert "--more" not in done.stdout


@pytest.mark.usefixtures("plugins")
def test_what_is_not_understood(pyshim: Pyshim) -> None:
    for words, text in (
        (["--look", "here", "-p", "./look.py"], "unrecognized arguments: --look"),
        (["-p", "./look.py", "--lok", "x"], "--lok; did you mean '--look'?"),
        (["-p", "./look.py", "--look"], "argument --look: expected one argument"),
        (["-p", "./none.py", "--look"], "'./none.py' does not exist"),
    ):
        done = pyshim(*words, "true") if words[-1] != "--look" else pyshim(*words)
        assert done.returncode == 125
        assert text in done.stderr
        assert done.stderr.count("\n") == 1
