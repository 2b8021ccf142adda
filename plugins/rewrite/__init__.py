"""Let the program find other files at its paths: --map FROM=TO."""

from __future__ import annotations

import argparse
import os

from pyshim import hookimpl
from pyshim.errors import UsageError
from pyshim.run import Run
from pyshim.wants import Map


@hookimpl
def pyshim_addoption(parser: argparse._ArgumentGroup) -> None:
    """Add --map."""
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="FROM=TO",
        help="paths at or below FROM are found at TO; repeatable",
    )


@hookimpl
def pyshim_configure(run: Run) -> None:
    """Refuse a map that can't be meant, and `--plugin rewrite` without one."""
    if not run.options.map:
        raise UsageError("plugin rewrite: no --map given", allowed="--map FROM=TO")
    maps = [_parse(text) for text in run.options.map]
    sources = [each.source for each in maps]
    for source in sources:
        if sources.count(source) > 1:
            raise UsageError(f"--map: {source} is mapped twice")


@hookimpl
def pyshim_maps(run: Run) -> list[Map]:
    """All of them; the shim takes the longest that fits."""
    return [_parse(text) for text in run.options.map]


def _parse(text: str) -> Map:
    source, equals, target = text.partition("=")
    if not equals or not source or not target:
        raise UsageError(f"--map {text!r}: not two paths", allowed="--map FROM=TO")
    source, target = _absolute(source), _absolute(target)
    if source == "/":
        raise UsageError("--map: FROM can't be /", allowed="a path below /")
    if not os.path.lexists(target):
        raise UsageError(f"--map: {target} does not exist")
    return Map(source, target)


def _absolute(path: str) -> str:
    """As the shim writes paths: POSIX would keep two slashes in front."""
    return "/" + os.path.abspath(path).lstrip("/")  # noqa: PTH100
