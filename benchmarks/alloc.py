"""What an allocation costs under a rule that never fires, a budget and a log.

`python benchmarks/alloc.py [--quick] [--rounds N] [--clock cpu] [--json FILE]`. It is
measured, and read, as in run.py. The goal for `rule` is 15 ns over bare.
"""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from run import (
    HERE,
    BenchFailed,
    Sample,
    all_modes,
    output,
    parser,
    report,
    take_rounds,
)

ROUNDS = 20
LIBRARIES = Path("/usr/lib/x86_64-linux-gnu")
ALLOCATORS = {
    "": "",
    "jemalloc": str(LIBRARIES / "libjemalloc.so.2"),
    "tcmalloc": str(LIBRARIES / "libtcmalloc_minimal.so.4"),
}


def modes(scratch: Path) -> dict[str, tuple[str, ...]]:
    """What is put in front of the program's command line; bare comes first."""
    prefixes = {mode.name: mode.prefix for mode in all_modes(scratch)}
    symbols = (prefixes["pyshim idle"][0], "--layer=symbols")
    return {
        "bare": (),
        "idle": (*symbols, "-e", "inject=pvalloc:error=ENOMEM:p=0"),
        "rule": (*symbols, "-e", "inject=malloc,calloc,strdup:error=ENOMEM:p=0"),
        "budget": (*symbols, "-e", "inject=%alloc:budget=1GiB"),
        "log": (*symbols, "-e", "trace=malloc", "-o", str(scratch / "calls.log")),
    }


def measure(prefix: Sequence[str], program: Path, quick: bool) -> dict[str, Sample]:
    """One round of one mode."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    command = [*prefix, str(program), "4" if quick else "10"]
    for line in output(command).splitlines():
        name, wall, cpu = line.split("\t")
        found[name].append((float(wall), float(cpu)))
    return {name: Sample(*zip(*pairs, strict=True)) for name, pairs in found.items()}


def with_allocators(
    prefixes: Mapping[str, Sequence[str]], program: Path
) -> dict[str, tuple[Sequence[str], Path]]:
    """For the other allocators there is one bare and one rule more, of a program linked
    to them: `over bare` counts from glibc's, so look at the difference of the two."""
    found = {name: (prefix, program) for name, prefix in prefixes.items()}
    for name, library in ALLOCATORS.items():
        if not library or not Path(library).exists():
            continue
        linked = program.with_name(f"alloc-{name}")
        build(linked, "-Wl,--no-as-needed", library)
        for mode in ("bare", "rule"):
            found[f"{mode}, {name}"] = (prefixes[mode], linked)
    return found


def build(program: Path, *flags: str) -> None:
    """Compile alloc.c; nothing is known of malloc, or it would be left out."""
    source = str(HERE / "alloc.c")
    options = ("-O2", "-fno-builtin", "-pthread", "-Wall", "-Wextra", "-Werror")
    output(["gcc", *options, "-o", str(program), source, *flags])


def main() -> int:
    """Build, measure round by round, print."""
    options = parser("What an allocation costs under pyshim.", ROUNDS).parse_args()
    count = options.rounds or (2 if options.quick else ROUNDS)
    with tempfile.TemporaryDirectory(prefix="pyshim-bench-") as name:
        program = Path(name) / "alloc"
        build(program)
        tried = {
            mode: partial(measure, prefix, which, options.quick)
            for mode, (prefix, which) in with_allocators(
                modes(Path(name)), program
            ).items()
        }
        try:
            rounds = take_rounds(tried, count)
        except BenchFailed as why:
            print(f"alloc.py: {why}", file=sys.stderr)
            return 1
    report(rounds, options)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
