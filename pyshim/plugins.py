"""Finding plugins: entry points, names, local files; and what they ask for."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pluggy

from pyshim import hookspecs
from pyshim.calls import Call, Table
from pyshim.errors import PluginError, UsageError, nearest
from pyshim.inside.hooks import LOCAL
from pyshim.inside.process import MOMENTS
from pyshim.mistakes import check_names, check_signature
from pyshim.wants import TargetHook

if TYPE_CHECKING:
    from pyshim.event import Event
    from pyshim.run import Run

GROUP = "pyshim"
EventHook = Callable[["Event"], object]
_OF_CALLS = ("pyshim_call_enter", "pyshim_call_exit")

MOMENT_HOOKS = tuple(f"pyshim_process_{moment}" for moment in MOMENTS)
"""By enum moment_kind of shim/wire.h."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """An installed or local plugin, loaded."""

    name: str
    module: object
    origin: str
    """The distribution it came with, or the file."""

    @property
    def summary(self) -> str:
        """First line of its docstring."""
        return (getattr(self.module, "__doc__", "") or "").strip().partition("\n")[0]


def installed() -> dict[str, Plugin]:
    """All plugins registered under the entry-point group, by name."""
    found = {}
    for entry in entry_points(group=GROUP):
        origin = entry.dist.name if entry.dist else "?"
        found[entry.name] = Plugin(entry.name, _load(entry), origin)
    return found


def _load(entry: EntryPoint) -> object:
    try:
        return entry.load()
    except (Exception, SystemExit) as error:
        text = f"plugin {entry.name!r} can't be loaded: {_reason(error)}"
        raise PluginError(text) from error


def _reason(error: BaseException) -> str:
    """An exception on one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def from_file(path: str) -> Plugin:
    """A plugin that is a local Python file."""
    file = Path(path)
    if not file.is_file():
        raise PluginError(f"plugin file {path!r} does not exist")
    name = f"{LOCAL}{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file.resolve())
    if spec is None or spec.loader is None:
        raise PluginError(f"plugin file {path!r} is no Python file", allowed="*.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        text = f"plugin file {path!r} can't be imported: {_reason(error)}"
        raise PluginError(text) from error
    return Plugin(file.stem, module, path)


def is_file(word: str) -> bool:
    """Whether `--plugin WORD` means a local file."""
    return "/" in word or word.endswith(".py")


def find(word: str, known: dict[str, Plugin]) -> Plugin:
    """What `--plugin WORD` means. A file that is among the known is loaded already."""
    if word not in known and is_file(word):
        return from_file(word)
    if word not in known:
        names = sorted(each for each in known if not is_file(each))
        raise PluginError(
            f"unknown plugin {word!r}",
            nearest=nearest(word, names),
            allowed=f"{', '.join(names)}, or a file ./NAME.py",
        )
    return known[word]


def manager(plugins: Iterable[Plugin]) -> pluggy.PluginManager:
    """A plugin manager with these plugins, checked against the hookspecs."""
    made = pluggy.PluginManager(GROUP)
    made.add_hookspecs(hookspecs)
    for plugin in plugins:
        if made.has_plugin(plugin.name):
            raise PluginError(f"two plugins are called {plugin.name!r}")
        check_names(plugin.name, plugin.module)
        try:
            made.register(plugin.module, plugin.name)
            made.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginError(f"plugin {plugin.name!r}: {_reason(error)}") from error
    return made


def culprit(error: BaseException) -> str:
    """Which plugin's hook an exception came out of; or "".

    The frame that called it tells, pluggy's or Session's, by its `hook_impl`.
    """
    found = ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        impl = frame.f_locals.get("hook_impl")
        if isinstance(impl, pluggy.HookImpl):
            found = f"plugin {impl.plugin_name!r}: {impl.function.__name__}"
    return found


def wanted_events(made: pluggy.PluginManager, run: Run) -> dict[str, frozenset[Call]]:
    """By plugin, the calls whose events it wants: pluggy's results have no names."""
    impls = made.hook.pyshim_trace.get_hookimpls()
    plain = [impl for impl in impls if not (impl.wrapper or impl.hookwrapper)]
    found = {}
    for impl in plain:
        others = [each.plugin for each in plain if each is not impl]
        hook = made.subset_hook_caller("pyshim_trace", others)
        found[impl.plugin_name] = frozenset[Call]().union(*hook(run=run))
    return found


def event_hooks(
    made: pluggy.PluginManager, run: Run
) -> list[tuple[pluggy.HookImpl, EventHook]]:
    """What is to be called for each event, in the order in which pluggy would do it.

    Pluggy itself only where a wrapper needs it: it takes longer than a short plugin.
    """
    impls = made.hook.pyshim_event.get_hookimpls()[::-1]
    if any(impl.wrapper or impl.hookwrapper for impl in impls):
        hook = made.hook.pyshim_event
        return [(impls[0], lambda event: hook(event=event, run=run))]
    return [(impl, _direct(impl, run)) for impl in impls]


def _direct(impl: pluggy.HookImpl, run: Run) -> EventHook:
    """The function itself, given only what it declares."""
    function = impl.function
    if impl.argnames == ("event",):
        return function
    if impl.argnames == ("event", "run"):
        return lambda event: function(event, run)
    return lambda event: function(
        *(event if name == "event" else run for name in impl.argnames)
    )


def target_hooks(
    made: pluggy.PluginManager, table: Table, caught: bool = False
) -> tuple[TargetHook, ...]:
    """The hookimpls to be called in the target, in the order pluggy would call them.

    `caught`: also of syscalls that come through no symbol.
    """
    found = []
    for function in (*_OF_CALLS, *MOMENT_HOOKS):
        hooks = getattr(made.hook, function).get_hookimpls()
        found += [_target_hook(impl, function, table) for impl in reversed(hooks)]
    return tuple(replace(each, caught=caught) for each in found)


def _target_hook(impl: pluggy.HookImpl, function: str, table: Table) -> TargetHook:
    module = impl.plugin
    if not isinstance(module, ModuleType) or not module.__file__:
        raise PluginError(
            f"plugin {impl.plugin_name!r}: {function} must be a function of a module, "
            "for the target imports that module again"
        )
    if impl.wrapper or impl.hookwrapper or impl.function.__name__ != function:
        raise PluginError(
            f"plugin {impl.plugin_name!r}: {function} runs in the target, without "
            "pluggy: it can't be a wrapper or have another name"
        )
    check_signature(impl)
    chosen = _calls(impl, function, table)
    if function == "pyshim_call_exit":
        chosen = _coming_back(impl, chosen)
    return TargetHook(
        plugin=impl.plugin_name,
        module=module.__name__,
        file=str(Path(module.__file__).resolve()),
        function=function,
        calls=chosen,
        paths=tuple(getattr(impl.function, "pyshim_paths", ())),
    )


def _calls(impl: pluggy.HookImpl, function: str, table: Table) -> frozenset[Call]:
    """The calls its marker declares; of a process hook none."""
    calls = getattr(impl.function, "pyshim_calls", ())
    if function in MOMENT_HOOKS:
        if calls or getattr(impl.function, "pyshim_paths", ()):
            raise PluginError(
                f"plugin {impl.plugin_name!r}: {function} is about no calls",
                allowed="@hookimpl without calls= and paths=",
            )
        return frozenset()
    if not calls:
        raise PluginError(
            f"plugin {impl.plugin_name!r}: {function} declares no calls",
            allowed='@hookimpl(calls=["openat", "%file"])',
        )
    try:
        chosen: frozenset[Call] = frozenset().union(*(table.select(c) for c in calls))
    except UsageError as error:
        text = f"plugin {impl.plugin_name!r}: {function}: {error}"
        raise PluginError(text) from error
    if never := sorted(call.name for call in chosen if call.allocates):
        raise PluginError(
            f"plugin {impl.plugin_name!r}: {function} can't be asked of {never[0]}: "
            "Python never runs inside an allocation",
            allowed="a rule or a log for %alloc",
        )
    return chosen


def _coming_back(impl: pluggy.HookImpl, chosen: frozenset[Call]) -> frozenset[Call]:
    """Without what is left by a jump: nothing of ours comes after vfork or setjmp."""
    left = frozenset(call for call in chosen if call.comes_back)
    if not left:
        names = ", ".join(sorted(call.name for call in chosen))
        raise PluginError(
            f"plugin {impl.plugin_name!r}: no exit is seen of {names}",
            allowed="pyshim_call_enter",
        )
    return left


def search_path() -> tuple[str, ...]:
    """sys.path for the interpreter in the target: ours, made absolute, with the folder
    that holds the pyshim package itself (an editable install has it elsewhere)."""
    ours = str(Path(__file__).parent.parent.resolve())
    folders = [ours, *(str(Path(each).resolve()) for each in sys.path if each)]
    return tuple(each for each in dict.fromkeys(folders) if ":" not in each)
