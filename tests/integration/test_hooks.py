"""Python plugins that decide inside the program: verdicts, facts and their order."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from reports import Done, returned

Hooked = Callable[..., Done]
Target = Callable[..., str]

EXAMPLES = Path(__file__).parents[2] / "examples"
HEAD = "from pyshim import Args, Errno, Return, hookimpl\n\n"


# -- verdicts ----------------------------------------------------------------------

ON_ENTER = [
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
    ("open", "Args(path='/no/such/file')", "-1 ENOENT"),
    ("open", "Args(path=b'/', flags=1)", "-1 EISDIR"),
]
ON_EXIT = [
    ("read", "Return(call.ret + 40)", "41"),
    ("read", "Errno('EIO')", "-1 EIO"),
    ("close", "Return(call.errno)", "9"),
    ("close", "None", "-1 EBADF"),
    ("close", "Return(0)", "0"),
    ("posix_fallocate", "Return(0)", "0"),
    ("clock_nanosleep", "Errno('EINTR')", "-1 EINTR"),
    ("getcwd", "Errno('EIO') if call.ret == 0 else None", "-1 EIO"),
]


@pytest.mark.parametrize(("hook", "verdicts"), [("enter", ON_ENTER), ("exit", ON_EXIT)])
def test_verdicts(
    hooked: Hooked, target: Target, hook: str, verdicts: list[tuple[str, str, str]]
) -> None:
    """Each call has the next verdict."""
    words = [word for word, _, _ in verdicts]
    texts = ", ".join(f"lambda call: {text}" for _, text, _ in verdicts)
    source = f"""
        verdicts = iter([{texts}])

        @hookimpl(calls={sorted(set(words))})
        def pyshim_call_{hook}(call):
            return next(verdicts)(call)
    """
    done = hooked(source, target("calls_by_name"), *words)
    assert returned(done) == [f"{word}: {seen}" for word, _, seen in verdicts]
    assert done.stderr == ""


def test_enter_and_exit_of_one_call(hooked: Hooked, target: Target) -> None:
    source = """
        @hookimpl(calls=["read"])
        def pyshim_call_enter(call):
            return Args(count=0)

        @hookimpl(calls=["read"])
        def pyshim_call_exit(call):
            return Return(10 + call.args.count + call.ret)
    """
    assert returned(hooked(source, target("calls_by_name"), "read")) == ["read: 10"]


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
    assert returned(done) == ["open_zero: 0"]
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
    assert returned(done)[1:] == [
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
    assert returned(done) == ["read: 9", "read: -1 EIO", "read: 9"]


# -- several plugins ---------------------------------------------------------------

ORDERS = [
    # the marks of two plugins, given as -p one -p two; which of them decides
    ("", "", "two"),
    ("tryfirst=True", "", "one"),
    ("", "trylast=True", "one"),
    ("trylast=True", "tryfirst=True", "two"),
    ("tryfirst=True", "tryfirst=True", "two"),
]


@pytest.mark.parametrize(("one", "two", "wins"), ORDERS)
def test_the_first_verdict_counts_in_pluggys_order(
    pyshim: Hooked, target: Target, tmp_path: Path, one: str, two: str, wins: str
) -> None:
    for name, marks in (("one", one), ("two", two)):
        verdict = f"    return Return({1001 if name == 'one' else 1002})\n"
        (tmp_path / f"{name}.py").write_text(
            f"{HEAD}@hookimpl(calls=['read'], {marks})\n"
            f"def pyshim_call_enter(call):\n{verdict}"
            f"@hookimpl(calls=['poll'], {marks})\n"
            f"def pyshim_call_exit(call):\n{verdict}"
        )
    plugins = ["-p", "./one.py", "-p", "./two.py"]
    done = pyshim(*plugins, target("calls_by_name"), "read", "poll")
    value = 1001 if wins == "one" else 1002
    assert returned(done) == [f"read: {value}", f"poll: {value}"]


def test_none_leaves_it_to_the_next(
    pyshim: Hooked, target: Target, tmp_path: Path
) -> None:
    for name, verdict in (("one", "Return(5)"), ("two", "None")):
        (tmp_path / f"{name}.py").write_text(
            f"{HEAD}@hookimpl(calls=['read'])\n"
            f"def pyshim_call_enter(call):\n    return {verdict}\n"
        )
    plugins = ["-p", "./one.py", "-p", "./two.py"]
    assert returned(pyshim(*plugins, target("calls_by_name"), "read")) == ["read: 5"]


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
    assert returned(pyshim(*command, env=env)) == ["read: 1"]
    assert returned(pyshim("-p", "deny", *command, env=env)) == ["read: -1 EPERM"]
    assert returned(pyshim("--deny", *command, env=env)) == ["read: -1 EPERM"]


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


def test_the_example(pyshim: Hooked) -> None:
    plugin = str(EXAMPLES / "10_deny_plugin.py")
    done = pyshim("-p", plugin, "cat", "/etc/shadow", "/etc/hostname")
    assert done.returncode == 1
    assert done.stderr == "cat: /etc/shadow: Permission denied\n"
    assert done.stdout == Path("/etc/hostname").read_text()
