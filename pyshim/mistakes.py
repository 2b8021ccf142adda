"""Mistakes in a plugin's hooks that can be seen before the target starts.

Pluggy sees some of them; for hooks in the target, which are called without it, and for
what it would just not call, there are these.
"""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

import pluggy

from pyshim import hookspecs
from pyshim.errors import PluginError, nearest

HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("pyshim_"))


def check_names(plugin: str, owner: object) -> None:
    """What looks like a hookimpl and would never be called.

    `owner`: the module or object that is the plugin. Raises PluginError.
    """
    for name in dir(owner):
        found = getattr(owner, name)
        if name.startswith("pyshim_") and callable(found):
            _check_name(plugin, name, found)
        elif isinstance(found, type) and isinstance(owner, ModuleType):
            _check_class(plugin, owner, found)


def _check_name(plugin: str, name: str, function: object) -> None:
    if name not in HOOKS:
        raise PluginError(
            f"plugin {plugin!r}: unknown hook {name!r}",
            nearest=nearest(name, HOOKS),
            allowed=", ".join(HOOKS),
        )
    if not hasattr(function, "pyshim_impl"):
        text = f"plugin {plugin!r}: {name} is not marked as a hookimpl"
        raise PluginError(text, allowed="@hookimpl above it")
    if not inspect.isroutine(function):
        text = f"plugin {plugin!r}: {name} is no function, and would not be called"
        raise PluginError(text, allowed=f"def {name}(...)")


def _check_class(plugin: str, owner: ModuleType, found: type) -> None:
    """A class in a plugin that is a module: nobody makes an object of it."""
    for name, function in vars(found).items():
        if name not in HOOKS or not hasattr(function, "pyshim_impl"):
            continue
        if found.__module__ == owner.__name__ and not hasattr(owner, name):
            what = f"{name} is a method of {found.__name__}, and would not be called"
            raise PluginError(
                f"plugin {plugin!r}: {what}",
                allowed=f"def {name}(...) in the module itself",
            )


def check_signature(impl: pluggy.HookImpl) -> None:
    """Of a hook in the target, which is called by itself, with all its arguments."""
    name = impl.function.__name__
    arguments = tuple(inspect.signature(getattr(hookspecs, name)).parameters)
    form = f"def {name}({', '.join(arguments)})"
    if kind := _kind(impl.function):
        text = f"plugin {impl.plugin_name!r}: {name} is {kind}: it returns no verdict"
        raise PluginError(text, allowed=form)
    if impl.argnames != arguments or not _takes(impl.function, arguments):
        signature = inspect.signature(impl.function)
        text = f"plugin {impl.plugin_name!r}: {name} takes {signature}"
        raise PluginError(text, allowed=form)


def _kind(function: Any) -> str:
    if inspect.iscoroutinefunction(function):
        return "an async def"
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return "a generator"
    return ""


def _takes(function: Any, arguments: tuple[str, ...]) -> bool:
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        return False
    return True
