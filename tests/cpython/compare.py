"""CPython's own tests, bare and under pyshim: does each end in the same way?

`python tests/cpython/compare.py [--python PATH] [--modules os,posix,...]`. Every
module runs in a process of its own, once in each mode: bare, under pyshim with no
plugin, and under a log of everything. What ends otherwise than bare is repeated alone.
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

from choice import ALL, PART, Module, everything, modules
from modes import MODES, NotAsMeant, Run, Runner
from outcomes import Comparison, Outcome, compare
from rich.console import Console
from rich.table import Table

SHOWN = 30
"""Odd tests of one module that are named: a shim that is broken breaks them all."""
SHIMMED = [mode for mode in MODES if mode != "bare"]
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


def run(runner: Runner, module: Module) -> Result:
    """One module in all modes, and what is odd again."""
    runs = {mode: runner.run(mode, module) for mode in MODES}
    shimmed = {mode: runs[mode].outcomes for mode in SHIMMED}

    def alone(mode: str, test: str) -> Outcome:
        print(f"  {mode}, alone: {test}", flush=True)
        return runner.alone(mode, module, test)

    found = compare(module.title, runs["bare"].outcomes, shimmed, alone)
    return Result(found, runs)


def run_all(runner: Runner, chosen: Sequence[Module], jobs: int) -> Iterator[Result]:
    """In order; each is shown when it is done. Leaves no process behind."""
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for result in pool.map(lambda module: run(runner, module), chosen):
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


def columns(result: Result) -> list[str]:
    """The module's row of the table."""
    found = result.comparison
    counts = (len(found.tests), found.same, len(found.flaky), len(found.differing))
    seconds = [f"{result.runs[mode].seconds:.0f}" for mode in MODES]
    return [found.module, *map(str, counts), *seconds]


def table(results: Sequence[Result]) -> Table:
    """One row a module, and their sum."""
    heads = ["tests", "same", "flaky", "differs", *(f"{mode} s" for mode in MODES)]
    made = Table("module", box=None)
    for head in heads:
        made.add_column(head, justify="right")
    rows = [columns(each) for each in results]
    for row in rows:
        made.add_row(*row)
    sums = [sum(map(int, column)) for column in list(zip(*rows, strict=True))[1:]]
    made.add_row("all", *map(str, sums), style="bold")
    return made


def said(result: Result) -> Iterator[str]:
    """What pyshim reported at the ends of the module's runs."""
    for mode, done in result.runs.items():
        for line in dict.fromkeys(done.said):
            yield f"{mode}: {line}"


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
        chosen = modules(Path(python.tests), choice)
    except (NoTests, LookupError, OSError) as why:
        print(f"compare: {why}", file=sys.stderr)
        return 2
    print(f"CPython {python.version}, {len(chosen)} modules", flush=True)
    with tempfile.TemporaryDirectory("", "cpython-", None, True) as name:
        runner = Runner(python.executable, Path(name), args.timeout)
        try:
            results = list(run_all(runner, chosen, args.jobs))
        except (NotAsMeant, KeyboardInterrupt) as why:
            print(f"compare: {str(why) or 'interrupted'}", file=sys.stderr)
            return 2
    Console(width=120).print(table(results))
    return 1 if any(each.comparison.differing for each in results) else 0


if __name__ == "__main__":
    sys.exit(main())
