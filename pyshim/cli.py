"""The command line's one door: chooses the subcommand, tells errors in few lines."""

from __future__ import annotations

import importlib
import sys
from contextlib import suppress
from typing import TextIO

from pyshim.errors import PyshimError

COMMANDS = ("run", "ctl", "fiu", "check", "coverage", "calls", "plugins", "new-plugin")
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
        module = name.replace("-", "_")
        command = importlib.import_module(f"pyshim.commands.{module}")
        return int(command.run(rest))
    except PyshimError as error:
        _say(error.told())
    except BrokenPipeError:
        _drop(sys.stdout)
    except Exception as error:
        _blame(error)
    return FAILED


def _blame(error: Exception) -> None:
    """A plugin's mistake, or our own: where, and one line."""
    from traceback import format_exception

    from pyshim.plugins import culprit

    where = culprit(error) or "internal error"
    _say(f"{where}: {type(error).__name__}: {error}", "".join(format_exception(error)))


def _say(text: str, before: str = "") -> None:
    """On stderr, if there is one; without, print() would choose stdout."""
    if sys.stderr is None:
        return
    try:
        print(f"{before}pyshim: {text}", file=sys.stderr, flush=True)
    except OSError:
        _drop(sys.stderr)


def _drop(stream: TextIO) -> None:
    """Forget what can't be written: Python would end with 120 for it."""
    with suppress(OSError):
        stream.close()
