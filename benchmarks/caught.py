"""What a syscall costs that libc or a program makes by itself, and the shim catches.

`python benchmarks/caught.py [--quick] [--rounds N] [--clock cpu] [--json FILE]`. It is
measured, and read, as in run.py.
"""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from run import (
    HERE,
    NEVER,
    BenchFailed,
    Mode,
    Sample,
    all_modes,
    output,
    parser,
    report,
    take_rounds,
)

ROUNDS = 10
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


def main() -> int:
    """Build, measure round by round, print."""
    options = parser("What a caught syscall costs.", ROUNDS).parse_args()
    count = options.rounds or (2 if options.quick else ROUNDS)
    with tempfile.TemporaryDirectory(prefix="pyshim-bench-") as name:
        program = Path(name) / "caught"
        source = str(HERE / "caught.c")
        output(
            ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(program), source]
        )
        tried = {
            way.mode.name: partial(measure, way, program, options.quick)
            for way in working(ways(Path(name)), program)
        }
        rounds = take_rounds(tried, count)
    report(rounds, options)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
