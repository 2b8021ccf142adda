"""`poke_enter=` and `poke_exit=`: which argument of which call they are about.

strace counts the kernel's arguments, from 1; a function of libc's may have them in
another order, or keep some to itself: argument 2 of openat(2) is the first of open(3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from pyshim._host import ffi

if TYPE_CHECKING:
    from pyshim.calls import Call
    from pyshim.rules import Rule

Poke = tuple[int, bytes]
"""The number of an argument, and what to write where it points to."""
_ROOM = 6
"""Arguments that a struct call has."""
_OWN = "..."
"""What the table has for memory of libc's own."""


def index(call: Call, number: int) -> int | None:
    """Which parameter of this function the kernel gets as that argument, from 0; None
    where libc makes it up, or the kernel gets fewer."""
    names = [param.name for param in call.params[:_ROOM]]
    word = _word(call, number)
    return names.index(word) if word in names else None


def beyond_reach(calls: Iterable[Call], number: int) -> str:
    """What to say where libc alone knows what every one of these has there, or ""."""
    words = {call: _word(call, number) for call in calls}
    if not words or set(words.values()) != {_OWN}:
        return ""
    call = min(words, key=lambda call: call.id)
    return f"argument {number} of {call.syscall} is memory of libc's own in {call.name}"


def doubts(rule: Rule) -> Iterator[str]:
    """What strace says at each call that has no such argument: here, once before."""
    for number, _ in (*rule.poke_enter, *rule.poke_exit):
        if rule.calls and all(index(call, number) is None for call in rule.calls):
            yield f"{rule.text}: none of these calls has an argument {number} to poke"


def _word(call: Call, number: int) -> str:
    return call.kernel[number - 1] if number <= len(call.kernel) else ""


def structs(calls: Iterable[Call], pokes: Sequence[Poke]) -> bytes:
    """What `shim/poke.c` reads: a struct plan_poke for each call and poke, and a last
    one of no size; behind them the bytes."""
    wanted = [
        (call.id, at, data)
        for call in sorted(calls, key=lambda call: call.id)
        for number, data in pokes
        if (at := index(call, number)) is not None
    ]
    made = ffi.new("struct plan_poke[]", len(wanted) + 1)
    behind = bytearray()
    for struct, (call_id, arg, data) in zip(made, wanted, strict=False):
        struct.call, struct.arg = call_id, arg
        struct.size, struct.at = len(data), ffi.sizeof(made) + len(behind)
        behind += data
    return bytes(ffi.buffer(made)) + bytes(behind)
