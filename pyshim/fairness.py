"""Which failures a call may really have: the errnos that its row of the table lists.

An EINTR is looked at more closely, in the target: shim/fair.c.
"""

from __future__ import annotations

import errno
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from pyshim.calls import Call, table
from pyshim.errors import UsageError
from pyshim.excerpt import Excerpt

if TYPE_CHECKING:
    from pyshim.event import Event
    from pyshim.rules import Rule

_NAMED = 3


_LATER = [
    "ECONNRESET",
    "ETIMEDOUT",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "ENETDOWN",
    "ECONNREFUSED",
]
_PENDING = dict.fromkeys(("read", "readv", "recvfrom", "recvmsg", "recvmmsg"), _LATER)
"""What went wrong with a connection is told by the next that reads: ip(7), tcp(7)."""


def listed(call: Call, error: int) -> bool:
    """Whether the manual has it, of this function or of another on the same syscall;
    codes that are no errno are always the call's own. A kernel or a container may lack
    any syscall: ENOSYS."""
    return error < 0 or error == errno.ENOSYS or error in _numbers()[call.syscall]


@cache
def _numbers() -> Mapping[str, frozenset[int]]:
    """By syscall."""
    names: dict[str, set[str]] = {key: set(more) for key, more in _PENDING.items()}
    for call in table().calls:
        names.setdefault(call.syscall, set()).update(call.errnos)
    return {
        syscall: frozenset(getattr(errno, each, 0) for each in found)
        for syscall, found in names.items()
    }


def unlisted(calls: Iterable[Call], error: int) -> frozenset[Call]:
    """Those for which it is not; none when `error` is 0."""
    return frozenset(call for call in calls if error and not listed(call, error))


def only_listed(
    calls: frozenset[Call], error: int, selection: Excerpt
) -> frozenset[Call]:
    """What `fair` leaves of a set. Raises UsageError when that is nothing."""
    left = calls - unlisted(calls, error)
    if calls and not left:
        message = f"{some(calls)} never fails with {name(error)}: nothing fair is left"
        raise UsageError(message, allowed=errnos(calls), at=selection)
    return left


def failure(rule: Rule) -> int:
    """What a rule makes calls fail with; `retval=-5` is EIO, too. 0: nothing."""
    if rule.retval is not None and -4095 <= rule.retval <= -1:
        return -rule.retval
    return rule.error


def label(event: Event, rule: Rule) -> str:
    """Of a hit, whether it could have happened by itself: fair or unusual, where it is
    an EINTR, and unlisted."""
    if event.call is None or event.err != failure(rule):
        return ""
    if event.err == errno.EINTR:
        return "fair" if event.fair else "unusual"
    return "unlisted" if unlisted((event.call,), event.err) else ""


def some(calls: Collection[Call]) -> str:
    """Their names, and of many how many more."""
    bare = {call.base.removeprefix("SYS_") for call in calls}
    names = sorted(bare, key=_plain_first)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return " ".join(names[:_NAMED]) + more


def errnos(calls: Collection[Call]) -> str:
    """What the first of them, by name, may fail with."""
    first = min(calls, key=lambda call: _plain_first(call.base))
    known = sorted(map(name, _numbers()[first.syscall] - {0}))
    return f"{first.base}: {' '.join(known) or 'it never fails'}"


def name(error: int) -> str:
    """EIO, or the number of what has no name."""
    return errno.errorcode.get(error, str(error))


def _plain_first(word: str) -> tuple[bool, str]:
    return not word[0].islower(), word
