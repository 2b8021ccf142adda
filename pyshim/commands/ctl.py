"""`pyshim ctl`: the rules of a run that goes on, seen and switched."""

from __future__ import annotations

import argparse
import json
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyshim import control_socket
from pyshim.commands.parser import Parser
from pyshim.errors import PyshimError, UsageError

_DESCRIPTION = """\
Look at the rules of a run that goes on, and switch those that have a name=:

  list              number, on or off, hits and text of each rule
  on NAME|all       from the next call on; counters go on where they were
  off NAME|all
  reset NAME|all    let when= and times= count anew, in every process
  hits [NAME]       how often it fired; without NAME, of each rule
  wait NAME [COUNT] until it was hit once, or COUNT times, since the run began

A run can be controlled when one of its rules has a name=, or with --ctl PATH.
"""
_EPILOG = """\
exit status: 0 done, 1 the run refused, or ended before what was waited for,
  125 no such run

example:
  $ pyshim -e inject=write:error=ENOSPC:name=full:off ./app &
  $ pyshim ctl on full && pyshim ctl wait full && pyshim ctl off full
"""

_LONGEST = 1e9
"""Seconds: more is no time for select(2)."""


def run(argv: list[str]) -> int:
    """Ask the run; print what it says."""
    options = _parser().parse_args(argv)
    given, question = options.socket, " ".join(options.words)
    path = control_socket.find() if given is None else Path(given)
    with control_socket.connect(path) as link:
        link.settimeout(options.timeout)
        answer = _ask(link, question)
    if "error" in answer:
        print(f"pyshim: ctl: {answer['error']}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(answer))
    else:
        _show(question.split(), answer["rules"])
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog="pyshim ctl",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--socket", metavar="PATH", help="which run, where this user has several"
    )
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=_seconds, help="give up after so long: 1"
    )
    parser.add_argument("--json", action="store_true", help="the run's own answer")
    parser.add_argument("words", nargs="+", metavar="COMMAND")
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < _LONGEST:
        raise argparse.ArgumentTypeError(f"bad time {text!r}; it must be positive")
    return value


def _ask(link: socket.socket, question: str) -> dict[str, Any]:
    """The answer; what happens to the connection is an error, too."""
    if not question.isascii() or "\n" in question:
        raise UsageError(f"ctl: {question!r} is no command", allowed="see --help")
    try:
        link.sendall(question.encode() + b"\n")
        with link.makefile("rb") as lines:
            line = lines.readline()
    except TimeoutError:
        return {"error": "no answer in the time given"}
    except OSError:
        line = b""
    if not line.endswith(b"\n"):
        return {"error": "the run has ended"}
    try:
        return dict(json.loads(line))
    except ValueError as error:
        raise PyshimError("ctl: who answers is no pyshim") from error


def _show(words: Sequence[str], rules: list[dict[str, Any]]) -> None:
    if words[0] == "hits" and len(words) > 1:
        print(sum(rule["hits"] for rule in rules))
    elif words[0] in ("list", "hits"):
        for rule in rules:
            on, name = "on" if rule["on"] else "off", rule["name"] or "-"
            text = (
                f"{rule['number']}  {name:12} {on:3} {rule['hits']:8}  {rule['text']}"
            )
            print(text)
