"""A case: one call under one condition, and the rules that are to do the same."""

from __future__ import annotations

from dataclasses import dataclass

SYMBOLS, FULL = "symbols", "full"


@dataclass(frozen=True, slots=True)
class Way:
    """Rules that are to have the effect of the condition, and under which layers."""

    rules: tuple[str, ...]
    """As behind `inject=`. They count the calls of the words, and those that the target
    makes before: one open, one mmap, one close."""
    layers: tuple[str, ...] = (SYMBOLS, FULL)

    def __str__(self) -> str:
        return " ".join(self.rules)


def ways(*each: str) -> tuple[Way, ...]:
    """Single rules, each a way of its own; for a rule of two, a space between them."""
    return tuple(Way(tuple(rules.split())) for rules in each)


def symbols(*each: str) -> tuple[Way, ...]:
    """As `ways`, for functions that only symbols see as one call."""
    return tuple(Way(tuple(rules.split()), (SYMBOLS,)) for rules in each)


def full(*each: str) -> tuple[Way, ...]:
    """As `ways`, for the syscalls that libc makes for a function."""
    return tuple(Way(tuple(rules.split()), (FULL,)) for rules in each)


@dataclass(frozen=True, slots=True)
class Case:
    """Words of tests/targets/fidelity.c, run bare under the condition and with each way
    of injecting it where the condition is not."""

    call: str
    condition: str
    progress: str
    """How far the call had come when the condition struck."""
    words: str
    """Those with `?` make the condition real."""
    ways: tuple[Way, ...]
    sees: str
    """What the bare run's transcript must hold, or there was no condition."""
    mount: str = ""
    """Options of the tmpfs that the bare run has for its folder."""
    signal: str = ""
    """Sent to the bare run as soon as it waits in the word with `!`."""
    release: tuple[str, ...] = ()
    """What lets the call end that goes on after the signal: see together.py."""
    unshare: str = ""
    """More namespaces for the bare run, as options of unshare(1)."""
    root: bool = False
    """Whether only root can make the condition."""

    @property
    def name(self) -> str:
        """What the test is called."""
        return f"{self.call}, {self.condition}, {self.progress}"
