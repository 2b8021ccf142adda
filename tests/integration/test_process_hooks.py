"""Process hooks: each told once in a process, at the right moment, with the facts."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from process_lives import LAYERS, PLUGIN, Told, lives, lives_by_strace, told
from reports import Done, stepped_aside

Hooked = Callable[..., Done]
Target = Callable[..., str]
Watched = Callable[..., tuple[Done, list[Told]]]

pytestmark = pytest.mark.parametrize("layer", LAYERS)


@pytest.fixture
def watched(hooked: Hooked, tmp_path: Path, layer: str) -> Watched:
    """`watched(*command, more=source)` runs it; how it ended, what hooks were told."""

    def go(*command: str, more: str = "", **options: object) -> tuple[Done, list[Told]]:
        log = tmp_path / "told"
        source = PLUGIN.format(log=str(log)) + textwrap.dedent(more)
        done = hooked(source, f"--layer={layer}", "--", *command, **options)
        return done, told(log)

    return go


def briefs(all_told: list[Told]) -> list[str]:
    return [each.brief for each in all_told]


# -- programs, against strace ------------------------------------------------------

SCRIPTS = {
    "bash": "ls / | sort | tail -n 1; (exit 3); x=$(id -u; :); true & wait; exit 5",
    "sh": "echo 1 | { read x; exit $x; } | cat; /bin/true; exec /bin/false",
    "perl": """perl -e 'system("true; true"); if (!fork) { exit 3 } wait; exit 4'""",
    "git": "git init -q r && cd r && touch a && git add a && "
    "git -c user.name=a -c user.email=a@b -c gc.auto=0 commit -qm a && git gc -q",
    "make": """printf 'all: a b\\na b:\\n\\t@true; true\\n\\t@touch $@\\n' >Makefile
    make -s -j2""",
}
PYTHON = """
import multiprocessing, os, subprocess, sys
if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=sys.exit, args=(each,)) for each in (0, 3)]
    [each.start() for each in children], [each.join() for each in children]
    subprocess.run(["sh", "-c", "exit 2"])
    subprocess.run(["true"], preexec_fn=os.getpid)
    subprocess.run("true; true", shell=True)
    os.system("true; true"), os.popen("true; true").close()
    sys.exit(7)
"""


def compared(watched: Watched, tmp_path: Path, *command: str) -> None:
    folder = tmp_path / "bare"
    folder.mkdir()
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    _, seen = watched(*command)
    assert lives(seen) == lives_by_strace(folder, command)


@pytest.mark.parametrize("program", SCRIPTS)
def test_each_moment_of_each_process_once(
    watched: Watched, tmp_path: Path, program: str
) -> None:
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    shell = program if program in ("bash", "sh") else "sh"
    compared(watched, tmp_path, shell, "-c", SCRIPTS[program])


def test_python_and_its_children(watched: Watched, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(PYTHON)
    compared(watched, tmp_path, sys.executable, "-I", str(script))


# -- what is known of the process --------------------------------------------------


def test_facts_of_a_start_a_fork_and_an_end(watched: Watched, target: Target) -> None:
    command = [target("process_ways"), "fork", "a word"]
    environment = {**os.environ, "WORD": "caf\xe9 \udcff"}
    done, seen = watched(*command, env=environment)
    assert (done.returncode, done.stdout) == (0, "EXIT-SUCCESS\n"), done
    start, fork, child_end, end = seen
    assert briefs(seen) == ["start", "fork", "exit 3", "exit 0"]
    assert fork.parent == start.pid == end.pid != fork.pid == child_end.pid
    assert {each.program for each in seen} == {command[0]}
    assert all(each.argv == command for each in seen)
    for each in seen:
        assert each.environ is not None
        assert environment.items() <= each.environ.items()


def test_facts_of_an_exec(watched: Watched, target: Target) -> None:
    """What is no program is not asked about; what fails then is, and so is the next."""
    ways = target("process_ways")
    done, seen = watched(ways, "exec")
    assert (done.returncode, done.stdout) == (0, "EXIT-SUCCESS\n"), done
    assert briefs(seen) == ["start", *["exec process_ways"] * 3, "start", "exit 0"]
    _, no_argv, no_environ, done_at_last, start, _ = seen
    environ = {"A": "b=c", "E": "", "L": "\udcff"}
    assert (no_argv.argv, no_argv.environ) == (None, environ)
    assert (no_environ.argv, no_environ.environ) == (done_at_last.argv, None)
    assert done_at_last.argv == [ways, "nothing", "a word", ""] == start.argv
    assert done_at_last.environ == environ
    assert start.environ is not None
    assert environ.items() <= start.environ.items()
    assert {each.program for each in seen} == {ways}
    assert {each.pid for each in seen} == {start.pid}


@pytest.mark.parametrize("way", ["execveat", "fexecve", "SYS_execve"])
def test_an_exec_by_other_names(watched: Watched, target: Target, way: str) -> None:
    ways = target("process_ways")
    done, seen = watched(ways, way)
    assert done.returncode == 0, done
    assert briefs(seen) == ["start", "exec process_ways", "start", "exit 0"]
    assert seen[1].program == ways
    assert seen[1].argv is not None
    assert seen[1].argv[-1] == "nothing"
    assert seen[1].environ == {}


def test_an_exec_in_every_way(watched: Watched, target: Target) -> None:
    """Ten in forks; four in children of posix_spawn, where no hook is."""
    command = [target("spawn_env"), "/bin/true", "--"]
    done, seen = watched("env", "-i", "WAY=outer", *command)
    assert done.returncode == 0, done
    execs = [each for each in seen if each.name == "exec"]
    programs = [each.program for each in execs[1:]]
    assert programs == ["/bin/true"] * 9 + [os.path.realpath("/bin/true")]
    assert lives(seen)["start", "exit 0"] == 4
    assert [(each.environ or {}).get("WAY", "") for each in execs[1:]] == [
        *("execve", "", "", "outer", "execle", "outer", "outer", "outer", "execvpe"),
        "fexecve",
    ]
    assert stepped_aside(done) == {"Python hook in a vfork child": 4}


def test_what_other_hooks_made_of_it(
    hooked: Hooked, tmp_path: Path, layer: str
) -> None:
    """What the kernel gets."""
    log = tmp_path / "told"
    source = PLUGIN.format(log=str(log)) + textwrap.dedent("""
        @hookimpl(calls=["execve"])
        def pyshim_call_enter(call):
            return Args(path="/bin/false")
    """)
    command = [f"--layer={layer}", "--", "bash", "-c", "exec /bin/true"]
    assert hooked(source, *command).returncode == 1
    assert [each.brief for each in told(log)][1] == "exec false"


# -- when --------------------------------------------------------------------------


def test_before_the_programs_first_code_and_behind_its_last(
    watched: Watched, target: Target
) -> None:
    more = """
        @hookimpl
        def pyshim_process_start(process):
            print("start")

        @hookimpl
        def pyshim_process_exit(process):
            os.write(1, b"exit\\n")
    """
    environment = {**os.environ, "SAY_FIRST": "1", "X": ""}
    done, _ = watched(target("process_ways"), "main", more=more, env=environment)
    first, *rest = done.stdout.splitlines()
    assert (first, rest[0]) == ("start", "constructor")
    rest.remove("EXIT-SUCCESS")  # stdio's own buffer
    assert rest == ["constructor", "handler", "exit"]


def test_globals_live_on_in_a_child_and_end_at_an_exec(
    hooked: Hooked, layer: str
) -> None:
    source = """
        told = []

        @hookimpl
        def pyshim_process_start(process):
            told.append("start")

        @hookimpl
        def pyshim_process_fork(process):
            told.append("fork")

        @hookimpl
        def pyshim_process_exit(process):
            os.write(1, " ".join(told).encode() + b"\\n")
    """
    script = "(exit 1); (exec true); :"
    done = hooked(source, f"--layer={layer}", "--", "bash", "-c", script)
    assert done.stdout.splitlines() == ["start fork", "start", "start"], done


# -- ways to begin and to end ------------------------------------------------------


def test_ways_to_end(watched: Watched, target: Target) -> None:
    """As exit_ways.c has them; SIGKILL and abort say nothing."""
    done, seen = watched(target("exit_ways"))
    assert done.returncode == 0, done
    children = [each.pid for each in seen if each.name == "fork"]
    ends = [
        next((e.status for e in seen if e.pid == pid and e.name == "exit"), None)
        for pid in children
    ]
    assert ends == [7, 7, 7, 7, 7, None, None, 7, 7, 0]
    assert len(seen) == 2 * len(children) - 2 + 2
    assert briefs(seen)[-1] == "exit 0"


def test_killed(watched: Watched, target: Target) -> None:
    done, seen = watched(target("process_ways"), "SIGKILL")
    assert done.returncode == -signal.SIGKILL
    assert briefs(seen) == ["start"]


WAYS = {
    "fork": (["fork", "exit 3"], {}),
    "forkpty": (["fork", "exit 3"], {}),
    "_Fork": ([], {"Python hook after a fork that bypassed fork(3)": 1}),
    "clone": ([], {"Python hook after a fork that bypassed fork(3)": 1}),
    "vfork": ([], {"Python hook in a vfork child": 1}),
}
"""A way to make a child; what is told there, and what is counted."""


@pytest.mark.parametrize("way", WAYS)
def test_ways_to_begin(watched: Watched, target: Target, way: str) -> None:
    expected, counted = WAYS[way]
    done, seen = watched(target("process_ways"), way)
    assert (done.returncode, done.stdout) == (0, "EXIT-SUCCESS\n"), done
    assert briefs(seen) == ["start", *expected, "exit 0"]
    assert stepped_aside(done) == counted


def test_a_daemon(watched: Watched, target: Target, layer: str) -> None:
    """Its first process is ended by libc itself."""
    done, seen = watched(target("process_ways"), "daemon")
    assert done.returncode == 0, done
    between = ("fork", "exit 0") if layer == "full" else ("fork",)
    assert sorted(lives(seen)) == [*sorted([between, ("fork", "exit 3")]), (
        "start",
        "exit 0",
    )]  # fmt: skip


def test_vfork_and_exec(watched: Watched, target: Target) -> None:
    """Five programs start; the execs, and ends of children without one, are counted."""
    done, seen = watched(target("vfork_exec"))
    assert (done.returncode, done.stdout) == (0, "EXIT-SUCCESS\n"), done
    assert lives(seen) == {("start", "exit 0"): 6}
    assert stepped_aside(done) == {"Python hook in a vfork child": 15}


def test_an_exec_in_a_thread(watched: Watched, target: Target) -> None:
    done, seen = watched(target("exec_in_thread"))
    assert done.returncode == 0, done
    assert briefs(seen) == ["start", "exec exec_in_thread", "start", "exit 0"]


# -- threads, locks and signals ----------------------------------------------------

BUSY = """
    @hookimpl(calls=["open", "openat", "read", "close", "write"])
    def pyshim_call_enter(call):
        with open("/dev/null", "w") as out:
            print(call.name, file=out)
"""


def test_forks_while_threads_are_in_hooks(watched: Watched, target: Target) -> None:
    done, seen = watched(target("fork_threads"), "20", more=BUSY, timeout=60)
    assert (done.returncode, done.stdout) == (0, "EXIT-SUCCESS\n"), done
    assert lives(seen) == {("start", "exit 0"): 1, ("fork", "exit 0"): 20}
    assert not stepped_aside(done)


def test_threads_that_end_the_process_together(
    watched: Watched, target: Target
) -> None:
    """The hook of the first is not cut off by the end that another one makes."""
    done, seen = watched(target("process_ways"), "together")
    assert done.returncode == 0, done
    assert lives(seen) == {("start", "exit 0"): 1, ("fork", "exit 3"): 10}


def test_an_end_in_a_handler(watched: Watched, target: Target) -> None:
    """It interrupts malloc, where a start of Python would hang."""
    done, seen = watched(target("process_ways"), "malloc")
    assert done.returncode == 0, done
    assert lives(seen) == {("start", "exit 0"): 1, ("fork", "exit 3"): 10}


def test_an_end_while_a_hook_is_stuck(watched: Watched, target: Target) -> None:
    more = """
        @hookimpl(calls=["close"])
        def pyshim_call_enter(call):
            if call.args.fd == -7:
                stdin = os.open("/proc/self/fd/0", os.O_WRONLY)
                os.write(stdin, b"x")
                while True:
                    os.read(os.pipe()[0], 1)
    """
    reading, writing = os.pipe()
    try:
        done, seen = watched(target("process_ways"), "beside", more=more, stdin=reading)
    finally:
        os.close(reading)
        os.close(writing)
    assert done.returncode == 3, done
    assert briefs(seen) == ["start"]
    assert len(stepped_aside(done)) == 1


@pytest.mark.parametrize("name", ["start", "exit"])
def test_one_that_does_not_return(hooked: Hooked, layer: str, name: str) -> None:
    """It is given up, and said; the program starts and ends as it does bare."""
    source = f"""
        @hookimpl
        def pyshim_process_{name}(process):
            while True:
                pass
    """
    command = [
        f"--layer={layer}",
        "--hook-limit=0.5",
        "--",
        "sh",
        "-c",
        "exit 5",
    ]
    done = hooked(source, *command)
    assert done.returncode == 5, done
    assert f"plugin mine: pyshim_process_{name} has not returned in process" in (
        done.stderr
    )


# -- mistakes ----------------------------------------------------------------------


def test_what_is_wrong_is_said(hooked: Hooked, layer: str) -> None:
    """Once, with the plugin's and the hook's name; the program goes on."""
    source = """
        @hookimpl
        def pyshim_process_start(process):
            return Errno("EIO")

        @hookimpl
        def pyshim_process_fork(process):
            1 / 0

        @hookimpl
        def pyshim_process_exec(process):
            process.no_such

        @hookimpl
        def pyshim_process_exit(process):
            raise SystemExit(9)
    """
    command = ["bash", "-c", "(exit 3); exit 4"]
    done = hooked(source, f"--layer={layer}", "--", *command)
    assert done.returncode == 4, done
    for name in ("start", "fork", "exit"):
        assert f"plugin mine: pyshim_process_{name} raised" in done.stderr, done
    assert "returns nothing" in done.stderr
    assert "ZeroDivisionError" in done.stderr


@pytest.mark.parametrize("option", ['calls=["open"]', 'paths=["/etc/*"]'])
def test_it_declares_no_calls(hooked: Hooked, option: str, layer: str) -> None:
    source = f"""
        @hookimpl({option})
        def pyshim_process_exit(process):
            pass
    """
    done = hooked(source, f"--layer={layer}", "--", "true")
    assert done.returncode == 125
    assert "pyshim_process_exit is about no calls" in done.stderr


# -- what it costs others ----------------------------------------------------------


def test_others_pay_nothing(hooked: Hooked, tmp_path: Path, layer: str) -> None:
    """Without process hooks no Python starts where no call is asked about."""
    log = tmp_path / "imported"
    source = f"""
        with open({str(log)!r}, "a") as out:
            print(os.getpid(), file=out)

        @hookimpl(calls=["sync"])
        def pyshim_call_enter(call):
            pass
    """
    done = hooked(source, f"--layer={layer}", "--", "bash", "-c", "(exit 3); true")
    assert done.returncode == 0
    assert len(log.read_text().splitlines()) == 1  # in the host


def test_python_is_in_the_child_already(
    hooked: Hooked, tmp_path: Path, layer: str
) -> None:
    """A shell's children don't start their own, whichever hook it is."""
    log = tmp_path / "imported"
    source = f"""
        with open({str(log)!r}, "a") as out:
            print(os.getpid(), file=out)

        @hookimpl
        def pyshim_process_exit(process):
            pass
    """
    done = hooked(
        source, f"--layer={layer}", "--", "bash", "-c", "(exit 1); (exit 2); :"
    )
    assert done.returncode == 0
    assert len(log.read_text().splitlines()) == 2  # in the host, in bash
