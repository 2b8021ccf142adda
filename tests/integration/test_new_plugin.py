"""`pyshim new-plugin`: what it writes installs, passes its own tests, and is clean."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import pytest
from reports import Done
from shimmed import PYSHIM

from pyshim.commands.new_plugin import TEMPLATES

Pyshim = Callable[..., Done]

ROOT = Path(__file__).parents[2]
SECONDS = 50
NAME, MODULE = "my-plugin", "my_plugin"


def run(*words: str | Path, cwd: Path, **settings: str) -> Done:
    """A command with these settings in its environment."""
    return subprocess.run(
        [*map(str, words)],
        cwd=cwd,
        env=os.environ | settings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def python(*words: str | Path, cwd: Path, **settings: str) -> Done:
    return run(sys.executable, "-m", *words, cwd=cwd, **settings)


def tree(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


# -- what is written ---------------------------------------------------------------


def test_says_what_was_written_and_how_to_go_on(pyshim: Pyshim, tmp_path: Path) -> None:
    done = pyshim("new-plugin", NAME)
    assert (done.returncode, done.stderr) == (0, "")
    written, then = done.stdout.split("\n\n")
    assert set(written.splitlines()) == {f"{NAME}/{p}" for p in tree(tmp_path / NAME)}
    assert f"{NAME}/src/{MODULE}/__init__.py" in written
    first, second, third = then.splitlines()
    assert first.startswith(f"cd {NAME} && ")
    assert first.endswith(" -m pip install -e '.[test]'")
    assert second.endswith(" -m pytest")
    assert f" -m pyshim --{NAME}-deny README.md cat " in third


@pytest.mark.parametrize("place", ["there", "there/deep er"])
def test_into_another_folder(pyshim: Pyshim, tmp_path: Path, place: str) -> None:
    (tmp_path / "there" / NAME).mkdir(parents=True)
    done = pyshim("new-plugin", "--into", place, NAME)
    assert (done.returncode, done.stderr) == (0, "")
    assert "pyproject.toml" in tree(tmp_path / place / NAME)
    quoted = f"cd '{place}/{NAME}'" if " " in place else f"cd {place}/{NAME}"
    assert f"\n\n{quoted} && " in done.stdout


def test_no_name_is_left_unfilled(pyshim: Pyshim, tmp_path: Path) -> None:
    pyshim("new-plugin", NAME)
    for name in tree(tmp_path / NAME):
        text = (tmp_path / NAME / name).read_text()
        assert "$" not in text, name


def test_all_templates_are_used_and_shipped(pyshim: Pyshim, tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["pyshim"]
    paths = [str(each.relative_to(ROOT / "pyshim")) for each in TEMPLATES.iterdir()]
    assert all(any(fnmatch(p, each) for each in patterns) for p in paths)
    pyshim("new-plugin", NAME)
    assert len(tree(tmp_path / NAME)) == len(paths)


# -- what is refused ---------------------------------------------------------------


def refused(done: Done, folder: Path) -> str:
    """The one line, when nothing was written."""
    assert (done.returncode, done.stdout) == (125, "")
    assert tree(folder) == set()
    assert done.stderr.startswith("pyshim: new-plugin: ")
    assert done.stderr.count("\n") == 1
    assert "; allowed: " in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    "name",
    [
        "",
        "2fast",
        "a b",
        "a.b",
        "a/b",
        "..",
        "class",
        "My-Plugin",
        "a-",
        "_a",
        "né",
        "a" * 41,
        "a\n",
    ],
)
def test_what_no_module_can_be_called(
    pyshim: Pyshim, tmp_path: Path, name: str
) -> None:
    line = refused(pyshim("new-plugin", "--", name), tmp_path)
    assert f"{name!r} can't be a module's name" in line


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("json", "Python's standard library"),
        ("concurrent", "Python's standard library"),
        ("log", "the installed plugin 'log'"),
        ("faults", "the installed plugin 'faults'"),
        ("pyelftools", "the installed distribution 'pyelftools'"),
        ("pyshim", "the installed distribution 'pyshim'"),
        ("pyshim-plugins", "the installed module "),
        ("elftools", "the installed module "),
    ],
)
def test_what_is_taken(pyshim: Pyshim, tmp_path: Path, name: str, owner: str) -> None:
    line = refused(pyshim("new-plugin", name), tmp_path)
    assert f"{name!r} is taken by {owner}" in line
    assert f"another name, as my-{name}" in line


def test_a_folder_that_is_not_empty(pyshim: Pyshim, tmp_path: Path) -> None:
    pyshim("new-plugin", NAME)
    mine = tmp_path / NAME / "README.md"
    mine.write_text("mine")
    done = pyshim("new-plugin", NAME)
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr.startswith(f"pyshim: new-plugin: {NAME} is not empty; allowed: ")
    assert mine.read_text() == "mine"


@pytest.mark.parametrize("into", [".", "../in-the-way"])
def test_a_file_in_the_way(pyshim: Pyshim, tmp_path: Path, into: str) -> None:
    (tmp_path / "in-the-way").write_text("")
    here = tmp_path / "here"
    here.mkdir()
    if into == ".":
        (here / NAME).symlink_to("../in-the-way")
    done = pyshim("new-plugin", "--into", into, NAME, cwd=here)
    assert refused(done, here / "none").startswith("pyshim: new-plugin: ")
    assert "--into DIR" in done.stderr


def test_without_a_name(pyshim: Pyshim, tmp_path: Path) -> None:
    assert "required: NAME" in refused(pyshim("new-plugin"), tmp_path)


# -- what it does ------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project, and installed in `site` by pip, as from an index, but without one."""
    folder = tmp_path_factory.mktemp("made")
    assert run(*PYSHIM, "new-plugin", NAME, cwd=folder).returncode == 0
    offline = ["--no-index", "--no-build-isolation", "--no-deps", "--no-compile"]
    into = ["--target", "site", f"./{NAME}"]
    done = python("pip", "install", *offline, *into, cwd=folder)
    assert done.returncode == 0, done
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made / NAME, tmp_path / NAME)
    return tmp_path / NAME


@pytest.fixture
def site(made: Path, tmp_path: Path) -> str:
    """Where Python is to look: for the plugin, a copy to be broken, and for pyshim."""
    shutil.copytree(made / "site", tmp_path / "site")
    others = os.environ.get("PYTHONPATH", "")
    return os.pathsep.join(filter(None, [str(tmp_path / "site"), others]))


def test_it_installs_is_listed_and_works(site: str, tmp_path: Path) -> None:
    listed = run(*PYSHIM, "plugins", cwd=tmp_path, PYTHONPATH=site).stdout
    (line,) = [each for each in listed.splitlines() if each.startswith(NAME)]
    assert line.split()[:3] == [NAME, NAME, "Refuse"]
    helped = run(*PYSHIM, "--help", cwd=tmp_path, PYTHONPATH=site).stdout
    assert f"--{NAME}-deny FILE" in helped
    (tmp_path / "secret").write_text("secret\n")
    words = [f"--{NAME}-deny", "secret", "cat", "secret"]
    done = run(*PYSHIM, *words, cwd=tmp_path, PYTHONPATH=site, LC_ALL="C")
    assert (done.returncode, done.stdout) == (1, "")
    assert "cat: secret: Permission denied\n" in done.stderr
    assert f"pyshim: {NAME}: refused 1\n" in done.stderr
    again = run(*PYSHIM, "new-plugin", NAME, cwd=tmp_path / "site", PYTHONPATH=site)
    assert f"is taken by the installed plugin {NAME!r}" in again.stderr


BREAKS = {
    "the verdict": ('return Errno("EACCES")', "return None"),
    "the count": ("REFUSED.add(1)", "REFUSED.add(2)"),
    "the condition": ("if call.resolve() !=", "if call.resolve() =="),
    "the hook": ('@hookimpl(calls=["openat"])', '@hookimpl(calls=["close"])'),
}


def test_its_own_tests_pass(site: str, project: Path) -> None:
    done = python("pytest", "-q", cwd=project, PYTHONPATH=site)
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


@pytest.mark.parametrize("name", BREAKS)
def test_its_own_tests_can_fail(
    site: str, project: Path, tmp_path: Path, name: str
) -> None:
    right, wrong = BREAKS[name]
    module = tmp_path / "site" / MODULE / "__init__.py"
    text = module.read_text()
    assert text.count(right) == 1
    module.write_text(text.replace(right, wrong))
    done = python("pytest", "-q", cwd=project, PYTHONPATH=site)
    assert done.returncode == 1, done.stdout


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mypy")


@pytest.mark.parametrize("name", ["x", "a_very-long" + "_name" * 5 + "_4-0"])
def test_it_is_clean(pyshim: Pyshim, tmp_path: Path, cache: Path, name: str) -> None:
    assert pyshim("new-plugin", name).returncode == 0
    project = tmp_path / name
    strict = "--select=E,F,W,I,B,UP,SIM,RUF,PTH,RET,C4,D1,ARG"
    for words in (["check"], ["check", strict], ["format", "--check"]):
        done = python("ruff", *words, "--no-cache", cwd=project)
        assert done.returncode == 0, done.stdout
    # As where pyshim is an installed package: its types are seen, not its errors.
    options = ["--follow-imports=silent", f"--cache-dir={cache}"]
    done = python("mypy", *options, cwd=project, MYPYPATH=f"{ROOT}:src")
    assert done.stdout == "Success: no issues found in 2 source files\n"
