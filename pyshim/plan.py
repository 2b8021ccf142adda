"""Compiles what plugins want into the plan that the target maps.

The layouts are in shim/wire.h, read through cffi: no offset is typed here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyshim._host import ffi, lib
from pyshim.bridge_host import AUTO, HOST, TARGET
from pyshim.bridge_plan import bridge_plan, hook_mask
from pyshim.calls import LIB, Call, Table
from pyshim.clock import clock_is_tsc
from pyshim.plan_pool import Pool
from pyshim.plan_rules import PATHS, CompiledRules
from pyshim.plugins import MOMENT_HOOKS
from pyshim.wants import Map, Wants

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

LIBRARIES = ("libpyalloc.so", "libpyshim.so")

_BRIDGES = {AUTO: 0, HOST: lib.PLAN_HOST, TARGET: lib.PLAN_INSIDE}


class Compiler:
    """Builds one plan. `build` gives the bytes; the counters are for the arena."""

    def __init__(self, wants: Wants, table: Table, rundir: str) -> None:
        self.wants = wants
        self.table = table
        self.rundir = rundir
        self.rules = CompiledRules(wants.program)
        self._wanted: list[int] = []
        """enum want_flag, by the call's id."""

    def build(self) -> bytes:
        """The plan file."""
        for rule in self.wants.rules:
            self.rules.add(rule)
        for number, hook in enumerate(self.wants.hooks):
            self.rules.add_hook(number, hook)
        self.rules.add_marks(self.table)
        self.rules.add_kept(self.table)
        self._wanted = [self._want(call) for call in self.table.calls]
        return self._layout()

    @property
    def wrapped(self) -> frozenset[Call]:
        """After `build`: the calls whose slots go to their wrappers."""
        calls = self.table.calls
        return frozenset(c for c, want in zip(calls, self._wanted, strict=True) if want)

    @property
    def allocates(self) -> bool:
        """After `build`: whether anything is wanted that libpyalloc.so exports."""
        return any(call.allocates for call in self.wrapped)

    @property
    def ncounters(self) -> int:
        """How many `when=` counters each process needs."""
        return self.rules.ncounters

    def _want(self, call: Call) -> int:
        want = 0
        if call in self.wants.logged or (self.wants.heard and call.base in EXECS):
            want |= lib.WANT_LOG | lib.WANT_WRAP
        if self.wants.maps and (
            call.base in EXECS or any(param.kind in PATHS for param in call.params)
        ):
            want |= lib.WANT_MAP | lib.WANT_WRAP
        if call.id in self.rules.refs or call.base in _ALWAYS:
            want |= lib.WANT_WRAP
        if call.allocates and self.wants.budgeted:
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
        """The fixed parts, one behind the other; behind them the pool they point to."""
        maps = sorted(self.wants.maps, key=lambda each: -len(each.source))
        sizes = {
            "rows_at": ffi.sizeof("struct plan_row") * len(self.table.calls),
            "refs_at": ffi.sizeof("struct plan_ref") * self.rules.nrefs,
            "rules_at": ffi.sizeof("struct plan_rule") * len(self.rules),
            "maps_at": ffi.sizeof("struct plan_map") * len(maps),
        }
        offsets, base = {}, _aligned(ffi.sizeof("struct plan"))
        for name, size in sizes.items():
            offsets[name] = base
            base = _aligned(base + size)
        pool = Pool(base)
        parts = {
            "rows_at": self._rows(),
            "refs_at": self.rules.ref_structs(self.table, pool),
            "rules_at": self.rules.rule_structs(pool),
            "maps_at": _maps(maps, pool),
        }
        header = self._header(offsets | self._names(pool))
        header.size = base + len(pool.data)
        out = bytearray(base)
        out[: ffi.sizeof("struct plan")] = ffi.buffer(header)
        for name, part in parts.items():
            out[offsets[name] : offsets[name] + sizes[name]] = ffi.buffer(part)
        return bytes(out + pool.data)

    def _names(self, pool: Pool) -> dict[str, int]:
        names = {
            "preload": pool.text(preload(self.rundir, self.allocates)),
            "rundir": pool.text(self.rundir),
        }
        if self.wants.hooks:
            names["bridge"] = pool.text(str(LIB / "libpybridge.so"))
            names["bridge_plan"] = pool.text(bridge_plan(self.wants, self.rundir))
        return names

    def _rows(self) -> Any:
        rows, at = ffi.new("struct plan_row[]", len(self.table.calls)), 0
        for call in self.table.calls:
            nrefs = len(self.rules.refs.get(call.id, ()))
            rows[call.id] = (self._wanted[call.id], nrefs, at)
            at += nrefs
        return rows

    def _header(self, offsets: dict[str, int]) -> Any:
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
        if self.wants.budgeted:
            header.flags |= lib.PLAN_BUDGET
        if self.wants.strict:
            header.flags |= lib.PLAN_STRICT
        header.flags |= _BRIDGES[self.wants.bridge]
        header.strsize = self.wants.strsize
        header.started = time.monotonic_ns()
        header.pid_ns = Path("/proc/self/ns/pid").stat().st_ino
        header.nrules, header.nmaps = len(self.rules), len(self.wants.maps)
        header.ncounters, header.nhooks = self.ncounters, len(self.wants.hooks)
        header.enter_hooks = hook_mask(self.wants.hooks, "pyshim_call_enter")
        header.exit_hooks = hook_mask(self.wants.hooks, "pyshim_call_exit")
        header.moment_hooks = [hook_mask(self.wants.hooks, m) for m in MOMENT_HOOKS]
        for name, at in offsets.items():
            setattr(header, name, at)
        return header


def _maps(maps: Sequence[Map], pool: Pool) -> Any:
    out = ffi.new("struct plan_map[]", len(maps))
    for place, each in enumerate(maps):
        ends = (each.source, each.target)
        out[place] = tuple(
            value for end in ends for value in (pool.text(end), len(os.fsencode(end)))
        )
    return out


def _aligned(size: int) -> int:
    """At a cache line, so that small structs are in one."""
    return (size + 63) & ~63


def preload(rundir: str, allocates: bool) -> str:
    """What LD_PRELOAD names. libpyalloc.so stands before the shim, which finds the
    next malloc(3) behind itself.

    ld.so splits at colons and spaces and knows no escape, so what is installed under
    such a path is reached through links in the run's folder.
    """
    folder = rundir if set(str(LIB)) & set(": ") else str(LIB)
    names = LIBRARIES if allocates else LIBRARIES[-1:]
    return ":".join(f"{folder}/{name}" for name in names)
