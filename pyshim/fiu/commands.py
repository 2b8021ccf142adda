"""libfiu's remote control commands, parsed: `enable name=posix/io/*,failinfo=28`.

Where libfiu goes on with less than was asked for (a parameter it doesn't know, a name
that is no failure point, `failinfo=ENOSPC`, which it takes for 0), this refuses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pyshim.errors import UsageError, nearest
from pyshim.fiu.points import Point

_ENABLE = frozenset({"name", "failnum", "failinfo", "onetime"})
_COMMANDS = {
    "enable": _ENABLE,
    "enable_random": _ENABLE | {"probability"},
    "enable_stack_by_name": _ENABLE | {"func_name", "pos_in_stack"},
    "disable": frozenset({"name"}),
}
_NEEDED = {"enable_random": "probability", "enable_stack_by_name": "func_name"}
_BARE = "onetime"


@dataclass(frozen=True, slots=True)
class Failure:
    """What was enabled under one name."""

    text: str
    """The command."""
    name: str
    """That of a point, or the beginning of some and `*`."""
    failnum: int = 1
    """0: no failure at all, as in libfiu."""
    failinfo: int = 0
    """The errno, 0: any that the call has."""
    probability: float = 1.0
    function: str = ""
    """The caller; "" is any."""
    onetime: bool = False

    def covers(self, name: str) -> bool:
        """Whether it is about the point of that name."""
        if self.name.endswith("*"):
            return name.startswith(self.name[:-1])
        return name == self.name


class Failures:
    """What is enabled: libfiu's table. A whole name goes before those with a `*`, of
    which the one that was there first counts."""

    def __init__(self, points: Iterable[Point]) -> None:
        self._points = tuple(points)
        self._enabled: dict[str, Failure] = {}

    def obey(self, text: str) -> None:
        """One command. Raises UsageError, with nothing changed."""
        command, values = _parsed(text)
        name = values.get("name", "")
        self._check(name, text)
        if command != "disable":
            self._enabled[name] = _failure(values, text)
        elif self._enabled.pop(name, None) is None:
            raise UsageError(f"fiu: {text!r}: that was not enabled")

    @property
    def by_chance(self) -> bool:
        """Whether any of it is drawn: that a call fails, or with what."""
        return any(
            each.probability < 1 or not each.failinfo for each in self._enabled.values()
        )

    @property
    def by_caller(self) -> bool:
        """Whether any asks who calls."""
        return any(each.function for each in self._enabled.values())

    def of(self, point: Point) -> Failure | None:
        """What is enabled for it."""
        exact = self._enabled.get(point.name)
        wild = (each for each in self._enabled.values() if each.covers(point.name))
        found = exact or next(wild, None)
        return found if found and found.failnum else None

    def _check(self, name: str, text: str) -> None:
        if not name:
            raise UsageError(f"fiu: {text!r} names no failure point", allowed="name=")
        meant = Failure(text, name)
        chosen = [each for each in self._points if meant.covers(each.name)]
        if not chosen:
            raise UsageError(
                f"fiu: no failure point is named {name!r}",
                nearest=nearest(name, (each.name for each in self._points)),
                allowed="those of `pyshim fiu --points`; * at the end only",
            )
        missing = [each.name for each in chosen if not each.calls]
        if missing:
            raise UsageError(f"fiu: {name}: pyshim can't fail {' '.join(missing)} yet")


def _parsed(text: str) -> tuple[str, dict[str, str]]:
    words = text.split()
    if len(words) != 2 or words[0] not in _COMMANDS:
        raise UsageError(
            f"fiu: not understood: {text!r}",
            nearest=nearest(words[0], _COMMANDS) if words else "",
            allowed="a command and its parameters, with one space: "
            f"{', '.join(_COMMANDS)}",
        )
    command, values = words[0], dict[str, str]()
    for item in words[1].split(","):
        key, equals, value = item.partition("=")
        if key not in _COMMANDS[command] or bool(equals) == (key == _BARE):
            raise UsageError(
                f"fiu: unknown parameter {item!r} in {text!r}",
                nearest=nearest(key, _COMMANDS[command] - {key}),
                allowed=" ".join(sorted(_COMMANDS[command])),
            )
        if key in values:
            raise UsageError(f"fiu: {key} is given twice in {text!r}")
        values[key] = value
    needed = _NEEDED.get(command, "name")
    if needed not in values:
        raise UsageError(f"fiu: {text!r} lacks {needed}=")
    return command, values


def _failure(values: dict[str, str], text: str) -> Failure:
    if values.get("pos_in_stack", "-1") != "-1":
        raise UsageError(
            f"fiu: pos_in_stack={values['pos_in_stack']} in {text!r}", allowed="-1"
        )
    return Failure(
        text,
        values["name"],
        failnum=_number(values, "failnum", text, default=1, most=2**31 - 1),
        failinfo=_number(values, "failinfo", text, default=0, most=4095),
        probability=_probability(values.get("probability", "1"), text),
        function=values.get("func_name", ""),
        onetime=_BARE in values,
    )


def _number(
    values: dict[str, str], key: str, text: str, *, default: int, most: int
) -> int:
    given = values.get(key, str(default))
    if not (given.isascii() and given.isdigit() and int(given) <= most):
        allowed = f"a number, 0..{most}" + (", as errno(1) lists" * (key == "failinfo"))
        raise UsageError(f"fiu: bad {key}={given!r} in {text!r}", allowed=allowed)
    return int(given)


def _probability(given: str, text: str) -> float:
    try:
        value = float(given)
    except ValueError:
        value = -1
    if not 0 <= value <= 1 or 0 < value < 2**-32:
        message = f"fiu: bad probability={given!r} in {text!r}"
        raise UsageError(
            message,
            allowed="0..1, as in probability=0.05; none so small that no call is hit",
        )
    return value
