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
        description="List the libc functions that a set names, as -e trace= takes it; "
        "without a set, all that can be named.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("set", nargs="?", metavar="SET")
    parser.add_argument("--count", action="store_true", help="print only how many")
    parser.add_argument("--json", action="store_true", help="a list of objects")
    options = parser.parse_args(argv)
    known = table()
    chosen = known.select(options.set) if options.set else known.reachable
    calls = sorted(chosen, key=lambda call: call.id)
    if options.count:
        print(len(calls))
    elif options.json:
        print(json.dumps([_object(call) for call in calls], indent=1))
    else:
        for call in calls:
            print(f"{call.name:24} {call.syscall:20} {_sets(call)}".rstrip())
    return 0


def _sets(call: Call) -> str:
    sets = " ".join("%" + each for each in sorted(call.sets))
    return f"{sets} (by name only)" if call.hot else sets


def _object(call: Call) -> dict[str, object]:
    return {
        "name": call.name,
        "syscall": call.syscall,
        "sets": sorted(call.sets),
        "errnos": sorted(call.errnos),
        "params": [param.name for param in call.params],
    }
