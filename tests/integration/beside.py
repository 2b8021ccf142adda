"""Runs of one command line beside each other: bare, and in some modes.

All of them have to show the same: stdout, stderr, status, signal, and the files they
leave in their folder.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from shimmed import BY_SYMBOLS, TRIVIAL, Done, ours, run, without_ours
from test_targets import MODES, REPORT

Change = Callable[[bytes], bytes]
WAYS = {
    "bare": (),
    "idle": (*BY_SYMBOLS, *MODES["idle"], "--"),
    "all": (*BY_SYMBOLS, *MODES["ubsan"], "--"),
    "python": (*BY_SYMBOLS, *MODES["python"], "--"),
}
"""In `all` each call is logged, and looked at by rules and maps that never match."""
IN_C = ("idle", "all")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a run showed, and what was in its folder afterwards: mode and content."""

    done: Done
    files: Mapping[str, tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Beside:
    """Several runs of a command that showed the same."""

    bare: Seen
    log: str
    """What was logged in the mode `all`."""

    @property
    def lines(self) -> list[str]:
        """The output of the program."""
        return self.bare.done.stdout.decode().splitlines()

    def logged(self, what: str) -> int:
        """How many lines of the log have this regular expression in them."""
        return sum(bool(re.search(what, line)) for line in self.log.splitlines())


def beside(
    tmp: Path,
    *command: str,
    modes: Sequence[str] = IN_C,
    env: Mapping[str, str] = {},
    expected: str = REPORT,
    hide: Change = bytes,
) -> Beside:
    """Run it bare and in these modes, each in a new folder, and compare.

    `expected` is a regular expression of what pyshim may say; `hide` changes output
    that differs from run to run, or from folder to folder.
    """
    tmp.mkdir(exist_ok=True)
    (tmp / "trivial.py").write_text(TRIVIAL)

    def once(mode: str) -> tuple[Seen, list[str]]:
        folder = tmp / mode
        (folder / "work").mkdir(parents=True)
        prefix = [word.format(tmp=folder) for word in WAYS[mode]]
        done = run([*prefix, *command], cwd=folder / "work", env=os.environ | env)
        shown = without_ours(done)
        shown = Done(shown.status, hide(shown.stdout), hide(shown.stderr))
        return Seen(shown, _files(folder / "work")), ours(done)

    with ThreadPoolExecutor(2) as pool:
        bare, *shimmed = pool.map(once, ("bare", *modes))
    for mode, (seen, said) in zip(modes, shimmed, strict=True):
        known = f"pyshim: ({REPORT}|{expected})"
        assert (mode, seen) == (mode, bare[0])
        assert [each for each in said if not re.fullmatch(known, each)] == []
    log = tmp / "all" / "log"
    return Beside(bare[0], log.read_text() if log.exists() else "")


def _files(folder: Path) -> dict[str, tuple[str, bytes]]:
    found = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        content = path.read_bytes() if stat.S_ISREG(mode) else b""
        found[str(path.relative_to(folder))] = (stat.filemode(mode), content)
    return found
