"""`pyshim plugins`: what is installed."""

from __future__ import annotations

from pyshim.commands.parser import Parser
from pyshim.plugins import installed


def run(argv: list[str]) -> int:
    """One line a plugin: name, distribution, what it is for."""
    parser = Parser(
        prog="pyshim plugins",
        description="List the installed plugins (entry-point group `pyshim`).",
    )
    parser.parse_args(argv)
    for plugin in installed().values():
        print(f"{plugin.name:12} {plugin.origin:12} {plugin.summary}")
    return 0
