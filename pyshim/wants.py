"""What one run asks of the shim, as values: what plugins said, put together."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass, field

from pyshim.bridge_host import AUTO
from pyshim.calls import Call
from pyshim.rules import Rule


@dataclass(frozen=True, slots=True)
class Map:
    """Paths at or below `source` are found at or below `target`: both absolute."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class TargetHook:
    """A hookimpl to be called inside the target."""

    plugin: str
    module: str
    file: str
    function: str
    calls: frozenset[Call]
    paths: tuple[str, ...]
    caught: bool = False
    """Whether it is asked, too, of what comes through no symbol; as Rule.caught."""


@dataclass(frozen=True, slots=True)
class Wants:
    """All that one run asks of the shim."""

    rules: tuple[Rule, ...] = ()
    logged: frozenset[Call] = frozenset()
    maps: tuple[Map, ...] = ()
    hooks: tuple[TargetHook, ...] = ()
    strsize: int = 32
    search_path: tuple[str, ...] = ()
    """sys.path of the interpreter in the target."""
    strict: bool = False
    """Whether the first error of a hook in the target ends the run."""
    full: bool = False
    """Whether the catch-all is armed."""
    patched: bool = True
    """Whether libc may be changed in memory, so that it takes less: shim/patch.h."""
    bridge: str = AUTO
    """Where hooks run: bridge_host.py."""
    heard: bool = True
    """Whether any plugin listens to events: else forks and ends are not even told."""
    program: str = ""
    """What the command runs, as it was given: places.py looks for functions in it."""
    options: Mapping[str, object] = field(default_factory=dict)
    """The command line's, for hooks in the target: run_options.py."""

    @property
    def budgeted(self) -> bool:
        """Whether what the program allocates and frees is to be counted."""
        return any(rule.budget for rule in self.rules)

    @property
    def fairness(self) -> bool:
        """Whether any rule reports or requires a fair EINTR."""
        return any(r.error == errno.EINTR or r.fair_only for r in self.rules)
