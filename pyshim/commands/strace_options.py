"""strace's options in pyshim's command line.

Some mean the same, some are always so here; the others are refused by their names, so
that nobody takes them for done.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from pyshim.errors import UsageError

_QUALIFIERS = ("trace", "inject", "fault")
_ALWAYS_SO: tuple[tuple[str, ...], ...] = (
    ("-q", "--quiet", "--silent", "--silence"),
    ("--seccomp-bpf",),
    ("-y",),
    ("-v", "--no-abbrev"),
)
"""What strace would say besides is never said; how a log shows descriptors and structs
changes nothing of what is done."""
_MISSING: tuple[tuple[tuple[str, ...], int, str], ...] = (
    (("-c", "--summary-only"), 0, "counting calls"),
    (("-C", "--summary"), 0, "counting calls"),
    (("-t", "-r", "-T", "--relative-timestamps", "--syscall-times"), 0, "times"),
    (("-i", "-n", "-k", "--stack-traces"), 0, "addresses, numbers and stacks"),
    (("-x", "-X"), 0, "another look of strings"),
    (("-z", "-Z", "--status"), 0, "choosing calls by their result"),
    (("-E", "--env"), 1, "another environment; use env(1)"),
    (("-u", "--user"), 1, "another user; use su(1) or setpriv(1)"),
    (("-b", "--detach-on"), 1, "letting go of a process"),
    (("-D", "--daemonize"), 0, "a tracer in the background"),
    (("-I", "--interruptible"), 1, "a tracer that can't be interrupted"),
    (("--attach",), 1, "attaching to a process that runs"),
)
"""Options of strace's, how many words follow, and what they would be for."""


class _Expression(argparse.Action):
    """--inject=X is -e inject=X."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option: str | None = None,
    ) -> None:
        """Add it where -e adds."""
        text = f"{str(option).removeprefix('--')}={values}"
        setattr(namespace, self.dest, [*getattr(namespace, self.dest), text])


class _Missing(argparse.Action):
    """An option of strace's that pyshim hasn't."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002
        namespace: argparse.Namespace,  # noqa: ARG002
        values: str | Sequence[Any] | None,  # noqa: ARG002
        option: str | None = None,
    ) -> None:
        """Refuse, by the name that was used."""
        raise UsageError(
            f"strace's {option} ({self.metavar}) is not supported",
            allowed="see `pyshim --help`",
        )


def check(options: argparse.Namespace) -> None:
    """What is wrong only together."""
    if options.follow > 1 and options.o:
        raise UsageError("-ff with -o: there is one log of all processes", allowed="-f")


def add(parser: argparse.ArgumentParser) -> None:
    """-P, the long names of -e, and all the others that strace has."""
    parser.add_argument(
        "-P",
        "--trace-path",
        action="append",
        default=[],
        dest="traced_paths",
        help=argparse.SUPPRESS,
    )
    for word in _QUALIFIERS:
        parser.add_argument(
            f"--{word}",
            action=_Expression,
            dest="expr",
            default=[],
            help=argparse.SUPPRESS,
        )
    parser.add_argument(
        *("-f", "--follow-forks"),
        action="count",
        dest="follow",
        default=0,
        help=argparse.SUPPRESS,
    )
    parser.add_argument("-a", "--columns", dest="columns", help=argparse.SUPPRESS)
    for names in _ALWAYS_SO:
        parser.add_argument(
            *names, action="count", dest="always_so", help=argparse.SUPPRESS
        )
    for names, words, what in _MISSING:
        parser.add_argument(
            *names,
            action=_Missing,
            nargs=None if words else 0,
            metavar=what,
            default=argparse.SUPPRESS,
            help=argparse.SUPPRESS,
        )
