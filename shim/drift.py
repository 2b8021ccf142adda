"""Say which functions of a libc can issue a syscall and are not accounted for.

    python shim/drift.py [libc.so.6]

A name is accounted for by a row of the table, by a [[stub]], or by an [[except]] with
its reason. For each that is not: a line with one way to a syscall and all syscalls it
can come to, and status 1. docs/drift.md says more.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tomllib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from drift_code import COMPUTED
from drift_graph import Graph, issuing, reached_by, read_graph, shortest_path
from gen_exports import find_libc
from gen_rows import read_rows

CALLS = Path(__file__).parent / "calls"
HEADERS = ("gcc", "-dM", "-E", "-include", "asm/unistd.h", "-xc", "/dev/null")


@dataclass(frozen=True, slots=True)
class Excepted:
    """Names that are no concern of ours, and why."""

    reason: str
    names: tuple[re.Pattern[str], ...]

    def __contains__(self, name: str) -> bool:
        return any(each.fullmatch(name) for each in self.names)


@dataclass(frozen=True, slots=True)
class Account:
    """What somebody thought about: rows and stubs, and what is neither."""

    known: frozenset[str]
    excepted: tuple[Excepted, ...]

    def __contains__(self, name: str) -> bool:
        return name in self.known or any(name in each for each in self.excepted)


def read_account(folder: Path) -> Account:
    """The table's; the names of an [[except]] are patterns, separated by blanks."""
    raw = tomllib.loads((folder / "exceptions.toml").read_text())
    return Account(
        frozenset(row.name for row in read_rows(folder) if row.exported),
        tuple(
            Excepted(each["reason"], tuple(map(re.compile, each["names"].split())))
            for each in raw["except"]
        ),
    )


def left_over(graph: Graph, account: Account) -> dict[str, int]:
    """Each name@version nobody thought about, and where it starts."""
    return {
        name: at
        for name, at in sorted(issuing(graph).items())
        if name.partition("@")[0] not in account
    }


def syscall_names() -> dict[int, str]:
    """The kernel's names by number, as far as the headers here know them."""
    macros = subprocess.run(HEADERS, check=True, capture_output=True, text=True).stdout
    found = re.findall(r"^#define __NR_(\w+) (\d+)$", macros, re.MULTILINE)
    return {COMPUTED: "a-computed-one", **{int(number): name for name, number in found}}


def lines(graph: Graph, found: dict[str, int]) -> Iterator[str]:
    """What is printed: each name, a way, and the syscalls."""
    numbers = syscall_names() if found else {}
    starts = sorted(graph.names)
    for name, start in found.items():
        way = " > ".join(
            called(graph, starts, at) for at in shortest_path(graph, start)
        )
        syscalls = sorted(
            numbers.get(each, str(each)) for each in reached_by(graph, start)
        )
        yield f"{name}: {way}: {' '.join(syscalls)}"


def called(graph: Graph, starts: list[int], at: int) -> str:
    """A function's name; of a hidden one, that of an exported one before it."""
    near = starts[max(0, bisect_right(starts, at) - 1)]
    name = graph.names[near][0].partition("@")[0]
    return name if near == at else f"{name}+{at - near:#x}"


def main(argv: Iterable[str] | None = None) -> int:
    """Print what is left over; 1 if there is anything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("libc", type=Path, nargs="?", help="default: the one in use")
    parser.add_argument("--count", action="store_true", help="say how many are what")
    options = parser.parse_args(None if argv is None else list(argv))
    graph, account = read_graph(options.libc or find_libc()), read_account(CALLS)
    found = left_over(graph, account)
    if options.count:
        print(count(graph, account))
    for line in lines(graph, found):
        print(line)
    return 1 if found else 0


def count(graph: Graph, account: Account) -> str:
    """A summary, by names, versions put together."""
    names = {name.partition("@")[0] for name in issuing(graph)}
    known = len(names & account.known)
    left = len({name for name in names if name not in account})
    excepted = len(names) - known - left
    return f"{len(names)} names: {known} known, {excepted} excepted, {left} left"


if __name__ == "__main__":
    raise SystemExit(main())
