"""Fixtures of the integration tests."""

from __future__ import annotations

import fcntl
import os
import subprocess
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from shimmed import PYSHIM, run
from traces import COLLECT, Job, Trace

pytest.register_assert_rewrite("beside", "contract_jobs")

ROOT = Path(__file__).parents[2]
HEAD = """
import os
from pyshim import Args, Delay, Errno, Return, Short, hookimpl

"""


@pytest.fixture
def hooked(
    tmp_path: Path, pyshim: Callable[..., subprocess.CompletedProcess[str]]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`hooked(source, *command)` runs it under a plugin of that source."""

    def go(
        source: str, *command: str, **options: object
    ) -> subprocess.CompletedProcess[str]:
        plugin = tmp_path / "mine.py"
        plugin.write_text(HEAD + textwrap.dedent(source))
        return pyshim("-p", str(plugin), *command, **options)

    return go


@pytest.fixture
def library(target: Callable[..., str]) -> Callable[..., str]:
    """`library("own_open")` compiles it with -DLIBRARY, and gives its path."""

    def build(name: str, *flags: str) -> str:
        return target(name, "-shared", "-fPIC", "-DLIBRARY", *flags)

    return build


@pytest.fixture(scope="session")
def ubsan() -> Path:
    """The shim built so that undefined behaviour in it is a SIGILL.

    `make check` has built it; what has changed since is built here, by one worker.
    """
    command = ["make", "-s", "-C", str(ROOT), "ubsan", f"PYTHON={PYSHIM[0]}"]
    out = ROOT / "shim" / "build" / "ubsan"
    out.mkdir(parents=True, exist_ok=True)
    with (out / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(command, check=True, timeout=120)
    return out / "lib"


@pytest.fixture
def collect(target: Callable[..., str], tmp_path: Path) -> Callable[..., Trace]:
    """Runs a target, or a command line before it, under the collector."""

    def go(
        name: str,
        *args: str,
        calls: str = "!%composite,vfork",
        before: tuple[str, ...] = (),
    ) -> Trace:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        env = {**os.environ, "COLLECT_TO": str(folder / "events"), "COLLECT": calls}
        done = run([*COLLECT, *before, target(name), *args], cwd=folder, env=env)
        return Trace(done.status, folder / "events")

    return go


@pytest.fixture
def start(target: Callable[..., str], tmp_path: Path) -> Iterator[Callable[..., Job]]:
    """Starts a target under the collector, to be talked to."""
    jobs: list[Job] = []

    def go(name: str, *args: str) -> Job:
        path = tmp_path / f"events{len(jobs)}"
        process = subprocess.Popen(
            [*COLLECT, target(name), *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "COLLECT_TO": str(path)},
        )
        jobs.append(Job(process, path))
        return jobs[-1]

    yield go
    for job in jobs:
        with job.process:
            job.kill()
