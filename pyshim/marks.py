"""`hookimpl`: marks a function of a plugin as an implementation of a hookspec.

It leaves on the function what pluggy's own marker leaves, and what pyshim's hooks in
the target add: which calls and paths they want. Plain enough to be imported in the
target, where pluggy itself would cost each process 16 ms.
"""

from __future__ import annotations

# Also without typing, which a bare interpreter has not imported yet.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar, overload

    Function = TypeVar("Function", bound=Callable[..., object])


if TYPE_CHECKING:

    @overload
    def hookimpl(function: Function, /) -> Function: ...

    @overload
    def hookimpl(
        *,
        calls: Iterable[str] = (),
        paths: Iterable[str] = (),
        tryfirst: bool = False,
        trylast: bool = False,
        wrapper: bool = False,
        hookwrapper: bool = False,
        optionalhook: bool = False,
        specname: str | None = None,
    ) -> Callable[[Function], Function]: ...


def hookimpl(
    function: Any = None,
    /,
    *,
    calls: Iterable[str] = (),
    paths: Iterable[str] = (),
    **options: bool | str | None,
) -> Any:
    """Mark `function` as a hookimpl.

    `calls` (names and sets as in strace: "openat", "%file") and `paths` say which calls
    a hook in the target wants; no other call pays for it. A path is a glob over the
    absolute path of an argument, or of the file that a descriptor is open on: `*` stops
    at a slash, `**` does not. The options are pluggy's: of several plugins' hooks, one
    with `tryfirst` is asked first.
    """
    unknown = set(options) - set(_PLUGGY)
    if unknown:
        allowed = ", ".join(["calls", "paths", *_PLUGGY])
        raise TypeError(f"hookimpl has no option {min(unknown)!r}, but {allowed}")

    def mark(target: Any) -> Any:
        target.pyshim_impl = _PLUGGY | options
        target.pyshim_calls = (calls,) if isinstance(calls, str) else tuple(calls)
        target.pyshim_paths = (paths,) if isinstance(paths, str) else tuple(paths)
        return target

    return mark if function is None else mark(function)


_PLUGGY: dict[str, bool | str | None] = {
    "hookwrapper": False,
    "wrapper": False,
    "optionalhook": False,
    "tryfirst": False,
    "trylast": False,
    "specname": None,
}
