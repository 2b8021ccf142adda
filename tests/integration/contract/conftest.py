"""The contract of the host: whoever starts pyshim sees what the bare target shows.

Most tests run twice, bare and wrapped: the bare run is the proof that the expectation
is the system's and not ours.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from contract_jobs import PATIENCE, Job, Start, signals_as_at_login
from shimmed import PYSHIM


@pytest.fixture(scope="session")
def wrapper() -> list[str]:
    return [*PYSHIM]


@pytest.fixture(params=["bare", "wrapped"])
def prefix(request: pytest.FixtureRequest, wrapper: list[str]) -> list[str]:
    """What to put before the target."""
    return wrapper if request.param == "wrapped" else []


@pytest.fixture(scope="session")
def target(target: Callable[[str], str]) -> Callable[[str], str]:
    """`target("end")` compiles tests/targets/contract_end.c and gives its path."""
    return lambda name: target(f"contract_{name}")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a command with a piped stdout; kills what is left of it by pid."""
    jobs: list[Job] = []

    def begin(argv: list[str], **options: Any) -> Job:
        given = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **options}
        given["preexec_fn"] = signals_as_at_login(given.get("preexec_fn"))
        process = subprocess.Popen(argv, cwd=tmp_path, **given)
        jobs.append(Job(process))
        return jobs[-1]

    yield begin
    for job in jobs:
        _kill(job)


def _kill(job: Job) -> None:
    ended = job.process.returncode is not None
    for pid in {*job.others, *([] if ended else [job.target, job.pid])} - {0}:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    job.process.wait(PATIENCE)
    if job.process.stdout is not None:
        job.process.stdout.close()
