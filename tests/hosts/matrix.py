"""All hosts, moments and layers, three rounds, as a table.

    python tests/hosts/matrix.py
    python tests/hosts/matrix.py --rounds 1 --only 'python 3.1.*' --moment 'all.*'

A cell is how many calls the hooks were asked about, all rounds together, or what was
wrong and in how many rounds. Exits 1 when something was.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hosts import Host, hosts
from moments import LAYERS, MOMENTS, Moment
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from runs import Outcome, Shown, Stage

AT_ONCE = 2
WIDTH = 160


def told(outcomes: list[Outcome]) -> str:
    """A cell."""
    wrong = Counter(outcome.wrong for outcome in outcomes if outcome.wrong)
    if not wrong:
        return f"{sum(outcome.asked for outcome in outcomes):,}"
    texts = (f"{what} ({count} of {len(outcomes)})" for what, count in wrong.items())
    return f"[red]{escape('; '.join(texts))}[/]"


class Matrix:
    """The runs of one command line."""

    def __init__(self, stage: Stage, moments: list[Moment], rounds: int) -> None:
        self._stage = stage
        self._rounds = rounds
        self._ways = [(moment, layer) for moment in moments for layer in LAYERS]
        self.failed = False

    @property
    def header(self) -> list[str]:
        return ["", *(f"{moment.name}, {layer}" for moment, layer in self._ways)]

    def row(self, host: Host) -> list[str]:
        """One host: its name, and a cell for each way."""
        if host.missing:
            return [host.name, f"not installed: {host.missing}"]
        command = host.built(self._stage.folder)
        bare = self._stage.bare(host, command)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            jobs = [
                [
                    pool.submit(self._run, host, command, *way, bare)
                    for way in self._ways
                ]
                for _ in range(self._rounds)
            ]
            by_round = [
                [job.result() for job in jobs_of_round] for jobs_of_round in jobs
            ]
        return [host.name, *(told(list(each)) for each in zip(*by_round, strict=True))]

    def _run(
        self,
        host: Host,
        command: tuple[str, ...],
        moment: Moment,
        layer: str,
        bare: Shown,
    ) -> Outcome:
        outcome = self._stage.hooked(host, command, moment, layer, bare)
        self.failed = self.failed or bool(outcome.wrong)
        return outcome


def words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=".*", help="hosts, a regular expression")
    parser.add_argument("--moment", default=".*", help="moments, a regular expression")
    return parser.parse_args()


def main() -> int:
    """As the module says."""
    given = words()
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    moments = [each for each in MOMENTS if re.fullmatch(given.moment, each.name)]
    with tempfile.TemporaryDirectory() as folder:
        matrix = Matrix(Stage(Path(folder)), moments, given.rounds)
        table = Table(*matrix.header)
        for host in hosts():
            if re.fullmatch(given.only, host.name):
                console.print(f"{host.name} ...", style="dim")
                table.add_row(*matrix.row(host))
    console.print(table)
    return int(matrix.failed)


if __name__ == "__main__":
    sys.exit(main())
