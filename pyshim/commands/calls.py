"""`pyshim calls`: what can be wrapped."""

from __future__ import annotations

import argparse
import json

from pyshim.calls import Call, table
from pyshim.commands.parser import Parser

_EPILOG = """\
examples:
  pyshim calls %file
  pyshim calls open,openat
  pyshim calls '!%network'
"""


def run(argv: list[str]) -> int:
    """List the calls a set names, one a line: function, kernel's syscall, sets."""
    parser = Parser(
        prog="pyshim calls",
        description="List the libc functions that a set names, as -e trace= takes it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("set", nargs="?", default="all", metavar="SET")
    parser.add_argument("--count", action="store_true", help="print only how many")
    parser.add_argument("--json", action="store_true", help="a list of objects")
    options = parser.parse_args(argv)
    calls = sorted(table().select(options.set), key=lambda call: call.id)
    if options.count:
        print(len(calls))
    elif options.json:
        print(json.dumps([_object(call) for call in calls], indent=1))
    else:
        for call in calls:
            sets = " ".join("%" + each for each in sorted(call.sets))
            print(f"{call.name:24} {call.syscall:20} {sets}".rstrip())
    return 0


def _object(call: Call) -> dict[str, object]:
    return {
        "name": call.name,
        "syscall": call.syscall,
        "sets": sorted(call.sets),
        "errnos": sorted(call.errnos),
        "params": [param.name for param in call.params],
    }
