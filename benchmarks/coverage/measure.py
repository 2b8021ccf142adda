"""One command, measured: how much of it is seen, and whether it is as it is bare."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobs import Job
from stage import PYSHIM, Failed, Seen, Stage

MORE = 4
"""Bare runs more, where the logged one differs: some programs vary seldom."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What `pyshim coverage` found, in syscalls."""

    strace: int
    """What strace saw after the shim's constructor."""
    pyshim: int
    before: int
    missed: dict[str, int]
    """By `SYSCALL, WHERE`."""
    extra: dict[str, int]
    """By name: an event, and no syscall."""
    dropped: int
    line: str
    """The run's own line on its processes."""

    @property
    def share(self) -> float:
        """Percent."""
        return 100 * self.pyshim / self.strace if self.strace else 100.0


@dataclass(frozen=True, slots=True)
class Sameness:
    """A run under a log of everything beside bare ones."""

    differences: tuple[str, ...] = ()
    varying: tuple[str, ...] = ()
    """What differs between bare runs, too: not compared."""
    said: tuple[str, ...] = ()
    """What pyshim itself had to say, besides that it saw every process."""


@dataclass(frozen=True, slots=True)
class Row:
    """A command of the table."""

    job: Job
    counted: Counted | None = None
    same: Sameness = field(default_factory=Sameness)
    failure: str = ""
    """Why there are no figures."""


@dataclass(frozen=True, slots=True)
class Measure:
    """How commands are measured."""

    url: str
    """Of a server that has `big`."""
    patched: bool = True
    """Whether libc's own sites may be patched; else each is caught by a SIGSYS."""

    def row(self, job: Job, home: Path) -> Row:
        """All runs of one command, in a new folder. Raises stage.Failed."""
        stage = Stage(home, job, self.url)
        full = ("--layer=full", *([] if self.patched else ["--no-patch"]))
        return Row(job, _counted(stage, full), _sameness(stage, full))


def _counted(stage: Stage, full: Sequence[str]) -> Counted:
    path = stage.home / "found.json"
    table = str(stage.home / "table")
    seen = stage.run(
        *(*PYSHIM, "coverage", *full, "--json", str(path), "-o", table, "--")
    )
    if not path.exists() or not path.stat().st_size:
        raise Failed((seen.stderr.splitlines() or ["no word"])[-1])
    found: dict[str, Any] = json.loads(path.read_text())
    missed = {
        f"{name}, {source}": count
        for name, each in found["syscalls"].items()
        for source, count in each["missed"].items()
    }
    return Counted(
        strace=found["strace"],
        pyshim=found["pyshim"],
        before=sum(found["before"].values()),
        missed=missed,
        extra=found["extra"],
        dropped=found["dropped"],
        line=_said(seen.stderr)[-1],
    )


def _sameness(stage: Stage, full: Sequence[str]) -> Sameness:
    bare = [stage.run(), stage.run()]
    log = str(stage.home / "log")
    logged = stage.run(
        *(*PYSHIM, *full, "--plugin", "log", "-e", "trace=all", "-o", log, "--")
    )
    differing, varying = compare(bare, logged)
    if differing:
        bare += [stage.run() for _ in range(MORE)]
        differing, varying = compare(bare, logged)
    said = [each for each in _said(logged.stderr) if not _all_seen(each)]
    return Sameness(tuple(differing), tuple(varying), tuple(said))


def _said(stderr: str) -> list[str]:
    lines = stderr.splitlines()
    return [each[len("pyshim: ") :] for each in lines if each.startswith("pyshim: ")]


def _all_seen(line: str) -> bool:
    words = line.split()
    return words[0] == "coverage:" and words[1] == words[3] and ";" not in line


def compare(bare: Sequence[Seen], logged: Seen) -> tuple[list[str], list[str]]:
    """What differs from all bare runs alike, and what differs among those."""
    parts = [dict(_parts(each)) for each in (*bare, logged)]
    names = sorted({name for each in parts for name in each})
    differing, varying = [], []
    for name in names:
        *known, shown = (each.get(name) for each in parts)
        if len(set(known)) > 1:
            varying.append(name)
        elif shown != known[0]:
            differing.append(name)
    return differing, varying


def _parts(seen: Seen) -> Iterator[tuple[str, object]]:
    yield "exit status", seen.status
    yield "number of lines", len(seen.stdout)
    for number, line in enumerate(seen.stdout, 1):
        yield f"line {number}", line
    for name, what in seen.files.items():
        yield f"file {name}", what
