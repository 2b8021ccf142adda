"""strace is the oracle: what the log says of a call is what the kernel saw of it.

The shim is preloaded into strace and into the program that strace runs, so both logs
tell of the very same calls. Every line of ours must be found in strace's, in order,
thread by thread: same name, result, error and arguments. The reverse does not hold:
what libc does by itself never passes a wrapper.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from shimmed import PYSHIM, run

Target = Callable[..., str]
STRSIZE = "64"

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="no strace here")


# -- the lines ---------------------------------------------------------------------

LINE = re.compile(
    r"(?P<tid>\d+) +(?P<name>\w+)\((?P<args>.*)\) += (?P<result>-?\w+)(?P<more>.*)"
)
UNFINISHED = re.compile(r"(?P<tid>\d+) +(?P<text>.*) <unfinished \.\.\.>$")
RESUMED = re.compile(r"(?P<tid>\d+) +<\.\.\. \w+ resumed>(?P<text>.*)")


@dataclass(frozen=True, slots=True)
class Line:
    """A call as a log tells it."""

    name: str
    args: tuple[str, ...]
    result: str
    more: str
    """What stands behind the result: the errno's text, flags by name."""
    text: str


def parse(text: str) -> dict[int, list[Line]]:
    """The calls in a log, by thread."""
    found: dict[int, list[Line]] = {}
    for line in whole_lines(text):
        if match := LINE.fullmatch(line):
            tid, name, args, result, more = match.groups()
            call = Line(name, tuple(split(args)), result, more.strip(), line)
            found.setdefault(int(tid), []).append(call)
    return found


def whole_lines(text: str) -> Iterator[str]:
    """Lines with their second half, where another thread's came in between."""
    begun: dict[str, str] = {}
    for line in text.splitlines():
        if match := UNFINISHED.match(line):
            begun[match["tid"]] = match["text"]
        elif match := RESUMED.match(line):
            yield f"{match['tid']} {begun.pop(match['tid'], '')}{match['text']}"
        else:
            yield line


def split(args: str) -> list[str]:
    """Arguments at the commas outside of strings, structs and lists."""
    parts, depth, quoted, begin, at = [], 0, False, 0, 0
    while at < len(args):
        char = args[at]
        if char == "\\" and quoted:
            at += 1
        elif char == '"':
            quoted = not quoted
        elif not quoted:
            depth += (char in "{[(") - (char in "}])")
            if char == "," and depth == 0:
                parts.append(args[begin:at].strip())
                begin = at + 1
        at += 1
    rest = args[begin:].strip()
    return [*parts, rest] if rest or parts else []


# -- what may differ ---------------------------------------------------------------

ADDRESS = re.compile(r"0x[0-9a-f]+")
DECODED = re.compile(r'[\[{"~]')
"""How text begins that strace made of the memory behind a pointer."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A way in which our line is not strace's, and why that is as it should be."""

    why: str
    name: str
    """Pattern of our syscall's name."""
    ours: str = ""
    """Pattern of our whole line; default: any."""
    theirs: str = ""
    """Pattern of their whole line that is to be taken for ours; {tid} and {result}
    stand for ours. Empty: there is no such line at all."""


DIFFERENCES: Sequence[Difference] = ()


def same_argument(ours: str, theirs: str) -> bool:
    """Structs are addresses in our log, and `...` is what libc hides from us."""
    if ours == theirs:
        return True
    if ADDRESS.fullmatch(ours):
        return bool(DECODED.match(theirs))
    if ours.endswith("=..."):
        return theirs.startswith(ours.removesuffix("..."))
    return ours == "..." and theirs != ""


def same_arguments(ours: Line, theirs: Line) -> bool:
    if len(ours.args) != len(theirs.args):
        return False
    return all(map(same_argument, ours.args, theirs.args))


def same_result(ours: Line, theirs: Line) -> bool:
    """strace adds to some results what it found in memory; an errno's text counts."""
    if ours.result != theirs.result:
        return False
    return ours.more == theirs.more or (not ours.more and ours.result != "-1")


def same(ours: Line, theirs: Line) -> bool:
    return (
        ours.name == theirs.name
        and same_arguments(ours, theirs)
        and same_result(ours, theirs)
    )


def excuse(ours: Line, theirs: Sequence[Line]) -> Difference | None:
    """The documented difference that explains this line, if there is one."""
    for each in DIFFERENCES:
        if not re.fullmatch(each.name, ours.name):
            continue
        if each.ours and not re.search(each.ours, ours.text):
            continue
        if not each.theirs:
            return each
        wanted = each.theirs.replace("{result}", re.escape(ours.result))
        if any(re.search(wanted, line.text) for line in theirs):
            return each
    return None


@dataclass(slots=True)
class Verdict:
    """How many of our lines were strace's, and those that were not."""

    same: int = 0
    excused: int = 0
    wrong: list[str] | None = None


def compare(ours: Sequence[Line], theirs: Sequence[Line]) -> Verdict:
    """One thread: each of our lines in its turn must be among the rest of theirs."""
    verdict, at = Verdict(wrong=[]), 0
    for line in ours:
        found = next((i for i in range(at, len(theirs)) if same(line, theirs[i])), None)
        if found is not None:
            verdict.same += 1
            at = found + 1
        elif excuse(line, theirs[at:]):
            verdict.excused += 1
        else:
            near = [each.text for each in theirs[at:] if each.name == line.name]
            assert verdict.wrong is not None
            verdict.wrong.append(f"ours   {line.text}\ntheirs {(near or ['none'])[0]}")
    return verdict


# -- running -----------------------------------------------------------------------


def both_logs(tmp_path: Path, command: Sequence[str]) -> tuple[str, str]:
    """What pyshim and strace wrote of one and the same run."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    log = ["--plugin", "log", "-s", STRSIZE, "-o", str(ours), "--"]
    strace = ["strace", "-f", "-s", STRSIZE, "-o", str(theirs), "--"]
    run([*PYSHIM, *log, *strace, *command], cwd=tmp_path)
    read = [file.read_text(errors="surrogateescape") for file in (ours, theirs)]
    return read[0], read[1]


def judge(tmp_path: Path, command: Sequence[str]) -> Verdict:
    ours, theirs = map(parse, both_logs(tmp_path, command))
    total = Verdict(wrong=[])
    for tid, lines in theirs.items():
        verdict = compare(ours.get(tid, []), lines)
        total.same += verdict.same
        total.excused += verdict.excused
        assert total.wrong is not None and verdict.wrong is not None
        total.wrong += verdict.wrong
    return total
