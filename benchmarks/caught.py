"""What a syscall costs that libc or a program makes by itself, and the shim catches.

`python benchmarks/caught.py [--quick] [--rounds N] [--clock cpu] [--json FILE]`. It is
measured, and read, as in run.py.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from run import (
    HERE,
    NEVER,
    BenchFailed,
    Mode,
    Round,
    Sample,
    all_modes,
    output,
    show,
    summarize,
    write_json,
)

CALLS = "getppid,read"


@dataclass(frozen=True, slots=True)
class Way:
    """How the program is run, and whether it arms itself."""

    mode: Mode
    armed: bool = False

    def command(self, program: Path, batches: str) -> list[str]:
        """The command line."""
        return [*self.mode.prefix, str(program), batches, *["armed"] * self.armed]


def ways(scratch: Path) -> list[Way]:
    """From the cheapest to the dearest."""
    found = {mode.name: mode.prefix for mode in all_modes(scratch)}
    full = (found["pyshim idle"][0], "--layer=full")
    never = ("-e", f"inject=symlink:{NEVER}")
    log = ("-e", f"trace={CALLS}", "-o", str(scratch / "calls.log"))
    modes = {
        "bare": (),
        "armed, allowed": (),
        "patched": (*full, *never),
        "patched, log": (*full, *log),
        "trapped": (*full, "--no-patch", *never),
        "trapped, log": (*full, "--no-patch", *log),
        "strace -f": found["strace -f"],
    }
    return [Way(Mode(name, modes[name]), name.startswith("armed")) for name in modes]


def measure(way: Way, program: Path, quick: bool) -> dict[str, Sample]:
    """One round of one way."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for line in output(way.command(program, "4" if quick else "10")).splitlines():
        name, wall, cpu = line.split("\t")
        found[name].append((float(wall), float(cpu)))
    return {name: Sample(*zip(*pairs, strict=True)) for name, pairs in found.items()}


def working(tried: Sequence[Way], program: Path) -> list[Way]:
    """Those that can be had; says on stderr why each other one is left out."""
    found = []
    for way in tried:
        try:
            measure(way, program, quick=True)
        except BenchFailed as why:
            print(f"left out: {way.mode.name}: {why}", file=sys.stderr)
        else:
            found.append(way)
    return found


def take_rounds(
    tried: Sequence[Way], program: Path, quick: bool, count: int
) -> list[Round]:
    """Measure; every other round goes backwards."""
    rounds: list[Round] = []
    for number in range(count):
        print(f"round {number + 1} of {count}", file=sys.stderr)
        order = tried if number % 2 == 0 else tried[::-1]
        rounds.append({way.mode.name: measure(way, program, quick) for way in order})
    return rounds


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="What a caught syscall costs.")
    parser.add_argument("--quick", action="store_true", help="2 short rounds, not 10")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--rounds", type=int, metavar="N")
    return parser.parse_args()


def main() -> int:
    """Build, measure round by round, print."""
    options = arguments()
    count = options.rounds or (2 if options.quick else 10)
    with tempfile.TemporaryDirectory(prefix="pyshim-bench-") as name:
        program = Path(name) / "caught"
        source = str(HERE / "caught.c")
        output(
            ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(program), source]
        )
        tried = working(ways(Path(name)), program)
        rounds = take_rounds(tried, program, options.quick, count)
    rows = summarize(rounds, options.clock)
    show(rows, options.clock)
    if options.json:
        write_json(options.json, rounds, rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
