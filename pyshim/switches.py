"""The rules of a run as they stand in shared memory: on, off, hits, and counters.

For the host, which owns that memory, and for a process of the run that maps it
(control.py). What is written here holds from the next call on, in every process.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyshim._host import ffi, lib

_TRIES = 3
"""How often a counter is set back that a call was just counting."""


class Switches:
    """`arena` is a struct arena, `plan` the bytes of the run's plan; both stay."""

    def __init__(self, arena: Any, plan: bytes) -> None:
        self._arena = arena
        self._counters = _counters(plan)

    def is_on(self, rule: int) -> bool:
        """Whether it is switched on."""
        return not self._arena.off[rule]

    def turn(self, rule: int, on: bool) -> None:
        """Switch it. A call that is under way may still be of the rule's old mind."""
        self._arena.off[rule] = not on

    def hits(self, rule: int) -> int:
        """How often it fired since the run began, in all processes together."""
        return int(self._arena.hits[rule])

    def reset(self, rule: int) -> None:
        """Let when= and times= count from 1 again, in each process that has an entry.

        Targets count by an instruction that is not atomic (count_up in shim/rules.c)
        and could undo what is written meanwhile. So the rule is off for that moment,
        and a counter that moved all the same is set back again: only a call that was
        under way before can still be counted. Calls of that moment are not hit.
        """
        entries = list(self._entries())
        was, self._arena.off[rule] = self._arena.off[rule], 1
        try:
            for _ in range(_TRIES):
                if not sum(self._zero(words, rule) for words in entries):
                    break
        finally:
            self._arena.off[rule] = was

    def _zero(self, words: Any, rule: int) -> bool:
        """Whether there was anything to be set back."""
        counted = [each for each in self._counters.get(rule, ()) if words[each]]
        for each in counted:
            words[each] = 0
        return bool(counted)

    def _entries(self) -> Iterator[Any]:
        """The counters of each process; its entry is free again when it has ended."""
        base = ffi.cast("char *", self._arena) + self._arena.procs_at
        for index in range(self._arena.nprocs):
            entry = ffi.cast("struct proc *", base + index * self._arena.proc_size)
            if entry.pid and self._counts(entry.pid):
                yield ffi.cast("uint32_t *", lib.host_counters(entry))

    def _counts(self, pid: int) -> bool:  # noqa: ARG002
        """Whether the counters of this process are meant: of all of them."""
        return True


def _counters(plan: bytes) -> dict[int, set[int]]:
    """By rule: the numbers of its counters, one for each syscall and one for times=."""
    data = ffi.from_buffer(plan)
    head = ffi.cast("struct plan *", data)
    rows = ffi.cast("struct plan_row *", data + head.rows_at)
    refs = ffi.cast("struct plan_ref *", data + head.refs_at)
    rules = ffi.cast("struct plan_rule *", data + head.rules_at)
    found: dict[int, set[int]] = {}
    for row in range((head.refs_at - head.rows_at) // ffi.sizeof("struct plan_row")):
        for at in range(rows[row].nrefs):
            ref = refs[rows[row].first_ref + at]
            found.setdefault(int(ref.rule), set()).add(int(ref.counter))
    for rule, counters in found.items():
        if rules[rule].times:
            counters.add(int(rules[rule].times_counter))
    return found
