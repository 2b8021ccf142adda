"""Python starts in the constructor, before libc's own: in every kind of host."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from process_lives import LAYERS, PLUGIN, lives, told
from reports import Done

Hooked = Callable[..., Done]
Target = Callable[..., str]
InHost = Callable[..., None]

LIBRARIES = Path("/usr/lib/x86_64-linux-gnu")
PYTHON = """
import os, subprocess, sys, threading
thread = threading.Thread(target=os.listdir)
thread.start()
thread.join()
child = os.fork()
if not child:
    os._exit(3)
os.waitpid(child, 0)
sys.exit(7)
"""
HOSTS = {
    "bash": ["-c", "(exit 3); exit 7"],
    "perl": ["-e", "if (!fork) { exit 3 } wait; exit 7"],
    "ruby": ["-e", "Thread.new { Process.wait fork { exit! 3 } }.join; exit 7"],
}
VERSIONS = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13"]
IMPORTS = ("fork(process):", "fork(process):\n    import _decimal")
LIFE = {("start", "exit 7"): 1, ("fork", "exit 3"): 1}

pytestmark = pytest.mark.parametrize("layer", LAYERS)


@pytest.fixture
def in_host(hooked: Hooked, tmp_path: Path, layer: str) -> InHost:
    """Runs a command, and checks what its processes were told.

    A hook in a fork's child imports a library, for which ld.so asks malloc.
    """

    def go(*command: str, **options: object) -> None:
        log = tmp_path / "told"
        log.unlink(missing_ok=True)
        source = PLUGIN.format(log=str(log)).replace(*IMPORTS)
        done = hooked(source, f"--layer={layer}", "--", *command, **options)
        assert done.returncode == 7, done
        assert lives(told(log)) == LIFE

    return go


def installed(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


@pytest.mark.parametrize("name", HOSTS)
def test_interpreters(in_host: InHost, name: str) -> None:
    in_host(installed(name), *HOSTS[name])


def pythons(version: str) -> list[str]:
    """Those on PATH, and those of pyenv, of which PATH has only a script."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = [str(each) for each in root.glob(f"versions/{version}.*/bin/python")]
    own = shutil.which(f"python{version}", path="/usr/local/bin:/usr/bin")
    return [*found, *([own] if own else [])]


@pytest.mark.parametrize("version", VERSIONS)
def test_pythons(in_host: InHost, version: str) -> None:
    found = pythons(version)
    if not found:
        pytest.skip(f"python{version} is not installed")
    for python in found:
        in_host(python, "-I", "-c", PYTHON)


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("node", ["-e", "process.exit(7)"]),
        ("java", ["--no-such-option"]),
    ],
)
def test_virtual_machines(
    hooked: Hooked, tmp_path: Path, layer: str, name: str, command: list[str]
) -> None:
    """They fork nothing; java's own status is 1."""
    log = tmp_path / "told"
    program = installed(name)
    source = PLUGIN.format(log=str(log))
    done = hooked(source, f"--layer={layer}", "--", program, *command)
    assert done.returncode in (1, 7), done
    assert lives(told(log)) == {("start", f"exit {done.returncode}"): 1}


@pytest.mark.parametrize("name", ["libjemalloc.so.2", "libtcmalloc_minimal.so.4"])
def test_allocators(in_host: InHost, name: str) -> None:
    """Another malloc, which nobody has asked for anything yet."""
    if not (LIBRARIES / name).exists():
        pytest.skip(f"{name} is not installed")
    env = {**os.environ, "LD_PRELOAD": str(LIBRARIES / name)}
    in_host(installed("bash"), *HOSTS["bash"], env=env)


@pytest.mark.parametrize("which", ["address", "thread", "undefined"])
def test_sanitizers(in_host: InHost, target: Target, which: str) -> None:
    program = target("process_host", f"-fsanitize={which}")
    in_host(program)
