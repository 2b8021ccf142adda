"""Where Python hooks run: chosen, said in a line, and what only the host can lose."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from reports import Done, returned, said, stepped_aside
from shimmed import PYSHIM

from pyshim.calls import LIB

Hooked = Callable[..., Done]
Target = Callable[..., str]

SEVEN = """
    @hookimpl(calls=["read"])
    def pyshim_call_enter(call):
        return Return(7)
"""
GONE = "Python hooks run in the host, and what ran them had ended"
WHERE = "Python hooks run in the host: "

# -- the choice --------------------------------------------------------------------


@pytest.fixture
def no_bridge(tmp_path: Path) -> dict[str, str]:
    """The environment of a pyshim that was built without a shared libpython."""
    folder = tmp_path / "lib"
    shutil.copytree(LIB, folder)
    (folder / "libpybridge.so").unlink()
    return {**os.environ, "PYSHIM_LIB": str(folder)}


def test_without_libpython_hooks_run_in_the_host(
    hooked: Hooked, target: Target, no_bridge: dict[str, str]
) -> None:
    done = hooked(SEVEN, target("calls_by_name"), "read", env=no_bridge)
    assert returned(done) == ["read: 7"]
    assert said(done) == [f"{WHERE}this Python has no shared libpython"]


def test_without_libpython_the_target_is_refused(
    hooked: Hooked, target: Target, no_bridge: dict[str, str]
) -> None:
    command = ["--bridge=target", target("calls_by_name"), "read"]
    done = hooked(SEVEN, *command, env=no_bridge)
    assert (done.returncode, done.stdout) == (125, "")
    assert said(done) == [
        "--bridge=target: this Python has no shared libpython; allowed: "
        "--bridge=host, auto"
    ]


@pytest.mark.parametrize("where", ["auto", "target", "host"])
def test_where_it_is_asked_for(hooked: Hooked, target: Target, where: str) -> None:
    """`where` tells itself by the program that runs it, and nothing is said."""
    source = """
        @hookimpl(calls=["read"])
        def pyshim_call_enter(call):
            inside = os.readlink("/proc/self/exe").endswith("calls_by_name")
            return Return(1001 if inside else 1002)
    """
    done = hooked(source, f"--bridge={where}", target("calls_by_name"), "read")
    assert returned(done) == ["read: 1002" if where == "host" else "read: 1001"]
    assert said(done) == []


REFUSED = {
    "namespaces": ".*no more namespaces.*",
    "tls": ".*static TLS block",
    "memory": "no memory for a stack",
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_process_that_refuses_has_its_hooks_in_the_host(
    hooked: Hooked, target: Target, what: str
) -> None:
    done = hooked(SEVEN, target("no_python"), what)
    assert returned(done) == ["read: 7"]
    (line,) = said(done)
    assert re.fullmatch(rf"{WHERE}refused in process \d+: {REFUSED[what]}", line)


def test_a_process_that_refuses_may_not_go_to_the_host(
    hooked: Hooked, target: Target
) -> None:
    done = hooked(SEVEN, "--bridge=target", target("no_python"), "namespaces")
    assert returned(done) == ["read: 1"]
    assert stepped_aside(done) == {"Python could not be started in the target": 1}


# -- the same on both sides --------------------------------------------------------


@pytest.fixture(params=["target", "host"])
def on_each_side(request: pytest.FixtureRequest, hooked: Hooked) -> Hooked:
    """`hooked`, with hooks in the target and in the host."""

    def go(source: str, *words: str, **options: object) -> Done:
        return hooked(source, f"--bridge={request.param}", *words, **options)

    return go


def test_a_hook_finds_itself_in_the_program(
    on_each_side: Hooked, target: Target, tmp_path: Path
) -> None:
    """Its pid, its working directory after a chdir, the environment it was given."""
    source = """
        @hookimpl(calls=["openat"], paths=["**/here"])
        def pyshim_call_enter(call):
            print(os.getpid() == call.pid, os.getcwd(), os.environ["WORD"])
            print("PYSHIM_RUN" in os.environ, "LD_PRELOAD" in os.environ)
            open("seen", "w").close()
    """
    (tmp_path / "sub").mkdir()
    command = "cd sub; export WORD=two; cat here 2>/dev/null; true"
    env = {**os.environ, "WORD": "one"}
    done = on_each_side(source, "sh", "-c", command, env=env)
    assert done.returncode == 0, done
    assert done.stdout == f"True {tmp_path}/sub two\nTrue True\n"
    assert (tmp_path / "sub" / "seen").exists()


def test_a_fork_copies_what_hooks_know(on_each_side: Hooked, target: Target) -> None:
    source = """
        known = []

        @hookimpl(calls=["read"])
        def pyshim_call_enter(call):
            known.append(call.count)
            return Return(100 + len(known))
    """
    words = ["read", "fork", "read", "read"]
    assert returned(on_each_side(source, target("calls_by_name"), *words)) == [
        *("read: 101", "fork: 0", "read: 102", "read: 103", "EXIT-SUCCESS"),
        *("fork: 1", "read: 102", "read: 103"),
    ]


def test_a_call_made_in_a_hook_keeps_nobody_waiting(
    on_each_side: Hooked, target: Target
) -> None:
    """Neither the other thread's hook, which is asked meanwhile, nor a fork's child."""
    source = """
        @hookimpl(calls=["read", "write"])
        def pyshim_call_enter(call):
            if call.args.count == 1:
                made = call.real()
                return Return(made + call.errno)
    """
    done = on_each_side(source, target("two_threads"), timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "EXIT-SUCCESS\n", "")


def test_long_texts_and_many(on_each_side: Hooked, target: Target) -> None:
    """Longer than what is handed over unasked, and given more than are kept."""
    source = """
        @hookimpl(calls=["open"])
        def pyshim_call_enter(call):
            if call.count < 40:
                return Args(path="/" * 3900 + "dev/null")
            assert call.path == "/dev/null", call.path

        @hookimpl(calls=["open"])
        def pyshim_call_exit(call):
            if call.count < 40:
                assert call.path == "/" * 3900 + "dev/null", len(call.path)
    """
    done = on_each_side(source, target("calls_by_name"), *["open"] * 41)
    assert returned(done) == ["open: 0"] * 41
    assert done.stderr == ""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_program_ends_in_a_hook(
    on_each_side: Hooked, target: Target, number: int
) -> None:
    source = f"""
        @hookimpl(calls=["read"])
        def pyshim_call_enter(call):
            os.kill(os.getpid(), {int(number)})
            while True: pass
    """
    done = on_each_side(source, target("calls_by_name"), "read")
    assert (done.returncode, done.stdout) == (-number, "")


def test_a_time_limit_ends_a_hook(on_each_side: Hooked, target: Target) -> None:
    source = """
        @hookimpl(calls=["read"])
        def pyshim_call_enter(call):
            while True: pass
    """
    done = on_each_side(source, "--timeout=1s", target("calls_by_name"), "read")
    assert (done.returncode, done.stdout) == (124, "")


# -- what only the host can lose ---------------------------------------------------


def test_a_stand_in_that_ends(hooked: Hooked, target: Target) -> None:
    """In the target this would have been the program's end."""
    source = """
        @hookimpl(calls=["read"])
        def pyshim_call_enter(call):
            if call.count == 2:
                os._exit(3)
            return Return(7)
    """
    words = ["read", "read", "read", "fork", "read"]
    done = hooked(source, "--bridge=host", target("calls_by_name"), *words)
    assert returned(done) == [
        *("read: 7", "read: 1", "read: 1"),
        *("fork: 0", "read: 1", "EXIT-SUCCESS", "fork: 1", "read: 1"),
    ]
    assert stepped_aside(done) == {GONE: 4}


def test_the_nursery_ends(hooked: Hooked, target: Target) -> None:
    """And all stand-ins with it; another process gets none."""
    source = """
        import signal

        @hookimpl(calls=["read"])
        def pyshim_call_enter(call):
            if call.count == 2:
                with open("/proc/self/status") as status:
                    nursery = dict(line.split(":", 1) for line in status)["PPid"]
                os.kill(int(nursery), signal.SIGKILL)
                while True: pass
            return Return(7)
    """
    words = ["read", "read", "read", "exec", "read"]
    done = hooked(source, "--bridge=host", target("calls_by_name"), *words)
    assert returned(done) == ["read: 7", "read: 1", "read: 1", "read: 1"]
    assert stepped_aside(done)[GONE] == 2


def test_a_hook_is_given_up_beside_a_call_made_in_another(
    hooked: Hooked, target: Target
) -> None:
    """The one that is named is the one that hangs, not the one that waits."""
    source = """
        def stays():
            while True: pass

        @hookimpl(calls=["read", "write"])
        def pyshim_call_enter(call):
            return Return(call.real()) if call.name == "read" else stays()
    """
    words = ["--bridge=host", "--hook-limit=500ms", target("two_threads")]
    done = hooked(source, *words, timeout=60)
    assert done.returncode == 0, done
    assert "plugin mine: pyshim_call_enter has not returned for write" in done.stderr
    assert re.search(r"mine.py., line \d+ in stays\n.* in pyshim_call", done.stderr)
    assert "stand_in.py" not in done.stderr


def test_another_pid_namespace(hooked: Hooked, target: Target) -> None:
    """No hook is asked there, and that is counted."""
    command = ["unshare", "--pid", "--fork", target("calls_by_name"), "read"]
    if subprocess.run([*command[:3], "true"], check=False, timeout=30).returncode:
        pytest.skip("no pid namespace is to be had")
    assert returned(hooked(SEVEN, "--bridge=target", *command)) == ["read: 7"]
    done = hooked(SEVEN, "--bridge=host", *command)
    assert returned(done) == ["read: 1"]
    assert "Python could not be started in the target" in done.stderr


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """`started(source, *command)`: a host not waited for, ended with the test."""
    hosts: list[subprocess.Popen[str]] = []

    def go(source: str, *command: str) -> subprocess.Popen[str]:
        (tmp_path / "mine.py").write_text(source)
        words = [*PYSHIM, "--bridge=host", "-p", "./mine.py", *command]
        hosts.append(
            subprocess.Popen(
                words,
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return hosts[-1]

    yield go
    for host in hosts:
        host.kill()
        host.communicate(timeout=30)


STAYS = """
import os
from pyshim import Return, hookimpl

@hookimpl(calls=["read"])
def pyshim_call_enter(call):
    me = os.readlink("/proc/self")
    fd = os.open("inside", os.O_WRONLY)
    os.write(fd, f"{me} {call.pid}".encode())
    os.close(fd)
    while True: pass
"""


def test_a_host_that_is_killed_in_a_hook(
    started: Callable[..., subprocess.Popen[str]], target: Target, tmp_path: Path
) -> None:
    """The program goes on as bare, and nothing of the host's stays behind."""
    os.mkfifo(tmp_path / "inside")
    host = started(STAYS, target("calls_by_name"), "read", "read")
    stand_in, program = map(int, read_soon(tmp_path / "inside").split())
    handle = os.pidfd_open(stand_in)
    host.kill()
    out, _ = host.communicate(timeout=30)
    assert out == "read: 1\nread: 1\nEXIT-SUCCESS\n"
    assert program != stand_in
    assert select.select([handle], [], [], 30)[0], "the stand-in goes on"
    os.close(handle)


def test_who_outlives_the_run_goes_on_as_bare(
    started: Callable[..., subprocess.Popen[str]], target: Target, tmp_path: Path
) -> None:
    """A daemon of the program's: the host has ended when it makes its next call."""
    source = """
from pyshim import Errno, hookimpl

@hookimpl(calls=["open", "openat", "open64"], paths=["/dev/zero"])
def pyshim_call_enter(call):
    return Errno("EPERM") if call.count > 1 else None
"""
    for name in ("begun", "go"):
        os.mkfifo(tmp_path / name)
    script = (
        "import os\nif os.fork():\n open('begun').read()\n os._exit(5)\n"
        "open('/dev/zero').close()\nopen('begun', 'w').close()\nopen('go').read()\n"
        "print(os.read(os.open('/dev/zero', os.O_RDONLY), 3), flush=True)"
    )
    host = started(source, "/usr/bin/python3", "-S", "-c", script)
    assert host.wait(timeout=30) == 5
    with open(tmp_path / "go", "w"):
        pass
    out, err = host.communicate(timeout=30)
    assert out.splitlines() == ["b'\\x00\\x00\\x00'"]
    assert "1 process outlived the run, and will not be asked about" in err


def read_soon(fifo: Path) -> str:
    """What somebody writes there, within half a minute."""
    fd = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        while select.select([fd], [], [], 30)[0]:
            with suppress(BlockingIOError):
                if found := os.read(fd, 100):
                    return found.decode()
        raise TimeoutError("nobody came to the hook")
    finally:
        os.close(fd)
