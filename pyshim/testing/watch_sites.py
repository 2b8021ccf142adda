"""A plugin that finds out where calls are made: all are hit, and none is changed."""

from __future__ import annotations

import argparse

from pyshim import hookimpl
from pyshim.rules import Rule
from pyshim.run import Run


@hookimpl
def pyshim_addoption(parser: argparse._ArgumentGroup) -> None:
    """Add --sites."""
    parser.add_argument("--sites", metavar="SET", help="of which calls")


@hookimpl
def pyshim_rules(run: Run) -> list[Rule]:
    """A delay that nobody notices is the least that a rule can do.

    Once at each place: a loop is not to fill the list before the last place is reached.
    """
    calls = run.table.select(run.options.sites)
    able = frozenset(call for call in calls if call.comes_back and call.errnos)
    text = "each call site"
    return [Rule(text=text, calls=able, delay_enter=1, once_per_site=True)]
