"""Runs each scene of lives.py many times, without hooks, and with hooks in both layers.

    python tests/life.py 20
    python tests/life.py 20 child_ways end_threads

Says how far it is after each scene. Of each run that failed it says the scene, the
mode, the round and what was wrong; where each thread of a run that hung was is in the
file it names. Exits 1 when one failed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lives import MODES, SCENES, Outcome, Scene, bare, faults

TARGETS = Path(__file__).parent / "targets"
FLAGS = ("-Wall", "-Wextra", "-Werror", "-pthread", "-O1", "-g")
AT_ONCE = 2


def compiled(scene: Scene, folder: Path) -> str:
    program = folder / scene.target
    if not program.exists():
        source = TARGETS / f"{scene.target}.c"
        subprocess.run(["gcc", *FLAGS, source, "-o", program], check=True, timeout=60)
    return str(program)


def once(
    scene: Scene, program: str, mode: tuple[str, str], expected: Outcome
) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="life-") as folder:
        return faults(scene, program, mode, expected, Path(folder))


def rounds(scene: Scene, program: str, times: int) -> Iterator[tuple[str, list[str]]]:
    """Each run's name and what was wrong with it."""
    with tempfile.TemporaryDirectory(prefix="life-") as folder:
        expected = bare(scene, program, Path(folder))
    runs = [(number, mode) for number in range(1, times + 1) for mode in MODES]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda run: once(scene, program, run[1], expected), runs)
        for (number, mode), wrong in zip(runs, found, strict=True):
            yield f"{scene}, {' '.join(mode)}, round {number}", wrong


def repeat(scene: Scene, program: str, times: int) -> int:
    """How many runs failed, after saying so."""
    failed = 0
    for name, wrong in rounds(scene, program, times):
        if wrong:
            failed += 1
            print(f"{name}:", *wrong, sep="\n  ", flush=True)
    good = times * len(MODES) - failed
    print(f"{scene}: {good} of {times * len(MODES)} passed", flush=True)
    return failed


def main() -> int:
    """As the module says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("times", type=int, nargs="?", default=20)
    parser.add_argument("targets", nargs="*", help="these only")
    chosen = parser.parse_args()
    scenes = [
        each for each in SCENES if not chosen.targets or each.target in chosen.targets
    ]
    with tempfile.TemporaryDirectory(prefix="life-") as folder:
        failed = sum(
            repeat(each, compiled(each, Path(folder)), chosen.times) for each in scenes
        )
    print(f"{failed} runs failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
