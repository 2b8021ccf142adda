"""`pyshim check`: can the shim be under these programs, and why not."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from pathlib import Path

from pyshim import elf
from pyshim.calls import table
from pyshim.commands.parser import Parser
from pyshim.elf import Report, Verdict
from pyshim.errors import PyshimError

_DESCRIPTION = """\
Say of each PROGRAM how much of it pyshim can see:

  interposable  its libc calls go through the shim
  partial       some of them do
  bypass        none: pyshim would run it and see nothing

PROGRAM is a path, or a name to be looked up on PATH. Nothing is run.
"""

_EPILOG = """\
exit status: 0 no bypass, 1 a bypass among them, 125 a PROGRAM can't be read

example:
  $ pyshim check git /sbin/ldconfig
  interposable  /usr/bin/git  dynamic, imports 70 wrapped calls
  bypass        /sbin/ldconfig  static-pie: no PT_INTERP
"""


def run(argv: list[str]) -> int:
    """Report on every program that can be read; the first error comes after them."""
    options = _parser().parse_args(argv)
    calls = table().reachable
    wrapped = frozenset(call.name for call in calls if not call.allocates)
    reports, errors = [], []
    for name in options.programs:
        try:
            reports.append(elf.inspect(_locate(name), wrapped))
        except PyshimError as error:
            errors.append(str(error))
    _show(reports, options.json)
    if errors:
        raise PyshimError("; ".join(errors))
    return int(any(each.verdict is Verdict.BYPASS for each in reports))


def _parser() -> Parser:
    parser = Parser(
        prog="pyshim check",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="a JSON list of objects")
    parser.add_argument("programs", nargs="+", metavar="PROGRAM")
    return parser


def _locate(name: str) -> str:
    if "/" in name:
        return name
    try:
        return str(elf.find_program(name, os.environ.get("PATH")))
    except PermissionError:
        raise PyshimError(f"{name}: found on PATH, but not executable") from None
    except FileNotFoundError:
        hint = f"./{name}" if Path(name).exists() else ""
        raise PyshimError(f"{name}: not found on PATH", nearest=hint) from None


def _show(reports: list[Report], as_json: bool) -> None:
    if as_json:
        print(json.dumps([dataclasses.asdict(each) for each in reports], indent=2))
        return
    for report in reports:
        print(_line(report))


def _line(report: Report) -> str:
    count = len(report.imports)
    calls = f", imports {count} wrapped call{'s'[: count != 1]}" if count else ""
    reasons = f": {'; '.join(report.reasons)}" if report.reasons else ""
    return f"{report.verdict:<12}  {report.path}  {report.kind}{calls}{reasons}"
