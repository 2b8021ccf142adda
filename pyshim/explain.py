"""`pyshim --explain`: what a run would be, said instead of running it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence

from pyshim import elf, layers
from pyshim.calls import Call
from pyshim.errors import PyshimError
from pyshim.layers import Reason
from pyshim.plan import Compiler
from pyshim.plan_rules import PATHS
from pyshim.run import Run
from pyshim.wants import Wants

_NAMED = 6
"""Names shown of a set before the rest is only counted."""
_MOST = 8
"""Reasons shown: it is to fit a screen."""


def explain(run: Run, wants: Wants, why: Sequence[Reason]) -> Iterator[str]:
    """Line by line. Looks at the program; starts nothing and leaves nothing behind."""
    layer = layers.FULL if wants.full else layers.SYMBOLS
    yield f"layer: {layer}, {_because(run.options.layer, why)}"
    for each in why[:_MOST]:
        yield f"  {_reason(each)}"
    if len(why) > _MOST:
        yield f"  and {len(why) - _MOST} more"
    refusal = layers.refusal() if wants.full else ""
    if refusal:
        yield f"  it can't be armed, and the run would have symbols only: {refusal}"
    yield f"cost: {_cost(wants)}"
    yield from _calls(run, wants)
    yield f"program: {_program(run)}"
    yield "nothing was run"


def _cost(wants: Wants) -> str:
    if not wants.full:
        return "tens of nanoseconds for a wrapped call, a jump for all others"
    if not wants.patched:
        return "microseconds for each syscall, whoever wants it (--no-patch)"
    return "tens of nanoseconds where libc is patched, microseconds elsewhere"


def _because(choice: str, why: Sequence[Reason]) -> str:
    wanted = "these want what libc also does by itself"
    if choice == layers.AUTO:
        return f"for {wanted}:" if why else "for nobody wants what libc does by itself"
    return f"as --layer says; {wanted}:" if why else "as --layer says"


def _reason(reason: Reason) -> str:
    return f"{reason.who}: {_some(reason.syscalls)}" if reason.syscalls else reason.who


def _calls(run: Run, wants: Wants) -> Iterator[str]:
    """Which functions the program finds wrapped, and for whom."""
    compiler = Compiler(wants, run.table, "")
    compiler.build()
    mapped = [call for call in run.table.reachable if wants.maps and _has_path(call)]
    users: dict[str, list[Call]] = {
        "rules": [call for rule in wants.rules for call in rule.calls],
        "events": list(wants.logged),
        "Python hooks": [call for hook in wants.hooks for call in hook.calls],
        "paths": mapped,
    }
    yield f"wrapped: {len(_names(compiler.wrapped))} functions"
    for user, calls in users.items():
        if calls:
            yield f"  for {user}: {_some(_names(calls))}"
    if wants.hooks and not all(hook.caught for hook in wants.hooks):
        yield "  (hooks hear of calls through symbols only, but for --layer=full)"
    others = compiler.wrapped.difference(*users.values())
    if others:
        yield f"  for pyshim itself: {_some(_names(others))}"


def _has_path(call: Call) -> bool:
    return any(param.kind in PATHS for param in call.params)


def _names(calls: Collection[Call]) -> list[str]:
    """Of functions: what only syscall(2) makes has none of its own to be wrapped."""
    return sorted({call.name for call in calls if not (call.number or call.stub)})


def _some(names: Sequence[str]) -> str:
    plain_first = sorted(names, key=lambda name: name.startswith("_"))
    shown = " ".join(plain_first[:_NAMED])
    more = len(names) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def _program(run: Run) -> str:
    """How much of the command can be seen; of what it starts nothing is known yet."""
    calls = run.table.reachable
    wrapped = frozenset(call.name for call in calls if not call.allocates)
    try:
        path = elf.find_program(run.argv[0], os.environ.get("PATH"))
        report = elf.inspect(path, wrapped)
    except OSError as error:
        return f"{run.argv[0]}: {error.strerror}"
    except PyshimError as error:
        return str(error)
    more = f": {'; '.join(report.reasons)}" if report.reasons else ""
    return f"{report.path}: {report.verdict}, {report.kind}{more}"
