"""`pyshim coverage`: how much of a command's syscalls pyshim sees, by strace's word."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from pyshim import hookimpl, launch, plugins, strace
from pyshim.calls import Call, Table, table
from pyshim.commands.parser import Parser, add_no_patch
from pyshim.compared import Comparison, Heard, Tally, compare
from pyshim.errors import PyshimError, UsageError
from pyshim.event import Event
from pyshim.plugins import Plugin
from pyshim.programs import find_program
from pyshim.run import FAILED, Run
from pyshim.session import Session, warn_bypass
from pyshim.wants import Wants

_USAGE = "pyshim coverage [OPTIONS] [--] COMMAND [ARGUMENT]..."
_DESCRIPTION = """\
Run COMMAND once, under strace -f and under the shim at the same time, and say for each
syscall how often strace saw it, how often pyshim did, and where the others were made.

  inside CALL            by libc on the way, of a call that pyshim saw
  libc by itself         by libc, in no such call
  ld.so, libNAME.so      by the loader, by a library's own instruction
  a patched site         by libc or ld.so, in no such call, under the full layer
  cut off by the end     anywhere, and its process ended in it
  PROGRAM, without the shim    by a program that bypassed

What ld.so does before the shim's constructor is counted apart, and so is what the shim
does for itself. The command is as slow as strace makes it.
"""
_EPILOG = """\
exit status: the command's own; 125: no strace here, or the command was never seen

examples:
  pyshim coverage -- sort -o sorted file
  pyshim coverage --layer=full -- sort -o sorted file
"""
_SOURCES = 3
"""Places named for a syscall before the rest is only counted."""


def run(argv: list[str]) -> int:
    """Run the command, print the table; ends this process as the command ended."""
    options = _options(argv)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        raise UsageError("coverage: no command given", allowed=_USAGE)
    if not shutil.which("strace"):
        raise PyshimError("coverage: strace is needed to compare with: install it")
    try:
        path = find_program(command[0], os.environ.get("PATH"))
    except OSError as error:
        print(f"pyshim: {command[0]}: {error.strerror}", file=sys.stderr)
        missing = isinstance(error, FileNotFoundError)
        return launch.NOT_FOUND if missing else launch.NOT_EXECUTABLE
    state = Run(options, (), tuple(command), table())
    if warning := warn_bypass(str(path)):
        state.bypassed.append(warning)
        state.told.add(warning)
    with tempfile.TemporaryDirectory(prefix="pyshim-coverage-") as folder:
        outcome, found = _measure(state, Path(folder))
    _report(state, found)
    if not state.failure:
        launch.end_as(outcome)
    state.say(state.failure)
    return FAILED


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        prog="pyshim coverage",
        usage=_USAGE,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("-o", metavar="FILE", help="write the table there, not stderr")
    parser.add_argument("--json", metavar="FILE", help="write it all as an object")
    parser.add_argument(
        "--layer",
        choices=("symbols", "full"),
        default="symbols",
        help="full: also what libc calls by itself, and inline syscalls",
    )
    add_no_patch(parser)
    parser.add_argument(
        "--hot",
        action="store_true",
        help="hear of fwrite, fgetc, pthread_mutex_lock and their like, too, to name "
        "them: so many that some may be dropped",
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parser.set_defaults(timeout=None, out=None, ctl=None)
    options = parser.parse_args(argv)
    # Before the command runs: it may take long, and what can't be kept is lost.
    options.json = _open(options.json, "--json") if options.json else None
    options.out = _open(options.o, "-o") if options.o else None
    return options


def _open(path: str, option: str) -> TextIO:
    try:
        return open(path, "w", errors="surrogateescape")
    except OSError as error:
        raise UsageError(f"{option} {path}: {error.strerror}") from None


class _Listener:
    """The plugin: hears of every call that can hold a syscall."""

    def __init__(self) -> None:
        self.heard = Heard()

    @hookimpl
    def pyshim_event(self, event: Event) -> None:
        """Keep it."""
        self.heard.note(event)


def _wanted(known: Table, options: argparse.Namespace) -> frozenset[Call]:
    """All that -e trace=all names, and of the hot ones what may make a syscall.

    The full layer sees a hot one's syscall by itself, once it is wanted: a futex.
    """
    calls = {each for each in known.reachable if each.hot and not each.jump}
    inner = {each for each in calls if "composite" in each.sets}
    wanted = known.select("all") | (inner if options.hot else set())
    return wanted | (calls - inner if options.layer == "full" else set())


def _measure(state: Run, folder: Path) -> tuple[launch.Outcome, Comparison]:
    listener = _Listener()
    manager = plugins.manager([Plugin("coverage", listener, "pyshim")])
    wants = Wants(
        logged=_wanted(state.table, state.options),
        full=state.options.layer == "full",
        patched=state.options.patched,
    )

    def through(settings: Mapping[str, str]) -> list[str]:
        given = [word for pair in settings.items() for word in ("-E", "=".join(pair))]
        log = ("-o", str(folder / "log"))
        return ["strace", *strace.OPTIONS, *log, *given, "--", *state.argv]

    outcome = Session(state, manager, wants, through).execute()
    return outcome, compare(strace.read(folder), listener.heard)


# -- the table ---------------------------------------------------------------------


def _report(state: Run, found: Comparison) -> None:
    out = state.options.out or state.stderr
    print("\n".join(_lines(found)), file=out, flush=True)
    if state.options.json:
        json.dump(_object(state, found), state.options.json, indent=1)
        print(file=state.options.json, flush=True)


def _lines(found: Comparison) -> list[str]:
    """Of the syscalls, those first that were missed most often."""
    rows = sorted(
        found.syscalls.items(), key=lambda row: (-row[1].missed.total(), row[0])
    )
    total = found.total
    lines = [f"{'syscall':24} {'strace':>8} {'pyshim':>8} {'missed':>8}  from"]
    lines += [_row(name, tally) for name, tally in rows]
    lines += [_row("total", Tally(total.seen), total.missed.total())]
    lines += [f"seen: {percentage(total)} of {total.total}"]
    apart = {
        "before the constructor, by ld.so": found.before,
        "by the shim for itself": found.ours,
        "seen by pyshim, and answered without the kernel": found.answered,
        "seen by pyshim alone": found.extra,
    }
    return lines + [f"{what}: {_named(names)}" for what, names in apart.items()]


def _row(name: str, tally: Tally, missed: int | None = None) -> str:
    count = tally.missed.total() if missed is None else missed
    numbers = f"{tally.seen + count:8} {tally.seen:8} {count:8}"
    return f"{name:24} {numbers}  {_sources(tally.missed)}".rstrip()


def _sources(missed: Mapping[str, int]) -> str:
    ranked = sorted(missed.items(), key=lambda each: (-each[1], each[0]))
    shown = [f"{source} {count}" for source, count in ranked[:_SOURCES]]
    rest = sum(count for _, count in ranked[_SOURCES:])
    return ", ".join([*shown, *([f"elsewhere {rest}"] if rest else [])])


def _named(names: Mapping[str, int]) -> str:
    if not names:
        return "0"
    each = ", ".join(f"{name} {count}" for name, count in sorted(names.items()))
    return f"{sum(names.values())} ({each})"


def percentage(tally: Tally) -> str:
    """How much was seen: 100 only when nothing is missing."""
    if not tally.total:
        return "nothing"
    share = 100 * tally.seen / tally.total
    return f"{min(share, 99.9) if tally.missed else share:.1f} %"


def _object(state: Run, found: Comparison) -> dict[str, object]:
    total = found.total
    coverage = state.coverage
    return {
        "command": state.argv,
        "coverage": dataclasses.asdict(coverage) if coverage else None,
        "dropped": state.dropped,
        "strace": total.total,
        "pyshim": total.seen,
        "missed": dict(total.missed.most_common()),
        "syscalls": {
            name: {
                "strace": tally.total,
                "pyshim": tally.seen,
                "missed": dict(tally.missed.most_common()),
            }
            for name, tally in sorted(found.syscalls.items())
        },
        "before": dict(found.before),
        "shim": dict(found.ours),
        "answered": dict(found.answered),
        "extra": dict(found.extra),
    }
