"""Which layer --layer=auto comes to, by what is wanted; and what a run had at last."""

from __future__ import annotations

import argparse

import pytest

from pyshim import hookimpl, layers, plugins
from pyshim.calls import LIB, Call, table
from pyshim.layers import Reason
from pyshim.plugins import Plugin
from pyshim.rules import Rule, parse
from pyshim.run import Run
from pyshim.wants import Map, TargetHook, Wants

pytestmark = pytest.mark.skipif(
    not (LIB / "table.json").exists(), reason="the shim is not built"
)

SYSCALLS = {
    "openat": ("openat",),
    "write": ("write",),
    "getppid": ("getppid",),
    "open": ("open",),  # open(2): libc's open is made of openat
    "futex": ("futex",),
    "%clock": ("adjtimex", "clock_adjtime", "clock_settime", "settimeofday"),
    "fopen,read": ("read",),
}
FUNCTIONS = [
    *("fopen", "getaddrinfo", "pthread_create", "/^pthread_", "/^f(open|close)"),
    *("%composite", "sigaction", "none"),
]


def rule(calls: str) -> Rule:
    return parse("inject", f"{calls}:error=EIO", table())


@pytest.mark.parametrize("calls", SYSCALLS)
def test_a_syscall_makes_auto_full(calls: str) -> None:
    wanted = rule(calls)
    of_rule = layers.reasons(Wants(rules=(wanted,)), {})
    assert of_rule == (Reason(wanted.text, SYSCALLS[calls]),)
    of_log = layers.reasons(Wants(), {"log": wanted.calls})
    assert of_log == (Reason("log, events", SYSCALLS[calls]),)
    assert layers.is_full("auto", of_rule)


@pytest.mark.parametrize("calls", FUNCTIONS)
def test_what_is_no_syscall_does_not(calls: str) -> None:
    chosen = table().select(calls)
    rules = (Rule(calls, chosen, error=5),)
    why = layers.reasons(Wants(rules=rules, logged=chosen), {"log": chosen})
    assert why == ()
    assert not layers.is_full("auto", why)


def test_everything_is_hundreds_of_syscalls() -> None:
    (why,) = layers.reasons(Wants(), {"log": table().select("all")})
    assert len(why.syscalls) > 300


def test_paths_and_plugins_that_insist() -> None:
    maps = (Map("/a", "/b"),)
    assert layers.reasons(Wants(maps=maps), {}) == (Reason("paths to be rewritten"),)
    assert layers.reasons(Wants(), {}, "so it is") == (Reason("so it is"),)


def test_rules_for_places_in_the_program_and_hooks_do_not() -> None:
    calls = table().select("read,write")
    places = Rule("once", calls, error=4, once_per_site=True, caught=False)
    hook = TargetHook("mine", "mine", "mine.py", "pyshim_call_enter", calls, ())
    assert layers.reasons(Wants(rules=(places,), hooks=(hook,)), {}) == ()


@pytest.mark.parametrize("why", [(), (Reason("because"),)])
def test_the_option_has_the_last_word(why: tuple[Reason, ...]) -> None:
    assert layers.is_full("full", why)
    assert not layers.is_full("symbols", why)
    assert layers.is_full("auto", why) is bool(why)


@pytest.mark.parametrize(
    ("full", "programs", "failures", "was"),
    [
        (False, 3, 0, "symbols"),
        (True, 3, 0, "full"),
        (True, 2, 1, "mixed"),
        (True, 0, 3, "symbols"),
        (True, 0, 0, "symbols"),
    ],
)
def test_what_it_was_at_last(
    full: bool, programs: int, failures: int, was: str
) -> None:
    assert layers.armed(full, programs, failures) == was


class _Wanting:
    """A plugin that wants the events of some calls."""

    def __init__(self, calls: str) -> None:
        self.calls = calls

    @hookimpl
    def pyshim_trace(self) -> frozenset[Call]:
        """Those."""
        return table().select(self.calls)


def test_each_plugin_is_told_apart() -> None:
    names = {"one": "read", "two": "fopen,write", "none": "none"}
    made = plugins.manager(
        [Plugin(name, _Wanting(calls), "here") for name, calls in names.items()]
    )
    run = Run(argparse.Namespace(), (), ("true",), table())
    found = plugins.wanted_events(made, run)
    assert found == {name: table().select(calls) for name, calls in names.items()}
    assert {each.who for each in layers.reasons(Wants(), found)} == {
        *("one, events", "two, events")
    }
