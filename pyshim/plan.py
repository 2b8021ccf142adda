"""Compiles what plugins want into the plan that the target maps.

The layouts are in shim/wire.h, read through cffi: no offset is typed here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyshim._host import ffi, lib
from pyshim.bridge_host import AUTO, HOST, TARGET
from pyshim.bridge_plan import bridge_plan, hook_mask
from pyshim.calls import LIB, Call, Table
from pyshim.clock import clock_is_tsc
from pyshim.errors import PluginError, UsageError
from pyshim.plugins import MOMENT_HOOKS
from pyshim.rules import Rule, threshold
from pyshim.wants import Map, TargetHook, Wants

EXECS = {
    "execve", "execv", "execvp", "execvpe", "execl", "execle", "execlp", "execveat",
    "fexecve", "posix_spawn", "posix_spawnp", "SYS_execve", "SYS_execveat",
}  # fmt: skip
"""What makes a process another program, by its row. The host hears of each of them
whenever it hears anything: coverage.py."""
_SIGNAL = {
    "sigaction",
    "signal",
    "sysv_signal",
    "siginterrupt",
    "sigset",
    "sigvec",
    "rt_sigaction",
}
_SECCOMP = {"prctl", "seccomp"}
_ALWAYS = EXECS | _SECCOMP | {"syscall", "vfork"}
"""Wrapped in every run: they carry the preload on, or enter seccomp."""
_FORKS = {"fork", "forkpty", "daemon"}
"""Wrapped for process hooks: python_settles() in shim/python.c."""
_ENDS = {"_exit", "quick_exit"}
"""What ends a process and runs no handler of on_exit(3); wrapped for process hooks."""

PATHS = ("path", "template")

MOST_HOOKS = 31
_ALL_CHANCE = 0xFFFFFFFF
_BRIDGES = {AUTO: 0, HOST: lib.PLAN_HOST, TARGET: lib.PLAN_INSIDE}


class _Strings:
    """Texts of the plan, each once, with their offsets."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.offsets: dict[bytes, int] = {}

    def add(self, text: str | bytes) -> int:
        """Offset of `text` from the start of the strings."""
        raw = os.fsencode(text) if isinstance(text, str) else text
        if raw not in self.offsets:
            self.offsets[raw] = len(self.data)
            self.data += raw + b"\0"
        return self.offsets[raw]


class Compiler:
    """Builds one plan. `build` gives the bytes; the counters are for the arena."""

    def __init__(self, wants: Wants, table: Table, rundir: str) -> None:
        self.wants = wants
        self.table = table
        self.rundir = rundir
        self.strings = _Strings()
        self.rules: list[dict[str, Any]] = []
        self.refs: dict[int, list[tuple[int, int]]] = {}
        self.counters: dict[tuple[int, str], int] = {}

    def build(self) -> bytes:
        """The plan file."""
        for rule in self.wants.rules:
            self._add_rule(rule)
        for number, hook in enumerate(self.wants.hooks):
            self._add_hook(number, hook)
        if len(self.rules) > lib.MAX_RULES:
            raise UsageError(f"more than {lib.MAX_RULES} rules")
        return self._layout()

    @property
    def wrapped(self) -> frozenset[Call]:
        """After `build`: the calls whose slots go to their wrappers."""
        return frozenset(each for each in self.table.calls if self._want(each))

    @property
    def ncounters(self) -> int:
        """How many `when=` counters each process needs."""
        return len(self.counters)

    def _add_rule(self, rule: Rule) -> None:
        rule = _as_kernel(rule)
        index = len(self.rules)
        self.rules.append(
            {
                "action": _action(rule),
                "err": rule.error,
                "value": rule.retval or 0,
                "delay_enter": rule.delay_enter,
                "delay_exit": rule.delay_exit,
                "signal": rule.signal,
                "chance": min(threshold(rule.probability), _ALL_CHANCE),
                "seed": rule.seed,
                "first": rule.when.first,
                "last": min(rule.when.last, _ALL_CHANCE),
                "step": rule.when.step,
                "path": self.strings.add(rule.path) if rule.path else None,
            }
        )
        for call in rule.calls:
            key = (index, call.syscall)
            counter = self.counters.setdefault(key, len(self.counters))
            self.refs.setdefault(call.id, []).append((index, counter))

    def _add_hook(self, number: int, hook: TargetHook) -> None:
        if number >= MOST_HOOKS:
            raise PluginError(f"more than {MOST_HOOKS} hooks in the target")
        if not hook.calls:
            return
        for glob in hook.paths or ("",):
            index = len(self.rules)
            path = self.strings.add(glob) if glob else None
            action = lib.ACT_ASK | (0 if hook.caught else lib.NOT_CAUGHT)
            self.rules.append({"action": action, "value": number, "path": path})
            for call in hook.calls:
                self.refs.setdefault(call.id, []).append((index, 0))

    def _want(self, call: Call) -> int:
        want = 0
        if call in self.wants.logged or (self.wants.heard and call.base in EXECS):
            want |= lib.WANT_LOG | lib.WANT_WRAP
        if self.wants.maps and (
            call.base in EXECS or any(param.kind in PATHS for param in call.params)
        ):
            want |= lib.WANT_MAP | lib.WANT_WRAP
        if call.id in self.refs or call.base in _ALWAYS:
            want |= lib.WANT_WRAP
        if self.wants.heard and call.base == "_exit":
            want |= lib.WANT_WRAP
        handlers = self.wants.fairness or self.wants.hooks
        if self._tells(MOMENT_HOOKS[lib.MOMENT_EXIT]) and call.base in _ENDS:
            want |= lib.WANT_WRAP
        if self._tells(*MOMENT_HOOKS) and call.base in _FORKS:
            want |= lib.WANT_WRAP
        if call.base in _SECCOMP or (handlers and call.base in _SIGNAL):
            want |= lib.WANT_NOTICE | lib.WANT_WRAP
        return want

    def _tells(self, *functions: str) -> bool:
        """Whether any plugin has such a hook."""
        return any(each.function in functions for each in self.wants.hooks)

    def _layout(self) -> bytes:
        rows, refs = self._rows_and_refs()
        maps = sorted(self.wants.maps, key=lambda each: -len(each.source))
        texts = [(self.strings.add(m.source), self.strings.add(m.target)) for m in maps]
        names = {
            "preload": self.strings.add(str(preload(self.rundir))),
            "rundir": self.strings.add(self.rundir),
        }
        if self.wants.hooks:
            names["bridge"] = self.strings.add(str(LIB / "libpybridge.so"))
            names["bridge_plan"] = self.strings.add(
                bridge_plan(self.wants, self.rundir)
            )
        parts = {
            "rows_at": bytes(ffi.buffer(rows)),
            "refs_at": bytes(ffi.buffer(refs)),
            "rules_at": b"",
            "maps_at": b"",
        }
        sizes = {
            "rules_at": ffi.sizeof("struct plan_rule") * len(self.rules),
            "maps_at": ffi.sizeof("struct plan_map") * len(maps),
        }
        offset = _aligned(ffi.sizeof("struct plan"))
        offsets = {}
        for name, part in parts.items():
            offsets[name] = offset
            offset = _aligned(offset + sizes.get(name, len(part)))
        base = offset
        parts["rules_at"] = bytes(ffi.buffer(self._rules(base)))
        parts["maps_at"] = bytes(ffi.buffer(_maps(maps, texts, base)))
        header = self._header(offsets, {key: base + at for key, at in names.items()})
        size = base + len(self.strings.data)
        header.size = size
        out = bytearray(size)
        out[: ffi.sizeof("struct plan")] = ffi.buffer(header)
        for name, part in parts.items():
            out[offsets[name] : offsets[name] + len(part)] = part
        out[base:] = self.strings.data
        return bytes(out)

    def _rows_and_refs(self) -> tuple[Any, Any]:
        rows = ffi.new("struct plan_row[]", len(self.table.calls))
        refs = ffi.new("struct plan_ref[]", sum(map(len, self.refs.values())))
        at = 0
        for call in self.table.calls:
            mine = sorted(self.refs.get(call.id, []))
            rows[call.id] = (self._want(call), len(mine), at)
            for rule, counter in mine:
                refs[at] = (rule, counter)
                at += 1
        return rows, refs

    def _rules(self, base: int) -> Any:
        rules = ffi.new("struct plan_rule[]", len(self.rules))
        for rule, values in zip(rules, self.rules, strict=True):
            for key, value in values.items():
                if key == "path":
                    value = 0 if value is None else base + value  # noqa: PLW2901
                setattr(rule, key, value)
        return rules

    def _header(self, offsets: dict[str, int], names: dict[str, int]) -> Any:
        header = ffi.new("struct plan *")
        header.magic, header.version = lib.WIRE_MAGIC, lib.WIRE_VERSION
        header.digest = self.table.digest
        header.flags = lib.PLAN_TRACE | (lib.PLAN_TSC if clock_is_tsc() else 0)
        if self.wants.fairness:
            header.flags |= lib.PLAN_FAIRNESS
        if self.wants.full:
            header.flags |= lib.PLAN_FULL
        if not self.wants.heard:
            header.flags |= lib.PLAN_UNHEARD
        if self.wants.strict:
            header.flags |= lib.PLAN_STRICT
        header.flags |= _BRIDGES[self.wants.bridge]
        header.strsize = self.wants.strsize
        header.pid_ns = Path("/proc/self/ns/pid").stat().st_ino
        header.nrules, header.nmaps = len(self.rules), len(self.wants.maps)
        header.ncounters, header.nhooks = self.ncounters, len(self.wants.hooks)
        header.enter_hooks = hook_mask(self.wants.hooks, "pyshim_call_enter")
        header.exit_hooks = hook_mask(self.wants.hooks, "pyshim_call_exit")
        header.moment_hooks = [hook_mask(self.wants.hooks, m) for m in MOMENT_HOOKS]
        for name, at in (offsets | names).items():
            setattr(header, name, at)
        return header


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
        (rule.close_after, lib.ACT_AFTER),
        (rule.once_per_site, lib.ONCE_PER_SITE),
        (rule.fair_only, lib.ONLY_FAIR),
        (not rule.caught, lib.NOT_CAUGHT),
    )
    return int(sum(flag for present, flag in flags if present))


def _maps(maps: Sequence[Map], texts: Iterable[tuple[int, int]], base: int) -> Any:
    out = ffi.new("struct plan_map[]", len(maps))
    for place, (each, (source, target)) in enumerate(zip(maps, texts, strict=True)):
        out[place] = (
            base + source,
            len(os.fsencode(each.source)),
            base + target,
            len(os.fsencode(each.target)),
        )
    return out


def _aligned(size: int) -> int:
    return (size + 15) & ~15


def preload(rundir: str) -> str:
    """What LD_PRELOAD names. ld.so splits at colons and spaces and knows no escape, so
    a library installed under such a path is reached through a link in the run's folder.
    """
    path = str(LIB / "libpyshim.so")
    return f"{rundir}/libpyshim.so" if set(path) & set(": ") else path
