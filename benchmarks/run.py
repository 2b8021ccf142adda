"""What a call costs: bare, under pyshim, and under tools of the same kind.

`python benchmarks/run.py [--quick] [--json FILE]`. Every round runs all modes, one
after the other, and every difference and ratio is taken inside a round: a machine that
gets slower or faster meanwhile moves both sides. See README.md for how to read it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
ROUNDS = 20
TIMEOUT = 120
"""Seconds for one mode in one round, and for a compilation."""
RULE_SET = "getppid,read,openat,close,stat,futimens,fork,execve"
"""The calls the programs measure: what rule, log and hook modes ask for."""
NEVER = "error=EIO:when=60000"
"""bench.c makes fewer calls than this of each kind."""


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to run the programs: what is put in front of their command line."""

    name: str
    prefix: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One mode's batches of one call in one round; ns per call."""

    wall: tuple[float, ...]
    cpu: tuple[float, ...]


Round = dict[str, dict[str, Sample]]
"""By mode, then by call."""


@dataclass(frozen=True, slots=True)
class Row:
    """One mode and call over all rounds; ns per call. Bare's `over` is 0, ratio 1."""

    call: str
    mode: str
    least: float
    middle: float
    over_least: float
    over: float
    ratio: float


class BenchFailed(Exception):
    """A mode's command did not end well; the text is its last word."""


def pyshim_modes(pyshim: str, scratch: Path) -> list[Mode]:
    """From the cheapest to the dearest, by symbols, then the full layer.

    `idle`, `patched` and `trapped` have a rule for a call never made.
    """
    log = str(scratch / "calls.log")
    hook = str(HERE / "trivial_hook.py")
    symbols, full = (pyshim, "--layer=symbols"), (pyshim, "--layer=full")
    never = ("-e", f"inject=symlink:{NEVER}")
    return [
        Mode("pyshim idle", (*symbols, *never)),
        Mode("pyshim rule", (*symbols, "-e", f"inject={RULE_SET}:{NEVER}")),
        Mode("pyshim log", (*symbols, "-e", f"trace={RULE_SET}", "-o", log)),
        Mode("pyshim hook", (*symbols, "--plugin", hook)),
        Mode("pyshim patched", (*full, *never)),
        Mode("pyshim trapped", (*full, "--no-patch", *never)),
    ]


def all_modes(scratch: Path) -> list[Mode]:
    """Every mode there could be, installed or not; bare comes first."""
    beside_python = Path(sys.executable).with_name("pyshim")
    pyshim = str(beside_python) if beside_python.exists() else "pyshim"
    return [
        Mode("bare", ()),
        *pyshim_modes(pyshim, scratch),
        Mode("fiu-run -x", ("fiu-run", "-x")),
        Mode("fakechroot", ("fakechroot",)),
        Mode("strace -f", ("strace", "-f", "-o", "/dev/null")),
    ]


def output(command: Sequence[str]) -> str:
    """The command's stdout; BenchFailed when it can't be run, fails or hangs.

    Events that were dropped are told: a call whose event is dropped costs less.
    """
    if shutil.which(command[0]) is None:
        raise BenchFailed(f"{command[0]}: not installed")
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT, check=True
        )
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip() or "no message").splitlines()[-1]
        raise BenchFailed(f"exit {error.returncode}: {last}") from error
    except subprocess.TimeoutExpired as error:
        raise BenchFailed(f"no end after {TIMEOUT} s") from error
    for line in done.stderr.splitlines():
        if line.startswith("pyshim: dropped"):
            print(line, file=sys.stderr)
    return done.stdout


def build(scratch: Path) -> None:
    """Compile the two programs into `scratch`."""
    for name in ("bench", "spawn"):
        source, binary = str(HERE / f"{name}.c"), str(scratch / name)
        output(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", binary, source])


def working(modes: Sequence[Mode]) -> Iterator[Mode]:
    """The modes that can run `true`; says on stderr why each other one is left out."""
    for mode in modes:
        try:
            output([*mode.prefix, "true"])
        except BenchFailed as why:
            print(f"left out: {mode.name}: {why}", file=sys.stderr)
        else:
            yield mode


def measure(mode: Mode, scratch: Path, quick: bool) -> dict[str, Sample]:
    """One round of one mode."""
    batches, starts = ("4", "20") if quick else ("10", "50")
    prefix = [*mode.prefix]
    text = output([*prefix, str(scratch / "bench"), batches])
    text += output([*prefix, str(scratch / "spawn"), starts, "/bin/true"])
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for line in text.splitlines():
        name, wall, cpu = line.split()
        found[name].append((float(wall), float(cpu)))
    return {name: Sample(*zip(*pairs, strict=True)) for name, pairs in found.items()}


def best(sample: Sample, clock: str) -> float:
    """A round's figure: disturbances only ever add, so the least batch is nearest."""
    return min(sample.wall if clock == "wall" else sample.cpu)


def summarize(rounds: Sequence[Round], clock: str) -> list[Row]:
    """One row for each call and the modes that made it, bare first within a call."""
    first = rounds[0]
    return [
        _row(rounds, mode, call, clock)
        for call in first["bare"]
        for mode in first
        if call in first[mode]
    ]


def _row(rounds: Sequence[Round], mode: str, call: str, clock: str) -> Row:
    pairs = [
        (best(each[mode][call], clock), best(each["bare"][call], clock))
        for each in rounds
    ]
    return Row(
        call=call,
        mode=mode,
        least=min(here for here, _ in pairs),
        middle=median(here for here, _ in pairs),
        over_least=min(here for here, _ in pairs) - min(bare for _, bare in pairs),
        over=median(here - bare for here, bare in pairs),
        ratio=median(here / bare for here, bare in pairs if bare),
    )


def figure(ns: float, sign: str = "") -> str:
    """A whole number where a digit more says nothing."""
    digits = 1 if abs(ns) < 1000 else 0
    return f"{ns:{sign},.{digits}f}"


def show(rows: Sequence[Row], clock: str) -> None:
    """Print the table."""
    table = Table(title=f"ns per call, {clock} clock")
    table.add_column("call")
    table.add_column("mode")
    for name in ("min", "median", "min over", "over bare", "x bare"):
        table.add_column(name, justify="right")
    for index, row in enumerate(rows):
        new = index == 0 or rows[index - 1].call != row.call
        if new and index:
            table.add_section()
        plain = (figure(row.least), figure(row.middle))
        over = (figure(row.over_least, "+"), figure(row.over, "+"))
        name = row.call if new else ""
        table.add_row(name, row.mode, *plain, *over, f"{row.ratio:.2f}")
    Console(width=None if sys.stdout.isatty() else 96).print(table)


def write_json(path: Path, rounds: Sequence[Round], rows: Sequence[Row]) -> None:
    """Everything measured, and the table, for a machine to compare."""
    raw = [
        {
            mode: {call: asdict(sample) for call, sample in calls.items()}
            for mode, calls in each.items()
        }
        for each in rounds
    ]
    path.write_text(
        json.dumps({"rows": [asdict(row) for row in rows], "rounds": raw}, indent=1)
    )


def chosen(modes: Sequence[Mode], text: str) -> list[Mode]:
    """Bare, and the modes with `text` in their name."""
    return [mode for mode in modes if not mode.prefix or text in mode.name]


def parser(description: str, rounds: int) -> argparse.ArgumentParser:
    """The command line of a benchmark that takes so many rounds."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument(
        "--quick", action="store_true", help=f"2 short rounds, not {rounds}"
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="write all samples")
    made.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    made.add_argument("--rounds", type=int, metavar="N")
    return made


def take_rounds(
    tried: Mapping[str, Callable[[], dict[str, Sample]]], count: int
) -> list[Round]:
    """Measure; every other round goes backwards, so that no mode is always first."""
    rounds: list[Round] = []
    names = [*tried]
    for number in range(count):
        print(f"round {number + 1} of {count}", file=sys.stderr)
        order = names if number % 2 == 0 else names[::-1]
        rounds.append({name: tried[name]() for name in order})
    return rounds


def report(rounds: Sequence[Round], options: argparse.Namespace) -> None:
    """Print the table, and write what was asked for."""
    rows = summarize(rounds, options.clock)
    show(rows, options.clock)
    if options.json:
        write_json(options.json, rounds, rows)


def main() -> int:
    """Build, measure round by round, print."""
    words = parser("What a call costs under pyshim.", ROUNDS)
    words.add_argument("--only", metavar="TEXT", default="", help="these modes")
    options = words.parse_args()
    count = options.rounds or (2 if options.quick else ROUNDS)
    with tempfile.TemporaryDirectory(prefix="pyshim-bench-") as name:
        scratch = Path(name)
        build(scratch)
        modes = working(chosen(all_modes(scratch), options.only))
        tried = {
            mode.name: partial(measure, mode, scratch, options.quick) for mode in modes
        }
        rounds = take_rounds(tried, count)
    report(rounds, options)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
