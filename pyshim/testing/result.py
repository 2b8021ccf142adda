"""What a test gets of a program that ran under the shim."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pyshim.hit_record import Hit
from pyshim.testing.files import Files, files
from pyshim.testing.report import report


@dataclass(frozen=True, slots=True)
class MadeCall:
    """One call that the program made."""

    name: str
    """The libc function, or the syscall where no function made it."""
    syscall: str
    text: str
    """As strace would write it: `write(1, "x", 1) = 1`."""
    args: Mapping[str, int]
    """By the man page's names, signed 64-bit; pointers are numbers."""
    result: int
    errno: str
    """By name; "" when it did not fail."""
    process: str
    """"1" is the command, "1.2" its second child."""
    thread: int

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Result:
    """How a program ended under the shim, and what was seen of it."""

    command: tuple[str, ...]
    rules: tuple[str, ...]
    status: int | None
    """Its exit status; None when a signal ended it."""
    signal: int | None
    """The signal that ended it, a signal.Signals where it has a name."""
    stdout_bytes: bytes
    stderr_bytes: bytes
    """The program's alone: pyshim's lines are in `said`."""
    hits: tuple[Hit, ...]
    """Each time a rule fired, in order; the first 100,000."""
    coverage: str
    """How many of its processes were seen; "" when pyshim did not come to say it."""
    said: tuple[str, ...]
    """What pyshim said: its report, line by line."""
    modules: Mapping[str, str] = field(repr=False)
    """The files that hits were in, by the name that `Hit.site` has."""
    lines: Sequence[str] = field(repr=False)
    """What watch.py wrote of calls and processes."""
    last: tuple[str, ...] = field(repr=False)
    """The last calls of all, as text."""
    left_out: int
    """Calls that are not in `calls` and `files`: the first 100,000 are."""
    cwd: str = field(repr=False)

    @property
    def stdout(self) -> str:
        """As text; what is no UTF-8 becomes surrogates."""
        return self.stdout_bytes.decode(errors="surrogateescape")

    @property
    def stderr(self) -> str:
        """As text; what is no UTF-8 becomes surrogates."""
        return self.stderr_bytes.decode(errors="surrogateescape")

    @cached_property
    def calls(self) -> tuple[MadeCall, ...]:
        """Those that `trace=` named, of all processes, in the order of completion."""
        starts = (line for line in self._parsed if "start" in line)
        told = {line["start"]: line["process"] for line in starts}
        return tuple(_call(line, told) for line in self._parsed if "call" in line)

    @cached_property
    def files(self) -> Files:
        """What those calls did to files."""
        return files(self._parsed, self.cwd)

    @cached_property
    def _parsed(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    def __str__(self) -> str:
        return report(self)


def _call(line: Mapping[str, Any], told: Mapping[int, str]) -> MadeCall:
    """Of a vfork's child it becomes known later, who it is."""
    process = line["process"]
    return MadeCall(
        name=line["call"],
        syscall=line["syscall"],
        text=line["text"],
        args=line["args"],
        result=line["result"],
        errno=line["errno"],
        process=told.get(line["pid"], process) if process[0] == "?" else process,
        thread=line["thread"],
    )


class TimedOut(subprocess.TimeoutExpired):
    """The program was ended: it took longer than `timeout=`. Nothing of it runs on."""

    def __init__(self, result: Result, seconds: float) -> None:
        super().__init__(
            result.command, seconds, result.stdout_bytes, result.stderr_bytes
        )
        self.result = result
        """What was seen until then."""

    def __str__(self) -> str:
        last = "; its last calls: " + ", ".join(self.result.last)
        seconds, command = self.timeout, " ".join(self.result.command)
        return f"{command}: ended after {seconds} s{last if self.result.last else ''}"


class NeverHit(AssertionError):
    """A rule never fired, so the test proves nothing; `require_hit=False` allows it."""

    def __init__(self, result: Result, rules: Sequence[str]) -> None:
        super().__init__(
            f"never fired: {', '.join(rules)}; the test would prove nothing "
            "(require_hit=False allows it)"
        )
        self.result = result
