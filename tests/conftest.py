"""What all tests share: pyshim's command, and the targets, compiled once a session."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RUNS = Path("/dev/shm")
TARGETS = Path(__file__).parent / "targets"
CFLAGS = ["-Wall", "-Wextra", "-Werror", "-pthread", "-O1", "-g"]
FOREIGN = ("CI", "BUILD_NUMBER", "PYTEST_ADDOPTS")
"""They change what the pytests show that some tests run."""
PYSHIM = [sys.executable, "-m", "pyshim"]
"""The command under test, as a prefix of a command line."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: it mostly waits, and at the end it would do so alone."""
    items.sort(key=lambda item: item.nodeid.split("::")[-1] != "test_part")


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """`target("site_loop")` compiles tests/targets/site_loop.c and gives its path."""
    folder = tmp_path_factory.mktemp("targets")

    def build(name: str, *flags: str) -> str:
        out = folder / "-".join([name, *(flag.strip("-") for flag in flags)]).replace(
            "/", "_"
        )
        if not out.exists():
            source = TARGETS / f"{name}.c"
            subprocess.run(
                ["gcc", *CFLAGS, str(source), "-o", str(out), *flags],
                check=True,
                timeout=60,
            )
        return str(out)

    return build


@pytest.fixture(scope="session", autouse=True)
def no_folders_of_killed_hosts() -> Iterator[None]:
    """Some tests kill pyshim with SIGKILL, which leaves the run's folder behind."""
    before = set(RUNS.glob("pyshim-*"))
    yield
    for folder in set(RUNS.glob("pyshim-*")) - before:
        host = folder.name.split("-")[1]
        if host.isdecimal() and not Path(f"/proc/{host}").exists():
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def plain_environment(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests see the same environment wherever they run, and leave the user's alone."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    for name in (*FOREIGN, "LD_PRELOAD", "PYSHIM_RUN", "LD_LIBRARY_PATH"):
        os.environ.pop(name, None)
    os.environ["LC_ALL"] = "C.UTF-8"


def run(
    command: list[str], *, timeout: float = 30, **options: object
) -> subprocess.CompletedProcess[str]:
    """Run to the end with captured text output; never hangs."""
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        command,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=timeout,
        check=False,
        **{"stdin": subprocess.DEVNULL, **options},
    )


@pytest.fixture
def pyshim(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`pyshim("-p", "log", "ls")` runs that command line in tmp_path."""

    def go(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
        return run([*PYSHIM, *words], **{"cwd": tmp_path, **options})

    return go
