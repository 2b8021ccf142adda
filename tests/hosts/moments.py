"""When a Python hook is reached first in a program, as plugins.

Each counts what it was asked. Those of the first three also let the program read
another file than `note`, so that it can be seen in its output.
"""

from __future__ import annotations

from dataclasses import dataclass

EARLY = "/no/such/early"
"""What early.c looks for."""
HEAD = '''
import os
from pyshim import Args, Counter, hookimpl

ASKED, EARLY = Counter("hosts-asked"), Counter("hosts-early")


def count(call):
    if call.path == {early!r}:
        EARLY.add()
    return ASKED.add()


@hookimpl
def pyshim_report(run):
    with open({tally!r}, "w") as out:
        print(ASKED.value, EARLY.value, file=out)


def other(call):
    """Its own file in the place of `note`."""
    if "open" not in call.name or not (call.path or "").endswith("note"):
        return None
    return Args(**{{"pathname" if "fopen" in call.name else "path": {other!r}}})

'''
CHANGES = """
@hookimpl(calls=["%file", "fopen", "read", "write"])
def pyshim_call_enter(call):
    count(call)
    return other(call)
"""
CHANGES_LATE = """
@hookimpl(calls=["%file", "fopen"], paths=[{note!r}])
def pyshim_call_enter(call):
    count(call)
    return other(call)
"""
NOTHING = """
@hookimpl(calls=["/."])
def pyshim_call_enter(call):
    count(call)


@hookimpl(calls=["/."])
def pyshim_call_exit(call):
    return None
"""
WRITES = """
def is_its_turn(number):
    return number < 2000 or number % 64 == 0


@hookimpl(calls=["/."])
def pyshim_call_enter(call):
    if is_its_turn(count(call)):
        with open({scratch!r}, "a") as out:
            print(call.name, call.pid, file=out)


@hookimpl(calls=["/."])
def pyshim_call_exit(call):
    if is_its_turn(ASKED.value):
        with open({scratch!r}, "a") as out:
            print(call.name, call.ret, file=out)
"""


@dataclass(frozen=True, slots=True)
class Moment:
    """`source` is a plugin, with the names of files to be put in."""

    name: str
    source: str
    early: bool = False
    """Whether a library is preloaded that makes a call before the program starts."""
    changes: bool = True
    """Whether the program sees another note."""


MOMENTS = (
    Moment("before the start", CHANGES, early=True),
    Moment("during the start", CHANGES),
    Moment("at work", CHANGES_LATE),
    Moment("all calls", NOTHING, early=True, changes=False),
    Moment("all calls, with files", WRITES, changes=False),
)
LAYERS = ("symbols", "full")
