"""--map and path= reach paths that libc opens by itself: fopen, opendir, mkstemp."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from shimmed import PYSHIM, Done, ours, run, without_ours

Target = Callable[..., str]


def fill(folder: Path) -> Path:
    (folder / "deep").mkdir(parents=True)
    for name in ("kept", "deep/a", "deep/b"):
        (folder / name).write_text(f"{name} is here\n")
    return folder


def go(folder: Path, *command: str) -> Done:
    return run([*PYSHIM, *command], cwd=folder)


def names(folder: Path) -> list[str]:
    """What is in it, the six letters that were made up left out."""
    found = (each.relative_to(folder) for each in folder.rglob("*"))
    return sorted(re.sub(r"file\w{6}", "file", str(each)) for each in found)


@pytest.mark.parametrize("decoy", [False, True])
def test_they_find_what_is_there_instead(
    target: Target, tmp_path: Path, decoy: bool
) -> None:
    """As if the folder were where the program asks for it; nothing is, or a decoy."""
    program = target("path_composites")
    really, to = fill(tmp_path / "bare/top"), fill(tmp_path / "to")
    seen = tmp_path / "seen/top"
    seen.parent.mkdir()
    if decoy:
        (seen / "deep/other").mkdir(parents=True)
        (seen / "kept").write_text("a decoy\n")
    before = names(tmp_path / "seen")
    bare = run([program, str(really)], cwd=tmp_path)
    assert (bare.status, bare.stderr) == (0, b"")
    done = go(tmp_path, "--map", f"{seen}={to}", program, str(seen))
    assert without_ours(done) == bare
    assert ours(done) == []
    assert names(to) == names(really)
    assert names(tmp_path / "seen") == before


GLOB = """
import ctypes
class glob_t(ctypes.Structure):
    _fields_ = [("gl_pathc", ctypes.c_size_t), ("rest", ctypes.c_char * 128)]
print(ctypes.CDLL(None).glob(b"/no/such/*", 0, None, ctypes.byref(glob_t())))
"""
GLOB_NOMATCH = 3


def test_patterns_are_no_paths(tmp_path: Path) -> None:
    """But make gives glob an opendir of its own, whose calls are seen."""
    to = fill(tmp_path / "to")
    (tmp_path / "Makefile").write_text("all:\n\t@echo $(sort $(wildcard /no/such/*))\n")
    options = "--map", f"/no/such={to}"
    python = sys.executable, "-S", "-c", GLOB
    seen = go(tmp_path, "--layer=symbols", *options, *python)
    assert seen.stdout == b"%d\n" % GLOB_NOMATCH
    assert go(tmp_path, *options, *python).stdout == b"0\n", "its opendir is a path's"
    done = go(tmp_path, *options, "make", "-s")
    assert done.stdout == b"/no/such/deep /no/such/kept\n"


RULES = {
    "**/kept": ["fopen64", "freopen", "fopen relative", "statvfs", "euidaccess"],
    "**/deep": ["scandir", "remove a folder"],
    "**/deep/a": ["realpath"],
    "**/fileXXXXXX": ["mkstemp", "mkostemp", "mkstemp relative"],
    "**/*.suffix": ["mkstemps"],
}
"""By glob: what the target says of the calls on a path that fits."""


@pytest.mark.parametrize("glob", RULES)
def test_a_rule_may_name_the_path(target: Target, tmp_path: Path, glob: str) -> None:
    program = target("path_composites")
    top = fill(tmp_path / "top")
    calls = "fopen,freopen,statvfs,euidaccess,scandir,remove,realpath"
    made = "mkstemp,mkstemps,mkostemp,mkostemps"
    rule = f"inject={calls},{made}:error=EXDEV:path={glob}"
    done = go(tmp_path, "-e", rule, program, str(top))
    lines = done.stdout.decode().splitlines()
    failed = [line.partition(":")[0] for line in lines if line.endswith(": EXDEV")]
    assert sorted(failed) == sorted(RULES[glob])
