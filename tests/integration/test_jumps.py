"""Calls that are left by a jump: what no frame of the shim's may ever be under.

They are logged, delayed and made to fail like others; what the program does behind them
must be what it does bare.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from reports import Done, returned, said, stepped_aside
from traces import Trace

from pyshim.calls import table

Target = Callable[..., str]
Pyshim = Callable[..., Done]
ROWS = [row for row in table().calls if row.jump and "stdio" not in row.sets]
"""Without err(3) and the like: those are jumps because they take what printf takes."""
JUMPS = sorted(row.name for row in ROWS)
HOOK = """
@hookimpl(calls={calls})
def pyshim_call_enter(call):
    return None

@hookimpl(calls={calls})
def pyshim_call_exit(call):
    if call.name in {calls}:
        raise RuntimeError("there is no exit")
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A library that finds another one in a folder beside it, by its RUNPATH."""
    folder = tmp_path_factory.mktemp("libraries")
    (folder / "deep").mkdir()
    source = Path(__file__).parents[1] / "targets" / "every_jump.c"
    made = {"outer.so": 1, "deep/beside.so": 2}
    for name, number in made.items():
        shared = ["-shared", "-fPIC", f"-DLIBRARY={number}"]
        runpath = "-Wl,--enable-new-dtags,-rpath,$ORIGIN/deep"
        command = ["gcc", *shared, runpath, str(source), "-o", str(folder / name)]
        subprocess.run(command, check=True, timeout=60)
    return str(folder / "outer.so")


@pytest.fixture
def every_jump(target: Target, library: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("JUMP_LIBRARY", library)
    return target("every_jump", "-rdynamic")


def bare(program: str, *words: str) -> str:
    done = subprocess.run(
        [program, *words], capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout


# -- nothing changes ---------------------------------------------------------------


NAMES = ",".join(JUMPS)
MODES = {
    "rule": ("-e", f"inject={NAMES}:delay_enter=1:when=60000"),
    "log": ("-plog", "-o", "log", "-e", f"trace={NAMES}"),
    "log of all": ("-plog", "-o", "log", "-e", f"trace=all,{NAMES}"),
    "path": ("-e", f"inject={NAMES}:delay_enter=1:path=/no/such"),
    "map": ("-plog", "-o", "log", "-e", f"trace={NAMES}", "--map", "/no/such=/dev"),
}


@pytest.mark.parametrize("mode", MODES)
def test_it_does_what_it_does_bare(pyshim: Pyshim, every_jump: str, mode: str) -> None:
    done = pyshim("--layer=symbols", *MODES[mode], every_jump)
    expected = bare(every_jump)
    assert "of its RUNPATH: 2\nby default: 0, next: nobody\n" in expected
    assert (done.returncode, done.stdout) == (0, expected)
    assert all("never hit" in line for line in said(done)), done.stderr


def test_it_does_so_under_a_hook(hooked: Callable[..., Done], every_jump: str) -> None:
    """A hook is asked before the call, and there is no exit to ask it at."""
    done = hooked(HOOK.format(calls=JUMPS), every_jump)
    assert (done.returncode, done.stdout) == (0, bare(every_jump))
    assert set(stepped_aside(done)) <= {"Python hook in a vfork child"}
    assert "there is no exit" not in done.stderr


# -- what is told of them ----------------------------------------------------------


def test_the_target_uses_every_name(collect: Callable[..., Trace]) -> None:
    trace = collect("every_jump", calls=NAMES)
    assert (trace.status, trace.whole) == (0, True)
    told = {event.name for event in trace.calls()}
    assert sorted(told & {*JUMPS}) == JUMPS


LINES = [
    'dlopen("libm.so.6", 1) = ?',
    'dlsym(NULL, "no_such") = ?',
    'dlvsym(NULL, "memcpy", "GLIBC_2.14") = ?',
    "vfork() = ?",
    "exit(8) = ?",
    "quick_exit(9) = ?",
    "abort() = ?",
]


def test_the_log_names_each(pyshim: Pyshim, every_jump: str, tmp_path: Path) -> None:
    pyshim("-plog", "-o", "log", "-e", f"trace={NAMES}", every_jump)
    log = (tmp_path / "log").read_text()
    lines = [re.sub(r"^\d+ +", "", line) for line in log.splitlines()]
    told = {line.partition("(")[0] for line in lines if "(" in line}
    assert told == {row.syscall for row in ROWS}
    shown = {re.sub(" +=", " =", line) for line in lines}
    assert {*LINES} <= shown, shown


# -- rules -------------------------------------------------------------------------


FAILURES = {
    "vfork:error=EAGAIN": ("vforks", ["vfork: EAGAIN", "__vfork: EAGAIN"]),
    "_Fork:error=ENOMEM": ("vforks", ["_Fork: ENOMEM"]),
    "clone:error=EPERM": ("clones", ["clone: EPERM", "__clone: EPERM"]),
    "dlopen:error=ENOENT": ("libraries", ["dlopen: NULL", "dlsym: NULL"]),
    "dlmopen:error=ENOENT": ("libraries", ["dlmopen: NULL"]),
    "dlsym:error=ENOENT": ("libraries", ["dlsym: NULL", "dlerror: nothing"]),
    "dlclose:error=EIO": ("libraries", ["dlclose: -1"]),
    "arch_prctl:error=EACCES:when=3": ("pointer", ["arch_prctl: EACCES"]),
}
"""By rule: the part of the target that meets it, and lines of what that prints."""


@pytest.mark.parametrize("rule", FAILURES)
def test_a_rule_makes_it_fail(pyshim: Pyshim, target: Target, rule: str) -> None:
    part, lines = FAILURES[rule]
    done = pyshim("-e", f"inject={rule}", target("every_jump"), part)
    shown = returned(done)
    assert [line for line in lines if line not in shown] == []
    assert bare(target("every_jump"), part).splitlines()[:-1] != shown
    assert re.search(r"armed, hit \d+ time", said(done)[0])


def test_python_forks_where_vfork_fails(pyshim: Pyshim, tmp_path: Path) -> None:
    script = "import subprocess; print(subprocess.call(['true'], close_fds=False))"
    options = "-plog", "-o", "log", "-e", "trace=vfork,fork"
    rule = "inject=vfork:error=EAGAIN"
    done = pyshim(*options, "-e", rule, sys.executable, "-S", "-c", script)
    assert (done.returncode, done.stdout) == (0, "0\n")
    log = (tmp_path / "log").read_text()
    # The child may have ended before its parent's line is due.
    assert re.search(r"vfork\(\) += -1 EAGAIN .* \(INJECTED\)\n(.*\n)*.*clone\(", log)


def test_a_delay_and_a_signal_come_before_it(pyshim: Pyshim, target: Target) -> None:
    """Three switches take 50 ms each, and a handler runs in each of the others."""
    rules = [
        "inject=swapcontext:delay_enter=50ms",
        "inject=setjmp,_setjmp,longjmp,getcontext,dlsym:signal=USR1",
    ]
    words = ["slow", "places", "libraries", "handled"]
    done = pyshim(*(f"-e{rule}" for rule in rules), target("every_jump"), *words)
    expected = bare(target("every_jump"), *words).replace("slow: 0", "slow: 1")
    counts = {"setjmp": 3, "_setjmp": 3, "longjmp": 7, "getcontext": 2, "dlsym": 3}
    handled = f"handled: {sum(counts.values())}"
    assert done.stdout == expected.replace("handled: 0", handled)


def test_an_end_is_delayed_and_signalled(pyshim: Pyshim, target: Target) -> None:
    rule = "inject=exit,quick_exit,abort,pthread_exit,thrd_exit:signal=USR1"
    done = pyshim("-e", rule, target("every_jump"), "ends", "handled")
    assert [*returned(done), "EXIT-SUCCESS"] == [
        *bare(target("every_jump"), "ends").splitlines()[:-1],
        "handled: 2",
        "EXIT-SUCCESS",
    ]


def test_an_end_takes_no_error(pyshim: Pyshim) -> None:
    ends = [row.name for row in ROWS if row.noreturn]
    assert {"exit", "abort", "longjmp", "pthread_exit"} <= {*ends}
    for rule in (
        f"{','.join(ends)}:error=EIO",
        "exit:retval=0",
        "quick_exit:delay_exit=1ms",
    ):
        done = pyshim("-e", f"inject={rule}", "true")
        assert done.returncode == 125, done
