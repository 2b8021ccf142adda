"""How long real programs take: bare, under a log of all that they do, and under strace.

`python benchmarks/programs.py [--rounds N] [--only NAME] [--json FILE]`. Every round
runs all modes, one after the other. Two times are taken of each: the program's own,
and the whole command's, with what pyshim or strace do before it, beside it and behind.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.progress import track
from rich.table import Table

TIMEOUT = 300
"""Seconds for one command."""
FILES, LINES = 3000, 500_000
IMPORTS = "json, ssl, sqlite3, asyncio, http.server, email.mime.text, unittest, ctypes"


@dataclass(frozen=True, slots=True)
class Job:
    """A command, and what makes the files that it needs."""

    name: str
    command: str
    prepare: Callable[[], None] = lambda: None


@dataclass(slots=True)
class Times:
    """Of one mode: seconds of each round."""

    own: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)


def _numbers() -> None:
    """Ten megabytes to be sorted, the same ones each time."""
    source = random.Random(1)
    lines = (f"{source.randrange(1 << 40)} {line}\n" for line in range(LINES))
    Path("numbers").write_text("".join(lines))


def _repository() -> None:
    for number in range(FILES):
        path = Path("repository", f"{number % 50}", f"{number}.txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{number}\n")
    git = "git -C repository -c user.name=a -c user.email=a@localhost"
    for words in ("init -q", "add .", "commit -qm all"):
        subprocess.run([*shlex.split(git), *words.split()], check=True, timeout=TIMEOUT)


def _source() -> None:
    functions = (
        f'int f{n}(int a) {{ return printf("%d", a * {n}); }}\n' for n in range(99)
    )
    Path("source.c").write_text("#include <stdio.h>\n" + "".join(functions))


JOBS = (
    Job("sort", "sort -S 4M -o sorted numbers", _numbers),
    Job("gcc", "gcc -O1 -c -o source.o source.c", _source),
    Job("git status", "git -C repository status", _repository),
    Job("find /usr", "find /usr -newer /etc/passwd"),
    Job("python3 -c imports", f"python3 -c 'import {IMPORTS}'"),
)


def modes() -> dict[str, list[str]]:
    """By name, what goes in front of the command. Logs go to the scratch folder."""
    beside_python = Path(sys.executable).with_name("pyshim")
    pyshim = str(beside_python) if beside_python.exists() else "pyshim"
    log = ["--plugin", "log", "-e", "trace=all", "-o", "log"]
    found = {
        "bare": [],
        "symbols, log": [pyshim, "--layer=symbols", *log],
        "full, log": [pyshim, "--layer=full", *log],
        "full, no patch, log": [pyshim, "--layer=full", "--no-patch", *log],
    }
    if shutil.which("strace"):
        found["strace -f"] = ["strace", "-f", "-o", "log"]
    return found


def run(prefix: list[str], command: str) -> tuple[float, float]:
    """The command's own time, as the shell that starts it sees it, and the whole."""
    timed = f"TIMEFORMAT=%R; {{ time {command} >/dev/null 2>&1; }} 2>took"
    start = time.perf_counter()
    subprocess.run(
        [*prefix, "bash", "-c", timed],
        check=True,
        timeout=TIMEOUT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return float(Path("took").read_text()), time.perf_counter() - start


def measure(job: Job, rounds: int) -> dict[str, Times]:
    """All modes of one job, in turns."""
    job.prepare()
    found = {mode: Times() for mode in modes()}
    run([], job.command)
    turns = track(range(rounds), job.name, console=Console(stderr=True), transient=True)
    for _ in turns:
        for mode, prefix in modes().items():
            own, whole = run(prefix, job.command)
            found[mode].own.append(own)
            found[mode].whole.append(whole)
    return found


def ratio(times: list[float], bare: list[float]) -> str:
    """The median of the rounds' ratios, and that of the least times."""
    ratios = [each / max(other, 0.001) for each, other in zip(times, bare, strict=True)]
    return f"{median(ratios):.2f} ({min(times) / max(min(bare), 0.001):.2f})"


def rows(job: Job, found: dict[str, Times]) -> Iterator[list[str]]:
    """One line a mode."""
    bare = found["bare"]
    for mode, times in found.items():
        yield [
            job.name,
            mode,
            f"{min(times.own) * 1000:.0f}",
            ratio(times.own, bare.own),
            f"{min(times.whole) * 1000:.0f}",
            ratio(times.whole, bare.whole),
        ]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, metavar="N")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="jobs with it in their name"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="keep every round's times"
    )
    return parser.parse_args()


def main() -> None:
    """Measure, and print the table."""
    args = arguments()
    kept = args.json.resolve() if args.json else None
    made = Table(box=None)
    for head in ("program", "mode", "own ms", "x bare", "whole ms", "x bare"):
        made.add_column(
            head, justify="left" if head in ("program", "mode") else "right"
        )
    everything = {}
    with tempfile.TemporaryDirectory("", "pyshim-programs-") as scratch:
        os.chdir(scratch)
        for job in (each for each in JOBS if args.only in each.name):
            everything[job.name] = measure(job, args.rounds)
            for row in rows(job, everything[job.name]):
                made.add_row(*row)
        os.chdir("/")
    Console(width=100).print(made)
    if kept:
        found = {
            name: {mode: {"own": t.own, "whole": t.whole} for mode, t in each.items()}
            for name, each in everything.items()
        }
        kept.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
