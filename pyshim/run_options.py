"""`options()`: the command line of the run, as plugins see it on both sides.

Imported by every plugin, in the host and in the target: nothing heavy here.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_SINGLE = (type(None), bool, int, float, str, bytes)
"""What a literal in the bridge's plan says as it is: bridge_plan.py."""


class Options:
    """The run's options by their names in argparse: `pyshim.options().prefix`.

    Not to be changed. `options()` may be called anywhere, at the top of a module too,
    and kept; asked for a value before `pyshim_configure`, the host raises RuntimeError,
    for nothing was parsed yet. What `pyshim_configure` sets in `run.options` is seen
    from then on.

    Values are None, bool, int, float, str, bytes, and tuples of these: what argparse
    has as a list is a tuple here. Options of other types exist in `run.options` alone,
    and an AttributeError says so.
    """

    __slots__ = ("_left_out", "_values")

    _values: dict[str, Any] | None
    _left_out: dict[str, str]

    def __init__(self) -> None:
        object.__setattr__(self, "_values", None)
        object.__setattr__(self, "_left_out", {})

    def __getattr__(self, name: str) -> Any:
        if self._values is None:
            raise RuntimeError(
                f"options().{name}: known from pyshim_configure on, and in the target"
            )
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(self._why_not(name), name=name, obj=self) from None

    def _why_not(self, name: str) -> str:
        kind = self._left_out.get(name)
        if kind is None:
            return f"there is no option {name!r}"
        return f"option {name!r} is a {kind}: only in the host, as run.options.{name}"

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"options are not to be changed: {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"options are not to be changed: {name!r}")

    def __dir__(self) -> list[str]:
        return sorted(self._values or ())

    def __repr__(self) -> str:
        pairs = (f"{name}={value!r}" for name, value in (self._values or {}).items())
        return f"Options({', '.join(pairs)})"


_options = Options()


def options() -> Options:
    """The run's options, in the host and in the target: the same object each time."""
    return _options


def literal(values: Mapping[str, object]) -> tuple[dict[str, Any], dict[str, str]]:
    """What of `values` can be told to the target; and of the others, the types."""
    kept, left_out = {}, {}
    for name, value in values.items():
        try:
            kept[name] = _frozen(value)
        except TypeError as error:
            left_out[name] = str(error)
    return kept, left_out


def _frozen(value: Any) -> Any:
    """Lists as tuples. TypeError with the type's name when there is no literal for it:
    an IntEnum is an int, but is not written as one."""
    kind = type(value)
    if kind in (list, tuple):
        return tuple(map(_frozen, value))
    if kind not in _SINGLE:
        raise TypeError(kind.__name__)
    return value


def give(known: tuple[dict[str, Any], dict[str, str]]) -> None:
    """What `literal` returned, once a run on each side: `options()` has it then."""
    values, left_out = known
    object.__setattr__(_options, "_values", values)
    object.__setattr__(_options, "_left_out", left_out)
