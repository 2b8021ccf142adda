"""What rules cost: one that does not match, twenty, each condition, one that decides.

`python benchmarks/rules.py [--quick] [--rounds N] [--clock cpu] [--only TEXT]
[--json FILE]`. It is measured, and read, as in run.py; beside libfiu and strace where
they are installed. The last lines compare with the goals.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from run import (
    NEVER,
    Mode,
    Round,
    Row,
    Sample,
    all_modes,
    build,
    chosen,
    figure,
    output,
    parser,
    report,
    summarize,
    take_rounds,
    working,
)

ROUNDS = 10
CALLS = ("no-syscall", "read")
SET = "futimens,read"
FAILING = {
    "if": "if=arg0>99",
    "if, 9 steps": "if=arg0&64 and arg0|1 == 5 or arg0>99",
    "fd": "fd=99",
    "caller": "caller=libc.so.6",
    "since": "since=/no/such/file",
    "process": "process=nobody",
    "during": "during=9000s..",
    "thread": "thread=nobody",
    "fd kind": "fd=socket",
    "port": "port=1",
    "path": "path=/no/such/file",
}
"""Conditions that never hold; the first half needs no syscall."""
GOALS = {"rule": 25, "20 rules": 60, "decided": 100}
"""ns over bare, of the call without a syscall."""


def rules(*items: str) -> tuple[str, ...]:
    """Options for one rule each on the calls that are measured."""
    return tuple(word for item in items for word in ("-e", f"inject={SET}:{item}"))


def modes(scratch: Path) -> Iterator[Mode]:
    """All there could be, bare first."""
    found = {mode.name: mode.prefix for mode in all_modes(scratch)}
    symbols = (found["pyshim idle"][0], "--layer=symbols")
    yield Mode("bare", ())
    yield Mode("rule", (*symbols, *rules(NEVER)))
    yield Mode("20 rules", (*symbols, *rules(*[NEVER] * 20)))
    for name, condition in FAILING.items():
        yield Mode(name, (*symbols, *rules(f"error=EBADF:{condition}")))
    # The call of the benchmark fails so by itself.
    yield Mode("decided", (*symbols, "-e", "inject=futimens:error=EBADF"))
    fiu, strace = found["fiu-run -x"], found["strace -f"]
    yield Mode(
        "fiu-run -x", (*fiu, "-c", "enable_random name=posix/io/rw/*,probability=0")
    )
    yield Mode("strace, rule", (*strace, "-e", f"inject=read:{NEVER}"))


def measure(mode: Mode, scratch: Path, quick: bool) -> dict[str, Sample]:
    """One round of one mode."""
    calls = CALLS[:1] if mode.name == "decided" else CALLS
    command = [*mode.prefix, str(scratch / "bench"), "4" if quick else "10", *calls]
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for line in output(command).splitlines():
        name, wall, cpu = line.split()
        found[name].append((float(wall), float(cpu)))
    return {name: Sample(*zip(*pairs, strict=True)) for name, pairs in found.items()}


def held(rows: Sequence[Row]) -> Iterator[str]:
    """Each goal, and what was reached."""
    over: Mapping[str, Row] = {row.mode: row for row in rows if row.call == CALLS[0]}
    for mode, goal in GOALS.items():
        if mode not in over:
            continue
        least, middle = over[mode].over_least, over[mode].over
        word = (
            "holds" if middle <= goal else "least only" if least <= goal else "missed"
        )
        figures = f"{figure(least, '+')} least, {figure(middle, '+')} median"
        yield f"{mode}: {figures}, goal {goal} ns: {word}"


def measured(options: argparse.Namespace, scratch: Path) -> list[Round]:
    """All rounds."""
    build(scratch)
    tried = {
        mode.name: partial(measure, mode, scratch, options.quick)
        for mode in working(chosen([*modes(scratch)], options.only))
    }
    return take_rounds(tried, options.rounds or (2 if options.quick else ROUNDS))


def main() -> int:
    """Build, measure round by round, print."""
    words = parser("What rules cost.", ROUNDS)
    words.add_argument("--only", metavar="TEXT", default="", help="these modes")
    options = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="pyshim-bench-") as name:
        rounds = measured(options, Path(name))
    report(rounds, options)
    for line in held(summarize(rounds, options.clock)):
        print(line)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
