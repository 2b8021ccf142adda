"""Runs one test module and writes down how each test ended, in lines of JSON.

`python run_module.py FILE MODULE [--only PATTERN...] [--but PATTERN...]`, with any
Python from 3.8 on. unittest's own output is of no use here: tests print in between,
and so do their children. FILE is opened and closed for each line, so that no fd is
open that the tests don't expect. Tests that FILE has already are not run again: after
a crash the same command goes on behind it.
"""

from __future__ import annotations

import argparse
import faulthandler
import importlib
import json
import os
import random
import signal
import sys
import traceback
import unittest
from collections import Counter
from fnmatch import fnmatchcase
from os import close, getpid, write
from os import open as open_file
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from _typeshed import OptExcInfo

RESOURCES = ["cpu", "subprocess", "walltime"]
"""What tests may use: time. Neither the network nor disk by the gigabyte."""
DETAIL = 4000
"""Characters of a traceback that are kept, from its end."""


class Notes(unittest.TestResult):
    """Writes each test's begin and its end. Mute in children that a test forked."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.pid = getpid()
        self.ends: Counter[str] = Counter()
        self.subtests = 0
        self.details: list[str] = []
        self.inside = False

    def line(self, **content: str | int) -> None:
        """Append one line; with functions that were taken before a test mocks them."""
        if getpid() != self.pid:
            return
        fd = open_file(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        write(fd, (json.dumps(content) + "\n").encode())
        close(fd)

    def note(self, test: unittest.TestCase, how: str, detail: str = "") -> None:
        """One of what makes up a test's end; outside of a test it is all of it."""
        self.ends[how] += 1
        self.details.append(detail)
        if not self.inside:
            self.write_end(test)

    def write_end(self, test: unittest.TestCase) -> None:
        """Write how it ended, and be ready for the next one."""
        ends = [f"{how} x{n}" if n > 1 else how for how, n in self.ends.items()]
        how = ", ".join(sorted(ends)) or "ok"
        if self.subtests:
            how += f" ({self.subtests} subtests)"
        detail = "\n".join(self.details)[-DETAIL:]
        self.ends, self.details, self.subtests = Counter(), [], 0
        self.line(test=test.id(), outcome=how, detail=detail)

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self.inside = True
        self.line(start=test.id())

    def stopTest(self, test: unittest.TestCase) -> None:
        super().stopTest(test)
        self.inside = False
        self.write_end(test)

    def addError(self, test: unittest.TestCase, err: OptExcInfo) -> None:
        self.note(test, f"error: {kind(err)}", text(err))

    def addFailure(self, test: unittest.TestCase, err: OptExcInfo) -> None:
        self.note(test, f"fail: {kind(err)}", text(err))

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        self.note(test, f"skip: {reason}")

    def addExpectedFailure(self, test: unittest.TestCase, _err: OptExcInfo) -> None:
        self.note(test, "expected failure")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        self.note(test, "unexpected success")

    def addSubTest(
        self, test: unittest.TestCase, subtest: Any, err: OptExcInfo | None
    ) -> None:
        if err is None:
            self.subtests += 1
        else:
            self.note(test, f"in a subtest: {kind(err)}", f"{subtest}:\n{text(err)}")


def kind(err: OptExcInfo) -> str:
    return err[0].__name__ if err[0] else "?"


def text(err: OptExcInfo) -> str:
    return "".join(traceback.format_exception(*err))


def prepare() -> None:
    """What CPython's own runner does before tests, as far as outcomes depend on it."""
    support = importlib.import_module("test.support")
    support.__dict__["use_resources"] = RESOURCES
    os.umask(0o022)
    random.seed(1)
    faulthandler.enable()


def load(name: str) -> unittest.TestSuite:
    """All tests of a module: of CPython's by name, of any other by path."""
    if "/" in name:
        sys.path.insert(0, str(Path(name).parent))
    module = importlib.import_module(Path(name).stem if "/" in name else name)
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def flat(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    """The tests, in order."""
    for each in suite:
        if isinstance(each, unittest.TestSuite):
            yield from flat(each)
        else:
            yield each


def begun(path: Path) -> set[str]:
    """The tests that an earlier process began, whether or not they ended."""
    if not path.exists():
        return set()
    lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {line.get("start") or line.get("test", "") for line in lines}


def matches(test: str, patterns: Sequence[str]) -> bool:
    return any(test == each or fnmatchcase(test, each) for each in patterns)


def chosen(
    suite: unittest.TestSuite, args: argparse.Namespace
) -> Iterator[unittest.TestCase]:
    """What is to be run of it, in the module's order."""
    done = begun(args.file)
    for test in flat(suite):
        name = test.id()
        if name in done or matches(name, args.but):
            continue
        if not args.only or matches(name, args.only):
            yield test


def layer() -> str:
    """What of the shim is in this process: that a run was what it was meant to be.

    Under the full layer SIGSYS is caught, by the kernel's word: proc_pid_status(5). The
    program itself is told otherwise.
    """
    if "/libpyshim.so" not in Path("/proc/self/maps").read_text(encoding="utf-8"):
        return ""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return "full" if caught & (1 << (signal.SIGSYS - 1)) else "symbols"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("module")
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--but", nargs="+", default=[])
    args = parser.parse_args()
    del sys.path[0]  # this folder: its names are none of the tests' business
    notes = Notes(args.file)
    notes.line(pid=getpid(), layer=layer())
    prepare()
    try:
        unittest.TestSuite(chosen(load(args.module), args)).run(notes)
    except unittest.SkipTest as why:
        notes.line(test=args.module, outcome=f"skip: {why}", detail="")


if __name__ == "__main__":
    main()
