"""Errors of Python hooks in the target: told once, counted, and harmless."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest
from reports import Done, returned, said, stepped_aside

from pyshim._proctree import state

Hooked = Callable[..., Done]
Target = Callable[..., str]

RAISED = r"pyshim: plugin mine: pyshim_call_enter raised for read in process \d+; "
WENT = RAISED + "the call went through"
FAILS = """
    @hookimpl(calls=["read"])
    def pyshim_call_enter(call):
        1 / 0
"""


@pytest.fixture
def zero() -> Iterator[IO[bytes]]:
    """To be read from."""
    with Path("/dev/zero").open("rb") as file:
        yield file


def counted(done: Done) -> list[str]:
    """What was said at the end of those that were not shown."""
    found = re.findall(r"pyshim: plugin mine: (\w+ raised \d.*)", done.stderr)
    return [each.removeprefix("pyshim_call_enter ") for each in found]


# -- one of each kind --------------------------------------------------------------

BAD = {
    "str": ("return 'EIO'", "TypeError: a hook returns Errno, Return, Args, Short"),
    "int": ("return 5", "TypeError: a hook returns"),
    "no errno": ("return Errno('EFOO')", "ValueError: no errno is called 'EFOO'"),
    "not a number": ("return Return('x')", "TypeError"),
    "too large": ("return Return(2**70)", "OverflowError"),
    "no argument": ("return Args(count=0, size=1)", "read has no argument 'size'"),
    "bad value": ("return Args(count=0, fd=1.5)", "TypeError"),
    "large value": ("return Args(count=0, fd=2**70)", "OverflowError"),
    "attribute": (
        "call.args.pathname",
        "'read(fd, buf, count)' object has no attribute 'pathname'",
    ),
    "exit": ("raise SystemExit(3)", "SystemExit: 3"),
    "interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "recursion": ("pyshim_call_enter(call)", "RecursionError"),
    "division": ("1 / 0", "ZeroDivisionError: division by zero"),
    "surrogate": (r"raise ValueError('\udcff')", r"ValueError: \udcff"),
    "large": ("raise ValueError('x' * 10**6 + 'end')", "xxx\n  ...\nxxx"),
}
FROM_VERDICT = {
    *("str", "int", "not a number", "too large", "no argument", "bad value"),
    "large value",
}
"""What is wrong there is the verdict: no frame is the plugin's."""


@pytest.mark.parametrize("name", BAD)
def test_an_error_is_told_once_and_the_calls_go_through(
    hooked: Hooked, target: Target, name: str
) -> None:
    body, text = BAD[name]
    source = f"""
        @hookimpl(calls=["read"])
        def pyshim_call_enter(call):
            {body}
    """
    done = hooked(source, target("calls_by_name"), "read", "read", "read")
    assert returned(done) == ["read: 1"] * 3
    first, *rest = done.stderr.splitlines()
    assert re.fullmatch(WENT, first)
    assert text in done.stderr
    assert len(done.stderr) < 20_000
    assert counted(done) == ["raised 2 more times in 1 process"]
    assert len(said(done)) == 2
    tracebacks = 0 if name in FROM_VERDICT else 1
    assert sum(line.startswith("Traceback") for line in rest) == tracebacks
    assert "inside" not in done.stderr


def test_the_traceback_is_pythons_own(hooked: Hooked, target: Target) -> None:
    source = """
        import json

        @hookimpl(calls=["read"])
        def pyshim_call_exit(call):
            try:
                json.loads("{")
            except ValueError as error:
                raise RuntimeError("no JSON") from error
    """
    done = hooked(source, target("calls_by_name"), "read")
    assert returned(done) == ["read: 1"]
    head = "plugin mine: pyshim_call_exit raised for read in process "
    assert said(done)[0].startswith(head)
    assert "in pyshim_call_exit\n    json.loads(" in done.stderr
    assert "json.decoder.JSONDecodeError: Expecting property name" in done.stderr
    assert "The above exception was the direct cause of" in done.stderr
    assert done.stderr.splitlines()[-1] == "RuntimeError: no JSON"


def test_each_kind_is_shown(hooked: Hooked, target: Target) -> None:
    """By its type and its place; of the two verdicts that are none, the first."""
    source = """
        bodies = [lambda: 1 / 0, lambda: None.x, lambda: [][1], lambda: 5,
                  lambda: "x",
                  lambda: 1 / 0] * 2

        @hookimpl(calls=["read"])
        def pyshim_call_enter(call):
            return bodies.pop()()
    """
    done = hooked(source, target("calls_by_name"), *["read"] * 12)
    assert returned(done) == ["read: 1"] * 12
    shown = re.findall(r"^(\w+Error): ", done.stderr, re.MULTILINE)
    assert shown == [
        *("ZeroDivisionError", "TypeError", "IndexError", "AttributeError"),
        "ZeroDivisionError",
    ]
    assert counted(done) == ["raised 7 more times in 1 process"]


def test_args_on_exit_are_refused(hooked: Hooked, target: Target) -> None:
    source = """
        @hookimpl(calls=["read"])
        def pyshim_call_exit(call):
            return Args(fd=0)
    """
    done = hooked(source, target("calls_by_name"), "read")
    assert returned(done) == ["read: 1"]
    assert "TypeError: the call has been made: too late for Args" in done.stderr


def test_the_other_hooks_are_asked(
    pyshim: Hooked, target: Target, tmp_path: Path
) -> None:
    for name, body in (("one", "return Return(5)"), ("two", "return {}['x']")):
        (tmp_path / f"{name}.py").write_text(
            "from pyshim import Return, hookimpl\n@hookimpl(calls=['read'])\n"
            f"def pyshim_call_enter(call):\n    {body}\n"
        )
    plugins = ["-p", "./one.py", "-p", "./two.py"]
    done = pyshim(*plugins, target("calls_by_name"), "read", "read")
    assert returned(done) == ["read: 5", "read: 5"]
    first, last = said(done)
    assert first.startswith("plugin two: pyshim_call_enter raised for read in process")
    assert last == "plugin two: pyshim_call_enter raised 1 more time in 1 process"


def test_the_exit_status_is_the_programs(hooked: Hooked, target: Target) -> None:
    done = hooked(FAILS, target("calls_by_name"), "read", "leave")
    assert (done.returncode, done.stdout) == (3, "read: 1\n")
    done = hooked(FAILS, target("calls_by_name"), "read", "kill")
    assert (done.returncode, done.stdout) == (-9, "read: 1\n")
    assert re.match(WENT, done.stderr)


# -- many --------------------------------------------------------------------------


def test_threads(hooked: Hooked, target: Target) -> None:
    done = hooked(FAILS, target("threads_read"), "2000", timeout=60)
    assert (done.returncode, done.stdout) == (0, "16000\nEXIT-SUCCESS\n"), done
    assert len(said(done)) == 2
    assert counted(done) == ["raised 15999 more times in 1 process"]


def test_fifty_processes(hooked: Hooked, target: Target) -> None:
    script = 'i=0; while [ $i -lt 50 ]; do "$0" read & i=$((i+1)); done; wait'
    done = hooked(FAILS, "sh", "-c", script, target("calls_by_name"), timeout=120)
    assert done.returncode == 0, done
    assert done.stdout.count("read: 1") == done.stdout.count("EXIT-SUCCESS") == 50
    assert done.stderr.count("Traceback") == 1
    assert counted(done) == ["raised 49 more times in 50 processes"]


def test_a_forks_child_and_what_it_becomes(hooked: Hooked, target: Target) -> None:
    words = ["read", "fork", "read", "exec", "read"]
    done = hooked(FAILS, target("calls_by_name"), *words)
    assert done.returncode == 0, done
    assert done.stderr.count("Traceback") == 1
    assert counted(done) == ["raised 4 more times in 4 processes"]


# -- whose stderr it is ------------------------------------------------------------

STDERRS = {
    "closed": ('exec 2>&-; "$0" read', ""),
    "somebody's data": ('exec 2>binary; printf "\\001" >&2; "$0" read', "\x01"),
}


@pytest.mark.parametrize("name", STDERRS)
def test_the_programs_stderr_is_its_own(
    hooked: Hooked, target: Target, tmp_path: Path, name: str
) -> None:
    script, data = STDERRS[name]
    (tmp_path / "binary").write_text("")
    done = hooked(FAILS, "sh", "-c", script, target("calls_by_name"))
    assert returned(done) == ["read: 1"]
    assert re.match(WENT, done.stderr)
    assert (tmp_path / "binary").read_text() == data


def test_a_host_without_a_stderr(tmp_path: Path, target: Target) -> None:
    (tmp_path / "mine.py").write_text(
        "from pyshim import hookimpl\n@hookimpl(calls=['read'])\n"
        "def pyshim_call_enter(call):\n    1 / 0\n"
    )
    command = '"$0" -m pyshim -p ./mine.py "$1" read 2>&-'
    done = subprocess.run(
        ["sh", "-c", command, os.sys.executable, target("calls_by_name")],
        cwd=tmp_path, capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, b"read: 1\nEXIT-SUCCESS\n")


FAILS_THERE = FAILS.replace("1 / 0", "1 / (1 // call.count)")
ONLY_THERE = "raised 2 times in 1 process, which could say so only on stderr"


@pytest.mark.parametrize("way", ["root", "user", "limit", "descriptor"])
def test_where_the_host_can_not_be_told(
    hooked: Hooked, target: Target, tmp_path: Path, zero: IO[bytes], way: str
) -> None:
    """Neither does SIGXFSZ end the program. What is left is its stderr."""
    if os.geteuid() != 0:
        pytest.skip("only root can change the root, or become another user")
    (tmp_path / "empty").mkdir()
    command = [target("elsewhere"), way, str(tmp_path / "empty")]
    done = hooked(FAILS_THERE, *command, stdin=zero)
    assert returned(done) == ["1", "1"]
    assert re.match(RAISED[:-2] + "\nTraceback", done.stderr)
    assert done.stderr.count("ZeroDivisionError") == 1
    assert counted(done) == [ONLY_THERE]


def test_where_nobody_can_be_told(
    hooked: Hooked, target: Target, tmp_path: Path, zero: IO[bytes]
) -> None:
    """Its stderr is a pipe without a reader: not even SIGPIPE comes of it."""
    if os.geteuid() != 0:
        pytest.skip("only root can change the root")
    command = [target("elsewhere"), "reader", str(tmp_path)]
    done = hooked(FAILS_THERE, *command, stdin=zero)
    assert returned(done) == ["1", "1"]
    assert said(done) == [f"plugin mine: pyshim_call_enter {ONLY_THERE}"]


# -- imports -----------------------------------------------------------------------

NOT_HERE = """
    if "PYSHIM_RUN" in os.environ:
        {text}

    @hookimpl(calls=["read"])
    def pyshim_call_enter(call):
        return Return(9)
"""


@pytest.mark.parametrize(
    "text", ["raise OSError('host only')", "import no_such_thing", "raise SystemExit"]
)
def test_a_plugin_that_can_not_be_imported_in_the_target(
    hooked: Hooked, target: Target, text: str
) -> None:
    words = ["read", "read", "exec", "read"]
    source = NOT_HERE.format(text=text)
    done = hooked(source, target("calls_by_name"), *words)
    assert returned(done) == ["read: 1"] * 3
    first, more, _ = said(done)
    head = r"plugin mine: can't be imported in the target, process \d+; "
    assert re.fullmatch(head + "it asks no hook", first)
    assert more == "plugin mine: can't be imported in 1 more process"
    assert stepped_aside(done) == {"Python could not be started in the target": 3}
    assert done.stderr.count("Traceback") == 1
    assert f'mine.py", line 7, in <module>\n    {text}' in done.stderr
    assert "inside" not in done.stderr and "importlib" not in done.stderr


# -- --strict-plugins --------------------------------------------------------------

STRICT = "--strict-plugins"
ENDED = "--strict-plugins: a hook failed, and ended the run"


@pytest.mark.parametrize("import_fails", [False, True])
def test_strict_ends_the_run_before_the_call(
    hooked: Hooked, target: Target, import_fails: bool
) -> None:
    source = NOT_HERE.format(text="import no_such_thing") if import_fails else FAILS
    words = ["getppid", "read", "getppid"]
    done = hooked(source, STRICT, target("calls_by_name"), *words)
    assert (done.returncode, done.stdout) == (125, "getppid: 0\n")
    first, last = said(done)
    assert first.startswith("plugin mine: ") and first.endswith("; the run ends")
    assert last == ENDED
    assert done.stderr.count("Traceback") == 1


def test_strict_ends_the_run_for_a_hook_that_hangs(
    hooked: Hooked, target: Target
) -> None:
    source = FAILS.replace("1 / 0", "while True: pass")
    words = ["--hook-limit=300ms", STRICT, target("calls_by_name"), "getppid", "read"]
    done = hooked(source, *words)
    assert (done.returncode, done.stdout) == (125, "getppid: 0\n")
    first, last = said(done)
    assert first.endswith("within 0.3 s: given up; the run ends (--hook-limit)")
    assert 'File "' in done.stderr and "in pyshim_call_enter" in done.stderr
    assert last == ENDED


def test_strict_ends_the_whole_tree(
    hooked: Hooked, target: Target, tmp_path: Path
) -> None:
    """By pid: what sleeps would hold our pipe open, and outlive the test."""
    script = (
        "sleep 600 & echo $!; sh -c 'sleep 600 & echo $! >below; wait' & echo $!\n"
        "while ! [ -s below ]; do :; done\n"
        '"$0" fork read; echo not reached'
    )
    done = hooked(FAILS, STRICT, "sh", "-c", script, target("calls_by_name"))
    assert done.returncode == 125, done
    assert "not reached" not in done.stdout and "read" not in done.stdout
    pids = [*done.stdout.splitlines()[:2], (tmp_path / "below").read_text()]
    assert {state(int(pid)) for pid in pids} <= {"", "Z"}


def test_strict_ends_who_can_not_be_asked_to(hooked: Hooked, target: Target) -> None:
    """SIGTERM is ignored, the root goes on by itself."""
    script = """trap '' TERM; "$0" read; echo not reached; sleep 600"""
    done = hooked(FAILS, STRICT, "sh", "-c", script, target("calls_by_name"))
    assert (done.returncode, done.stdout) == (125, "")


def test_strict_where_the_root_has_ended(hooked: Hooked, target: Target) -> None:
    """It ends as soon as its child has failed, maybe before pyshim has seen that."""
    script = (
        '"$0" read >/dev/null & echo $!\n'
        "while ! [ -s $PYSHIM_RUN/errors ]; do :; done; exit 7"
    )
    done = hooked(FAILS, STRICT, "sh", "-c", script, target("calls_by_name"))
    assert done.returncode == 125, done
    assert state(int(done.stdout)) in ("", "Z")


def test_strict_where_the_host_can_not_be_told(
    hooked: Hooked, target: Target, tmp_path: Path, zero: IO[bytes]
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can change the root")
    command = [STRICT, target("elsewhere"), "root", str(tmp_path)]
    done = hooked(FAILS_THERE, *command, stdin=zero)
    assert (done.returncode, done.stdout) == (125, "")
    assert re.match(RAISED[:-2] + "\nTraceback", done.stderr)
    assert said(done)[-1] == ENDED


def test_strict_and_no_error(hooked: Hooked, target: Target) -> None:
    source = FAILS.replace("1 / 0", "return Return(9)")
    done = hooked(source, STRICT, target("calls_by_name"), "read", "leave")
    assert (done.returncode, done.stdout, done.stderr) == (3, "read: 9\n", "")


# -- seen before the start ---------------------------------------------------------

FUNCTION = '@hookimpl(calls=["read"])\n{}\n    return None\n'
METHOD = (
    "class My:\n    @hookimpl(calls=['read'])\n    def {}(self, call):\n        pass\n"
)
OBJECT = "class My:\n    def __call__(self, call):\n        pass\n"
WRONG = {
    "no argument": (FUNCTION.format("def pyshim_call_enter():"), "takes ()"),
    "another": (FUNCTION.format("def pyshim_call_enter(it):"), "'it'"),
    "one more": (FUNCTION.format("def pyshim_call_enter(call, n):"), "'n'"),
    "any": (FUNCTION.format("def pyshim_call_enter(*call):"), "takes (*call)"),
    "by name": (FUNCTION.format("def pyshim_call_exit(call, *, n):"), "takes (call, *"),
    "async": (FUNCTION.format("async def pyshim_call_exit(call):"), "an async def"),
    "generator": (
        '@hookimpl(calls=["read"])\ndef pyshim_call_enter(call):\n    yield\n',
        "a generator",
    ),
    "method": (METHOD.format("pyshim_call_enter"), "is a method of My"),
    "host's method": (METHOD.format("pyshim_event"), "is a method of My"),
    "object": (
        OBJECT + "pyshim_call_enter = hookimpl(calls=['read'])(My())\n",
        "is no function",
    ),
    "call": (
        FUNCTION.format("def pyshim_call_enter(call):").replace("read", "raed"),
        "did you mean 'read'",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_before_the_start_is_refused(
    hooked: Hooked, target: Target, name: str
) -> None:
    source, text = WRONG[name]
    done = hooked(source, target("calls_by_name"), "read")
    assert (done.returncode, done.stdout) == (125, "")
    assert text in done.stderr
    assert "allowed: " in done.stderr or "declared in the hookimpl" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "source",
    [
        FUNCTION.format("def pyshim_call_enter(call, times=3):"),
        METHOD.format("pyshim_call_enter")
        + "pyshim_call_enter = My().pyshim_call_enter\n",
    ],
    ids=["a default", "a bound method"],
)
def test_what_only_looks_wrong_runs(
    hooked: Hooked, target: Target, source: str
) -> None:
    done = hooked(source, target("calls_by_name"), "read")
    assert returned(done) == ["read: 1"]
    assert done.stderr == ""
