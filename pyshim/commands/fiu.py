"""`pyshim fiu`: the command line of libfiu's fiu-run, under the shim."""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from pyshim import launch, plugins
from pyshim.arena import Arena
from pyshim.calls import table
from pyshim.commands.parser import Parser
from pyshim.errors import PyshimError, UsageError
from pyshim.fiu.commands import Failures
from pyshim.fiu.fifos import Fifos
from pyshim.fiu.live import Live, rule_of
from pyshim.fiu.points import Point, points
from pyshim.fiu.report import Report
from pyshim.fiu.rules import rules
from pyshim.plugins import Plugin
from pyshim.programs import find_program
from pyshim.run import FAILED, Run
from pyshim.session import Attend, Session, warn_bypass
from pyshim.wants import Wants

_USAGE = "pyshim fiu -x [-c COMMAND]... [-f CTRLPATH] PROGRAM [ARGUMENT]..."
_DESCRIPTION = """\
Run PROGRAM with the failure points of libfiu's POSIX library, by fiu-run's options.

  -c 'enable name=N'                            fail each call of N
  -c 'enable_random name=N,probability=P'       ... with this probability
  -c 'enable_stack_by_name name=N,func_name=F'  ... when F makes it
  -c 'disable name=N'

All enable* take failinfo=ERRNO, by number, and onetime. N may end in *.
What would do less than it says ends with 125, and nothing is run.
"""
_EPILOG = """\
environment: FIU_ENABLE (commands, one a line), FIU_CTRL_FIFO (as -f), FIU_PRNG_SEED

examples:
  pyshim fiu -x -c 'enable name=posix/io/rw/read,failinfo=5' cat /etc/passwd
  pyshim fiu -x -c 'enable_random name=posix/io/*,probability=0.25' ls -l
"""
_GONE = {"l": "there is no library to be found", "e": "use -c 'enable name=...'",
         "p": "use -c 'enable_random ...'", "u": "use failnum=",
         "i": "use failinfo="}  # fmt: skip
"""Options of fiu-run's that are refused."""


def run(argv: list[str]) -> int:
    """Run the program; ends this process as the program ended."""
    options = _options(argv)
    known = table()
    every = points(known)
    if options.points:
        print("\n".join(sorted(_line(each) for each in every)))
        return 0
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        raise UsageError("fiu: no program given", allowed=_USAGE)
    failures = _failures(options, every)
    seed = _seed()
    path = os.environ.get("FIU_CTRL_FIFO", "") if options.f is None else options.f
    attend = None
    made = rules(every, failures, seed)
    if path and not options.dry_run:
        able = [point for point in every if point.calls]
        made = tuple(map(rule_of, able))
        attend = _attending(path, able, failures, seed)
    if options.dry_run:
        print("\n".join(each.text for each in made) or "no failure point is enabled")
        return 0
    state = Run(options, (), tuple(command), known, rules=made)
    return _run(state, attend, _drawn(failures, seed))


def _line(point: Point) -> str:
    names = " ".join(sorted(call.name for call in point.calls))
    return f"{point.name:32} {names or '(not yet)'}"


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        prog="pyshim fiu",
        usage=_USAGE,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("-x", action="store_true", help="the POSIX points; needed")
    parser.add_argument(
        "-c", action="append", default=[], metavar="COMMAND", help="as above"
    )
    parser.add_argument("-f", metavar="CTRLPATH", help="obey fiu-ctrl -f CTRLPATH")
    parser.add_argument(
        "-n",
        action="store_true",
        dest="dry_run",
        help="say what is enabled, run nothing",
    )
    parser.add_argument("--points", action="store_true", help="list the failure points")
    for letter in _GONE:
        parser.add_argument(f"-{letter}", action=_Refused, help=argparse.SUPPRESS)
    parser.add_argument("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parser.set_defaults(timeout=None, ctl=None)
    return parser.parse_args(argv)


class _Refused(argparse.Action):
    """An option of fiu-run's that has no meaning here."""

    def __call__(self, *_: object, **__: object) -> None:
        option = self.option_strings[0]
        raise UsageError(f"fiu: {option} of fiu-run: {_GONE[option[1:]]}")


def _failures(options: argparse.Namespace, every: Sequence[Point]) -> Failures:
    failures = Failures(every)
    lines = os.environ.get("FIU_ENABLE", "").splitlines()
    commands = [*filter(str.strip, lines), *options.c]
    if commands and not options.x:
        raise UsageError(
            "fiu: without -x there are no failure points to be enabled", allowed=_USAGE
        )
    for command in commands:
        failures.obey(command)
    return failures


def _seed() -> int:
    """FIU_PRNG_SEED, or one that was drawn."""
    given = os.environ.get("FIU_PRNG_SEED")
    if given is None:
        return random.SystemRandom().randrange(2**31)
    if not (given.isascii() and given.isdigit() and int(given) < 2**32):
        raise UsageError(f"fiu: bad FIU_PRNG_SEED={given!r}", allowed="0..4294967295")
    return int(given)


def _drawn(failures: Failures, seed: int) -> str:
    """What to set to see the same again, where chance decides anything."""
    return f"fiu: FIU_PRNG_SEED={seed}" if failures.by_chance else ""


def _attending(
    path: str, able: Sequence[Point], failures: Failures, seed: int
) -> Attend:
    """For fiu-ctrl."""
    if failures.by_caller:
        raise UsageError("fiu: -f and enable_stack_by_name exclude each other")

    def attend(arena: Arena, folder: Path) -> Fifos:
        return Fifos(path, arena, Live(able, failures, seed, arena, folder).obey)

    return attend


def _run(state: Run, attend: Attend | None, said: str) -> int:
    try:
        path = find_program(state.argv[0], os.environ.get("PATH"))
    except OSError as error:
        print(f"pyshim: {state.argv[0]}: {error.strerror}", file=sys.stderr)
        missing = isinstance(error, FileNotFoundError)
        return launch.NOT_FOUND if missing else launch.NOT_EXECUTABLE
    if warning := warn_bypass(str(path)):
        raise PyshimError(f"fiu: {warning}: no failure point can be in it")
    if said:
        state.say(said)
    manager = plugins.manager([Plugin("fiu", Report(), "pyshim")])
    wants = Wants(rules=state.rules, program=state.argv[0])
    outcome = Session(state, manager, wants, attend=attend).execute()
    if not state.failure:
        launch.end_as(outcome)
    state.say(state.failure)
    return FAILED
