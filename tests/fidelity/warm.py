"""pyshim, run again and again without starting Python: a child for each command line.

Reads lines of JSON, `{"argv": ..., "cwd": ..., "stderr": ...}`, and answers each with a
wait status. What runs is `pyshim.cli.main`, as from the shell.
"""

from __future__ import annotations

import json
import os
import sys
from typing import NoReturn

import pyshim.commands.run
import pyshim.patches
import pyshim.programs  # noqa: F401
from pyshim import cli, plugins
from pyshim.calls import table


def _run(argv: list[str], cwd: str, stderr: str) -> NoReturn:
    status = 1
    try:
        os.chdir(cwd)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.dup2(os.open(stderr, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 2)
        os.closerange(3, 64)
        status = cli.main(argv)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stderr.flush()
        os._exit(status)


def serve() -> None:
    """Until stdin ends."""
    table(), plugins.installed()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _run(**json.loads(line))
        print(os.waitpid(pid, 0)[1], flush=True)


if __name__ == "__main__":
    serve()
