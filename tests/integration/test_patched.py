"""libc's own syscalls come to the shim by a jump: the same as bare, and no SIGSYS."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from patched import LOG, NEVER, full
from shimmed import PYSHIM, Done, run, without_ours

from pyshim.calls import LIB

Target = Callable[..., str]

UNWIND = ("-fexceptions",)
TARGETS = {
    "altstack": (),
    "bad_pointers": (),
    "calls_by_name": ("open", "read", "write", "getppid", "poll", "getcwd", "close"),
    "cancel_points": (),
    "cancel_read": (),
    "coroutines": (),
    "errno_many": (),
    "eintr_count": (),
    "exit_ways": (),
    "fork_loop": ("20",),
    "fork_raw": (),
    "fork_threads": ("2",),
    "interrupted": (),
    "jumps": (),
    "longjmp_handler": ("40",),
    "patched_inside": (),
    "patched_kept": (),
    "printf_variadics": (),
    "short_threads": ("200",),
    "signal_handler_calls": ("10",),
    "spawn_actions": (),
    "stdio_calls": (),
    "system_popen": ("echo $0",),
    "threads_read": ("500",),
    "variadics": (),
    "vfork_exec": (),
}


# -- as bare -----------------------------------------------------------------------


@pytest.mark.parametrize("name", TARGETS)
def test_as_bare(tmp_path: Path, target: Target, name: str) -> None:
    command = [target(name, *UNWIND), *TARGETS[name]]
    bare = run(command, cwd=Path(tempfile.mkdtemp(dir=tmp_path)))
    assert bare.status == 0
    for options in (NEVER, LOG, (*LOG, "--no-patch")):
        got = full(tmp_path, options, *command)
        assert without_ours(got.done) == bare
        assert (got.processes > 0) == ("--no-patch" not in options)


@pytest.mark.parametrize("layer", ["full", "symbols"])
def test_at_each_step_one_can_unwind(target: Target, layer: str) -> None:
    command = [target("patched_steps", *UNWIND)]
    done = run([*PYSHIM, f"--layer={layer}", *NEVER, *command])
    assert without_ours(done) == run(command) == Done(0, b"EXIT-SUCCESS\n", b"")


def test_the_slots_are_behind_what_may_make_syscalls() -> None:
    """And share no page with it: theirs are changed."""
    with (LIB / "libpyshim.so").open("rb") as file:
        elf = ELFFile(file)
        at = {each.name: each["sh_addr"] for each in elf.iter_sections()}
        sizes = {each.name: each["sh_size"] for each in elf.iter_sections()}
    assert at[".patch_room"] >= at[".text"] + sizes[".text"]
    assert at[".patch_room"] % 4096 == sizes[".patch_room"] % 4096 == 0
    assert sizes[".patch_room"] >= 64 * 600


# -- how much ----------------------------------------------------------------------


def test_nearly_all_sites_are_patched(tmp_path: Path) -> None:
    got = full(tmp_path, NEVER, "true")
    assert got.processes == 1
    assert got.sites > 500


def test_each_program_is_patched_anew(tmp_path: Path) -> None:
    one = full(tmp_path, NEVER, "sh", "-c", ":").sites
    assert (
        full(tmp_path, NEVER, "sh", "-c", "/bin/true; (:); exec /bin/true").sites
        == 3 * one
    )


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    got = full(tmp_path, (*NEVER, "--no-patch"), "true")
    assert (got.processes, got.sites) == (0, 0)


def test_other_layers_have_no_plans() -> None:
    look = 'ls "$PYSHIM_RUN"'
    done = run([*PYSHIM, "--layer=symbols", *NEVER, "sh", "-c", look])
    assert b"arena" in done.stdout
    assert b".plan" not in done.stdout


def signals(tmp_path: Path, *options: str) -> int:
    """How many SIGSYS a program gets that lists a folder."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    strace = ("strace", "-f", "-e", "trace=none", "-o", str(tmp_path / "strace"))
    done = run([*strace, *PYSHIM, "--layer=full", *options, *LOG, "ls", "-l", "/"])
    assert done.status == 0
    return (tmp_path / "strace").read_text().count("SIGSYS {")


def test_no_signal_is_needed(tmp_path: Path) -> None:
    assert signals(tmp_path) < 5
    assert signals(tmp_path, "--no-patch") > 100


def test_what_libc_does_by_itself_is_logged() -> None:
    done = run([*PYSHIM, "--layer=full", "-e", "trace=getdents64,openat", "ls", "/"])
    assert b"getdents64(" in done.stderr
    assert b"openat(" in done.stderr


# -- where it can't be -------------------------------------------------------------


def test_a_library_with_threads_of_its_own(tmp_path: Path, target: Target) -> None:
    library = target("early_thread", "-shared", "-fPIC", "-DLIBRARY", "-Wl,-zinitfirst")
    got = full(tmp_path, NEVER, target("early_thread"), LD_PRELOAD=library)
    assert (got.processes, got.sites) == (0, 0)
    assert without_ours(got.done) == Done(0, b"EXIT-SUCCESS\n", b"")


def test_where_memory_can_not_become_executable(tmp_path: Path, target: Target) -> None:
    outer, inner = target("no_exec_gain"), target("printf_variadics")
    bare = run([outer, inner])
    if bare.status == 77:
        pytest.skip(bare.stdout.decode())
    got = full(tmp_path, LOG, outer, inner)
    assert without_ours(got.done) == bare
    assert got.processes == 1


def test_where_memory_is_short(tmp_path: Path, target: Target) -> None:
    """Of memory that can be written to there is less than libc's code."""
    command = ["prlimit", "--data=1500000", target("printf_variadics")]
    got = full(tmp_path, LOG, *command)
    assert without_ours(got.done) == run(command)
    assert got.done.status == 0
    one = full(tmp_path, NEVER, "true").sites
    assert one <= got.sites < 1.5 * one
