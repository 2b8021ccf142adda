"""argparse with pyshim's way to refuse; every subcommand's parser is one of these."""

from __future__ import annotations

import argparse
from typing import NoReturn

from pyshim.errors import UsageError, nearest


def add_no_patch(parser: argparse.ArgumentParser) -> None:
    """The switch of every command that runs a program: Wants.patched."""
    parser.add_argument(
        "--no-patch",
        action="store_false",
        dest="patched",
        help="leave libc's code as it is: the full layer, slower",
    )


class Parser(argparse.ArgumentParser):
    """Raises UsageError where argparse prints its usage and ends with 2."""

    def error(self, message: str) -> NoReturn:
        """Name the subcommand, the nearest option and where all of them stand."""
        place = self.prog.removeprefix("pyshim").strip()
        known = [option for option in self._option_string_actions if option != "-h"]
        words = [word.partition("=")[0] for word in message.split()]
        unknown = [word for word in words if word.startswith("-")]
        guess = ""
        if message.startswith("unrecognized") and unknown:
            guess = nearest(unknown[0], known)
        raise UsageError(
            f"{place}: {message}" if place else message,
            nearest=guess,
            allowed="" if "allowed:" in message else f"see `{self.prog} --help`",
        )
