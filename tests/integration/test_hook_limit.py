"""A hook that does not return is given up; its call goes through."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from reports import Done, returned, said
from shimmed import PYSHIM

Hooked = Callable[..., Done]
Target = Callable[..., str]

WAYS = {
    "loop": "while True: pass",
    "sleep": "import time; time.sleep(1000)",
    "lock": "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "pipe": "os.read(os.pipe()[0], 1)",
}


@pytest.mark.parametrize("layer", ["symbols", "full"])
@pytest.mark.parametrize("way", WAYS)
def test_it_is_given_up(hooked: Hooked, target: Target, way: str, layer: str) -> None:
    source = f"""
        @hookimpl(calls=["read"])
        def pyshim_call_enter(call):
            if call.count == 2:
                {WAYS[way]}
            return Return(7)
    """
    options = ["--hook-limit=1500ms", f"--layer={layer}"]
    done = hooked(source, *options, target("calls_by_name"), *["read"] * 4)
    assert returned(done) == ["read: 7", "read: 1", "read: 1", "read: 1"]
    first, *trace, last = [line for line in done.stderr.splitlines() if line]
    assert re.fullmatch(
        r"pyshim: plugin mine: pyshim_call_enter has not returned for read in process "
        r"\d+ within 1\.5 s: given up; the call went through, and no hook is asked in "
        r"this process any more \(--hook-limit\)",
        first,
    )
    assert re.search(
        r'File ".*/mine.py", line 9 in pyshim_call_enter', "\n".join(trace)
    )
    assert last.endswith("2 times: a Python hook of that process had taken too long")


def test_an_import_in_the_target_is_given_up(hooked: Hooked, target: Target) -> None:
    source = """
        import sys
        if "pyshim.session" not in sys.modules:
            while True: pass

        @hookimpl(calls=["read"])
        def pyshim_call_enter(call):
            return Return(7)
    """
    done = hooked(source, "--hook-limit=1500ms", target("calls_by_name"), "read")
    assert returned(done) == ["read: 1"]
    assert "Python has not started in process" in done.stderr
    assert "mine.py" in done.stderr


def test_other_threads_go_on(hooked: Hooked, target: Target) -> None:
    """They wait for the mutex meanwhile; all calls are made."""
    source = """
        @hookimpl(calls=["read"])
        def pyshim_call_enter(call):
            if call.count == 1000:
                while True: pass
    """
    done = hooked(source, "--hook-limit=1500ms", target("threads_read"))
    assert returned(done) == ["160000"]
    assert any("159000 times" in line for line in said(done))


def test_signals_are_none_of_it(hooked: Hooked, target: Target) -> None:
    """All of them blocked, as in the threads of many runtimes."""
    source = """
        import signal

        @hookimpl(calls=["read"])
        def pyshim_call_enter(call):
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            while True: pass
    """
    options = ["--hook-limit=1500ms", "--layer=symbols"]
    done = hooked(source, *options, target("calls_by_name"), "read")
    assert returned(done) == ["read: 1"]
    assert "given up" in done.stderr


def test_where_a_debugger_is_it_is_said(target: Target, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import time\nfrom pyshim import Return, hookimpl\n"
        "@hookimpl(calls=['read'])\ndef pyshim_call_enter(call):\n"
        "    if call.args.count == 1:\n"
        "        time.sleep(2)\n        return Return(7)\n"
    )
    plugin = ["-p", str(tmp_path / "mine.py"), "--hook-limit=300ms"]
    command = [*PYSHIM, *plugin, "strace", "-o", "/dev/null", "-f"]
    done = subprocess.run(
        [*command, target("calls_by_name"), "read"],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    assert done.stdout == "read: 7\nEXIT-SUCCESS\n"
    (line,) = (each for each in done.stderr.splitlines() if "hook" in each)
    assert re.fullmatch(
        r"pyshim: a Python hook has not returned for read in process \d+ within 0.3 s, "
        "and can't be given up: ptrace: Operation not permitted",
        line,
    )


def test_a_stopped_program_is_not_a_slow_hook(target: Target, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import os, signal\nfrom pyshim import Return, hookimpl\n"
        "@hookimpl(calls=['read'])\ndef pyshim_call_enter(call):\n"
        "    os.kill(os.getpid(), signal.SIGSTOP)\n    return Return(7)\n"
    )
    plugin = ["-p", str(tmp_path / "mine.py"), "--hook-limit=300ms"]
    command = [*PYSHIM, *plugin, target("calls_by_name"), "read"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as host:
        # The host stops along with its target, as a shell's job does.
        _, status = os.waitpid(host.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        time.sleep(1)
        os.kill(host.pid, signal.SIGCONT)
        out, err = host.communicate(timeout=30)
    assert (out, err) == ("read: 7\nEXIT-SUCCESS\n", "")
