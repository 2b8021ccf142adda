"""How the integration tests run programs: bare, and under the shim."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

PYSHIM = (sys.executable, "-m", "pyshim")
BY_SYMBOLS = (*PYSHIM, "--layer=symbols")
"""Where a test says which calls are seen, and it is about those through symbols."""
TRIVIAL = """
from pyshim import hookimpl

@hookimpl(calls=["all"])
def pyshim_call_enter(call):
    return None

@hookimpl(calls=["all"])
def pyshim_call_exit(call):
    return None
"""
"""The plugin that is asked about everything and does nothing."""


def in_turn(items: Iterable[object], every: int) -> list[object]:
    """Parameters: one in `every` is for make test, the others for make outside."""
    return [
        pytest.param(each, marks=pytest.mark.long if number % every else ())
        for number, each in enumerate(items)
    ]


SECONDS = 40
"""After which a command is taken to hang."""
ALL_SEEN = re.compile(
    r"pyshim: coverage: (\d+) of \1 process(es)?, layer \w+"
    r"(; events were lost, there may be more)?"
)
"""Said at the end of every run that somebody listens to. What was lost has a line of
its own."""

UNLISTED = "pyshim: unlisted in the manual, injected all the same: "
"""How the line begins that comes before the start where errnos are strange."""


@dataclass(frozen=True, slots=True)
class Done:
    """What whoever started a command sees of it, save the lines pyshim adds."""

    status: int
    stdout: bytes
    stderr: bytes


def run(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> Done:
    """Run a command to its end; its stderr may hold pyshim's lines."""
    done = subprocess.run(
        list(command),
        cwd=cwd,
        env=env,
        input=stdin,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def is_ours(line: bytes) -> bool:
    """Whether pyshim wrote this line of stderr."""
    return line.startswith(b"pyshim: ")


def without_ours(done: Done) -> Done:
    """The same, as the bare program would have shown it."""
    theirs = [line for line in done.stderr.splitlines(True) if not is_ours(line)]
    return Done(done.status, done.stdout, b"".join(theirs))


def ours(done: Done) -> list[str]:
    """What pyshim said on stderr, line by line; not, that it saw every process, nor
    which errnos are strange."""
    lines = [each.decode(errors="replace") for each in done.stderr.splitlines()]
    said = [each for each in lines if each.startswith("pyshim: ")]
    return [
        each
        for each in said
        if not (ALL_SEEN.fullmatch(each) or each.startswith(UNLISTED))
    ]


def besides(stderr: str) -> str:
    """A run's stderr without the line that says that every process was seen."""
    lines = stderr.splitlines(keepends=True)
    return "".join(each for each in lines if not ALL_SEEN.fullmatch(each.rstrip("\n")))


def without_coverage(done: Done) -> Done:
    """The same, with whatever else pyshim said."""
    stderr = besides(done.stderr.decode(errors="surrogateescape"))
    return replace(done, stderr=stderr.encode(errors="surrogateescape"))
