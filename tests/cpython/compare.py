"""CPython's own tests, bare and under pyshim: does each end in the same way?

`python tests/cpython/compare.py [--python PATH] [--modules os,posix,...]`. Every
module runs in a process of its own, once in each mode: bare, under pyshim with no
plugin, and under a log of everything, by symbols and under the full layer. What ends
otherwise than bare is repeated alone.
docs/cpython.md has the results.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from choice import ALL, PART, QUICK, Module, everything, modules
from modes import MODES, USUAL, NotAsMeant, Run, Runner
from outcomes import Comparison, Outcome, compare
from rich.console import Console
from rich.table import Table

SHOWN = 30
"""Odd tests of one module that are named: a shim that is broken breaks them all."""
NOT_RUN = "-"
"""In place of seconds: the module was not run in that mode."""
FIND = """
import json, sys, test.support
print(json.dumps([sys.executable, test.__path__[0], sys.version.split()[0]]))
"""


class NoTests(Exception):
    """The Python has no `test` package; Debian has it in libpython3-testsuite."""


@dataclass(frozen=True, slots=True)
class Result:
    """One module: the comparison, and the runs it is of."""

    comparison: Comparison
    runs: dict[str, Run]

    def __str__(self) -> str:
        """The line shown when the module is done."""
        times = [f"{mode} {run.seconds:.1f} s" for mode, run in self.runs.items()]
        found = self.comparison
        words = [f"{len(found.tests)} tests", f"{found.same} same"]
        words += [f"{len(found.flaky)} flaky"] if found.flaky else []
        words += [f"{len(found.differing)} DIFFER"] if found.differing else []
        return f"{found.module}: {', '.join(words)} ({', '.join(times)})"


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter, by its full path, and where its tests are."""

    executable: str
    tests: str
    version: str


def look_up(python: str) -> Python:
    """What there is to know about it; NoTests if it has no tests."""
    done = subprocess.run(
        [python, "-c", FIND], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise NoTests(f"{python} has no test package: {last}")
    return Python(*json.loads(done.stdout))


def run(runner: Runner, module: Module, modes: Sequence[str]) -> Result:
    """One module in these modes, and what is odd again."""
    fit = [mode for mode in modes if module.full or MODES[mode].layer != "full"]
    runs = {mode: runner.run(mode, module) for mode in fit}
    shimmed = {mode: done.outcomes for mode, done in runs.items() if mode != "bare"}

    def alone(mode: str, test: str) -> Outcome:
        print(f"  {mode}, alone: {test}", flush=True)
        return runner.alone(mode, module, test)

    found = compare(module.title, runs["bare"].outcomes, shimmed, alone)
    return Result(found, runs)


def run_all(
    runner: Runner, chosen: Sequence[Module], args: argparse.Namespace
) -> Iterator[Result]:
    """In order; each is shown when it is done. Leaves no process behind."""
    with ThreadPoolExecutor(args.jobs) as pool:
        try:
            for result in pool.map(lambda each: run(runner, each, args.modes), chosen):
                show(result)
                yield result
        except BaseException:
            runner.stop.set()
            pool.shutdown(cancel_futures=True)
            raise


def show(result: Result) -> None:
    """The line of a module, and lines for what pyshim said and for what was odd."""
    print(result)
    for line in said(result):
        print(f"  {line}")
    odd = result.comparison.odd
    for each in odd[:SHOWN]:
        print(f"  {each}")
        if each.differs and each.detail:
            print("    | " + each.detail.strip().replace("\n", "\n    | "))
    if len(odd) > SHOWN:
        print(f"  ... and {len(odd) - SHOWN} more")
    sys.stdout.flush()


def columns(result: Result, modes: Sequence[str]) -> list[str]:
    """The module's row of the table."""
    found = result.comparison
    counts = (len(found.tests), found.same, len(found.flaky), len(found.differing))
    runs = [result.runs.get(mode) for mode in modes]
    seconds = [f"{each.seconds:.0f}" if each else NOT_RUN for each in runs]
    return [found.module, *map(str, counts), *seconds]


def table(results: Sequence[Result], modes: Sequence[str]) -> Table:
    """One row a module, and their sum."""
    heads = ["tests", "same", "flaky", "differs", *(f"{mode} s" for mode in modes)]
    made = Table("module", box=None)
    for head in heads:
        made.add_column(head, justify="right")
    rows = [columns(each, modes) for each in results]
    for row in rows:
        made.add_row(*row)
    _, *counted = zip(*rows, strict=True)
    sums = [sum(int(each) for each in column if each != NOT_RUN) for column in counted]
    made.add_row("all", *map(str, sums), style="bold")
    return made


def said(result: Result) -> Iterator[str]:
    """What pyshim reported at the ends of the module's runs."""
    for mode, done in result.runs.items():
        for line in dict.fromkeys(done.said):
            yield f"{mode}: {line}"


def _modes(text: str) -> tuple[str, ...]:
    """In the usual order, whatever the one given; bare is what all are held against."""
    names = {"bare", *text.split(",")}
    if unknown := names - set(MODES):
        raise argparse.ArgumentTypeError(f"no mode {', '.join(sorted(unknown))}")
    return tuple(mode for mode in MODES if mode in names)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--python",
        default=getattr(sys, "_base_executable", sys.executable),
        help="whose tests to run (default: the one this environment was made from)",
    )
    parser.add_argument(
        "--modules",
        type=lambda text: tuple(text.split(",")),
        default=ALL,
        metavar="NAME,...",
        help="os, asyncio, asyncio.test_locks, multiprocessing_*, ./my_tests.py",
    )
    parser.add_argument(
        "--modes",
        type=_modes,
        default=USUAL,
        metavar="MODE,...",
        help=f"of {', '.join(MODES)} (default: {', '.join(USUAL)}); bare always is",
    )
    parser.add_argument(
        "--part", action="store_true", help="the five minutes that are in `make test`"
    )
    parser.add_argument("--jobs", type=int, default=1, help="modules at a time")
    parser.add_argument(
        "--timeout",
        type=float,
        default=180,
        metavar="S",
        help="seconds after which a test is taken to hang (default 180)",
    )
    return parser.parse_args()


def main() -> int:
    """0 if no test differs, 1 if one does, 2 if they could not be run."""
    args = arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        python = look_up(args.python)
        choice = PART if args.part else everything(args.modules)
        full = QUICK if args.part else args.modules
        chosen = modules(Path(python.tests), choice, full)
    except (NoTests, LookupError, OSError) as why:
        print(f"compare: {why}", file=sys.stderr)
        return 2
    print(f"CPython {python.version}, {len(chosen)} modules", flush=True)
    with tempfile.TemporaryDirectory("", "cpython-", None, True) as name:
        runner = Runner(python.executable, Path(name), args.timeout)
        try:
            runner.prepare(args.modes)
            results = list(run_all(runner, chosen, args))
        except (NotAsMeant, subprocess.TimeoutExpired, KeyboardInterrupt) as why:
            print(f"compare: {str(why) or 'interrupted'}", file=sys.stderr)
            return 2
    Console(width=120).print(table(results, args.modes))
    return 1 if any(each.comparison.differing for each in results) else 0


if __name__ == "__main__":
    sys.exit(main())
