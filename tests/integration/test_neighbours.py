"""Others that live in the target's process do there what they do without us.

Libraries that are preloaded before and behind the shim, ld.so's own ways, sanitizers,
valgrind and gdb.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from beside import IN_C, beside
from shimmed import PYSHIM, run, without_coverage

Target = Callable[..., str]
Library = Callable[..., str]
LIBRARIES = Path("/usr/lib/x86_64-linux-gnu")
DEBIAN = {
    "libeatmydata": "libeatmydata.so",
    "libjemalloc": "libjemalloc.so.2",
    "libtcmalloc": "libtcmalloc_minimal.so.4",
    "libfaketime": "faketime/libfaketime.so.1",
    "libfakeroot": "libfakeroot/libfakeroot-sysv.so",
}
ALLOCATORS = ("libjemalloc", "libtcmalloc")
"""No Python hooks of their calls: "What is not kept" in shim/README.md, rule 2."""

THREADS = r'"/dev/zero", O_RDONLY\|O_CLOEXEC'
"""What each of the four threads of `neighbour` opens."""


def of_debian(name: str) -> str:
    path = LIBRARIES / DEBIAN[name]
    if not path.exists():
        pytest.skip(f"{name} is not installed")
    return str(path)


def needs(*programs: str) -> None:
    missing = [each for each in programs if not shutil.which(each)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


# -- a second preload --------------------------------------------------------------

SET = {
    "before us": 'LD_PRELOAD="$L${LD_PRELOAD:+:$LD_PRELOAD}" exec "$@"',
    "behind us": 'LD_PRELOAD="${LD_PRELOAD:+$LD_PRELOAD:}$L" exec "$@"',
}
"""Scripts that preload $L for a child."""


@pytest.mark.parametrize("name", ["our own", *DEBIAN])
def test_a_preload_of_the_users(
    name: str, target: Target, library: Library, tmp_path: Path
) -> None:
    path = library("own_wrapper") if name == "our own" else of_debian(name)
    env = {"COUNTED": "1", "LD_PRELOAD": path}
    modes = IN_C if name in ALLOCATORS else (*IN_C, "python")
    seen = beside(tmp_path, target("neighbour"), modes=modes, env=env)
    assert seen.lines[-1] == "EXIT-SUCCESS"
    assert ("6 5 1 5 1" in seen.lines) == (name == "our own")
    assert seen.logged(THREADS) == 4


@pytest.mark.parametrize("place", SET)
@pytest.mark.parametrize("name", ["our own", "libjemalloc", "libfakeroot"])
def test_a_preload_for_a_child(
    name: str, place: str, target: Target, library: Library, tmp_path: Path
) -> None:
    path = library("own_wrapper") if name == "our own" else of_debian(name)
    command = ["sh", "-c", SET[place], "sh", target("neighbour")]
    seen = beside(tmp_path, *command, modes=["all"], env={"COUNTED": "1", "L": path})
    assert seen.lines[-1] == "EXIT-SUCCESS"
    assert ("6 5 1 5 1" in seen.lines) == (name == "our own")
    assert seen.logged(THREADS) == 4


def test_one_that_answers_by_itself_leaves_us_nothing(
    target: Target, tmp_path: Path
) -> None:
    """libeatmydata's fsync never reaches the kernel."""
    env = {"L": of_debian("libeatmydata")}
    reached = {
        place: beside(
            *(tmp_path / place, "sh", "-c", SET[place], "sh", target("neighbour")),
            modes=["all"],
            env=env,
        ).logged(r"fsync\(")
        for place in SET
    }
    assert reached == {"before us": 0, "behind us": 1}


@pytest.mark.parametrize("name", ALLOCATORS)
def test_an_allocator_the_program_is_linked_with(
    name: str, target: Target, tmp_path: Path
) -> None:
    flags = ["-Wl,--no-as-needed", of_debian(name)]
    seen = beside(tmp_path, target("neighbour", *flags))
    assert seen.lines[-1] == "EXIT-SUCCESS"
    assert seen.logged(THREADS) == 4


FAKED = (
    "mknod dev c 1 3; chown 5:6 dev; stat -c '%F %t,%T %u:%g' dev; ls -l dev | cut -c1"
)


def test_fakeroot(tmp_path: Path) -> None:
    needs("fakeroot")
    seen = beside(tmp_path, "fakeroot", "sh", "-c", FAKED)
    assert seen.lines == ["character special file 1,3 5:6", "c"]
    assert seen.bare.files["dev"][0].startswith("-")
    assert seen.logged('"dev"') > 0


def test_a_shim_under_fakeroot(tmp_path: Path) -> None:
    needs("fakeroot")
    (tmp_path / "work").mkdir()
    command = ["--plugin", "log", "-o", "../log", "sh", "-c", FAKED]
    pyshim = [sys.executable, "-m", "pyshim"]
    done = run(["fakeroot", *pyshim, *command], cwd=tmp_path / "work")
    assert done.stdout.decode().split("\n")[0] == "character special file 1,3 5:6"
    assert (done.status, without_coverage(done).stderr) == (0, b"")
    assert '"dev"' in (tmp_path / "log").read_text()


def test_faketime(tmp_path: Path) -> None:
    env = {"LD_PRELOAD": of_debian("libfaketime"), "FAKETIME": "2001-02-03 04:05:06"}
    env |= {"TZ": "UTC", "DONT_FAKE_MONOTONIC": "1"}
    seen = beside(tmp_path, "date", "+%F %T", env=env)
    assert seen.lines == ["2001-02-03 04:05:06"]


# -- ld.so ---------------------------------------------------------------------------


def test_what_ld_so_is_told(target: Target, tmp_path: Path) -> None:
    env = {"LD_BIND_NOW": "1", "LD_LIBRARY_PATH": "/no/such/folder:"}
    seen = beside(tmp_path, target("neighbour"), env=env)
    assert seen.lines[-1] == "EXIT-SUCCESS"
    assert seen.logged(THREADS) == 4


def test_an_audit_library(target: Target, library: Library, tmp_path: Path) -> None:
    env = {"LD_AUDIT": library("audit_library")}
    seen = beside(tmp_path, target("neighbour"), modes=(*IN_C, "python"), env=env)
    assert seen.lines[-1] == "EXIT-SUCCESS"
    assert seen.logged(THREADS) == 4


# -- sanitizers --------------------------------------------------------------------

SANITIZED = {
    "address": ["-fsanitize=address"],
    "address, static": ["-fsanitize=address", "-static-libasan"],
    "undefined": ["-fsanitize=undefined"],
    "leak": ["-fsanitize=leak"],
    "thread": ["-fsanitize=thread"],
    "thread, static": ["-fsanitize=thread", "-static-libtsan"],
}


def sanitized(target: Target, name: str, how: str) -> str:
    try:
        return target(name, *SANITIZED[how])
    except subprocess.CalledProcessError:
        pytest.skip(f"gcc has no {SANITIZED[how][0]} here")


CHECKED = (
    "stepped aside .*: (a sanitizer's malloc: no rule or log for %alloc there"
    "|the program's own file defines what %alloc asks for; not seen there)"
)
"""Statically, a sanitizer is in the program's own file."""


@pytest.mark.parametrize("how", SANITIZED)
def test_a_program_built_with_a_sanitizer(
    how: str, target: Target, tmp_path: Path
) -> None:
    modes = (*IN_C, "python") if how.startswith("address") else IN_C
    program = sanitized(target, "neighbour", how)
    # In a thread's first hook ld.so needs memory for it, and asks the sanitizer.
    inside = f"stepped aside .*: call inside a Python hook, .*|{CHECKED}"
    seen = beside(tmp_path, program, modes=modes, expected=inside)
    assert (seen.bare.done.status, seen.bare.done.stderr) == (0, b"")
    assert seen.logged(THREADS) == 4


def error_alone(text: bytes) -> bytes:
    """What a sanitizer found and where, without addresses, process ids and frames."""
    kept = rb"^(?:=+\d+=+)?(ERROR: .*?) (?:on address|:).*|^(SUMMARY: .*)"
    found = re.finditer(kept, text, re.MULTILINE)
    return b"\n".join(each[1] or each[2] for each in found)


def test_what_a_sanitizer_finds_in_a_call(target: Target, tmp_path: Path) -> None:
    program = sanitized(target, "overflow_read", "address")
    seen = beside(tmp_path, program, expected=CHECKED, hide=error_alone)
    assert seen.bare.done.status == 1
    assert seen.bare.done.stderr.count(b"heap-buffer-overflow") == 2


def test_the_users_words_to_the_sanitizer_count(target: Target, tmp_path: Path) -> None:
    program = sanitized(target, "overflow_read", "address")
    env = {"ASAN_OPTIONS": "exitcode=55"}
    seen = beside(tmp_path, program, env=env, expected=CHECKED, hide=error_alone)
    assert seen.bare.done.status == 55


# -- valgrind, gdb -----------------------------------------------------------------


def without_numbers(text: bytes) -> bytes:
    """Process ids and addresses are of the run."""
    return re.sub(rb"0x[0-9a-fA-F]+|==\d+==|\b(LWP|process) \d+", b"N", text)


def test_valgrind(target: Target, tmp_path: Path) -> None:
    """The program is seen, though the tool that runs it is static."""
    needs("valgrind")
    # Its word on the probe of a pointer: docs/decisions/0005.
    probes = re.compile(rb"--\d+-- sigprocmask: unknown 'how' field 99\n")
    seen = beside(
        *(tmp_path, "valgrind", "-q", "--error-exitcode=9", target("neighbour")),
        expected=".*somalloc=nouserintercepts",
        hide=lambda text: probes.sub(b"", text),
    )
    assert (seen.bare.done.status, seen.bare.done.stderr) == (0, b"")
    assert seen.logged(THREADS) == 4


def test_valgrind_under_the_full_layer(target: Target, tmp_path: Path) -> None:
    """By symbols there, which is said: its own syscalls would be sent back to it."""
    needs("valgrind")
    command = ["valgrind", "-q", target("calls_by_name"), "read", "read"]
    rule = "inject=read:error=EIO:path=/dev/zero:when=2"
    done = run([*PYSHIM, "-e", rule, *command], cwd=tmp_path)
    assert (done.status, done.stdout) == (0, b"read: 1\nread: -1 EIO\nEXIT-SUCCESS\n")
    assert b"could not be armed in 1 program, only symbols: " in done.stderr
    assert b"layer mixed" in done.stderr


def test_what_valgrind_finds_in_a_call(target: Target, tmp_path: Path) -> None:
    """The same, frame by frame, where the call is not wrapped."""
    needs("valgrind")
    command = ["valgrind", "-q", "--error-exitcode=9", target("overflow_read")]
    seen = beside(tmp_path, *command, modes=["idle"], hide=without_numbers)
    assert seen.bare.done.status == 9
    assert b"Syscall param read(buf)" in seen.bare.done.stderr


def test_gdb(target: Target, tmp_path: Path) -> None:
    needs("gdb")
    words = ["break main", "run read getppid close", "bt", "info args", "continue"]
    commands = [word for each in words for word in ("-ex", each)]
    gdb = ["gdb", "-q", "-batch", "-nx", *commands, target("calls_by_name")]
    seen = beside(tmp_path, *gdb, hide=without_numbers)
    assert any("exited normally" in line for line in seen.lines)
    assert "getppid: 0" in seen.lines
    assert seen.logged(r"getppid\(") >= 1
