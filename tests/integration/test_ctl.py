"""Rules switched while their run goes on: `pyshim ctl`, its socket, and `Control`."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from shimmed import PYSHIM

Done = subprocess.CompletedProcess[str]
Pyshim = Callable[..., Done]

SECONDS = 30
FSYNC = "inject=fsync:error=EIO"
HEAD = """
import errno, os, sys
from pyshim.control import Control

def tried(call):
    try:
        call()
    except OSError as error:
        return errno.errorcode[error.errno]

def sync():
    return tried(lambda: os.fsync(999))

"""
"""A bare fsync of 999 fails with EBADF; by a rule, with another error."""


@pytest.fixture
def inside(tmp_path: Path, pyshim: Pyshim) -> Callable[..., Done]:
    """`inside(source, *rules)` runs it as the target."""

    def go(source: str, *rules: str) -> Done:
        script = tmp_path / "inside.py"
        script.write_text(HEAD + source)
        words = [word for rule in rules for word in ("-e", rule)]
        return pyshim(*words, "--", sys.executable, str(script))

    return go


@contextmanager
def going(tmp_path: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A run whose socket is tmp_path/ctl, and whose target ends when stdin does."""
    command = [*PYSHIM, "--ctl", str(tmp_path / "ctl"), *words]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        try:
            assert run.stdout is not None
            assert run.stdout.readline() == "ready\n"
            yield run
        finally:
            run.kill()


def ctl(tmp_path: Path, *words: str) -> Done:
    return subprocess.run(
        [*PYSHIM, "ctl", "--socket", str(tmp_path / "ctl"), *words],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


READY = ("sh", "-c", "echo ready; read line; sync /; echo $?")
LOOPS = """
import os, select, sys
print("ready", flush=True)
while not select.select([0], [], [], 0)[0]:
    os.getppid()
"""


def ended(run: subprocess.Popen[str], line: str = "\n") -> tuple[str, str]:
    """What the target and pyshim said, once it was given its line."""
    return run.communicate(line, timeout=SECONDS)


def raw(tmp_path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    # Not before: a full backlog would be refused instead of waited for.
    made.connect(str(tmp_path / "ctl"))
    made.settimeout(SECONDS)
    return made


def asked(link: socket.socket, line: bytes) -> dict[str, object]:
    link.sendall(line)
    with link.makefile("rb") as lines:
        return dict(json.loads(lines.readline()))


# -- from within -------------------------------------------------------------------


def test_a_rule_that_is_off_does_nothing_until_it_is_on(
    inside: Callable[..., Done],
) -> None:
    source = """
control = Control()
print(sync()); control.on("x"); print(sync(), sync()); control.off("x"); print(sync())
print(control.hits("x"), [rule.on for rule in control.rules()])
"""
    done = inside(source, f"{FSYNC}:name=x:off", "inject=fsync:retval=0:name=y:off")
    assert done.stdout == "EBADF\nEIO EIO\nEBADF\n2 [False, False]\n"
    assert "name=x:off: armed, hit 2 times" in done.stderr
    assert "name=y:off: armed, never hit" in done.stderr


def test_counters_begin_anew_and_hits_go_on(inside: Callable[..., Done]) -> None:
    source = """
control = Control()
for _ in range(3):
    with control.switched_on("second", "once"):
        print(sync(), sync(), sync())
control.on("second")
print(sync(), sync(), control.hits("second"), control.hits("once"))
"""
    rules = f"{FSYNC}:when=2:name=second:off", "fault=fsync:times=1:name=once:off"
    assert inside(source, *rules).stdout == "ENOSYS EIO EBADF\n" * 3 + (
        "EBADF EBADF 3 3\n"
    )


def test_a_reset_reaches_the_counters_of_other_processes(
    inside: Callable[..., Done],
) -> None:
    source = """
control = Control()
ask, asked = os.pipe(); tell, told = os.pipe()
if not os.fork():
    while os.read(ask, 1) == b"x":
        os.write(told, sync().encode()[:3])
    os._exit(0)
def child():
    os.write(asked, b"x"); return os.read(tell, 3).decode()
print(child(), child(), sync()); control.reset("x"); print(child(), child(), sync())
os.write(asked, b"."); os.wait()
"""
    done = inside(source, f"{FSYNC}:when=1:name=x")
    assert done.stdout == "EIO EBA EIO\nEIO EBA EIO\n"


def test_no_rule_can_fail_what_switches_it(inside: Callable[..., Done]) -> None:
    source = """
control = Control()
control.on("x")
first = tried(lambda: os.open("/", os.O_RDONLY)), tried(lambda: os.write(1, b"lost"))
control.reset("x"); hits = control.hits("x"); control.off("x")
print(first, hits >= 2, tried(lambda: os.write(1, b"")), flush=True)
"""
    sets = "%file,%desc,%network,%memory,%process,%signal,%ipc"
    done = inside(source, f"inject={sets}:error=EPERM:name=x:off")
    assert done.stdout == "('EPERM', 'EPERM') True None\n"


def test_it_keeps_no_descriptor(inside: Callable[..., Done]) -> None:
    source = """
before = os.listdir("/proc/self/fd"); kept = Control()
print(os.listdir("/proc/self/fd") == before)
"""
    assert inside(source, f"{FSYNC}:name=x").stdout == "True\n"


@pytest.mark.parametrize("rules", [(), (FSYNC,)])
def test_without_a_name_there_is_nothing_to_control(
    inside: Callable[..., Done], rules: tuple[str, ...]
) -> None:
    source = """
try:
    Control()
except Exception as error:
    print(type(error).__name__, os.path.exists(os.environ["PYSHIM_RUN"] + "/ctl"))
"""
    assert inside(source, *(rules or ("inject=sync:delay_exit=1",))).stdout == (
        "PyshimError False\n"
    )


# -- the command -------------------------------------------------------------------


def test_a_rule_is_switched_from_outside(tmp_path: Path) -> None:
    with going(tmp_path, "-e", "inject=syncfs:error=EIO:name=x:off", *READY) as run:
        assert ctl(tmp_path, "list").stdout.split()[:4] == ["0", "x", "off", "0"]
        assert ctl(tmp_path, "on", "x").returncode == 0
        assert ctl(tmp_path, "list").stdout.split()[2] == "on"
        # sync(1) without -f calls fsync.
        off = ctl(tmp_path, "off", "all")
        assert (off.returncode, off.stdout) == (0, "")
        assert ended(run)[0] == "0\n"


@pytest.mark.parametrize(("name", "status"), [("x", "1\n"), ("all", "1\n")])
def test_what_is_on_hits(tmp_path: Path, name: str, status: str) -> None:
    with going(tmp_path, "-e", f"{FSYNC}:name=x:off", *READY) as run:
        assert ctl(tmp_path, "on", name).returncode == 0
        assert ended(run)[0] == status


def test_who_waits_is_told_of_the_hit(tmp_path: Path) -> None:
    rule = "inject=getppid:retval=7:when=1:name=x:off"
    with going(tmp_path, "-e", rule, sys.executable, "-c", LOOPS) as run:
        for count in range(1, 40):
            reset, on = ctl_line(tmp_path, f"reset x\non x\nwait x {count}\n", 3)[1:]
            assert reset["rules"] and on["rules"], "a reset was lost"
        assert ctl(tmp_path, "hits", "x").stdout == "39\n"
        assert "hit 39 times" in ended(run)[1]


def ctl_line(tmp_path: Path, lines: str, answers: int) -> list[dict[str, object]]:
    with raw(tmp_path) as link, link.makefile("rwb") as both:
        both.write(lines.encode())
        both.flush()
        return [json.loads(both.readline()) for _ in range(answers)]


def test_who_waits_is_left_at_the_end(tmp_path: Path) -> None:
    with going(tmp_path, "-e", f"{FSYNC}:name=x:off", *READY) as run:
        link = raw(tmp_path)
        assert "rules" in asked(link, b"list\nwait x\n")
        ended(run)
        assert link.recv(1) == b""


def test_who_is_left_says_that_the_run_has_ended(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "ctl"))
        listener.listen()
        waiting = subprocess.Popen(
            [*PYSHIM, "ctl", "--socket", str(tmp_path / "ctl"), "wait", "x"],
            stderr=subprocess.PIPE,
            text=True,
        )
        listener.settimeout(SECONDS)
        link, _ = listener.accept()
        assert link.recv(99) == b"wait x\n"
        link.close()
        assert "the run has ended" in waiting.communicate(timeout=SECONDS)[1]
        assert waiting.returncode == 1


def test_a_limited_wait_gives_up(tmp_path: Path) -> None:
    with going(tmp_path, "-e", f"{FSYNC}:name=x", *READY) as run:
        done = ctl(tmp_path, "--timeout", "0.2", "wait", "x")
        assert (done.returncode, "no answer" in done.stderr) == (1, True)
        ended(run)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["on", "y"], "no rule is named 'y'; allowed: x all"),
        (["on"], "not understood: 'on'"),
        (["on", "x", "x"], "not understood"),
        (["wait", "x", "0"], "a number of hits"),
        (["wait", "y"], "no rule is named"),
        (["dance"], "not understood: 'dance'; allowed: list"),
        (["add", "inject=read:error=EIO"], "rules can't be added"),
        (["list" * 200], "a line of more than"),
    ],
)
def test_the_run_says_what_it_does_not_do(
    tmp_path: Path, words: list[str], told: str
) -> None:
    with going(tmp_path, "-e", f"{FSYNC}:name=x", *READY) as run:
        done = ctl(tmp_path, *words)
        assert (done.returncode, done.stdout) == (1, "")
        assert told in done.stderr
        ended(run)


def test_a_question_may_be_one_word(tmp_path: Path) -> None:
    with going(tmp_path, "-e", f"{FSYNC}:name=x", *READY) as run:
        done = ctl(tmp_path, "hits x")
        assert (done.returncode, done.stdout) == (0, "0\n")
        ended(run)


@pytest.mark.parametrize("seconds", ["-1", "0", "nan", "inf", "x"])
def test_a_time_that_is_none(tmp_path: Path, seconds: str) -> None:
    done = ctl(tmp_path, f"--timeout={seconds}", "list")
    assert (done.returncode, len(done.stderr.splitlines())) == (125, 1)
    assert "argument --timeout: " in done.stderr


def test_an_empty_socket_is_not_any_run(tmp_path: Path) -> None:
    done = ctl(tmp_path, "--socket=", "list")
    assert (done.returncode, "no run answers" in done.stderr) == (125, True)


def test_without_a_run_it_says_so(tmp_path: Path) -> None:
    done = ctl(tmp_path, "list")
    assert (done.returncode, "no run answers" in done.stderr) == (125, True)


def test_of_several_runs_one_has_to_be_named(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    rule = ("-e", f"{FSYNC}:name=x", *READY)
    with going(tmp_path / "one", *rule) as one, going(tmp_path / "two", *rule) as two:
        done = subprocess.run(
            [*PYSHIM, "ctl", "list"],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert (done.returncode, "say which" in done.stderr) == (125, True)
        assert {f"pyshim-{run.pid}-" in done.stderr for run in (one, two)} == {True}
        ended(one)
        ended(two)


def test_in_the_run_its_own_is_meant(pyshim: Pyshim) -> None:
    words = [sys.executable, "-m", "pyshim", "ctl", "--json", "list"]
    done = pyshim("-e", f"{FSYNC}:name=of-this-run", "--", *words)
    assert [r["name"] for r in json.loads(done.stdout)["rules"]] == ["of-this-run"]


# -- the socket --------------------------------------------------------------------


def test_it_is_ours_alone_and_goes_with_the_run(tmp_path: Path) -> None:
    place = tmp_path / "ctl"
    with going(tmp_path, *READY) as run:
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        assert asked(raw(tmp_path), b"list\n") == {"rules": []}
        ended(run)
    assert not place.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be somebody else")
def test_another_user_is_not_answered(tmp_path: Path) -> None:
    with going(tmp_path, "-e", f"{FSYNC}:name=x", *READY) as run:
        (tmp_path / "ctl").chmod(0o777)
        link = raw(tmp_path)
        assert "rules" in asked(link, b"list\n")
        answers = _as_nobody(tmp_path)
        assert answers == b"", "an answer for another user"
        ended(run)


def _as_nobody(tmp_path: Path) -> bytes:
    """What somebody else is told, who reaches the socket by an open folder."""
    folder = os.open(tmp_path, os.O_PATH)
    source = (
        "import os, socket; os.setuid(65534); s = socket.socket(socket.AF_UNIX);"
        "s.connect('ctl'); s.settimeout(20); s.send(b'list\\n');"
        "os.write(1, s.recv(99))"
    )
    try:
        return subprocess.run(
            [sys.executable, "-c", source],
            preexec_fn=lambda: os.fchdir(folder),
            capture_output=True,
            timeout=SECONDS,
            check=False,
        ).stdout
    finally:
        os.close(folder)


def test_a_file_in_its_place_is_not_touched(tmp_path: Path, pyshim: Pyshim) -> None:
    (tmp_path / "ctl").write_text("mine")
    done = pyshim("--ctl", "ctl", "touch", "ran")
    assert (done.returncode, "ctl: " in done.stderr) == (125, True)
    assert (tmp_path / "ctl").read_text() == "mine"
    assert not (tmp_path / "ran").exists()


def test_one_in_use_is_not_taken_and_one_left_behind_is(
    tmp_path: Path, pyshim: Pyshim
) -> None:
    with going(tmp_path, *READY) as run:
        assert pyshim("--ctl", "ctl", "true").returncode == 125
        assert asked(raw(tmp_path), b"list\n") == {"rules": []}
        folders = set(Path("/dev/shm").glob(f"pyshim-{run.pid}-*"))
        run.send_signal(signal.SIGKILL)
        run.wait(SECONDS)
    assert (tmp_path / "ctl").exists()
    assert pyshim("--ctl", "ctl", "true").returncode == 0
    assert not (tmp_path / "ctl").exists()
    for folder in folders:
        shutil.rmtree(folder)


def test_a_long_path_is_one(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 120)
    folder.mkdir()
    with going(folder, "-e", f"{FSYNC}:name=x", *READY) as run:
        assert "x" in ctl(folder, "list").stdout
        ended(run)


def test_clients_that_hang_or_send_garbage_disturb_nobody(tmp_path: Path) -> None:
    with going(tmp_path, "-e", f"{FSYNC}:name=x:off", *READY) as run:
        idle = [raw(tmp_path) for _ in range(80)]
        for number, link in enumerate(idle[40:]):
            # Those that came first may have been left for those that came last.
            with suppress(BrokenPipeError):
                link.sendall([b"list", b"\xff\n", b"x" * 3000, b"on x\0\n"][number % 4])
        deaf = raw(tmp_path)
        deaf.setblocking(False)
        with pytest.raises(BlockingIOError):
            for _ in range(100_000):
                deaf.send(b"list\n" * 50)
        assert "off" in ctl(tmp_path, "list").stdout
        assert ended(run)[0] == "0\n"
        for link in idle:
            link.close()


def test_a_question_without_its_end_is_one(tmp_path: Path) -> None:
    with going(tmp_path, "-e", f"{FSYNC}:name=x", *READY) as run:
        link = raw(tmp_path)
        link.sendall(b"off x\nlist")
        link.shutdown(socket.SHUT_WR)
        with link.makefile("rb") as lines:
            answers = [json.loads(line)["rules"][0]["on"] for line in lines]
        assert answers == [False, False]
        ended(run)
