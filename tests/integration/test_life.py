"""Processes with hooks in them fork, take signals, churn threads and end as bare ones.

One round of some scenes of lives.py; `make life` does 20 of all.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lives
import pytest
from marked import end, marked
from shimmed import PYSHIM, TRIVIAL, run

Target = Callable[..., str]


@pytest.mark.parametrize(
    "scene", [each for each in lives.SCENES if each.short], ids=str
)
def test_as_bare(scene: lives.Scene, target: Target, tmp_path: Path) -> None:
    def folder(name: str) -> Path:
        made = tmp_path / name
        made.mkdir()
        return made

    program = target(scene.target)
    expected = lives.bare(scene, program, folder("bare"))

    def faults(mode: tuple[str, str]) -> list[str]:
        return lives.faults(scene, program, mode, expected, folder("-".join(mode)))

    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(lives.MODES, pool.map(faults, lives.MODES), strict=True))
    assert found == {mode: [] for mode in lives.MODES}


THREADS = 10_000
MOST = 4096
"""KiB that ten thousand threads may leave behind: what is kept for those that come."""


@pytest.mark.parametrize("at_once", ["1", "100"])
@pytest.mark.parametrize("layer", lives.LAYERS)
def test_memory_of_threads_that_ended(
    target: Target, tmp_path: Path, layer: str, at_once: str
) -> None:
    plugin, kept = tmp_path / "life_hooks.py", tmp_path / "kept"
    plugin.write_text(TRIVIAL)
    command = [target("short_threads"), str(THREADS), at_once, str(kept)]
    done = run([*PYSHIM, f"--layer={layer}", "-p", str(plugin), *command])
    assert (done.status, done.stdout) == (0, b"EXIT-SUCCESS\n"), done
    before, after = map(int, kept.read_text().split())
    assert after - before < MOST


def test_who_hangs_is_found_and_ended(tmp_path: Path) -> None:
    """By its mark, wherever it went; and where it is, is told."""
    mark = f"LIFE_RUN={tmp_path}"
    with subprocess.Popen(
        ["sleep", "100"], env=dict([mark.split("=")]), start_new_session=True
    ) as process:
        # Popen returns when exec(2) closes descriptors: the environment comes later.
        while not (found := marked(mark)):
            assert process.poll() is None
        (line,) = end(found, "left behind", patience=0)
        assert process.wait(20) == -9
    assert line.startswith(f"left behind: {process.pid}\n== {process.pid} 'sleep")
    assert f"-- {process.pid} " in line
    assert marked(mark) == []
