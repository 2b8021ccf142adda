"""The command line's one door: chooses the subcommand, turns errors into one line."""

from __future__ import annotations

import importlib
import sys

from pyshim.errors import PyshimError

COMMANDS = ("run", "check", "calls", "plugins")
FAILED = 125


def main(argv: list[str] | None = None) -> int:
    """Entry point of `pyshim`. Returns the exit status, or ends as the target did."""
    words = sys.argv[1:] if argv is None else argv
    name, rest = ("run", words)
    if words and words[0] in COMMANDS:
        name, rest = words[0], words[1:]
    elif words[:1] == ["--version"]:
        from pyshim import __version__

        print(f"pyshim {__version__}")
        return 0
    try:
        command = importlib.import_module(f"pyshim.commands.{name}")
        return int(command.run(rest))
    except PyshimError as error:
        print(f"pyshim: {error}", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        sys.stderr.close()
        return FAILED
