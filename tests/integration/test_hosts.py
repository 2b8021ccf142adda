"""Python hooks work in every dynamic program: a part of the matrix of `make hosts`.

Each host twice, with a hook that is reached before its own start and at another moment;
these go round, and so do the layers.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "hosts"))

from hosts import hosts
from moments import LAYERS, MOMENTS, Moment
from runs import Outcome, Stage

HOSTS = hosts()
BEFORE, *OTHERS = MOMENTS


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("hosts"))


def ways(number: int) -> list[tuple[Moment, str]]:
    """Of host `number`: all of them are there for some host."""
    layers = LAYERS if number // len(OTHERS) % 2 else LAYERS[::-1]
    return list(zip((BEFORE, OTHERS[number % len(OTHERS)]), layers, strict=True))


@pytest.mark.parametrize("number", range(len(HOSTS)), ids=[each.name for each in HOSTS])
def test_hooks_in(number: int, stage: Stage) -> None:
    host = HOSTS[number]
    if host.missing:
        pytest.skip(f"not installed: {host.missing}")
    command = host.built(stage.folder)
    bare = stage.bare(host, command)

    def go(way: tuple[Moment, str]) -> Outcome:
        return stage.hooked(host, command, *way, bare)

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(go, ways(number)))
    wrong = {
        f"{moment.name}, {layer}": outcome
        for (moment, layer), outcome in zip(ways(number), outcomes, strict=True)
        if outcome.wrong
    }
    assert wrong == {}
    assert all(outcome.asked > 0 for outcome in outcomes)


def test_what_is_wrong_is_noticed(stage: Stage) -> None:
    """Plugins that change what is shown, one that fails, one that is not asked."""
    host = next(each for each in HOSTS if each.name == "c")
    command = host.built(stage.folder)
    bare = stage.bare(host, command)

    def wrong(body: str, calls: str = "'read'") -> str:
        source = (
            f"@hookimpl(calls=[{calls}])\ndef pyshim_call_enter(call):\n    {body}\n"
        )
        moment = Moment("bad", source, changes=False)
        return stage.hooked(host, command, moment, "symbols", bare).wrong

    assert wrong("count(call); os._exit(3)") == "status 3"
    assert wrong("count(call); os.write(1, b'x')") == "other output"
    assert wrong("count(call); os.write(2, b'x')") == "other errors"
    assert wrong("count(call); 1 / 0").startswith("pyshim: plugin plugin: pyshim_call_")
    assert wrong("count(call)", "'mknod'") == "no hook was asked"
    changed = Moment("same", MOMENTS[2].source.replace("return other", "other"))
    outcome = stage.hooked(host, command, changed, "symbols", bare)
    assert outcome.wrong == "its note was not changed"
