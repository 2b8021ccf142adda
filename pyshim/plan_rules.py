"""Compiles rules, and which calls Python hooks are asked about, for the plan.

A rule becomes one struct plan_rule, and for each of its calls a struct plan_ref with
the conditions of that call: shim/wire.h, matched by shim/rules.c.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from pyshim import limits, places, pokes
from pyshim._host import ffi, lib
from pyshim.calls import Call, Table
from pyshim.errors import PluginError, UsageError
from pyshim.expressions import Step
from pyshim.places import Place
from pyshim.plan_pool import Pool
from pyshim.rule_keys import EVERY_CALL, When
from pyshim.rule_values import FD_KINDS
from pyshim.rules import Rule, threshold
from pyshim.wants import TargetHook

PATHS = ("path", "template")
"""Kinds of parameters."""
_PAGE = 4096
"""What a file takes is counted in these, as by tmpfs."""
MOST_HOOKS = 31
_MOST_MARKS = 64
_ALL = 0xFFFFFFFF
"""Of 32 bits: always, without an end."""
_OPENING = {"fopen", "fopen64", "freopen", "freopen64", "opendir"}
"""What opens a path and returns no descriptor."""


@dataclass(frozen=True, slots=True, order=True)
class Test:
    """A condition; the cheap ones have low numbers."""

    kind: int
    """enum test_kind"""
    low: int = 0
    high: int = 0
    texts: tuple[str, ...] = ()
    """Globs, of which one must match."""
    steps: tuple[Step, ...] = ()
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class _Ref:
    rule: int
    counter: int
    tests: tuple[Test, ...]
    when: When


class CompiledRules:
    """What was added, to be laid out."""

    def __init__(self, program: str) -> None:
        self.refs: dict[int, list[_Ref]] = {}
        """By the call's id, in the order of the rules."""
        self.ncounters = 0
        """How many each process needs."""
        self._program = program
        self._rules: list[dict[str, Any]] = []
        self._marks: dict[str, int] = {}
        self._kept: set[str] = set()

    def __len__(self) -> int:
        return len(self._rules)

    @property
    def nrefs(self) -> int:
        """How many struct plan_ref there are."""
        return sum(map(len, self.refs.values()))

    def add(self, rule: Rule) -> None:
        """One of the user's. Raises UsageError where it can't be met."""
        rule = _as_kernel(rule)
        tests = tuple(self._tests(rule))
        index = self._add_rule(_values(rule) | self._times(rule))
        if rule.lose:
            self._kept.add(rule.path or "/**")
        counters: dict[str, int] = {}
        for call in sorted(rule.calls, key=lambda each: each.id):
            if call.syscall not in counters:
                counters[call.syscall] = self._counter()
            own = tests
            if rule.condition:
                own += (Test(lib.TEST_IF, steps=rule.condition.steps(call)),)
            self._refer(call, index, counters[call.syscall], own, rule.when)

    def add_hook(self, number: int, hook: TargetHook) -> None:
        """A Python hook is a rule without a result: it notes who is to be asked."""
        if number >= MOST_HOOKS:
            raise PluginError(f"more than {MOST_HOOKS} hooks in the target")
        if not hook.calls:
            return
        action = lib.ACT_ASK | (0 if hook.caught else lib.NOT_CAUGHT)
        for glob in hook.paths or ("",):
            index = self._add_rule({"action": action, "value": number})
            tests = (Test(lib.TEST_PATH, texts=(glob,)),) if glob else ()
            for call in hook.calls:
                self._refer(call, index, 0, tests)

    def add_marks(self, table: Table) -> None:
        """Last: what `since=` waits for is noted where paths are opened."""
        opening = [call for call in table.reachable if _opens(call)]
        for glob, number in self._marks.items():
            index = self._add_rule({"action": lib.ACT_MARK, "marks": 1 << number})
            counter = self._counter()
            for call in opening:
                self._refer(call, index, counter, (Test(lib.TEST_PATH, texts=(glob,)),))

    def add_kept(self, table: Table) -> None:
        """Last, too: what a sync may lose is kept where files are written."""
        for glob in sorted(self._kept):
            index = self._add_rule({"action": lib.ACT_KEEP})
            counter = self._counter()
            for call, on_file in limits.keeping(table.reachable):
                tests = (Test(lib.TEST_QUOTA, texts=(glob,)),) if on_file else ()
                self._refer(call, index, counter, tests)

    def rule_structs(self, pool: Pool) -> Any:
        """The array of struct plan_rule."""
        made = ffi.new("struct plan_rule[]", len(self._rules))
        for index, (struct, values) in enumerate(zip(made, self._rules, strict=True)):
            own = {"index": index, "interrupt_index": index}
            own["glob"] = pool.text(values.get("glob", ""))
            for key, value in ({"chance": _ALL} | values | own).items():
                at = pool.array(value) if isinstance(value, bytes) else value
                setattr(struct, key, at)
        return made

    def ref_structs(self, table: Table, pool: Pool) -> Any:
        """The array of struct plan_ref: calls in the order of the table."""
        made = ffi.new("struct plan_ref[]", self.nrefs)
        refs = (ref for call in table.calls for ref in self.refs.get(call.id, ()))
        for struct, ref in zip(made, refs, strict=True):
            tests = sorted(ref.tests)
            at = pool.array(_tests(tests, pool)) if tests else 0
            struct.rule, struct.counter = ref.rule, ref.counter
            struct.tests, struct.ntests = at, len(tests)
            struct.action = self._rules[ref.rule]["action"]
            struct.first, struct.step = ref.when.first, ref.when.step
            struct.last = min(ref.when.last, _ALL)
        return made

    def _add_rule(self, values: dict[str, Any]) -> int:
        if len(self._rules) >= lib.MAX_RULES:
            raise UsageError(f"more than {lib.MAX_RULES} rules")
        self._rules.append(values)
        return len(self._rules) - 1

    def _refer(
        self,
        call: Call,
        rule: int,
        counter: int,
        tests: tuple[Test, ...],
        when: When = EVERY_CALL,
    ) -> None:
        ref = _Ref(rule, counter, tests, when)
        self.refs.setdefault(call.id, []).append(ref)

    def _counter(self) -> int:
        self.ncounters += 1
        return self.ncounters - 1

    def _times(self, rule: Rule) -> dict[str, int]:
        if not rule.times:
            return {}
        return {"times": rule.times, "times_counter": self._counter()}

    def _tests(self, rule: Rule) -> Iterator[Test]:
        """Those that are the same for all its calls."""
        if isinstance(rule.fd, int):
            yield Test(lib.TEST_FD, rule.fd)
        elif rule.fd:
            yield Test(lib.TEST_FD_KIND, FD_KINDS.index(rule.fd))
        if rule.short:
            yield Test(lib.TEST_MOVES, max(rule.short, 1))
        if rule.budget:
            yield Test(lib.TEST_BUDGET, rule.budget)
        if rule.lose:
            yield Test(lib.TEST_UNSYNCED)
        if rule.fds is not None:
            yield Test(lib.TEST_FDS, rule.fds)
        if rule.caller:
            found = places.of_caller(rule.caller, self._program)
            yield Test(lib.TEST_CALLER, places=found)
        if rule.site[0]:
            yield Test(lib.TEST_CALLER, places=places.at(*rule.site))
        if rule.since:
            yield Test(lib.TEST_SINCE, self._mark(rule.since))
        if rule.during[1]:
            yield Test(lib.TEST_DURING, *rule.during)
        if rule.port:
            yield Test(lib.TEST_PORT, rule.port)
        on_disk = rule.quota is not None
        globs = (
            (lib.TEST_PROCESS, rule.process),
            (lib.TEST_THREAD, rule.thread),
            (lib.TEST_QUOTA if on_disk else lib.TEST_PATH, rule.path),
        )
        yield from (Test(kind, texts=(glob,)) for kind, glob in globs if glob)
        if rule.paths:
            yield Test(lib.TEST_PATH, texts=rule.paths)

    def _mark(self, glob: str) -> int:
        number = self._marks.setdefault(glob, len(self._marks))
        if number >= _MOST_MARKS:
            raise UsageError(f"more than {_MOST_MARKS} different since=")
        return number


def _opens(call: Call) -> bool:
    takes_path = any(param.kind in PATHS for param in call.params)
    return takes_path and (call.ret == "fd" or call.base in _OPENING)


def _tests(tests: list[Test], pool: Pool) -> bytes:
    made = ffi.new("struct plan_test[]", len(tests))
    for struct, test in zip(made, tests, strict=True):
        struct.kind, struct.low, struct.high = test.kind, test.low, test.high
        struct.at = pool.text("\0".join(test.texts))
        if test.steps:
            struct.at = pool.array(_array("struct plan_step[]", test.steps))
        if test.places:
            places = [(pool.text(p.module), 0, p.low, p.high) for p in test.places]
            struct.at = pool.array(_array("struct plan_place[]", places))
        struct.count = len(test.steps) or len(test.places) or len(test.texts)
    return bytes(ffi.buffer(made))


def _array(ctype: str, items: Any) -> bytes:
    return bytes(ffi.buffer(ffi.new(ctype, items)))


def _values(rule: Rule) -> dict[str, Any]:
    """The fields of struct plan_rule."""
    signal, after = rule.interrupt
    return {
        "action": _action(rule),
        "err": rule.error,
        "value": rule.short or rule.retval or 0,
        "delay_enter": rule.delay_enter,
        "delay_exit": rule.delay_exit,
        "signal": rule.signal,
        "interrupt": signal,
        "interrupt_after": after,
        "poke_enter": pokes.structs(rule.calls, rule.poke_enter),
        "poke_exit": pokes.structs(rule.calls, rule.poke_exit),
        "fds": rule.fds or 0,
        "glob": rule.path if rule.quota is not None else "",
        "quota": -(-(rule.quota or 0) // _PAGE),
        "chance": min(threshold(rule.probability), _ALL),
        "seed": rule.seed,
    }


def _as_kernel(rule: Rule) -> Rule:
    """`retval=-5` is the kernel's answer: libc makes it -1 and EIO, as in strace."""
    if rule.retval is None or not -4095 <= rule.retval <= -1:
        return rule
    return replace(rule, retval=None, error=-rule.retval)


def _action(rule: Rule) -> int:
    flags = (
        (rule.error, lib.ACT_ERRNO),
        (rule.retval is not None, lib.ACT_RETURN),
        (rule.signal, lib.ACT_SIGNAL),
        (rule.delay_enter, lib.ACT_DELAY_ENTER),
        (rule.delay_exit, lib.ACT_DELAY_EXIT),
        (rule.after, lib.ACT_AFTER),
        (rule.close_after, lib.AFTER_CLOSE),
        (rule.short, lib.ACT_SHORT),
        (rule.interrupt[0], lib.ACT_INTERRUPT),
        (rule.poke_enter, lib.ACT_POKE_ENTER),
        (rule.poke_exit, lib.ACT_POKE_EXIT),
        (rule.fds is not None, lib.ACT_FDS),
        (rule.lose, lib.ACT_LOSE),
        (rule.quota is not None, lib.ACT_QUOTA),
        (rule.once_per_site, lib.ONCE_PER_SITE),
        (rule.fair_only and rule.error == errno.EINTR, lib.ONLY_FAIR),
        (not rule.caught, lib.NOT_CAUGHT),
    )
    return int(sum(flag for present, flag in flags if present))
