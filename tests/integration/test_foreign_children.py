"""Children that the shim can't follow run as bare, and are named in the report.

Theirs is another libc, another class, no loader at all, another user, another root.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from beside import beside
from shimmed import PYSHIM, Done, ours, run, without_ours

from pyshim.calls import LIB

Target = Callable[..., str]
NOBODY = "65534"
LOADER_32 = "/lib/ld-linux.so.2"
WITHOUT_LIBC = ("-m32", "-nostdlib", "-fno-stack-protector")
SOURCE = Path(__file__).parents[1] / "targets" / "foreign.c"
KINDS = {
    "musl": ("loader", ()),
    "musl, static": ("static", ("-static",)),
    "static": ("static", ("-static",)),
    "static-pie": ("static", ("-static-pie",)),
    "32-bit": ("class", (*WITHOUT_LIBC, "-pie", f"-Wl,-I,{LOADER_32}")),
    "32-bit, static": ("class", (*WITHOUT_LIBC, "-static")),
}
"""A word of the reason for the bypass, and how it is made."""


@pytest.fixture
def make(target: Target, tmp_path: Path) -> Callable[[str], str]:
    """`make("musl")`: a program of that kind, which ends with 5."""

    def build(kind: str) -> str:
        flags = KINDS[kind][1]
        if kind.startswith("32"):
            return of_32_bits(target, *flags)
        return musl(tmp_path, *flags) if "musl" in kind else target("foreign", *flags)

    return build


Make = Callable[[str], str]


def musl(tmp: Path, *flags: str) -> str:
    if not shutil.which("musl-gcc"):
        pytest.skip("musl-gcc is not installed")
    out = tmp / "foreign"
    command = ["musl-gcc", str(SOURCE), "-o", str(out), *flags]
    subprocess.run(command, check=True, timeout=60)
    return str(out)


def of_32_bits(target: Target, *flags: str) -> str:
    """It prints its environment, and needs no library, but maybe a loader."""
    program = target("no_libc_env", *flags)
    if "-pie" in flags and not Path(LOADER_32).exists():
        pytest.skip(f"{LOADER_32} is not installed")
    try:
        subprocess.run([program], capture_output=True, timeout=10, check=False)
    except OSError as error:
        pytest.skip(f"no 32-bit programs here: {error.strerror}")
    return program


def told(program: str, seen: str, often: str = "") -> str:
    """What is said of a bypass: why, and how many processes were seen."""
    name = re.escape(program)
    bypassed = rf"; bypassed: {name} \(.*\){often}"
    return f"bypass: {name}: .*|coverage: {seen}, layer symbols{bypassed}"


SCRIPT = """
/bin/echo before; "$0" "exit 6"; echo $?; env -i "$0"; "$0" "exit 6" | cat
exec /bin/echo after
"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_foreign_child(kind: str, make: Make, tmp_path: Path) -> None:
    """Between two that are seen."""
    program = make(kind)
    folders = re.compile(f"{tmp_path}/\\w+/work".encode())
    seen = beside(
        *(tmp_path, "sh", "-c", SCRIPT, program),
        expected=told(program, "3 of 6 processes", " 3 times"),
        hide=lambda text: folders.sub(b"", text),
    )
    assert (seen.lines[0], seen.lines[-1]) == ("before", "after")
    assert "5" in seen.lines
    assert b"ld.so" not in seen.bare.done.stderr
    assert seen.logged(f"--- bypass {re.escape(program)}: .*{KINDS[kind][0]}") == 3
    assert seen.logged(r"\+\+\+ exited with") >= 3


@pytest.mark.parametrize("kind", ["musl", "32-bit"])
def test_a_foreign_target(kind: str, make: Make) -> None:
    program = make(kind)
    env = {"A": "1", "PATH": os.environ["PATH"]}
    done = run([*PYSHIM, "--plugin", "log", "--", program, "exit 6"], env=env)
    assert without_ours(done) == run([program, "exit 6"], env=env)
    assert done.status == 5
    line, coverage = ours(done)
    assert "bypass" in line and program in line
    assert re.search(rf"coverage: 0 of 1 .*; bypassed: {re.escape(program)}", coverage)


# -- environments ------------------------------------------------------------------

LEFT = {
    "none": ["env", "-i"],
    "sudo's": ["env", "-i", "PATH=/usr/bin:/bin", "HOME=/", "TERM=dumb", "SUDO_UID=1"],
    "without ours": ["env", "-u", "LD_PRELOAD", "-u", "PYSHIM_RUN"],
    "an empty preload": ["env", "LD_PRELOAD="],
    "another run's": ["env", "PYSHIM_RUN=/no/such/run"],
}


@pytest.mark.parametrize("left", LEFT)
def test_whatever_environment_is_left(
    left: str, target: Target, tmp_path: Path
) -> None:
    seen = beside(tmp_path, *LEFT[left], target("neighbour"))
    assert seen.lines[-1] == "EXIT-SUCCESS"
    assert seen.logged('"/dev/zero"') == 4


# -- where the shim is out of reach ------------------------------------------------


@pytest.fixture
def root(tmp_path: Path) -> str:
    """A folder with what is needed to run /echo in it."""
    if os.geteuid() != 0:
        pytest.skip("only root can change the root, or become another user")
    folder = tmp_path / "root"
    folder.mkdir()
    listed = subprocess.run(
        ["ldd", "/bin/echo"], check=True, capture_output=True, text=True, timeout=10
    ).stdout
    for library in re.findall(r"(/\S+) \(0x", listed):
        (folder / library[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, folder / library[1:])
    shutil.copy("/bin/echo", folder / "echo")
    return str(folder)


def test_a_child_with_another_root(root: str, tmp_path: Path) -> None:
    seen = beside(
        *(tmp_path, "chroot", root, "/echo", "here"),
        expected=told("/echo", "0 of 1 process"),
    )
    assert seen.bare.done == Done(0, b"here\n", b"")
    assert seen.logged("--- bypass /echo: .*out of reach.* ---") == 1


def test_a_child_of_another_user(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may not enter the run's folder, nor the one where the shim is installed."""
    command = ["chroot", "--userspec", f"{NOBODY}:{NOBODY}", "/", "/bin/echo", "here"]
    for installed in ("for all", "for root"):
        folder = tmp_path / installed.replace(" ", "-")
        if installed == "for root":
            shutil.copytree(LIB, tmp_path / "lib")
            tmp_path.chmod(0o700)
            monkeypatch.setenv("PYSHIM_LIB", str(tmp_path / "lib"))
        expected = told("/bin/echo", "0 of 1 process")
        seen = beside(folder, *command, expected=expected)
        assert seen.bare.done == Done(0, b"here\n", b"")
        assert seen.logged("--- bypass /bin/echo: .*out of reach.* ---") == 1
