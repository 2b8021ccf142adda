"""What a Python plugin inside the program must never do to it: hang it, end it, lie."""

from __future__ import annotations

import signal
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from reports import Done, returned, stepped_aside

Hooked = Callable[..., Done]
Target = Callable[..., str]

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
    # The last two threads may both have read all there is before one closes.
    assert set(done.stdout.splitlines()) == {"all", "160000", "EXIT-SUCCESS"}
    assert done.stderr == ""


def test_cancelled_threads(hooked: Hooked, target: Target) -> None:
    """libc's own handler asks for its pid while the thread is being cancelled. A hook
    at a cancellation point would wait there for what the handler is yet to do."""
    source = """
        @hookimpl(calls=["getpid", "read"])
        def pyshim_call_enter(call):
            with open("/dev/null", "w") as out:
                print(call.name, file=out)
    """
    options = ("--layer=full", target("cancel_loop"), "300")
    done = hooked(source, *options, timeout=60)
    assert done.stdout == "EXIT-SUCCESS\n", done
    assert done.returncode == 0


def test_fork_of_a_threaded_program(hooked: Hooked, target: Target) -> None:
    """100 forks while four threads are in hooks that do I/O, or just start Python."""
    for imports in ("", "import argparse, decimal, email.message\n"):
        source = imports + textwrap.dedent(BUSY)
        done = hooked(source, target("fork_threads"), timeout=60)
        assert (done.returncode, done.stdout) == (0, "EXIT-SUCCESS\n"), done
        assert done.stderr == ""


def test_forks_that_libc_hears_nothing_of(hooked: Hooked, target: Target) -> None:
    source = "import argparse, decimal, email.message\n" + textwrap.dedent(BUSY)
    for _ in range(3):
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
    assert returned(hooked(source, target("calls_by_name"), *words)) == [
        *("read: 8", "fork: 0", "read: 9", "EXIT-SUCCESS", "fork: 1", "read: 8")
    ]
    words = ["fork", "read"]
    assert returned(hooked(source, target("calls_by_name"), *words)) == [
        *("fork: 0", "read: 8", "EXIT-SUCCESS", "fork: 1", "read: 8")
    ]


def test_an_execd_program_is_asked_too(hooked: Hooked, target: Target) -> None:
    source = """
        @hookimpl(calls=["read"])
        def pyshim_call_enter(call):
            return Return(9)
    """
    done = hooked(source, target("env_clear"), target("calls_by_name"), "read")
    assert returned(done) == ["read: 9"]
    done = hooked(source, target("calls_by_name"), "read", "exec", "read")
    assert returned(done) == ["read: 9", "read: 9"]


def test_a_fork_in_a_handler(hooked: Hooked, target: Target) -> None:
    done = hooked(BUSY, target("fork_in_handler"))
    assert (done.returncode, done.stdout) == (0, "EXIT-SUCCESS\n"), done


def test_a_handler_that_calls(hooked: Hooked, target: Target) -> None:
    """It waits until the hook has returned, so its own calls are asked about, too."""
    done = hooked(BUSY, target("signal_handler_calls"))
    assert (done.returncode, done.stdout) == (0, "EXIT-SUCCESS\n"), done
    assert not stepped_aside(done)


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
    assert returned(done) == ["b'child\\n'", "read: 14"]
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


@pytest.mark.parametrize("layer", ["symbols", "full"])
def test_a_hook_in_a_handler_on_an_alternate_stack(
    hooked: Hooked, target: Target, layer: str
) -> None:
    """Hooks run elsewhere: their own syscalls must not put a SIGSYS frame over it."""
    source = BUSY.replace('"open", ', '"getppid", "open", ')
    done = hooked(source, f"--layer={layer}", target("handler_altstack"))
    assert (done.returncode, done.stdout) == (0, "EXIT-SUCCESS\n"), done


@pytest.mark.parametrize("layer", ["symbols", "full"])
def test_a_jump_out_of_a_hook_takes_nothing_along(
    hooked: Hooked, target: Target, layer: str
) -> None:
    """2,000 handlers leave by siglongjmp; then each of ten calls is asked about."""
    source = """
        count = 0

        @hookimpl(calls=["read", "write"])
        def pyshim_call_exit(call):
            with open("/dev/null", "w") as out:
                print(call.name, file=out)

        @hookimpl(calls=["getppid"])
        def pyshim_call_enter(call):
            global count
            count += 1
            if count == 10:
                print("all")
    """
    done = hooked(source, f"--layer={layer}", target("longjmp_handler"))
    assert (done.returncode, done.stdout) == (0, "all\nEXIT-SUCCESS\n"), done


def test_a_forks_child_is_armed_too(hooked: Hooked, target: Target) -> None:
    """Python hears of the fork by handlers around it; the fork itself must be seen."""
    source = """
        @hookimpl(calls=["getppid"])
        def pyshim_call_enter(call):
            return Return(7)
    """
    done = hooked(source, "--layer=full", target("fork_inline"))
    assert returned(done) == ["1", "1", "1"]
    assert done.stderr == ""


@pytest.mark.parametrize("layer", ["symbols", "full"])
def test_an_allocator_in_the_program_itself(
    hooked: Hooked, target: Target, layer: str
) -> None:
    """Asked by a call that it makes, Python would wait for the lock that is held."""
    source = """
        @hookimpl(calls=["%file"], paths=["/dev/zero", "/proc/sys/**"])
        def pyshim_call_enter(call):
            return Errno("EIO")
    """
    done = hooked(source, f"--layer={layer}", target("own_allocator"))
    assert returned(done) == ["Input/output error"]
