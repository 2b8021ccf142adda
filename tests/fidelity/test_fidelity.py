"""An injected condition beside the real one: the same calls return the same, leave the
same descriptors, the same bytes in files, and end the program alike."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from both_runs import CannotRun, Shown, Warm, injected, real
from case import SYMBOLS, Case, Way
from cases import CASES

Target = Callable[..., str]

_ENOUGH = 200


def _items() -> Iterator[object]:
    """Every way under every layer. One of every other case is for make test, the layers
    in turn; the rest for make fidelity."""
    for number, case in enumerate(CASES):
        first = case.ways[0]
        layer = first.layers[number // 2 % len(first.layers)]
        for way in case.ways:
            for each in way.layers:
                soon = (way, each) == (first, layer) and number % 2
                rest = () if soon else (pytest.mark.long,)
                name = f"{case.name}-{way}-{each}"
                yield pytest.param(case, way, each, id=name, marks=rest)


def _bare(target: str, case: Case, place: Path, seen: dict[str, Shown | str]) -> Shown:
    """Run once for all ways of a case."""
    if case.name not in seen:
        try:
            seen[case.name] = real(target, case, place)
        except CannotRun as why:
            seen[case.name] = str(why)
    found = seen[case.name]
    if isinstance(found, str):
        pytest.skip(f"cannot run here: {found}")
    return found


@pytest.fixture(scope="session")
def seen() -> dict[str, Shown | str]:
    return {}


@pytest.mark.parametrize(("case", "way", "layer"), list(_items()))
def test_injected_is_as_real(
    case: Case,
    way: Way,
    layer: str,
    target: Target,
    tmp_path: Path,
    warm: Warm,
    seen: dict[str, Shown | str],
) -> None:
    program = target("fidelity")
    bare = _bare(program, case, tmp_path / "real", seen)
    if case.sees not in bare.transcript:
        pytest.fail(f"no condition:\n{bare.text()}", pytrace=False)
    shown, said = injected(program, case, way, layer, tmp_path / layer, warm)
    if shown != bare:
        pytest.fail(_difference(bare, shown, said), pytrace=False)


def _difference(bare: Shown, shown: Shown, said: str) -> str:
    texts = bare.text().splitlines(), shown.text().splitlines()
    lines = difflib.unified_diff(*texts, "real", "injected", n=99, lineterm="")
    return "\n".join([*lines, said])


@pytest.mark.parametrize("rule", ["write:error=EIO", "write:retval=0"])
def test_a_rule_that_does_something_else_is_noticed(
    rule: str, target: Target, tmp_path: Path, warm: Warm
) -> None:
    case = Case("", "", "", "f=open:/dev/full:O_WRONLY write:$f:9", (), "ENOSPC")
    bare = real(target("fidelity"), case, tmp_path / "real")
    way = Way((rule,))
    shown, _ = injected(target("fidelity"), case, way, SYMBOLS, tmp_path / "not", warm)
    assert shown != bare


def test_there_are_enough_and_each_once() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) >= _ENOUGH
