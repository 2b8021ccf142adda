"""What Python hooks cost: the first one of a process, each one, and those not reached.

`python benchmarks/hooks.py [--quick] [--rounds N] [--clock cpu] [--only TEXT]
[--json FILE]`. It is measured as in run.py; the last columns compare with the goals.
`make` over many files is make_headers.py.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table
from run import (
    HERE,
    Mode,
    Round,
    Row,
    Sample,
    all_modes,
    chosen,
    figure,
    output,
    parser,
    summarize,
    take_rounds,
    working,
    write_json,
)

ROUNDS = 10
BASIC = ("no syscall", "read")
THREADS = ("8 threads", "fresh thread")
HANDLERS = ("no syscall, handlers", "8 threads, handlers")
PATHS = ("stat, path matches", "stat, another path")
LIBC = ("getppid in libc",)
STARTS = {"process, none": "rest", "process, first": "ask"}
"""Whole processes: one that reaches no hook, and one that reaches its first."""

SOURCE = '''"""A plugin of the benchmark."""

from pyshim import Return, hookimpl


@hookimpl({wants})
def pyshim_call_{side}(call):
    {body}
'''
CALLS = 'calls=["futimens", "read", "stat", "getppid"]'
PLUGINS = {
    "trivial": SOURCE.format(wants=CALLS, side="enter", body="pass"),
    "second": SOURCE.format(wants=CALLS, side="enter", body="pass"),
    "third": SOURCE.format(wants=CALLS, side="enter", body="pass"),
    "exit": SOURCE.format(wants=CALLS, side="exit", body="pass"),
    "files": SOURCE.format(
        wants='calls=["%file", "futimens"]', side="enter", body="pass"
    ),
    "fields": SOURCE.format(
        wants='calls=["futimens", "read"]',
        side="enter",
        body="call.pid, call.tid, call.args.fd",
    ),
    "answer": SOURCE.format(
        wants='calls=["futimens"]', side="enter", body="return Return(0)"
    ),
    "glob": SOURCE.format(
        wants='calls=["stat"], paths=["/dev/null"]', side="enter", body="pass"
    ),
}

GOALS = {
    ("process, none", "trivial hook"): 0.3e6,
    ("process, first", "trivial hook"): 12e6,
    **{(call, "trivial hook"): 350 for call in BASIC},
    **{(call, "three fields"): 600 for call in BASIC},
    **{(call, "three plugins"): 600 for call in BASIC},
}
"""ns over bare, by call and mode."""


@dataclass(frozen=True, slots=True)
class Case:
    """A mode, the calls measured in it, and whether whole processes are, too."""

    mode: Mode
    calls: tuple[str, ...]
    starts: bool = False


def cases(scratch: Path) -> list[Case]:
    """All there could be, bare first."""
    pyshim = next(each for each in all_modes(scratch) if each.name == "pyshim idle")

    def mode(name: str, plugins: str, *options: str) -> Mode:
        files = [f"--plugin={scratch / each}.py" for each in plugins.split()]
        layer = () if "--layer=full" in options else ("--layer=symbols",)
        return Mode(name, (pyshim.prefix[0], *layer, *options, *files))

    every = BASIC + PATHS + LIBC + THREADS + HANDLERS
    return [
        Case(Mode("bare", ()), every, True),
        Case(mode("trivial hook", "trivial"), BASIC + THREADS + HANDLERS, True),
        Case(mode("three fields", "fields"), BASIC),
        Case(mode("three plugins", "trivial second third"), BASIC),
        Case(mode("Return(0)", "answer"), ("no syscall",)),
        Case(mode("on exit", "exit"), BASIC),
        Case(mode("with a path", "glob"), PATHS),
        Case(mode("of %file", "files"), (), True),
        Case(mode("trivial, full", "trivial", "--layer=full"), BASIC + LIBC, True),
        Case(
            mode("trivial, host", "trivial", "--bridge=host"), BASIC + THREADS[:1], True
        ),
    ]


def build(scratch: Path) -> None:
    """Compile the programs, write the plugins."""
    for name in ("hooks", "spawn"):
        flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-pthread"]
        output(["gcc", *flags, "-o", str(scratch / name), str(HERE / f"{name}.c")])
    for name, source in PLUGINS.items():
        (scratch / f"{name}.py").write_text(source)


def lines(case: Case, scratch: Path, quick: bool) -> Iterator[tuple[str, str, str]]:
    """Name, wall clock and CPU time of each batch, and of each process."""
    batches, starts = ("2", "5") if quick else ("10", "50")
    prefix, program = case.mode.prefix, str(scratch / "hooks")
    if case.calls:
        for line in output([*prefix, program, batches, *case.calls]).splitlines():
            name, wall, cpu = line.split("\t")
            yield name, wall, cpu
    for name, way in STARTS.items() if case.starts else ():
        spawn = [str(scratch / "spawn"), starts, program, "0", way]
        for line in output([*prefix, *spawn]).splitlines():
            _, wall, cpu = line.split()
            yield name, wall, cpu


def measure(case: Case, scratch: Path, quick: bool) -> dict[str, Sample]:
    """One round of one case."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for name, wall, cpu in lines(case, scratch, quick):
        found[name].append((float(wall), float(cpu)))
    return {name: Sample(*zip(*pairs, strict=True)) for name, pairs in found.items()}


def held(row: Row) -> tuple[str, str]:
    """The goal, and whether both figures keep it, or only that of the least times."""
    goal = GOALS.get((row.call, row.mode))
    if goal is None:
        return "", ""
    kept = [row.over_least <= goal, row.over <= goal]
    word = "yes" if all(kept) else "least only" if kept[0] else "no"
    return figure(goal), word


def show(rows: Sequence[Row], clock: str) -> None:
    """Print the table."""
    table = Table(title=f"Python hooks: ns per call or process, {clock} clock")
    for name in ("call", "mode"):
        table.add_column(name, no_wrap=True)
    for name in ("min", "median", "min over", "over bare", "goal"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("holds", no_wrap=True)
    for index, row in enumerate(rows):
        new = index == 0 or rows[index - 1].call != row.call
        if new and index:
            table.add_section()
        plain = (figure(row.least), figure(row.middle))
        over = (figure(row.over_least, "+"), figure(row.over, "+"))
        name = row.call if new else ""
        table.add_row(name, row.mode, *plain, *over, *held(row))
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def measured(options: argparse.Namespace, scratch: Path) -> list[Round]:
    """All rounds."""
    build(scratch)
    found = cases(scratch)
    wanted = chosen([case.mode for case in found], options.only)
    known = {mode.name for mode in working(wanted)}
    tried = {
        case.mode.name: partial(measure, case, scratch, options.quick)
        for case in found
        if case.mode.name in known
    }
    return take_rounds(tried, options.rounds or (2 if options.quick else ROUNDS))


def main() -> int:
    """Build, measure round by round, print."""
    words = parser("What Python hooks cost.", ROUNDS)
    words.add_argument("--only", metavar="TEXT", default="", help="these modes")
    options = words.parse_args()
    # As where it is installed: else each process would compile what it imports.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="pyshim-bench-") as name:
        rounds = measured(options, Path(name))
    rows = summarize(rounds, options.clock)
    show(rows, options.clock)
    if options.json:
        write_json(options.json, rounds, rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
