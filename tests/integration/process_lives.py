"""What process hooks were told, and what strace says they should have been."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from reports import Done

Hooked = Callable[..., Done]
LAYERS = ("symbols", "full")
PLUGIN = """
def tell(process):
    values = (process.name, process.pid, process.parent, process.program, process.argv,
              process.environ, process.status)
    out = os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(out, ascii(values).encode() + b"\\n")
    os.close(out)

@hookimpl
def pyshim_process_start(process):
    tell(process)

@hookimpl
def pyshim_process_fork(process):
    tell(process)

@hookimpl
def pyshim_process_exec(process):
    tell(process)

@hookimpl
def pyshim_process_exit(process):
    tell(process)
"""
"""Writes down everything; `{log}` is where to."""


@dataclass(frozen=True, slots=True)
class Told:
    """One call of a process hook."""

    name: str
    pid: int
    parent: int
    program: str | None
    argv: list[str] | None
    environ: dict[str, str] | None
    status: int | None

    @property
    def brief(self) -> str:
        """`exec sh`, `exit 3`: what is the same in each run."""
        if self.name == "exec":
            return f"exec {Path(self.program or '?').name}"
        return f"exit {self.status}" if self.name == "exit" else self.name


def told(log: Path) -> list[Told]:
    """What the plugin wrote there, in its order."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [Told(*ast.literal_eval(line)) for line in lines]


def lives(all_told: Iterable[Told]) -> Counter[tuple[str, ...]]:
    """What each process was told in its life; how many had such a life."""
    found: dict[int, list[str]] = {}
    for each in all_told:
        found.setdefault(each.pid, []).append(each.brief)
    return Counter(tuple(life) for life in found.values())


# -- the oracle --------------------------------------------------------------------

_MADE = re.compile(r"^(?:clone3?|v?fork)\((.*)\) = (\d+)$")
_EXEC = re.compile(r'^execve(?:at)?\([^"]*"([^"]*)".*\) = 0$')
_EXIT = re.compile(r"^exit_group\((\d+)\)")


def lives_by_strace(folder: Path, command: Sequence[str]) -> Counter[tuple[str, ...]]:
    """The same of a bare run. A child of vfork begins with its program's start."""
    strace = ["strace", "-qq", "-ff", "-e", "trace=process", "-e", "signal=none"]
    out = str(folder / "strace")
    subprocess.run(
        [*strace, "-o", out, *command],
        cwd=folder,
        check=False,
        timeout=60,
        capture_output=True,
    )
    files = {int(each.suffix[1:]): each for each in folder.glob("strace.*")}
    lines = {pid: each.read_text().splitlines() for pid, each in files.items()}
    flags = {
        int(made[2]): line
        for each in lines.values()
        for line in each
        if (made := _MADE.match(line))
    }
    return Counter(
        tuple(_life(flags.get(pid), lines[pid]))
        for pid in lines
        if "CLONE_THREAD" not in flags.get(pid, "")
    ) - Counter({(): len(lines)})


def _life(made: str | None, lines: Iterable[str]) -> Iterable[str]:
    """`made`: the line by which the process was made, None of the first one."""
    own = made is not None and not re.search("CLONE_VM|^vfork", made)
    if own:
        yield "fork"
    for line in lines:
        if found := _EXEC.match(line):
            if own:
                yield f"exec {Path(found[1]).name}"
            yield "start"
            own = True
        elif own and (found := _EXIT.match(line)):
            yield f"exit {found[1]}"
