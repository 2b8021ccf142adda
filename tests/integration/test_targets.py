"""Every behaviour target does under the shim what it does bare, whatever is wanted.

Its stdout, exit status and signal are the same, and what it says on stderr; pyshim's
own lines are compared with what is known to be outside its reach.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest
from shimmed import PYSHIM, TRIVIAL, Done, ours, run, without_ours

ROOT = Path(__file__).parents[2]
TARGETS = ROOT / "tests" / "targets"
ELSEWHERE = {
    *("exec_errors", "exec_large", "no_libc_env", "own_preload"),  # test_exec.py
    *("blocked", "paced"),  # test_trace.py
    *("crowd_waits", "waits"),  # test_interrupt.py
    *("all_syscalls", "same_calls"),  # test_strace_same.py
    *(
        "oracle_files",
        "oracle_network",
        "oracle_privileged",
        "oracle_processes",
    ),  # test_oracle.py
    *("alloc_oracle", "alloc_realloc", "sizeless_allocator"),  # test_alloc_budget.py
    *("audit_library", "deepbind", "overflow_read"),  # test_neighbours.py
    *("own_open", "own_wrapper"),  # test_neighbours.py
    *("dlopens_beside", "refuses_prctl"),  # test_layers.py
    *("early_thread", "no_exec_gain"),  # test_patched.py
    *("patched_inside", "patched_steps"),  # test_patched.py
    "elsewhere",  # test_hook_errors.py
    "fidelity",  # tests/fidelity
    "fiu_points",  # test_fiu.py
    "foreign",  # test_foreign_children.py
    "invisible",  # test_invisible.py
    *("limited", "lowers_limit", "no_room_after_fork", "std_closed"),  # test_limits.py
    *("shared_calls", "shared_killed", "shared_lives"),  # test_shared.py
    "stress",  # test_catchall.py
    *("process_host", "process_ways"),  # test_process_hosts.py, test_process_hooks.py
    *("disk_crowd", "disk_ops"),  # test_quota.py
    *("fd_calls", "fd_limits"),  # test_fd_limit.py
    *("unsynced", "unsynced_threads"),  # test_unsynced.py
    *("every_number", "path_composites"),  # test_numbers.py, test_composites_mapped.py
}
"""Not to be run by themselves; these tests know what they need."""
ARGS = {
    "abort_midway": ("out",),
    "callers": ("one", "inline", "thread=x", "three"),
    "calls_by_name": ("open", "read", "write", "getppid", "poll", "getcwd", "close"),
    "caught_calls": ("read", "read_bad", "fork", "inline_fork", "vfork", "spawn"),
    "errno_untouched": ("50",),
    "cancel_loop": ("5",),
    "env_clear": ("/bin/echo", "hello"),
    "exec_again": ("4",),
    "fork_loop": ("20",),
    "fork_threads": ("2",),
    "cancel_threads": ("10",),
    "context_switches": ("20",),
    "getppid_loop": ("2000",),
    "handler_in_malloc": ("100",),
    "jump_threads": ("20",),
    "longjmp_handler": ("40",),
    "no_argv": ("begin",),
    "no_name": ("file",),
    "overflow_threads": ("16",),
    "ports": ("127.77.3.5", "47125", "47126"),
    "path_calls": ("{tmp}/folder",),
    "signal_handler_calls": ("10",),
    "short_threads": ("200",),
    "spawn_env": ("/usr/bin/printenv", "WAY"),
    "system_popen": ("echo $0",),
    "threads_read": ("500",),
}
PROCESSES = """
from pyshim import hookimpl

@hookimpl
def pyshim_process_start(process):
    process.argv

@hookimpl
def pyshim_process_fork(process):
    process.program

@hookimpl
def pyshim_process_exec(process):
    process.argv, process.environ

@hookimpl
def pyshim_process_exit(process):
    process.status
"""
NEVER = "error=EIO:when=60000:p=0"
"""`p=0`, because some targets make more than 60,000 calls of a kind."""
MODES = {
    "idle": ("-e", "inject=symlink:error=EIO:when=60000"),
    "log": ("--plugin", "log", "-o", "{tmp}/log"),
    "python": ("--plugin", "{tmp}/../trivial.py"),
    "map": ("--map", "/no/such/folder=/dev"),
    "ubsan": (
        *("--plugin", "log", "-o", "{tmp}/log", "-e", f"inject=all,%alloc:{NEVER}"),
        *("-e", "inject=%file:error=EIO:path=/no/such/**"),
        *("-e", "inject=fds=1000000", "-e", "inject=quota=1T:path=/**"),
        *("-e", "inject=fsync:error=EIO:lose:path=/no/such/**"),
        *("--map", "/no/such/folder=/dev"),
    ),
    "symbols": (
        *("--layer=symbols", "--plugin", "log", "-o", "{tmp}/log"),
        *("-e", f"inject=all,%alloc:{NEVER}"),
        *("-e", "inject=%file:error=EIO:path=/no/such/**"),
        *("--map", "/no/such/folder=/dev"),
    ),
    "full_python": (
        *("--layer=full", "--plugin", "{tmp}/../trivial.py"),
        *("--plugin", "{tmp}/../processes.py"),
    ),
}
"""Where none is named, the layer is full, but for `python`."""
MOST = ("python", "ubsan", "symbols", "full_python")
REST = tuple(mode for mode in MODES if mode not in MOST)
"""All that these do, `ubsan` does as well: they are for make outside."""
# On a busy machine the host may come late; how many events it missed is said.
DROPS = "dropped .*: they came faster than they were read"
INSIDE = "stepped aside .*: call inside a Python hook, or in a handler .*"
HOOKS = "stepped aside .*: Python hook (on memory and locks .*|in a vfork child)"
BYPASSED = "stepped aside .*: Python hook after a fork that bypassed .*"
SECCOMP = "stepped aside .*: the program entered seccomp"
UNARMED = "stepped aside .*: the full layer could not be armed in .*"
NATIVE = "stepped aside .*: a thread gave its stack away, or used int \\$0x80: .*"
LEFT = f"lost .* a signal handler jumped away|{INSIDE}"
OWN = "stepped aside .*: the program's own file defines what %alloc asks for; .*"
UNREAD = "stepped aside .*: a path could not be read"
LIMITS = {
    "bad_pointers": UNREAD,
    # Cancelling system() kills the shell, at times just when it execs, or before.
    "cancel_points": "coverage: [1-3] of [2-4] .*; not heard from: /.*",
    "cancel_threads": LEFT,
    "caught_calls": BYPASSED,
    "child_ways": f"{BYPASSED}|{LEFT}",
    "clear_handlers": BYPASSED,
    "context_switches": INSIDE,
    "dispatch_own": NATIVE,
    "end_threads": f"{INSIDE}|lost .*",
    "every_jump": f"{UNARMED}|{BYPASSED}|{INSIDE}",
    "fork_in_handler": f"{INSIDE}|{BYPASSED}",
    "fork_raw": BYPASSED,
    "handler_in_malloc": INSIDE,
    "inline_int80": NATIVE,
    "inline_results": UNREAD,
    "interrupted": INSIDE,
    "jump_threads": LEFT,
    "jumps": LEFT,
    "longjmp_handler": LEFT,
    "overflow_threads": LEFT,
    # Python starts before the program, and ld.so's malloc is the program's.
    "own_allocator": f"{INSIDE}|{OWN}",
    "own_stack_gone": f"{NATIVE}|{UNARMED}",
    "pokes": UNREAD,
    "raw_children": f"{UNARMED}|{BYPASSED}",
    "raw_thread_fs": UNARMED,
    "seccomp_filter": SECCOMP,
    "seccomp_inline": SECCOMP,
    "seccomp_strict": SECCOMP,
    "seccomp_strict_inline": SECCOMP,
    "seccomp_trap": f"{SECCOMP}|{UNARMED}",
    "signal_handler_calls": INSIDE,
    "sigchld_handler": INSIDE,
    # Its stack overflows wherever it is, at times while an event is written.
    "small_altstack": LEFT,
}
"""What pyshim says, as a regular expression, where it can't see or do everything."""
REPORT = f"inject=.*: armed, never hit|{DROPS}|{HOOKS}"


def behaviours() -> list[str]:
    found = {each.stem for each in TARGETS.glob("*.c")} - ELSEWHERE
    return sorted(
        each for each in found if not each.startswith(("check_", "contract_"))
    )


Bare = Callable[[str], Done]


@pytest.fixture(scope="module")
def bare(target: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Bare:
    """How the target `name` does without pyshim. Skips the test where it can't run."""

    @cache
    def once(name: str) -> Done:
        return show([], target(name), tmp_path_factory.mktemp(name))

    def known(name: str) -> Done:
        if once(name).status == 77:
            pytest.skip(once(name).stdout.decode())
        return once(name)

    return known


def show(
    prefix: Sequence[str], program: str, folder: Path, env: Mapping[str, str] = {}
) -> Done:
    """Run a target in a new folder, beside another one it may use."""
    (folder / "folder").mkdir()
    (folder / "work").mkdir()
    words = ARGS.get(Path(program).name, ())
    command = [*prefix, program, *(word.format(tmp=folder) for word in words)]
    return run(command, cwd=folder / "work", env=os.environ | env)


@pytest.mark.parametrize("name", behaviours())
def test_bare(bare: Bare, name: str) -> None:
    if name == "abort_midway":
        assert bare(name) == Done(-signal.SIGKILL, b"", b"")
    elif name == "env_clear":
        assert bare(name) == Done(0, b"hello\n", b"")
    else:
        assert bare(name).status == 0
        assert bare(name).stdout.endswith(b"EXIT-SUCCESS\n")


@pytest.mark.parametrize(
    "modes",
    [MOST, pytest.param(REST, marks=pytest.mark.long)],
    ids=["most", "rest"],
)
@pytest.mark.parametrize("name", behaviours())
def test_as_bare(
    bare: Bare,
    target: Callable[..., str],
    ubsan: Path,
    tmp_path: Path,
    name: str,
    modes: Sequence[str],
) -> None:
    expected, program = bare(name), target(name)
    (tmp_path / "trivial.py").write_text(TRIVIAL)
    (tmp_path / "processes.py").write_text(PROCESSES)

    def shimmed(mode: str) -> Done:
        folder = tmp_path / mode
        folder.mkdir()
        options = [word.format(tmp=folder) for word in MODES[mode]]
        env = {"PYSHIM_LIB": str(ubsan)} if mode == "ubsan" else {}
        return show([*PYSHIM, *options], program, folder, env)

    with ThreadPoolExecutor(2) as pool:
        done = dict(zip(modes, pool.map(shimmed, modes), strict=True))
    assert {mode: without_ours(got) for mode, got in done.items()} == dict.fromkeys(
        modes, expected
    )
    unknown = re.compile(f"(?!pyshim: ({REPORT}|{LIMITS.get(name, REPORT)})$)")
    said = {mode: ours(got) for mode, got in done.items()}
    assert not {
        mode: lines for mode, lines in said.items() if any(map(unknown.match, lines))
    }
