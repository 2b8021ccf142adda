"""Where in the code a rule's `caller=` and `site=` mean: ranges in files, as the target
compares them with a call's return address (shim/conditions.c)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pyshim import symbols
from pyshim.errors import UsageError, nearest
from pyshim.objects import DamagedError, libraries
from pyshim.programs import find_program, follow

_END = 2**63


@dataclass(frozen=True, slots=True)
class Place:
    """Offsets of return addresses from where the file is loaded; `high` is outside."""

    module: str
    """The end of the file's path, from a slash on."""
    low: int = 0
    high: int = _END


def at(module: str, offset: int) -> tuple[Place, ...]:
    """The one place that a report shows as FILE+0xOFFSET."""
    return (Place(module, offset, offset + 1),)


def of_caller(text: str, program: str) -> tuple[Place, ...]:
    """FUNCTION, LIBRARY.so or LIBRARY.so!FUNCTION, for a run of `program`.

    A function is looked for by its symbols in the program and the libraries that it
    loads at its start; in a LIBRARY given by its path there too. What the compiler
    made of it is meant as well: `copy.constprop.0`, `copy.cold`. Raises UsageError when
    there is none.
    """
    module, mark, function = text.rpartition("!")
    if not mark and (".so" in text or "/" in text):
        return (Place(text),)
    files = _loaded(program)
    if module:
        named = {each: file for each, file in files.items() if _ends(each, module)}
        files = named or {Path(module).name: module}
    found = tuple(
        Place(name, each.start + 1, each.start + each.size + 1)
        for name, file in files.items()
        for each in symbols.functions(file)
        if function in (each.name, each.name.partition(".")[0])
    )
    if not found:
        raise UsageError(_nowhere(function, files), nearest=_like(function, files))
    return found


def _ends(path: str, end: str) -> bool:
    """Whether `end` is the whole path, or its end behind a slash, as in the target."""
    return f"/{path}".endswith(f"/{end.removeprefix('/')}")


def _nowhere(function: str, files: Mapping[str, str]) -> str:
    where = Path(next(iter(files), "the program")).name
    more = f" and {len(files) - 1} libraries" if len(files) > 1 else ""
    return f"caller={function}: no such function in the symbols of {where}{more}"


def _like(function: str, files: Mapping[str, str]) -> str:
    first = next(iter(files.values()), "")
    return nearest(function, {each.name for each in symbols.functions(first)})


@cache
def _loaded(program: str) -> Mapping[str, str]:
    """By the end of the path that ld.so loads it from: the file. The program's own, or
    its interpreter's, and those of its libraries."""
    path_env = os.environ.get("PATH")
    try:
        path = follow(str(find_program(program, path_env)), path_env).path
        found = libraries(path, os.environ.get("LD_LIBRARY_PATH", "")).found
    except (OSError, DamagedError):
        return {}
    own = os.path.realpath(path)
    return {own: own} | {Path(name).name: each.path for name, each in found.items()}
