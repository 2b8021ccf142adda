"""Python plugins that decide inside the program, and what they must never do to it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

Done = subprocess.CompletedProcess[str]
Hooked = Callable[..., Done]
Target = Callable[..., str]

HEAD = """
import os
from pyshim import Args, Errno, Return, hookimpl

"""
EXAMPLES = Path(__file__).parents[2] / "examples"
REENTERED = "call inside a Python hook"


@pytest.fixture
def hooked(tmp_path: Path, pyshim: Callable[..., Done]) -> Callable[..., Done]:
    """`hooked(source, *command)` runs it under a plugin of that source."""

    def go(source: str, *command: str, **options: object) -> Done:
        plugin = tmp_path / "mine.py"
        plugin.write_text(HEAD + textwrap.dedent(source))
        return pyshim("-p", str(plugin), *command, **options)

    return go


def lines(done: Done) -> list[str]:
    """What `calls_by_name` printed; it came to its end."""
    assert done.returncode == 0, done
    *found, last = done.stdout.splitlines()
    assert last == "EXIT-SUCCESS"
    return found


def stepped_aside(done: Done) -> dict[str, int]:
    """Why, and how often."""
    found = re.findall(r"stepped aside (\d+) times?: (.*)", done.stderr)
    return {reason: int(count) for count, reason in found}


# -- verdicts ----------------------------------------------------------------------

VERDICTS = [
    ("read", "Errno('EIO')", "-1 EIO"),
    ("read", "Errno(5)", "-1 EIO"),
    ("getcwd", "Errno('EACCES')", "-1 EACCES"),
    ("mmap", "Errno('ENOMEM')", "-1 ENOMEM"),
    ("posix_fallocate", "Errno('ENOSPC')", "-1 ENOSPC"),
    ("open", "Errno('EMFILE')", "-1 EMFILE"),
    ("read", "Return(7)", "7"),
    ("read", "Return(0)", "0"),
    ("read", "None", "1"),
    ("read", "Args(count=0)", "0"),
    ("read", "Args(fd=-1)", "-1 EBADF"),
    ("open", "Args(pathname='/no/such/file')", "-1 ENOENT"),
    ("open", "Args(pathname=b'/', flags=1)", "-1 EISDIR"),
]


@pytest.mark.parametrize(("word", "verdict", "seen"), VERDICTS, ids=str)
def test_a_verdict_on_enter(
    hooked: Hooked, target: Target, word: str, verdict: str, seen: str
) -> None:
    source = f"""
        @hookimpl(calls=["{word}"])
        def pyshim_call_enter(call):
            return {verdict}
    """
    done = hooked(source, target("calls_by_name"), word)
    assert lines(done) == [f"{word}: {seen}"]
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("word", "body", "seen"),
    [
        ("read", "return Return(call.ret + 40)", "41"),
        ("read", "return Errno('EIO')", "-1 EIO"),
        ("close", "return Return(call.errno)", "9"),
        ("close", "return None", "-1 EBADF"),
        ("close", "return Return(0)", "0"),
        ("posix_fallocate", "return Return(0)", "0"),
        ("clock_nanosleep", "return Errno('EINTR')", "-1 EINTR"),
        ("getcwd", "return Errno('EIO') if call.ret == 0 else None", "-1 EIO"),
    ],
)
def test_a_verdict_on_exit(
    hooked: Hooked, target: Target, word: str, body: str, seen: str
) -> None:
    source = f"""
        @hookimpl(calls=["{word}"])
        def pyshim_call_exit(call):
            {body}
    """
    assert lines(hooked(source, target("calls_by_name"), word)) == [f"{word}: {seen}"]


def test_enter_and_exit_of_one_call(hooked: Hooked, target: Target) -> None:
    source = """
        @hookimpl(calls=["read"])
        def pyshim_call_enter(call):
            return Args(count=0)

        @hookimpl(calls=["read"])
        def pyshim_call_exit(call):
            return Return(10 + call.args.count + call.ret)
    """
    assert lines(hooked(source, target("calls_by_name"), "read")) == ["read: 10"]


BAD = {
    "str": ("return 'EIO'", "TypeError: a hook returns Errno, Return, Args or None"),
    "int": ("return 5", "TypeError: a hook returns"),
    "no errno": ("return Errno('EFOO')", "ValueError: no errno is called 'EFOO'"),
    "not a number": ("return Return('x')", "TypeError"),
    "too large": ("return Return(2**70)", "OverflowError"),
    "no argument": ("return Args(count=0, size=1)", "read has no argument 'size'"),
    "bad value": ("return Args(count=0, fd=1.5)", "TypeError"),
    "large value": ("return Args(count=0, fd=2**70)", "OverflowError"),
    "attribute": ("call.args.pathname", "read has no argument 'pathname', but fd"),
    "exit": ("raise SystemExit(3)", "SystemExit: 3"),
    "interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "recursion": ("pyshim_call_enter(call)", "RecursionError"),
    "division": ("1 / 0", "ZeroDivisionError: division by zero"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_error_is_printed_once_and_the_calls_go_through(
    hooked: Hooked, target: Target, name: str
) -> None:
    body, text = BAD[name]
    source = f"""
        @hookimpl(calls=["read"])
        def pyshim_call_enter(call):
            {body}
    """
    done = hooked(source, target("calls_by_name"), "read", "read", "read")
    assert lines(done) == ["read: 1"] * 3
    first = done.stderr.splitlines()[0]
    assert first.startswith("pyshim: plugin mine: pyshim_call_enter raised for read in")
    assert text in done.stderr
    assert done.stderr.count("pyshim_call_enter raised") == 1
    if name not in ("str", "int"):
        assert f"{done.stderr.count('Traceback')} traceback" == "1 traceback"


def test_args_on_exit_are_refused(hooked: Hooked, target: Target) -> None:
    source = """
        @hookimpl(calls=["read"])
        def pyshim_call_exit(call):
            return Args(fd=0)
    """
    done = hooked(source, target("calls_by_name"), "read")
    assert lines(done) == ["read: 1"]
    assert "TypeError: " in done.stderr


# -- what a hook sees --------------------------------------------------------------


def test_what_a_hook_can_read(hooked: Hooked, target: Target, tmp_path: Path) -> None:
    source = f"""
        @hookimpl(calls=["open", "read"])
        def pyshim_call_enter(call):
            with open("{tmp_path}/seen", "a") as seen:
                print(call.name, call.syscall, call.path, *call.args, file=seen)
                print(call.pid == os.getpid(), call.tid == call.pid, file=seen)

        @hookimpl(calls=["open"])
        def pyshim_call_exit(call):
            with open("{tmp_path}/seen", "a") as seen:
                print(call.name, call.ret > 2, call.errno, repr(call), file=seen)
    """
    done = hooked(source, target("calls_by_name"), "open_zero")
    assert lines(done) == ["open_zero: 0"]
    first, ids, last = (tmp_path / "seen").read_text().splitlines()
    assert re.fullmatch(r"open openat /dev/zero /dev/zero 0( 0)?", first)
    assert ids == "True True"
    assert re.fullmatch(r"open True 0 <Call open of \d+>", last)


def test_only_declared_calls_and_paths_enter_python(
    hooked: Hooked, target: Target
) -> None:
    source = """
        print("imported", flush=True)

        @hookimpl(calls=["openat"], paths=["/dev/z*", "/proc/**"])
        def pyshim_call_enter(call):
            print("asked", call.path)
    """
    program = target("calls_by_name")
    done = hooked(source, program, "read", "open", "poll")
    assert done.stdout.splitlines()[1:] == [
        "read: 1",
        "open: 0",
        "poll: 0",
        "EXIT-SUCCESS",
    ]
    done = hooked(source, program, "open_zero", "open", "open_self")
    assert lines(done)[1:] == [
        "imported",
        *("asked /dev/zero", "open_zero: 0", "open: 0"),
        *("asked /proc/self/exe", "open_self: 0"),
    ]


def test_a_rule_in_c_comes_first(hooked: Hooked, target: Target) -> None:
    source = """
        @hookimpl(calls=["read"])
        def pyshim_call_enter(call):
            return Return(9)
    """
    rule = ["-e", "inject=read:error=EIO:when=2"]
    done = hooked(source, *rule, target("calls_by_name"), "read", "read", "read")
    assert lines(done) == ["read: 9", "read: -1 EIO", "read: 9"]


# -- several plugins ---------------------------------------------------------------

ORDERS = [
    # the marks of two plugins, given as -p one -p two; which of them decides
    ("", "", "two"),
    ("tryfirst=True", "", "one"),
    ("", "trylast=True", "one"),
    ("trylast=True", "tryfirst=True", "two"),
    ("tryfirst=True", "tryfirst=True", "two"),
]


@pytest.mark.parametrize("hook", ["enter", "exit"])
@pytest.mark.parametrize(("one", "two", "wins"), ORDERS)
def test_the_first_verdict_counts_in_pluggys_order(
    pyshim: Hooked,
    target: Target,
    tmp_path: Path,
    hook: str,
    one: str,
    two: str,
    wins: str,
) -> None:
    for name, marks, value in (("one", one, 1001), ("two", two, 1002)):
        (tmp_path / f"{name}.py").write_text(
            f"{HEAD}@hookimpl(calls=['read'], {marks})\n"
            f"def pyshim_call_{hook}(call):\n    return Return({value})\n"
        )
    plugins = ["-p", "./one.py", "-p", "./two.py"]
    done = pyshim(*plugins, target("calls_by_name"), "read")
    assert lines(done) == [f"read: {1001 if wins == 'one' else 1002}"]


def test_none_leaves_it_to_the_next(
    pyshim: Hooked, target: Target, tmp_path: Path
) -> None:
    for name, verdict in (("one", "Return(5)"), ("two", "None")):
        (tmp_path / f"{name}.py").write_text(
            f"{HEAD}@hookimpl(calls=['read'])\n"
            f"def pyshim_call_enter(call):\n    return {verdict}\n"
        )
    plugins = ["-p", "./one.py", "-p", "./two.py"]
    assert lines(pyshim(*plugins, target("calls_by_name"), "read")) == ["read: 5"]


WISH = "from pyshim import Errno\nWISH = Errno('EPERM')\n"
METADATA = "Metadata-Version: 2.1\nName: denier\nVersion: 1.0\n"


def test_an_installed_package(pyshim: Hooked, target: Target, tmp_path: Path) -> None:
    """Registered by an entry point, as pip leaves it; relative imports work."""
    package, info = tmp_path / "denier", tmp_path / "denier-1.0.dist-info"
    package.mkdir()
    info.mkdir()
    (package / "__init__.py").write_text('"""Denies."""\n')
    (package / "wish.py").write_text(
        "from pyshim import Errno\nWISH = Errno('EPERM')\n"
    )
    (package / "hooks.py").write_text(
        '"""Denies reading."""\n'
        "from pyshim import hookimpl\nfrom .wish import WISH\n"
        "@hookimpl\ndef pyshim_addoption(parser):\n"
        "    parser.add_argument('--deny', action='store_true', help='deny it')\n"
        "@hookimpl(calls=['read'])\ndef pyshim_call_enter(call):\n    return WISH\n"
    )
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: denier\nVersion: 1.0\n"
    )
    (info / "entry_points.txt").write_text("[pyshim]\ndeny = denier.hooks\n")
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    assert (
        "deny         denier       Denies reading." in pyshim("plugins", env=env).stdout
    )
    assert "deny it" in pyshim("--help", env=env).stdout
    command = [target("calls_by_name"), "read"]
    assert lines(pyshim(*command, env=env)) == ["read: 1"]
    assert lines(pyshim("-p", "deny", *command, env=env)) == ["read: -1 EPERM"]
    assert lines(pyshim("--deny", *command, env=env)) == ["read: -1 EPERM"]


@pytest.mark.parametrize(
    "marks", ["wrapper=True", "hookwrapper=True", "specname='pyshim_call_enter'"]
)
def test_what_only_pluggy_could_do_is_refused(
    hooked: Hooked, target: Target, marks: str
) -> None:
    name = "other" if "specname" in marks else "pyshim_call_enter"
    source = f"""
        @hookimpl(calls=["read"], {marks})
        def {name}(call):
            yield
    """
    done = hooked(source, target("calls_by_name"), "read")
    assert (done.returncode, done.stdout) == (125, "")
    assert "plugin 'mine': pyshim_call_enter" in done.stderr


# -- where Python can't be asked ---------------------------------------------------

BUSY = """
    seen = []

    @hookimpl(calls=["open", "openat", "read", "close", "write"])
    def pyshim_call_enter(call):
        seen.append(call.tid)
        with open("/dev/null", "w") as out:
            print(call.name, file=out)
"""


def test_threads(hooked: Hooked, target: Target) -> None:
    """Eight at once; each call is asked about, none while another is."""
    source = """
        count = 0
        inside = False

        @hookimpl(calls=["read"])
        def pyshim_call_enter(call):
            global count, inside
            assert not inside
            inside = True
            count += 1
            inside = False
            return Return(-2) if count == 160_001 else None

        @hookimpl(calls=["close"])
        def pyshim_call_exit(call):
            if count == 160_000:
                print("all")
    """
    done = hooked(source, target("threads_read"), timeout=60)
    assert done.returncode == 0, done
    assert done.stdout.splitlines() == ["all", "160000", "EXIT-SUCCESS"]
    assert done.stderr == ""


def test_fork_of_a_threaded_program(hooked: Hooked, target: Target) -> None:
    """100 forks while four threads are in hooks that do I/O."""
    done = hooked(BUSY, target("fork_threads"), timeout=60)
    assert (done.returncode, done.stdout) == (0, "EXIT-SUCCESS\n"), done
    assert done.stderr == ""


def test_fork_while_python_starts(hooked: Hooked, target: Target) -> None:
    source = "import json, argparse, decimal, email.message" + textwrap.dedent(BUSY)
    for _ in range(5):
        done = hooked(source, target("fork_raw"))
        assert (done.returncode, done.stdout) == (0, "EXIT-SUCCESS\n"), done
    reasons = set(stepped_aside(done))
    assert reasons <= {"Python hook after a fork that bypassed fork(3)"}


def test_a_child_is_asked_too(hooked: Hooked, target: Target) -> None:
    source = """
        first = os.getpid()

        @hookimpl(calls=["read"])
        def pyshim_call_enter(call):
            return Return(8 if os.getpid() == first else 9)
    """
    words = ["read", "fork", "read"]
    assert lines(hooked(source, target("calls_by_name"), *words)) == [
        *("read: 8", "fork: 0", "read: 9", "EXIT-SUCCESS", "fork: 1", "read: 8")
    ]
    words = ["fork", "read"]
    assert lines(hooked(source, target("calls_by_name"), *words)) == [
        *("fork: 0", "read: 8", "EXIT-SUCCESS", "fork: 1", "read: 8")
    ]


def test_an_execd_program_is_asked_too(hooked: Hooked, target: Target) -> None:
    source = """
        @hookimpl(calls=["read"])
        def pyshim_call_enter(call):
            return Return(9)
    """
    done = hooked(source, target("env_clear"), target("calls_by_name"), "read")
    assert lines(done) == ["read: 9"]
    done = hooked(source, target("calls_by_name"), "read", "exec", "read")
    assert lines(done) == ["read: 9", "read: 9"]


def test_a_fork_in_a_handler(hooked: Hooked, target: Target) -> None:
    done = hooked(BUSY, target("fork_in_handler"))
    assert (done.returncode, done.stdout) == (0, "EXIT-SUCCESS\n"), done


def test_a_handler_that_calls(hooked: Hooked, target: Target) -> None:
    """Where it interrupts a hook it goes through unasked, and that is counted."""
    done = hooked(BUSY, target("signal_handler_calls"))
    assert (done.returncode, done.stdout) == (0, "EXIT-SUCCESS\n"), done
    (reason,) = stepped_aside(done)
    assert reason.startswith(REENTERED)


def test_a_handler_that_jumps_away(hooked: Hooked, target: Target) -> None:
    done = hooked(BUSY, target("longjmp_handler"))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "EXIT-SUCCESS"), done


def test_a_hook_may_do_what_is_hooked(hooked: Hooked, target: Target) -> None:
    """Its own files, prints and processes are nobody's calls."""
    source = """
        import subprocess

        @hookimpl(calls=["all"])
        def pyshim_call_enter(call):
            if call.name == "read":
                print(subprocess.run(["echo", "child"], stdout=-1).stdout)
                return Return(len(open("/proc/self/comm").read()))
    """
    done = hooked(source, target("calls_by_name"), "read")
    assert lines(done) == ["b'child\\\\n'", "read: 14"]
    assert done.stderr == ""


def test_a_vfork_child_is_not_asked_and_that_is_counted(
    hooked: Hooked, target: Target
) -> None:
    source = """
        @hookimpl(calls=["execve", "_exit", "getppid"])
        def pyshim_call_enter(call):
            return None
    """
    done = hooked(source, target("vfork_exec"))
    assert (done.returncode, done.stdout) == (0, "EXIT-SUCCESS\n"), done
    assert stepped_aside(done) == {"Python hook in a vfork child": 20}


def test_a_small_stack(hooked: Hooked, target: Target) -> None:
    """The thread of 16 KiB makes the first call: Python starts on another stack."""
    done = hooked(BUSY, target("small_stack"))
    assert (done.returncode, done.stdout) == (0, "EXIT-SUCCESS\n"), done
    assert done.stderr == ""


def test_before_main_and_after(hooked: Hooked, target: Target) -> None:
    bare = subprocess.run(
        [target("ctor_atexit")], capture_output=True, text=True, timeout=30, check=True
    )
    done = hooked(BUSY, target("ctor_atexit"))
    assert (done.returncode, done.stdout) == (0, bare.stdout), done


# -- the program ends as it would --------------------------------------------------


@pytest.mark.parametrize(
    ("word", "status"),
    [("leave", 3), ("kill", -signal.SIGKILL), ("fds", 0)],
)
def test_the_end_is_the_programs(
    hooked: Hooked, target: Target, word: str, status: int
) -> None:
    source = """
        import threading

        @hookimpl(calls=["%process", "%desc", "%signal"])
        def pyshim_call_enter(call):
            return Errno("EPERM") if call.name == "_exit" else None
    """
    done = hooked(source, target("calls_by_name"), "read", word)
    assert done.returncode == status, done


@pytest.mark.parametrize(
    ("words", "status"),
    [(["exit", "5"], 5), (["signal", "6"], -6), (["signal", "15"], -15)],
)
def test_exit_and_signals(
    hooked: Hooked, target: Target, words: list[str], status: int
) -> None:
    source = """
        @hookimpl(calls=["all"])
        def pyshim_call_enter(call):
            return None
    """
    done = hooked(source, target("contract_end"), *words)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")


@pytest.mark.parametrize("text", ["raise OSError('host only')", "import no_such_thing"])
def test_a_plugin_that_can_not_be_imported_in_the_target(
    hooked: Hooked, target: Target, text: str
) -> None:
    source = f"""
        if "PYSHIM_RUN" in os.environ:
            {text}

        @hookimpl(calls=["read"])
        def pyshim_call_enter(call):
            return Return(9)
    """
    done = hooked(source, target("calls_by_name"), "read", "read")
    assert lines(done) == ["read: 1", "read: 1"]
    said = "pyshim: plugin mine: can't be imported in the target"
    assert done.stderr.count(said) == 1
    assert stepped_aside(done) == {"Python could not be started in the target": 2}


# -- real programs -----------------------------------------------------------------

REAL = {
    "bash": ["bash", "-c", "read -r x < secret || x=none; cat secret plain; echo $x"],
    "perl": ["perl", "-e", "print open(F, 'secret') ? 'bad' : \"$!\\n\", `cat plain`"],
    "python": [
        "/usr/bin/python3",
        "-c",
        "import json, threading, subprocess\ntry:\n open('secret')\n"
        "except OSError as error: print(error.strerror)\n"
        "print(subprocess.run(['cat', 'plain'], stdout=-1).stdout.decode(), end='')",
    ],
}


@pytest.mark.parametrize("name", REAL)
def test_real_programs(hooked: Hooked, tmp_path: Path, name: str) -> None:
    if not Path(REAL[name][0]).exists() and name == "python":
        pytest.skip("there is no /usr/bin/python3")
    (tmp_path / "secret").write_text("secret\n")
    (tmp_path / "plain").write_text("plain\n")
    source = """
        @hookimpl(calls=["openat"], paths=["**/secret"])
        def pyshim_call_enter(call):
            return Errno("EACCES")

        @hookimpl(calls=["openat"])
        def pyshim_call_exit(call):
            return None
    """
    done = hooked(source, *REAL[name])
    denied = {"bash": ["plain", "none"]}.get(name, ["Permission denied", "plain"])
    assert (done.returncode, done.stdout.splitlines()) == (0, denied), done
    assert stepped_aside(done) == {}


def test_the_example(pyshim: Hooked) -> None:
    plugin = str(EXAMPLES / "10_deny_plugin.py")
    done = pyshim("-p", plugin, "cat", "/etc/shadow", "/etc/hostname")
    assert done.returncode == 1
    assert done.stderr == "cat: /etc/shadow: Permission denied\n"
    assert done.stdout == Path("/etc/hostname").read_text()
