"""Which calls of a set a rule can be for: those that can do what it asks.

Each function leaves those out that can't, and raises UsageError when none is left.
"""

from __future__ import annotations

import errno
from typing import Any

from pyshim import expressions, fairness, limits
from pyshim.calls import Call, Table
from pyshim.errors import UsageError
from pyshim.excerpt import Excerpt
from pyshim.expressions import Expression
from pyshim.pokes import beyond_reach
from pyshim.rule_keys import ACTIONS


def able(
    calls: frozenset[Call], values: dict[str, Any], selection: Excerpt, table: Table
) -> tuple[frozenset[Call], dict[str, Any]]:
    """The calls, and the rule's values with the number of its error."""
    for number, _ in (*values.get("poke_enter", ()), *values.get("poke_exit", ())):
        if message := beyond_reach(calls, number):
            raise UsageError(f"{message}: {selection.whole!r}", at=selection)
    if values.keys() & {"error", "retval"}:
        calls = _returning(calls, selection)
    if values.keys() & ACTIONS <= {"delay_exit", "poke_exit"} or "after" in values:
        calls = _coming_back(calls, selection)
    calls = limits.meeting(calls, values, selection, table)
    if "short" in values:
        calls = _moving(calls, selection)
    if "budget" in values:
        calls = _allocating(calls, selection)
        values = values | {"error": errno.ENOMEM}
    if "condition" in values:
        calls = _knowing(calls, values["condition"], selection)
    if isinstance(values.get("error"), str):
        calls, code = _with_code(calls, values["error"], selection, table)
        values = values | {"error": code}
    if "fair_only" in values:
        calls = fairness.only_listed(calls, values["error"], selection)
    return calls, values


def _moving(calls: frozenset[Call], selection: Excerpt) -> frozenset[Call]:
    """Those that move bytes and may move fewer."""
    left = frozenset(call for call in calls if call.moves)
    if calls and not left:
        message = f"no call that may move fewer bytes: {str(selection)!r}"
        allowed = "read write readv send recvmsg sendfile and the like"
        raise UsageError(message, allowed=allowed, at=selection)
    return left


def _allocating(calls: frozenset[Call], selection: Excerpt) -> frozenset[Call]:
    """Those that a budget can be for."""
    left = frozenset(c for c in calls if c.allocates and c.ret != "void")
    if calls and not left:
        message = f"no call that allocates: {str(selection)!r}"
        raise UsageError(message, allowed="%alloc, and names of it", at=selection)
    return left


def _knowing(
    calls: frozenset[Call], condition: Expression, selection: Excerpt
) -> frozenset[Call]:
    """Those that have all the parameters that the condition names."""
    left = frozenset(call for call in calls if condition.knows(call))
    if calls and not left:
        name, guess = expressions.unknown_name(condition, calls)
        message = f"no call of {str(selection)!r} knows {name or condition.text!r}"
        start = selection.whole.find(condition.text)
        at = Excerpt(selection.whole, start, start + len(condition.text))
        raise UsageError(message, nearest=guess, at=at if start >= 0 else selection)
    return left


def _with_code(
    calls: frozenset[Call], code: str, selection: Excerpt, table: Table
) -> tuple[frozenset[Call], int]:
    """Those that fail with a code that is no errno (EAI_AGAIN), and its number."""
    able = frozenset(call for call in calls if code in call.codes)
    if not able:
        knowing = sorted(each.name for each in table.reachable if code in each.codes)
        message = f"no call of {selection.whole!r} fails with {code}"
        raise UsageError(message, allowed=" ".join(knowing[:6]), at=selection)
    return able, next(iter(able)).codes[code]


def _returning(calls: frozenset[Call], selection: Excerpt) -> frozenset[Call]:
    """Without exit: a set may hold it, but a hit that changes nothing is none.

    Nor rewinddir: the program could not see that it was not done.
    """
    left = frozenset(call for call in calls if call.ret != "void")
    if calls and not left:
        message = f"what returns nothing has no result to change: {selection.whole!r}"
        raise UsageError(message, at=selection)
    return left


def _coming_back(calls: frozenset[Call], selection: Excerpt) -> frozenset[Call]:
    """Without exit and what is left by a jump: nothing of ours comes after them."""
    left = frozenset(call for call in calls if call.comes_back)
    if calls and not left:
        message = f"no exit to delay is seen of these calls: {selection.whole!r}"
        raise UsageError(message, at=selection)
    return left
