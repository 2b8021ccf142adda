"""`pyshim.run`: what a test gets of a program under faults."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pyshim.errors import PyshimError
from pyshim.testing import NeverHit, Pyshim, TimedOut, runner

Target = Callable[..., str]
END = "EXIT-SUCCESS"
"""The last line of each target."""

WRITER = ["sh", "-c", "echo one >new; echo two >>old; mkdir d; mv old d/moved; rm new"]


@pytest.fixture
def shim() -> Pyshim:
    """Not the name `pyshim`: that is this suite's own fixture."""
    return Pyshim()


def test_a_fault_and_how_the_program_took_it(shim: Pyshim, target: Target) -> None:
    done = shim.run([target("calls_by_name"), "read"], faults="read:error=EIO")
    assert (done.status, done.signal) == (0, None)
    assert done.stdout == f"read: -1 EIO\n{END}\n"
    (hit,) = done.hits
    assert (hit.rule, hit.call, hit.errno) == ("inject=read:error=EIO", "read", "EIO")
    assert (hit.process, hit.program, hit.function) == ("1", "calls_by_name", "by_read")
    assert done.coverage == "coverage: 1 of 1 process, layer full"


def test_several_rules_and_words_of_a_shell(shim: Pyshim, target: Target) -> None:
    rules = ["read:error=EIO:when=2", "fault=open:error=EMFILE:path=/dev/null"]
    done = shim.run(f"{target('calls_by_name')} read read 'open'", faults=rules)
    first, *rest = done.stdout.splitlines()
    assert (first, rest) == ("read: 1", ["read: -1 EIO", "open: -1 EMFILE", END])
    assert done.rules == (f"inject={rules[0]}", rules[1])
    assert [hit.errno for hit in done.hits] == ["EIO", "EMFILE"]


def test_streams_are_the_programs_alone(shim: Pyshim) -> None:
    done = shim.run("sh -c 'cat; echo no >&2; exit 3'", input="yes\u20ac\n")
    assert (done.stdout, done.stderr, done.status) == ("yes\u20ac\n", "no\n", 3)
    assert done.stdout_bytes == b"yes\xe2\x82\xac\n"
    assert shim.run("cat", input=b"\xff\0").stdout_bytes == b"\xff\0"


def test_the_signal_that_ended_it(shim: Pyshim) -> None:
    done = shim.run(["sh", "-c", "kill -SEGV $$"])
    assert (done.status, done.signal) == (None, signal.SIGSEGV)
    done = shim.run(["sh", "-c", "kill -40 $$"])
    assert done.signal == 40


@pytest.mark.parametrize("status", [124, 125, 126, 127])
def test_a_programs_own_status_is_no_failure_of_ours(shim: Pyshim, status: int) -> None:
    assert shim.run(["sh", "-c", f"exit {status}"]).status == status


def test_env_and_folder(shim: Pyshim, tmp_path: Path) -> None:
    done = shim.run(["/bin/sh", "-c", "pwd; echo $A $B"], cwd=tmp_path, env={"A": "1"})
    assert done.stdout == f"{tmp_path}\n1\n"


def test_what_python_is_told_does_not_reach_pyshim(
    shim: Pyshim, tmp_path: Path
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit(9)")
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONHOME": "/nowhere"}
    assert shim.run(["true"], cwd=tmp_path, env=env).status == 0


def test_maps(shim: Pyshim, tmp_path: Path) -> None:
    (tmp_path / "here").write_text("mapped")
    done = shim.run(["cat", "/etc/there"], maps={"/etc/there": tmp_path / "here"})
    assert done.stdout == "mapped"


def test_a_plugin_and_its_default_plan(shim: Pyshim, target: Target) -> None:
    command = [target("calls_by_name"), "read", "read"]
    done = shim.run(command, plugins=["faults"], layer="symbols")
    assert done.stdout.splitlines() == ["read: -1 EINTR", "read: 1", END]
    assert [hit.label for hit in done.hits] == ["unusual"]
    assert done.coverage.endswith("layer symbols")


def test_options_of_pyshim(shim: Pyshim, target: Target) -> None:
    command = [target("calls_by_name"), "read"]
    done = shim.run(command, plugins=["faults"], options=["--fair"])
    assert (done.stdout, done.hits) == (f"read: 1\n{END}\n", ())


# -- calls and files ---------------------------------------------------------------


def test_calls(shim: Pyshim, target: Target) -> None:
    command = [target("calls_by_name"), "read", "fork", "read"]
    done = shim.run(command, faults="read:error=EIO:when=1", trace="read")
    found = [(call.process, call.name, call.errno) for call in done.calls]
    assert found == [*(("1", "read", "EIO"), ("1.1", "read", "EIO"), ("1", "read", ""))]
    assert done.calls[2].result == 1
    assert done.calls[2].args["count"] == 1
    assert str(done.calls[2]).startswith("read(")


def test_no_calls_when_none_are_asked_for(shim: Pyshim) -> None:
    done = shim.run(["true"], trace=None)
    assert (done.calls, dict(done.files)) == ((), {})


def test_files(shim: Pyshim, tmp_path: Path) -> None:
    (tmp_path / "old").write_text("")
    done = shim.run(WRITER, cwd=tmp_path)
    assert done.files[tmp_path / "new"] >= {"written", "removed"}
    assert done.files[str(tmp_path / "old")] >= {"written", "removed"}
    assert {f"{tmp_path}/d", f"{tmp_path}/d/moved"} <= done.files.created
    assert {f"{tmp_path}/new", f"{tmp_path}/old"} <= done.files.written
    assert tmp_path / "none" not in done.files


def test_files_relative_to_a_folder_that_was_entered(
    shim: Pyshim, tmp_path: Path
) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_text("x")
    script = "cd d; (cd ..; test -e gone); cat ./f ../d/../d/f; cat /etc/no"
    done = shim.run(["sh", "-c", script], cwd=tmp_path)
    assert f"{tmp_path}/d/f" in done.files.read
    assert {f"{tmp_path}/gone", "/etc/no"} <= done.files.missing
    assert "executed" in done.files["/usr/bin/cat"] | done.files.get("/bin/cat", set())


def test_files_by_descriptor_of_a_folder(shim: Pyshim, tmp_path: Path) -> None:
    script = (
        "import os; d = os.open('d', 0); os.mkdir('e', dir_fd=d); os.fchdir(os.dup(d));"
        "os.open('x', os.O_CREAT | os.O_EXCL | os.O_RDWR)"
    )
    (tmp_path / "d").mkdir()
    done = shim.run([sys.executable, "-c", script], cwd=tmp_path)
    assert done.status == 0, done.stderr
    assert done.files[tmp_path / "d/e"] == {"created"}
    assert done.files[tmp_path / "d/x"] == {"created", "read", "written"}


# -- what is an error --------------------------------------------------------------


def test_a_bad_rule_says_what_pyshim_says(shim: Pyshim) -> None:
    with pytest.raises(PyshimError, match="unknown call 'raed'; did you mean 'read'"):
        shim.run("true", faults="raed:error=EIO")


def test_a_rule_that_never_fired(shim: Pyshim) -> None:
    rules = ["read:error=EIO:when=5000", "exit_group:delay_enter=1"]
    with pytest.raises(NeverHit, match="inject=read:error=EIO:when=5000; ") as caught:
        shim.run("true", faults=rules)
    assert "exit_group" not in str(caught.value)
    assert caught.value.result.status == 0
    assert shim.run("true", faults=rules, require_hit=False).status == 0


def test_a_program_that_is_not_there(shim: Pyshim, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no-such"):
        shim.run(["no-such"])
    (tmp_path / "plain").write_text("")
    with pytest.raises(PermissionError, match="plain"):
        shim.run([tmp_path / "plain"])


def test_a_program_that_faults_cannot_reach(shim: Pyshim, target: Target) -> None:
    static = target("check_hello", "-static")
    with pytest.raises(PyshimError, match=r"bypass: .*static"):
        shim.run([static], faults="write:error=EIO", require_hit=False)


def test_what_a_target_may_say_about_pyshim_is_not_believed(shim: Pyshim) -> None:
    line = "pyshim: the shim was never loaded; nothing was seen or changed"
    done = shim.run(["sh", "-c", f"echo '{line}' >&2"])
    assert (done.status, done.stderr) == (0, f"{line}\n")


# -- hangs -------------------------------------------------------------------------


def running(marker: str) -> list[int]:
    """Processes that have this word among their arguments."""
    found = []
    for each in Path("/proc").iterdir():
        try:
            words = (each / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if each.name.isdecimal() and marker.encode() in words:
            found.append(int(each.name))
    return found


def test_a_hang(shim: Pyshim, tmp_path: Path) -> None:
    marker = f"{tmp_path}/hangs"
    script = "echo before; trap '' TERM; sleep 600 & exec cat"
    with pytest.raises(TimedOut) as caught:
        run_open(shim, ["sh", "-c", script, marker], timeout=1)
    assert isinstance(caught.value, subprocess.TimeoutExpired)
    assert caught.value.stdout == b"before\n"
    assert caught.value.result.calls
    assert "ended after 1 s; its last calls: " in str(caught.value)
    assert str(caught.value).endswith("<unfinished ...>) = ?")
    assert running(marker) == []


def run_open(shim: Pyshim, command: list[str], timeout: float) -> None:
    """With a stdin that never ends."""
    shim.run([*command[:2], f"exec <>/dev/ptmx; {command[2]}", *command[3:]],
             timeout=timeout)  # fmt: skip


def test_a_loop_that_never_ends_fills_nothing(shim: Pyshim, target: Target) -> None:
    with pytest.raises(TimedOut) as caught:
        shim.run(["sh", "-c", "while :; do :; done <&-"], timeout=1)
    assert caught.value.result.status is None


def test_what_left_the_tree_is_ended_too(shim: Pyshim, tmp_path: Path) -> None:
    marker = f"{tmp_path}/daemon"
    daemon = f"setsid sh -c 'sleep 600; :' {marker} </dev/null >/dev/null 2>&1"
    with pytest.raises(TimedOut):
        shim.run(["sh", "-c", f"{daemon} & exec cat <>/dev/ptmx"], timeout=1)
    assert running(marker) == []


def test_who_keeps_the_streams_open_behind_the_end(
    shim: Pyshim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is over with the limit, not when pyshim itself would be taken to be stuck.

    Nothing is exec'd behind the end of the run, when nobody knows any more whose it is.
    """
    marker = f"{tmp_path}/behind"
    daemon = f"setsid sh -c ': >up; read x <never; :' {marker}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner, "_GRACE", 600.0)
    with pytest.raises(TimedOut) as caught:
        shim.run(
            ["sh", "-c", f"mkfifo up never; {daemon} & read x <up; echo"], timeout=2
        )
    assert caught.value.stdout == b"\n"
    assert running(marker) == []


def test_what_runs_nothing_says_so(shim: Pyshim) -> None:
    with pytest.raises(PyshimError, match="pyshim ran nothing: --explain"):
        shim.run("true", options=["--explain"])


def test_a_test_that_is_interrupted_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = f"{tmp_path}/interrupted"
    code = (
        "from pyshim.testing import Pyshim\n"
        f"Pyshim().run(['sh', '-c', 'echo up > up; sleep 600; :', {marker!r}])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stderr=subprocess.DEVNULL
    ) as test:
        end = time.monotonic() + 30
        while not (tmp_path / "up").exists() and time.monotonic() < end:
            time.sleep(0.01)
        test.send_signal(signal.SIGINT)
        test.wait(30)
    assert running(marker) == []


def test_in_a_thread(shim: Pyshim) -> None:
    """As some plugins run tests: pyshim is a process of its own."""
    found: list[int | None] = []
    thread = threading.Thread(target=lambda: found.append(shim.run("true").status))
    thread.start()
    thread.join(30)
    assert found == [0]


@pytest.fixture(autouse=True)
def no_folders_are_left() -> Iterator[None]:
    """Of this process's runs: other tests run at the same time."""
    folder = Path(os.environ.get("TMPDIR", "/tmp"))
    yield
    assert list(folder.glob(f"{runner.PREFIX}{os.getpid()}-*")) == []
