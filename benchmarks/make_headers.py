"""`make` over many small C files, with a Python hook on the headers they open.

`python benchmarks/make_headers.py [--quick] [--rounds N] [--json FILE]`. Every round
runs all modes, one after the other: bare; under a rule for the same paths that never
fires, so without Python; under the hook; and under strace. Each compiler is a process
that reaches its first hook, so most of what Python takes is its start.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from programs import ratio
from rich.console import Console
from rich.table import Table
from run import NEVER, BenchFailed, all_modes, output, parser

FILES, HEADERS, ROUNDS = 200, 20, 5
QUICK_FILES = 8
JOBS = (1, 2)
RULE, HOOK = "pyshim rule", "pyshim hook"

PLUGIN = '''"""A hook on the headers, and in the end what pyshim counted of it."""

from pyshim import hookimpl


@hookimpl(calls=["%file"], paths=["**.h"])
def pyshim_call_enter(call):
    call.path


@hookimpl
def pyshim_report(run):
    import json
    from pathlib import Path

    seconds = run.start_seconds + run.hook_seconds
    found = {"starts": run.python_starts, "asked": run.hooks_asked, "seconds": seconds}
    Path("asked.json").write_text(json.dumps(found))
'''


@dataclass(frozen=True, slots=True)
class Asked:
    """What pyshim counted in one run of `make`."""

    starts: int
    asked: int
    seconds: float
    """In hooks, and in starting Python for the first of them, over all processes."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One run of `make`; seconds."""

    own: float
    """As the shell that started it sees it."""
    cpu: float
    """The same, of it and all that it started."""
    whole: float
    """With what pyshim or strace do before and behind."""
    asked: Asked | None
    """None where there is no hook."""


Found = dict[int, dict[str, list[Taken]]]
"""By jobs, then by mode, one a round."""


def write_sources(files: int) -> None:
    """The folder that `make` works in: the working directory."""
    Path("include").mkdir()
    for number in range(HEADERS):
        after = f'#include "h{number + 1}.h"\n' if number % 4 < 3 else ""
        declared = "".join(f"int f{number}_{n}(int);\n" for n in range(20))
        text = f"#pragma once\n{after}{declared}"
        Path(f"include/h{number}.h").write_text(text)
    for number in range(files):
        chosen = [(number * 3 + step) % HEADERS for step in (0, 5, 11)]
        lines = "".join(f'#include "h{each}.h"\n' for each in chosen)
        body = f"int main_{number}(void) {{ return f{chosen[0]}_0({number}); }}\n"
        Path(f"s{number}.c").write_text(lines + body)
    objects = " ".join(f"s{number}.o" for number in range(files))
    rule = "%.o: %.c\n\tgcc -O0 -Iinclude -c -o $@ $<\n"
    Path("Makefile").write_text(f"all: {objects}\n{rule}")
    Path("headers.py").write_text(PLUGIN)


def modes() -> dict[str, list[str]]:
    """By name, what goes in front of the command."""
    idle = next(each for each in all_modes(Path()) if each.name == "pyshim idle")
    symbols = [idle.prefix[0], "--layer=symbols"]
    found = {
        "bare": [],
        RULE: [*symbols, "-e", rf"inject=%file:path=**.h:{NEVER}"],
        HOOK: [*symbols, "--plugin", "./headers.py"],
    }
    if shutil.which("strace"):
        found["strace -f"] = ["strace", "-f", "-e", "trace=%file", "-o", "log"]
    return found


def asked() -> Asked | None:
    """What the plugin wrote down."""
    kept = Path("asked.json")
    if not kept.exists():
        return None
    return Asked(**json.loads(kept.read_text()))


def run(prefix: list[str], jobs: int) -> Taken:
    """Everything is made again."""
    command = f"make -B -j{jobs} >/dev/null 2>&1"
    timed = f"TIMEFORMAT='%R %U %S'; {{ time {command}; }} 2>took"
    Path("asked.json").unlink(missing_ok=True)
    start = time.perf_counter()
    output([*prefix, "bash", "-c", timed])
    whole = time.perf_counter() - start
    own, user, system = map(float, Path("took").read_text().split())
    return Taken(own, user + system, whole, asked())


def measure(rounds: int) -> Found:
    """Every other round goes backwards, so that no mode is always first."""
    tried = working(modes())
    found: Found = {jobs: {mode: [] for mode in tried} for jobs in JOBS}
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        order = [(jobs, *mode) for jobs in JOBS for mode in tried.items()]
        for jobs, mode, prefix in order if number % 2 == 0 else order[::-1]:
            found[jobs][mode].append(run(prefix, jobs))
    return found


def working(tried: dict[str, list[str]]) -> dict[str, list[str]]:
    """Those that can be had; says on stderr why each other one is left out."""
    found = {}
    for mode, prefix in tried.items():
        try:
            output([*prefix, "true"])
        except BenchFailed as why:
            print(f"left out: {mode}: {why}", file=sys.stderr)
        else:
            found[mode] = prefix
    return found


def share(taken: Sequence[Taken], jobs: int) -> str:
    """The part of all jobs' time that went into Python; "" where there is none."""
    pairs = [(each.asked, each.own * jobs) for each in taken]
    parts = [asked.seconds / own for asked, own in pairs if asked]
    last = taken[-1].asked
    if not parts or last is None:
        return ""
    return f"{median(parts):.0%} ({last.starts} starts, {last.asked} calls)"


def rows(found: Found) -> Iterator[list[str]]:
    """One line for each number of jobs and mode."""
    for jobs, modes in found.items():
        bare = [each.own for each in modes["bare"]]
        for mode, taken in modes.items():
            own = [each.own for each in taken]
            yield [
                f"make -j{jobs}" if mode == "bare" else "",
                mode,
                f"{min(own):.2f}",
                f"{median(own):.2f}",
                ratio(own, bare),
                f"{median(each.cpu for each in taken):.2f}",
                f"{median(each.whole for each in taken):.2f}",
                share(taken, jobs),
            ]


def show(found: Found, files: int) -> None:
    """Print the table."""
    table = Table(title=f"{files} C files, a Python hook on %file of *.h; seconds")
    for name in ("command", "mode"):
        table.add_column(name, no_wrap=True)
    for name in ("own min", "median", "x bare", "CPU", "whole"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("share in Python", no_wrap=True)
    for row in rows(found):
        if row[0] and table.row_count:
            table.add_section()
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def write_json(path: Path, found: Found) -> None:
    """Everything measured."""
    kept = {
        jobs: {mode: [asdict(each) for each in taken] for mode, taken in modes.items()}
        for jobs, modes in found.items()
    }
    path.write_text(json.dumps(kept, indent=1))


def measured(options: argparse.Namespace, files: int) -> Found:
    """All rounds, in a folder of their own."""
    # As where it is installed: else each process would compile what it imports.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    home = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="pyshim-bench-") as scratch:
        os.chdir(scratch)
        try:
            write_sources(files)
            return measure(options.rounds or (1 if options.quick else ROUNDS))
        finally:
            os.chdir(home)


def main() -> int:
    """Measure, and print the table."""
    words = parser("`make` with a Python hook on the headers.", ROUNDS)
    words.add_argument("--files", type=int, metavar="N", help=f"not {FILES}")
    options = words.parse_args()
    try:
        output(["make", "--version"])
    except BenchFailed as why:
        print(f"left out: {why}", file=sys.stderr)
        return 0
    files = options.files or (QUICK_FILES if options.quick else FILES)
    found = measured(options, files)
    show(found, files)
    if options.json:
        write_json(options.json, found)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
