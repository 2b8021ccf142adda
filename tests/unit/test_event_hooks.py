"""Plugins get each event as pluggy would call them, without pluggy in between."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pytest

from pyshim import hookimpl
from pyshim.event import Event, Kind
from pyshim.plugins import Plugin, culprit, event_hooks, manager
from pyshim.run import Run

RUN = cast("Run", SimpleNamespace())
EVENT = Event(Kind.EXIT, 1, 1, 0, 0)


def plugin(name: str, function: Any, **options: bool) -> Plugin:
    module = ModuleType(name)
    function.__name__ = "pyshim_event"
    module.pyshim_event = hookimpl(**options)(function)  # type: ignore[attr-defined, call-overload]
    return Plugin(name, module, "here")


def tell(*plugins: Plugin) -> None:
    """As Teller does."""
    for hook_impl, told in event_hooks(manager(plugins), RUN):  # noqa: B007
        told(EVENT)


def test_each_gets_what_it_declares() -> None:
    got: list[tuple[object, ...]] = []

    def both(event: Event, run: Run) -> None:
        got.append((event, run))

    def turned(run: Run, event: Event) -> None:
        got.append((run, event))

    def one(event: Event) -> None:
        got.append((event,))

    def other(run: Run) -> None:
        got.append((run,))

    def none() -> None:
        got.append(())

    for function in (both, turned, one, other, none):
        tell(plugin("p", function))
    assert got == [(EVENT, RUN), (RUN, EVENT), (EVENT,), (RUN,), ()]


def test_objects_with_methods_are_plugins_too() -> None:
    class Counts:
        count = 0

        @hookimpl
        def pyshim_event(self, event: Event) -> None:
            self.count += event is EVENT

    counts = Counts()
    tell(Plugin("counts", counts, "here"))
    assert counts.count == 1


def test_the_order_is_pluggys() -> None:
    order: list[str] = []
    tell(
        plugin("a", lambda: order.append("a")),
        plugin("b", lambda: order.append("b"), trylast=True),
        plugin("c", lambda: order.append("c")),
        plugin("d", lambda: order.append("d"), tryfirst=True),
    )
    assert order == ["d", "c", "a", "b"]


def test_a_wrapper_goes_around_the_others() -> None:
    order: list[str] = []

    def around(event: Event) -> Any:
        order.append("before")
        result = yield
        order.append("after")
        return result

    tell(
        plugin("wrapper", around, wrapper=True),
        plugin("inner", lambda event: order.append(event.kind)),
    )
    assert order == ["before", "exit", "after"]


def test_without_a_plugin_that_listens_there_is_nothing_to_call() -> None:
    assert event_hooks(manager([Plugin("deaf", ModuleType("deaf"), "here")]), RUN) == []


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_plugin_that_failed_is_named(wrapped: bool) -> None:
    def around() -> Any:
        return (yield)

    def fails(event: Event) -> None:
        raise ValueError(event.kind)

    others = [plugin("wrapper", around, wrapper=True)] if wrapped else []
    with pytest.raises(ValueError, match="exit") as caught:
        tell(plugin("good", lambda: None), plugin("bad", fails), *others)
    assert culprit(caught.value) == "plugin 'bad': pyshim_event"
