"""The words of a failure: which rule hit what, and who had made that call."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyshim.hit_record import Hit
    from pyshim.testing.result import Result

_MOST = 10
_TAIL = 5
_SECONDS = 10
"""After which addr2line is given up."""


def report(result: Result) -> str:
    """Several lines: the command, how it ended, its hits, what it said at last."""
    lines = [f"command: {' '.join(result.command)}", f"ended: {_ended(result)}"]
    lines += (f"rule: {rule}" for rule in result.rules)
    lines += told(result.hits, result.modules)
    if result.hits and (line := python_line(result.hits[-1].errno, result.stderr)):
        lines.append(f"hit: seen by Python at {line}")
    lines += (f"call: {text}" for text in result.last)
    lines += (f"stderr: {line}" for line in result.stderr.splitlines()[-_TAIL:])
    return "\n".join([*lines, result.coverage])


def _ended(result: Result) -> str:
    if result.signal is not None:
        return f"by signal {getattr(result.signal, 'name', result.signal)}"
    return "timed out" if result.status is None else f"status {result.status}"


def told(hits: Sequence[Hit], modules: Mapping[str, str]) -> Iterator[str]:
    """A line for each hit; one for several at the same place."""
    for number, (_, group) in enumerate(groupby(hits, key=_place)):
        if number == _MOST:
            yield "hit: and more at other places"
            return
        first, *more = group
        again = f", and {len(more)} times more there" if more else ""
        yield f"hit: {describe(first, modules)}{again}"


def _place(hit: Hit) -> tuple[object, ...]:
    return hit.call, hit.site, hit.errno, hit.process, hit.thread


def describe(hit: Hit, modules: Mapping[str, str]) -> str:
    """`write = -1 EIO (call 3) in save at copy.c:12 [copy+0x11ed], process 1 copy`."""
    count = f" (call {hit.count})" if hit.count is not None else f" (hit {hit.nth})"
    error = f" {hit.errno}" if hit.errno else ""
    label = f" {hit.label}" if hit.label else ""
    where = _where(hit, modules)
    process = f", process {hit.process} {hit.program}" if hit.program else ""
    result = "?" if hit.result is None else hit.result
    return f"{hit.call} = {result}{error}{count}{label}{where}{process}"


def _where(hit: Hit, modules: Mapping[str, str]) -> str:
    if hit.site is None:
        return " at a place in no file"
    name, _, offset = hit.site.rpartition("+")
    line = source_line(modules.get(name, ""), int(offset, 16) - 1)
    function = f" in {hit.function}" if hit.function else ""
    return f"{function}{f' at {line}' if line else ''} [{hit.site}]"


@cache
def source_line(module: str, offset: int) -> str:
    """`copy.c:12`, where addr2line is installed and there is debug information."""
    tool = shutil.which("addr2line")
    if not (tool and module):
        return ""
    try:
        done = subprocess.run(
            [tool, "-e", module, hex(offset)],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    line = done.stdout.partition(" (")[0].strip()
    return "" if line.startswith("??") or line.endswith(("?", ":0")) else line


_FRAME = re.compile(r'^\s+File "([^"]+)", line (\d+)', re.M)


def python_line(error: str, stderr: str) -> str:
    """`app.py:7`, when a Python program died of this very error and said where."""
    number = getattr(errno, error, 0) if error else 0
    if not number or "Traceback (most recent call last):" not in stderr:
        return ""
    frames = _FRAME.findall(stderr)
    if not frames or os.strerror(number) not in stderr.rstrip().rpartition("\n")[2]:
        return ""
    file, line = frames[-1]
    return f"{file}:{line}"
