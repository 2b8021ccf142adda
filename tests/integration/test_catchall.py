"""Calls that come through no symbol: inline ones, and those libc makes by itself."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from reports import Done, returned, said
from shimmed import run, without_ours

Target = Callable[..., str]
Pyshim = Callable[..., Done]
Hooked = Callable[..., Done]

ROOT = Path(__file__).parents[2]


@pytest.fixture
def calls(pyshim: Pyshim, target: Target, tmp_path: Path) -> Callable[..., Done]:
    """`calls(*options)(*words)`: `caught_calls` makes these, where `data` is a file."""
    (tmp_path / "data").write_text("data of its own\n")

    def go(*options: str) -> Callable[..., Done]:
        return lambda *words: pyshim(
            "--layer=full", *options, target("caught_calls"), *words
        )

    return go


# -- rules -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "word", "seen"),
    [
        ("openat:error=EMFILE:when=2", "openat", "openat: EMFILE"),
        ("openat:error=ENOENT:when=2", "fopen", "fopen: ENOENT"),
        ("openat:error=ENOENT:path=**/data", "fopen", "fopen: ENOENT"),
        ("openat:error=ENOENT:path=**/dat", "fopen", "data of its own: fopen: 0"),
        ("openat:error=EACCES:path=**/data", "openat", "openat: EACCES"),
        ("read:error=EIO", "read", "read: EIO"),
        ("read:error=EIO", "read_bad", "read_bad: EIO"),
        ("read:retval=3", "read", "read: 3"),
        ("read:retval=0", "fopen", "fopen: 0"),
        ("read:retval=-5", "read", "read: EIO"),
        ("write:error=ENOSPC:when=1", "write", "write: ENOSPC"),
        ("write:retval=2:when=1", "write", "write: 2"),
        ("getppid:retval=4711:when=1", "getppid", "getppid: 4711"),
        ("fork:error=EAGAIN", "inline_fork", "inline_fork: EAGAIN"),
        ("readlink:error=EACCES", "realpath", "none: realpath: 0"),
    ],
)
def test_a_rule_decides(
    calls: Callable[..., Callable[..., Done]], rule: str, word: str, seen: str
) -> None:
    assert returned(calls("-e", f"inject={rule}")(word)) == [seen]


def test_without_the_layer_it_does_not(pyshim: Pyshim, target: Target) -> None:
    """The proof that the calls above are seen by nothing else."""
    rules = ("-e", "inject=read:error=EIO")
    words = ("read", "read_bad")
    done = pyshim("--layer=symbols", *rules, target("caught_calls"), *words)
    assert returned(done) == ["read: 8", "read_bad: EFAULT"]


def test_the_log_names_the_function_that_made_it(
    calls: Callable[..., Callable[..., Done]], tmp_path: Path
) -> None:
    """Where that is known: of an inline syscall there is none."""
    calls("-p", "log", "-e", "trace=openat,fopen", "-o", "log")("fopen", "openat")
    lines = (tmp_path / "log").read_text().splitlines()
    opened = [line for line in lines if 'openat(AT_FDCWD, "data"' in line]
    assert [line.partition(" = ")[2] for line in opened] == ["4 (via fopen)", "4"]


def test_inline_calls_and_functions_are_counted_together(
    calls: Callable[..., Callable[..., Done]],
) -> None:
    rule = ("-e", "inject=openat:error=EPERM:path=**/data:when=2+2")
    seen = returned(calls(*rule)("openat", "libc_openat", "openat", "fopen"))
    assert seen == ["openat: 0", "libc_openat: EPERM", "openat: 0", "fopen: EPERM"]


@pytest.mark.parametrize("when", ["delay_enter", "delay_exit"])
def test_a_rule_delays(calls: Callable[..., Callable[..., Done]], when: str) -> None:
    words = ("start", "read_bad", "slow", "start", "openat", "slow")
    seen = returned(calls("-e", f"inject=openat:{when}=50ms")(*words))
    assert (seen[1], *seen[3:]) == (
        "read_bad: EFAULT",
        "start: 0",
        "openat: 0",
        "slow: 1",
    )


def test_a_rule_sends_a_signal(calls: Callable[..., Callable[..., Done]]) -> None:
    rule = ("-e", "inject=read:signal=USR1:when=2")
    words = ("handler", "read", "handled", "read", "handled", "read", "handled")
    assert returned(calls(*rule)(*words)) == [
        *("handler: 0", "read: 8", "handled: 0"),
        *("read: 8", "handled: 1", "read: 8", "handled: 1"),
    ]


def test_each_hit_is_told_with_its_place(
    calls: Callable[..., Callable[..., Done]],
) -> None:
    done = calls("-e", "inject=openat:error=EIO:path=**/data:when=1")(
        "openat", "openat"
    )
    assert returned(done) == ["openat: EIO", "openat: 0"]
    assert re.search(r"hit 1 time: openat at .*caught_calls", " ".join(said(done)))


# -- what stdio writes late --------------------------------------------------------


def test_a_full_disk_at_exit(calls: Callable[..., Callable[..., Done]]) -> None:
    """printf's write, at the end of the program: nobody looks at what it returns."""
    done = calls("-e", "inject=write:error=ENOSPC")("late", "getppid")
    assert (done.returncode, done.stdout) == (0, "")
    assert "hit " in done.stderr


def test_a_full_disk_is_told_by_who_looks(pyshim: Pyshim) -> None:
    rule = ("-e", "inject=write:error=ENOSPC:when=1")
    done = pyshim("--layer=full", *rule, "/bin/echo", "word")
    assert (done.returncode, done.stdout) == (1, "")
    assert "write error: No space left on device" in done.stderr


def test_what_is_said_to_be_written_is_not_written_again(pyshim: Pyshim) -> None:
    rule = ("-e", "inject=write:retval=2:when=1")
    done = pyshim("--layer=full", *rule, "/bin/echo", "word")
    assert (done.returncode, done.stdout) == (0, "rd\n")


# -- paths -------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["fopen", "descriptor"])
def test_a_path_is_rewritten_once(
    calls: Callable[..., Callable[..., Done]], tmp_path: Path, word: str
) -> None:
    """Where it leads lies below where it comes from: twice would be seen."""
    for each, text in (("data.d", "once"), ("data.d/data.d", "twice")):
        (tmp_path / each).mkdir()
        (tmp_path / each / "data").write_text(f"{text}\n")
    there = ("--map", f"{tmp_path}={tmp_path}/data.d")
    assert returned(calls(*there)(word)) == [f"once: {word}: 0"]


# -- Python hooks ------------------------------------------------------------------


def test_a_hook_decides(hooked: Hooked, target: Target) -> None:
    source = """
        verdicts = iter([Errno("EIO"), Return(7), Args(count=3), Args(fd=-1), None])

        @hookimpl(calls=["read"])
        def pyshim_call_enter(call):
            return next(verdicts)
    """
    words = ["read"] * 5
    done = hooked(source, "--layer=full", target("caught_calls"), *words)
    results = ("EIO", "7", "3", "EBADF", "8")
    assert returned(done) == [f"read: {result}" for result in results]


def test_a_hook_sees_the_result(hooked: Hooked, target: Target) -> None:
    source = """
        @hookimpl(calls=["read"])
        def pyshim_call_exit(call):
            return Return(call.errno + 100) if call.errno else Return(call.ret + 40)
    """
    done = hooked(source, "--layer=full", target("caught_calls"), "read", "read_bad")
    assert returned(done) == ["read: 48", "read_bad: 114"]


def test_a_hook_is_asked_of_what_libc_opens(
    hooked: Hooked, target: Target, tmp_path: Path
) -> None:
    (tmp_path / "data").write_text("data\n")
    (tmp_path / "other").write_text("other\n")
    source = """
        @hookimpl(calls=["openat"], paths=["**/data"])
        def pyshim_call_enter(call):
            return Args(path="other")
    """
    done = hooked(source, "--layer=full", target("caught_calls"), "fopen", "descriptor")
    assert returned(done) == ["other: fopen: 0", "other: descriptor: 0"]


# -- nothing twice, nothing missing: strace of the bare program is the judge -------

LINE = re.compile(r"(\w+)\(.*\) += (0x[0-9a-f]+|-?\d+|\?)(?: (E[A-Z0-9]+))?.*")
MARK = ("access", "0")
VARY = {
    *("clone", "clone3", "vfork", "fork", "wait4", "getppid", "getpid", "gettid"),
    *("brk", "mmap"),
}
"""Their results are other numbers in each run; of vfork, a function, none is seen."""
KILLS = ("tgkill", "?")
"""strace still hears what it returned."""


def told(text: str) -> tuple[str, str]:
    match = LINE.fullmatch(text)
    assert match, text
    name, result, failed = match.groups()
    if failed or (name, result) == KILLS:
        return name, failed or "0"
    if name == "rt_sigreturn" or (name in VARY and result != "0"):
        return name, "a number"
    return name, result


def traced(log: Path) -> list[list[tuple[str, str]]]:
    """By process, in the order of their first calls: what came behind the mark.

    The return from a handler goes last: strace tells it behind the call that the signal
    came in, a log before, for that call ends later.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    begun: dict[str, str] = {}
    for line in log.read_text().splitlines():
        tid, text = line.split(maxsplit=1)
        if text.endswith("<unfinished ...>"):
            begun[tid] = text.removesuffix("<unfinished ...>")
        elif not text.startswith(("---", "+++")):
            if text.startswith("<... "):
                text = begun.pop(tid) + text.partition(" resumed>")[2]
            call = told(text)
            if found or call == MARK:
                found.setdefault(tid, []).append(call)
    return [
        sorted(calls, key=lambda call: call[0] == "rt_sigreturn")
        for calls in found.values()
    ]


@pytest.mark.parametrize(
    "words",
    [
        ("openat", "libc_openat", "read", "read_bad", "write", "getppid"),
        ("fopen", "descriptor", "realpath"),
        ("syscall", "nanosleep", "clock_nanosleep", "libc_getppid"),
        ("handler", "raise", "handled"),
        ("fork", "getppid"),
        ("inline_fork", "getppid"),
        ("vfork", "getppid"),
        ("spawn", "getppid"),
        ("late", "getppid"),
        ("leave",),
        ("exit",),
        ("abort",),
        ("die",),
    ],
    ids="-".join,
)
def test_each_syscall_is_logged_once(
    calls: Callable[..., Callable[..., Done]],
    target: Target,
    tmp_path: Path,
    words: tuple[str, ...],
) -> None:
    judge = ["strace", "-f", "-o", "strace", target("caught_calls"), "mark", *words]
    bare = run(judge, cwd=tmp_path)
    log = ("-e", "trace=!%composite", "-o", "log")
    full = calls(*log)("mark", *words)
    assert (full.returncode, full.stdout) == (bare.status, bare.stdout.decode())
    assert traced(tmp_path / "log") == traced(tmp_path / "strace")


# -- the program goes on as bare ---------------------------------------------------


def test_destructors_run_when_a_thread_is_cancelled(tmp_path: Path) -> None:
    if not shutil.which("g++"):
        pytest.skip("no g++")
    source, program = ROOT / "tests/targets/cancel_destructor.cc", tmp_path / "program"
    command = ["g++", "-pthread", "-O1", str(source), "-o", str(program)]
    subprocess.run(command, check=True, timeout=60)
    log = ("--layer=full", "-p", "log", "-o", str(tmp_path / "log"))
    full = run([sys.executable, "-m", "pyshim", *log, str(program)])
    assert without_ours(full) == run([str(program)])
    assert full.stdout == b"3 2 1\nEXIT-SUCCESS\n"


def test_a_default_action_ends_it_with_its_own_signal(
    calls: Callable[..., Callable[..., Done]],
) -> None:
    assert calls()("die").returncode == -signal.SIGTERM
    assert calls()("abort").returncode == -signal.SIGABRT


def test_stress(tmp_path: Path) -> None:
    """`make stress` does it a thousand times."""
    command = [sys.executable, str(ROOT / "tests/stress.py"), "10"]
    done = run(command, env={**os.environ, "TMPDIR": str(tmp_path)})
    assert done.stdout.decode() == "bare: 10 of 10 passed\nfull: 10 of 10 passed\n"
    assert done.status == 0
