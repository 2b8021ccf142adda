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
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from shimmed import PYSHIM, run

Target = Callable[..., str]
STRSIZE = "32"

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="no strace here")


# -- the lines ---------------------------------------------------------------------

LINE = re.compile(
    r"(?P<tid>\d+) +(?P<name>\w+)\((?P<args>.*)\) += (?P<result>-?\w+|\?)(?P<more>.*)"
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
    """Pattern of their whole line that is to be taken for ours. Empty: there is none."""


DIFFERENCES = (
    Difference(
        "sbrk(0) and the like are answered by libc, which says brk to the kernel",
        name="brk",
        ours=r"brk\(\.\.\.\)",
    ),
    Difference(
        "posix_madvise(POSIX_MADV_DONTNEED) does nothing in glibc",
        name="madvise",
        ours="MADV_DONTNEED",
    ),
    Difference(
        "getcwd(NULL): libc finds the room, which the call does not name",
        name="getcwd",
        ours=r"getcwd\(NULL, \d+\) += 0x",
        theirs=r'getcwd\("/.*", \d+\) += \d+',
    ),
    Difference(
        "usleep is counted in microseconds, and the kernel's struct in two parts",
        name="clock_nanosleep",
        ours=r"\{tv_nsec=1\*1000, \.\.\.\}",
        theirs=r"\{tv_sec=0, tv_nsec=1000\}",
    ),
    Difference(
        "strace shows a buffer of size 0 as if the result had been written to it",
        name="l?getxattr|fgetxattr",
        ours=r'"", 0\) += 7',
        theirs=r"value.*, 0\) += 7",
    ),
    Difference(
        "libc asks F_GETOWN_EX, which has no owner that looks like an error",
        name="fcntl",
        ours=r"F_GETOWN\)",
        theirs=r"F_GETOWN_EX, \{",
    ),
    Difference(
        "eventfd_write is given a number, the kernel its bytes",
        name="write",
        ours=r"write\(\d+, 258, 8\) += 8",
        theirs=r'write\(\d+, "\\2\\1\\0\\0\\0\\0\\0\\0", 8\) += 8',
    ),
    Difference(
        "the kernel returns the size of its mask, libc 0",
        name="sched_getaffinity",
        ours="= 0$",
        theirs=r"= \d+$",
    ),
    Difference(
        "strace sees the kernel's own error of a call that a signal interrupts",
        name="rt_sigsuspend|pause",
        ours="= -1 EINTR",
        theirs=r"= \? ERESTARTNOHAND",
    ),
    Difference(
        "two signals are libc's own, and the kernel is not asked",
        name="rt_sigaction",
        ours=r"\((SIGRTMIN|SIGRT_1), .* = -1 EINVAL",
    ),
    Difference(
        "klogctl is decoded by strace only",
        name="syslog",
        ours=r"syslog\(10, NULL, 0\)",
        theirs=r"syslog\(10 .*\)",
    ),
    Difference(
        "execvp: libc tries the folders of PATH, our line has what it was given",
        name="execve",
        ours=r'execve\("[^/"]+", .*\) += 0',
        theirs=r'execve\("/[^"]+", .*\) += 0',
    ),
)


def same_argument(ours: str, theirs: str) -> bool:
    """Structs are addresses in our log, and `...` is what libc hides from us."""
    if ours == theirs:
        return True
    if ours == "environ":
        return bool(re.fullmatch(r"0x[0-9a-f]+ /\* \d+ vars? \*/", theirs))
    if ADDRESS.fullmatch(ours):
        return bool(DECODED.match(theirs)) or theirs.startswith(f"{ours} /*")
    if ours.startswith("{") and theirs.startswith("{"):
        return same_struct(split(ours[1:-1]), split(theirs[1:-1]))
    if "=" in ours and ours.partition("=")[0] == theirs.partition("=")[0]:
        return same_argument(ours.partition("=")[2], theirs.partition("=")[2])
    return ours == "..." and theirs != ""


def same_struct(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    """Ours may end early with `...`."""
    if ours[-1:] == ["..."]:
        ours, theirs = ours[:-1], theirs[: len(ours) - 1]
    return len(ours) == len(theirs) and all(map(same_argument, ours, theirs))


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


def difference(ours: Line) -> Difference | None:
    """The documented difference that this line is a case of, if there is one."""
    for each in DIFFERENCES:
        if re.fullmatch(each.name, ours.name) and re.search(each.ours, ours.text):
            return each
    return None


@dataclass(slots=True)
class Verdict:
    """How many of our lines were strace's, and those that were not."""

    same: int = 0
    excused: list[Difference] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def find(lines: Sequence[Line], fits: Callable[[Line], object], at: int) -> int:
    """Where the first line that fits is, from `at` on; -1: nowhere."""
    return next((i for i in range(at, len(lines)) if fits(lines[i])), -1)


def compare(ours: Sequence[Line], theirs: Sequence[Line], verdict: Verdict) -> None:
    """One thread: each of our lines in its turn must be among the rest of theirs."""
    at = 0
    for line in ours:
        excuse = difference(line)
        if excuse and not excuse.theirs:
            verdict.excused.append(excuse)
            continue
        if excuse:
            found = find(theirs, partial(fits_excuse, excuse), at)
        else:
            found = find(theirs, partial(same, line), at)
        if found < 0:
            near = [each.text for each in theirs[at:] if each.name == line.name]
            verdict.wrong.append(f"ours   {line.text}\ntheirs {(near or ['none'])[0]}")
            continue
        at = found + 1
        if excuse:
            verdict.excused.append(excuse)
        else:
            verdict.same += 1


def fits_excuse(excuse: Difference, theirs: Line) -> object:
    return re.search(excuse.theirs, theirs.text)


# -- running -----------------------------------------------------------------------


def both_logs(tmp_path: Path, command: Sequence[str]) -> tuple[str, str]:
    """What pyshim and strace wrote of one and the same run."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    log = ["--plugin", "log", "-s", STRSIZE, "-o", str(ours), "--"]
    strace = ["strace", "-f", "-s", STRSIZE, "-o", str(theirs), "--"]
    run([*PYSHIM, *log, *strace, *command], cwd=tmp_path)
    read = [file.read_text(errors="surrogateescape") for file in (ours, theirs)]
    return read[0], read[1]


def after_exec(lines: Sequence[Line]) -> Sequence[Line]:
    """What strace's child did before it became the program, strace does not tell."""
    execs = (i for i, each in enumerate(lines) if each.name == "execve")
    return lines[next(execs) :]


def judge(tmp_path: Path, command: Sequence[str]) -> Verdict:
    ours, theirs = map(parse, both_logs(tmp_path, command))
    first = next(iter(theirs))
    ours[first] = list(after_exec(ours[first]))
    verdict = Verdict()
    for tid, lines in theirs.items():
        compare(ours.get(tid, []), lines, verdict)
    return verdict
