"""The contract of the host: whoever starts pyshim sees what the bare target shows.

Most tests run twice, bare and wrapped: the bare run is the proof that the expectation
is the system's and not ours.
"""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import pty
import resource
import select
import shutil
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from signal import Signals
from typing import Any

import pytest

TARGETS = Path(__file__).parents[1] / "targets"
PATIENCE = 20.0
"""Seconds after which something awaited is taken to never come."""
END = signal.SIGRTMIN + 1
"""What `contract_signals` ends at."""
CONTINUED = f"got {signal.SIGCONT:02}"

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="session")
def wrapper() -> list[str]:
    return [sys.executable, "-m", "pyshim"]


@pytest.fixture(params=["bare", "wrapped"])
def prefix(request: pytest.FixtureRequest, wrapper: list[str]) -> list[str]:
    """What to put before the target."""
    return wrapper if request.param == "wrapped" else []


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Compiles `contract_NAME.c`; the path of the program."""
    folder = tmp_path_factory.mktemp("contract")

    def build(name: str) -> str:
        program = folder / name
        if not program.exists():
            source = TARGETS / f"contract_{name}.c"
            command = ["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror"]
            subprocess.run([*command, "-o", program, source], check=True, timeout=60)
        return str(program)

    return build


class Job:
    """A started command and its output, line by line.

    `pid` is that of the wrapper (of the target when bare), `target` what `ready` said.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.pid = process.pid
        self.target = 0
        self.others: list[int] = []
        self._buffer = b""

    def line(self) -> str:
        """The next line of stdout; "" at its end."""
        while b"\n" not in self._buffer and (more := self._read()):
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode()

    def _read(self) -> bytes:
        stdout = self.process.stdout
        assert stdout is not None
        assert select.select([stdout], [], [], PATIENCE)[0], "no output came"
        return os.read(stdout.fileno(), 4096)

    def lines(self) -> list[str]:
        return list(iter(self.line, ""))

    def pids(self, count: int) -> list[int]:
        """The next lines, as pids of processes that are to be gone after the test."""
        for _ in range(count):
            self.others.append(int(self.line()))
        return self.others

    def ready(self) -> int:
        """Waits for the `ready PID PPID` of `contract_signals`; the PPID."""
        word, pid, parent = self.line().split()
        assert word == "ready"
        self.target = int(pid)
        return int(parent)

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def end(self) -> int:
        return self.process.wait(PATIENCE)


Start = Callable[..., Job]


def _clean(prepare: Callable[[], object] | None) -> Callable[[], None]:
    """Before the exec: signals as a login shell has them, however pytest was started.

    In the background of a script, for one, SIGINT is ignored.
    """

    def prepared() -> None:
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        if prepare is not None:
            prepare()

    return prepared


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a command with a piped stdout; kills what is left of it by pid."""
    jobs: list[Job] = []

    def begin(argv: list[str], **options: Any) -> Job:
        given = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **options}
        given["preexec_fn"] = _clean(given.get("preexec_fn"))
        process = subprocess.Popen(argv, cwd=tmp_path, **given)
        jobs.append(Job(process))
        return jobs[-1]

    yield begin
    for job in jobs:
        _kill(job)


def _kill(job: Job) -> None:
    ended = job.process.returncode is not None
    for pid in {*job.others, *([] if ended else [job.target, job.pid])} - {0}:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    job.process.wait(PATIENCE)
    if job.process.stdout is not None:
        job.process.stdout.close()


def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.005)


def state(pid: int) -> str:
    """The letter of proc(5); "" when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return stat.rpartition(")")[2].split()[0]


def gone(pid: int) -> bool:
    return state(pid) in ("", "Z", "X")


def stopped_by(job: Job) -> int:
    """Waits until the wrapper has stopped; by which signal, as its parent sees it."""
    seen: list[int] = []

    def stopped() -> bool:
        found = os.waitid(os.P_PID, job.pid, os.WSTOPPED | os.WNOHANG)
        if found is not None:
            seen.append(found.si_status)
        return bool(seen)

    until(stopped, "the wrapper stops")
    return seen[0]


def run(argv: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
    given = {"stdin": subprocess.DEVNULL, "capture_output": True, **options}
    given["preexec_fn"] = _clean(given.get("preexec_fn"))
    return subprocess.run(argv, timeout=PATIENCE, check=False, **given)


# -- how it ends -------------------------------------------------------------------


@pytest.mark.parametrize("status", [0, 1, 2, 77, 124, 125, 126, 127, 255])
def test_ends_with_the_same_status(
    prefix: list[str], target: Callable[[str], str], status: int
) -> None:
    done = run([*prefix, target("end"), "exit", str(status)])
    assert (done.returncode, done.stdout, done.stderr) == (status, b"", b"")


DEADLY = "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV PIPE ALRM TERM XFSZ SYS"


@pytest.mark.parametrize(
    "number", [*(Signals[f"SIG{name}"] for name in DEADLY.split()), signal.SIGRTMAX]
)
def test_dies_by_the_same_signal(
    prefix: list[str], target: Callable[[str], str], tmp_path: Path, number: int
) -> None:
    done = run([*prefix, target("end"), "signal", str(int(number))], cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (-number, b"", b"")


def test_the_host_leaves_no_core(
    wrapper: list[str], target: Callable[[str], str], start: Start
) -> None:
    def allow_core() -> None:
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

    signalled = [target("end"), "signal", str(int(signal.SIGSEGV))]
    job = start([*wrapper, *signalled], preexec_fn=allow_core)
    assert job.lines() == []
    found = os.waitid(os.P_PID, job.pid, os.WEXITED | os.WNOWAIT)
    assert found is not None
    assert (found.si_code, found.si_status) == (os.CLD_KILLED, signal.SIGSEGV)
    assert job.end() == -signal.SIGSEGV


def test_sigpipe_kills_the_target_of_a_closed_pipe(
    prefix: list[str], start: Start
) -> None:
    job = start([*prefix, "yes"])
    assert job.line() == "y"
    assert job.process.stdout is not None
    job.process.stdout.close()
    assert job.end() == -signal.SIGPIPE


def test_the_end_does_not_wait_for_a_background_child(
    prefix: list[str], start: Start
) -> None:
    job = start([*prefix, "sh", "-c", "sleep 600 & echo $!; exit 3"])
    (child,) = job.pids(1)
    assert job.end() == 3
    assert not gone(child)


# -- what can't be run -------------------------------------------------------------


@pytest.fixture
def odd_programs(tmp_path: Path) -> Path:
    """A folder of things that are not quite programs."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    files = {
        "no_shebang": "echo sh saw $# $1\n",
        "lost_shebang": "#!/nowhere/to/be/found\n",
        "bad_elf": "\x7fELF\x02",
        "empty": "",
        "plain": "#!/bin/sh\necho never\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "plain").chmod(0o644)
    shutil.copy(shutil.which("true") or "", tmp_path / "folder" / "no_shebang")
    (tmp_path / "folder" / "plain").symlink_to("../no_shebang")
    return tmp_path


BY_PATH = ["missing", "folder", "plain", "plain/below", "loop", "n" * 300]
BY_PATH += ["no_shebang", "lost_shebang", "bad_elf", "empty"]
BY_NAME = ["missing", "plain", "no_shebang", "folder", "n" * 300, ""]
SEARCHED = [".:folder", ".:/nowhere", "./plain:/bin", "", None]


@pytest.mark.parametrize(
    ("program", "path"),
    [
        *((f"./{program}", None) for program in BY_PATH),
        *itertools.product(BY_NAME, SEARCHED),
    ],
)
def test_refuses_as_env_does(
    wrapper: list[str], odd_programs: Path, program: str, path: str | None
) -> None:
    env = {key: value for key, value in os.environ.items() if key != "PATH"}
    env |= {"LC_ALL": "C"} | ({} if path is None else {"PATH": path})
    ours = run([*wrapper, program, "A", "B"], cwd=odd_programs, env=env)
    oracle = [str(shutil.which("env")), program, "A", "B"]
    theirs = run(oracle, cwd=odd_programs, env=env)
    assert ours.returncode == theirs.returncode
    assert ours.stdout == theirs.stdout
    said = [line for line in ours.stderr.splitlines() if b"pyshim: bypass:" not in line]
    assert len(said) == len(theirs.stderr.splitlines())
    if theirs.stderr.startswith(b"/"):
        reason = theirs.stderr.rpartition(b": ")[2].decode()
        assert ours.stderr.decode() == f"pyshim: {program}: {reason}"


def test_refusal_names_the_program_and_the_reason(
    wrapper: list[str], odd_programs: Path
) -> None:
    missing = run([*wrapper, "./x"], cwd=odd_programs)
    assert missing.returncode == 127
    assert missing.stderr == b"pyshim: ./x: No such file or directory\n"
    folder = run([*wrapper, "./folder"], cwd=odd_programs)
    assert folder.returncode == 126
    assert folder.stderr == b"pyshim: ./folder: Permission denied\n"


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_refusal_keeps_its_status_without_a_stderr(
    wrapper: list[str], redirection: str
) -> None:
    shell = ["sh", "-c", f'exec "$@" {redirection}', "sh"]
    done = run([*shell, *wrapper, "./missing"])
    assert (done.returncode, done.stdout) == (127, b"")


# -- what the target inherits ------------------------------------------------------


def test_stdin_passes_through(prefix: list[str]) -> None:
    data = os.urandom(1 << 20)
    done = run([*prefix, "cat"], stdin=None, input=data)
    assert (done.returncode, done.stdout, done.stderr) == (0, data, b"")


def test_stdout_and_stderr_stay_apart(prefix: list[str]) -> None:
    script = r"printf 'out\0\377'; printf 'err\r\n\200' >&2"
    done = run([*prefix, "sh", "-c", script])
    assert (done.stdout, done.stderr) == (b"out\0\xff", b"err\r\n\x80")


def _ignore(*numbers: int) -> Callable[[], None]:
    def prepare() -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)

    return prepare


def _block(*numbers: int) -> Callable[[], None]:
    def prepare() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, numbers)

    return prepare


def _close(*fds: int) -> Callable[[], None]:
    def prepare() -> None:
        for fd in fds:
            os.close(fd)

    return prepare


PREPARATIONS = {
    "nothing": _ignore(),
    "background": _ignore(signal.SIGINT, signal.SIGQUIT),
    "nohup": _ignore(signal.SIGHUP),
    "no job control": _ignore(signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU),
    "children ignored": _ignore(signal.SIGCHLD),
    "blocked": _block(signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD, END),
    "no stdin": _close(0),
    "no stderr": _close(2),
    "only stdout": _close(0, 2),
    "a limit": lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
    "umask": lambda: os.umask(0o027) and None,
}


@pytest.mark.parametrize("name", PREPARATIONS)
@pytest.mark.parametrize("locale", ["C.UTF-8", None])
def test_inherits_what_the_bare_target_inherits(
    wrapper: list[str],
    target: Callable[[str], str],
    tmp_path: Path,
    name: str,
    locale: str | None,
) -> None:
    env = {key: os.environ[key] for key in ("PATH", "PYTHONPATH") if key in os.environ}
    env |= {"LC_ALL": locale} if locale else {}
    reading, writing = os.pipe()
    options = {
        "preexec_fn": PREPARATIONS[name],
        "pass_fds": (reading, writing),
        "cwd": tmp_path,
        "env": env,
    }
    bare = run([target("state")], **options)
    wrapped = run([*wrapper, target("state")], **options)
    os.close(reading)
    os.close(writing)
    assert bare.returncode == 0
    assert f"fd {writing} ".encode() in bare.stdout
    assert without_ours(wrapped.stdout) == bare.stdout.decode()
    assert (wrapped.returncode, wrapped.stderr) == (0, bare.stderr)


def without_ours(said: bytes) -> str:
    """What `contract_state` said, save the two variables that bring the shim in."""
    ours = ("env LD_PRELOAD=", "env PYSHIM_RUN=")
    lines = said.decode().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(ours)]
    assert len(kept) == len(lines) - len(ours)
    return "".join(kept)


def test_sigpipe_and_mask_are_clean(
    wrapper: list[str], target: Callable[[str], str]
) -> None:
    said = run([*wrapper, target("state")]).stdout.decode()
    clean = "0" * 16
    assert f"SigBlk:\t{clean}\n" in said
    assert f"SigIgn:\t{clean}\n" in said


def test_a_status_survives_ignored_children(
    prefix: list[str], target: Callable[[str], str]
) -> None:
    argv = [*prefix, target("end"), "exit", "7"]
    assert run(argv, preexec_fn=_ignore(signal.SIGCHLD)).returncode == 7


# -- signals sent to the host's pid ------------------------------------------------

SENT = "HUP INT QUIT ABRT USR1 USR2 ALRM TERM WINCH URG IO PWR"


@pytest.mark.parametrize(
    "number", [*(Signals[f"SIG{name}"] for name in SENT.split()), signal.SIGRTMIN]
)
def test_a_signal_reaches_the_target_once(
    prefix: list[str], target: Callable[[str], str], start: Start, number: int
) -> None:
    job = start([*prefix, target("signals")])
    job.ready()
    job.send(number)
    assert job.line() == f"got {number:02}"
    job.send(END)
    assert job.lines() == [f"got {END}"]
    assert job.end() == 0


def test_the_target_is_a_child_of_what_was_started(
    wrapper: list[str], target: Callable[[str], str], start: Start
) -> None:
    job = start([*wrapper, target("signals")])
    assert job.ready() == job.pid


def test_ignored_signals_stay_ignored(
    prefix: list[str], target: Callable[[str], str], start: Start
) -> None:
    """Sent to all of a background job, then its end by one that is not ignored."""
    ignored = (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
    job = start([*prefix, "sleep", "600"], preexec_fn=_ignore(*ignored))
    job.target = _only_child(job.pid) if prefix else job.pid
    until(lambda: _runs(job.target, "sleep"), "the target's exec")
    for number in ignored:
        job.send(number)
    job.send(signal.SIGTERM)
    assert job.end() == -signal.SIGTERM


def _only_child(pid: int) -> int:
    def children() -> list[str]:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()

    until(lambda: bool(children()), "a child")
    return int(children()[0])


def _runs(pid: int, name: str) -> bool:
    return Path(f"/proc/{pid}/comm").read_text().strip() == name


def test_a_signal_of_the_target_to_its_group_is_not_sent_back(
    prefix: list[str], target: Callable[[str], str], start: Start
) -> None:
    job = start([*prefix, target("signals"), "group"], process_group=0)
    job.ready()
    assert job.line() == f"got {signal.SIGUSR1:02}"
    job.send(END)
    assert job.lines() == [f"got {END}"]
    assert job.end() == 0


def test_an_alarm_set_before_goes_to_the_target(
    prefix: list[str], target: Callable[[str], str], start: Start
) -> None:
    """`perl -e 'alarm 5; exec ...'`: the timer is the host's, the end the target's.

    On a slow machine the alarm may come before the target is ready: then once more.
    """

    def alarmed(seconds: float) -> list[str]:
        def prepare() -> None:
            signal.setitimer(signal.ITIMER_REAL, seconds)

        job = start([*prefix, target("signals")], preexec_fn=prepare)
        first = job.line()
        if not first.startswith("ready"):
            return []
        job.target = int(first.split()[1])
        assert job.line() == f"got {signal.SIGALRM:02}"
        job.send(END)
        return job.lines()

    assert (alarmed(0.5) or alarmed(5)) == [f"got {END}"]


def test_sigkill_of_the_host_leaves_the_target(
    wrapper: list[str], target: Callable[[str], str], start: Start
) -> None:
    job = start([*wrapper, target("signals")])
    job.ready()
    job.send(signal.SIGKILL)
    assert job.end() == -signal.SIGKILL
    os.kill(job.target, END)
    assert job.lines() == [f"got {END}"]


# -- stop and continue -------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTSTP, signal.SIGTTIN, signal.SIGSTOP])
def test_a_stopped_target_stops_the_host(
    prefix: list[str], target: Callable[[str], str], start: Start, number: int
) -> None:
    job = start([*prefix, target("signals")], process_group=0)
    job.ready()
    os.kill(job.target, number)
    assert stopped_by(job) == number
    _continue(job)


def test_sigtstp_to_the_host_stops_both(
    prefix: list[str], target: Callable[[str], str], start: Start
) -> None:
    job = start([*prefix, target("signals")], process_group=0)
    job.ready()
    for _ in range(3):
        job.send(signal.SIGTSTP)
        assert stopped_by(job) == signal.SIGTSTP
        assert state(job.target) == "T"
        job.send(signal.SIGCONT)
        assert job.line() == CONTINUED
    job.send(END)
    assert job.lines() == [f"got {END}"]


def _continue(job: Job) -> None:
    """By the host's pid; the target goes on, has had SIGCONT once, and ends."""
    assert state(job.target) == "T"
    assert state(job.pid) == "T"
    job.send(signal.SIGCONT)
    assert job.line() == CONTINUED
    assert state(job.target) != "T"
    job.send(END)
    assert job.lines() == [f"got {END}"]
    assert job.end() == 0


def test_stopping_the_host_alone_leaves_the_target(
    wrapper: list[str], target: Callable[[str], str], start: Start
) -> None:
    job = start([*wrapper, target("signals")], process_group=0)
    job.ready()
    job.send(signal.SIGSTOP)
    assert stopped_by(job) == signal.SIGSTOP
    os.kill(job.target, signal.SIGUSR1)
    assert job.line() == f"got {signal.SIGUSR1:02}"
    job.send(signal.SIGCONT)
    job.send(END)
    assert job.lines() == [f"got {END}"]
    assert job.end() == 0


# -- the terminal ------------------------------------------------------------------


class Terminal:
    """A pseudo terminal to start things on."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()

    def options(self) -> dict[str, object]:
        """For Popen: a new session, this its controlling terminal, and its stdin."""

        def control() -> None:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        options = {"stdin": self.slave, "preexec_fn": control}
        return {**options, "start_new_session": True}

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def resize(self) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, b"\x1e\0\x64\0\0\0\0\0")

    def hang_up(self) -> None:
        os.close(self.slave)
        os.close(self.master)
        self.master = self.slave = -1

    def close(self) -> None:
        for fd in {self.master, self.slave} - {-1}:
            os.close(fd)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.close()


FROM_TERMINAL: dict[int, Callable[[Terminal], None]] = {
    signal.SIGINT: lambda terminal: terminal.type(b"\x03"),
    signal.SIGQUIT: lambda terminal: terminal.type(b"\x1c"),
    signal.SIGWINCH: Terminal.resize,
    signal.SIGHUP: Terminal.hang_up,
}


@pytest.mark.parametrize("number", FROM_TERMINAL)
def test_a_signal_of_the_terminal_comes_once(
    prefix: list[str],
    target: Callable[[str], str],
    start: Start,
    terminal: Terminal,
    number: int,
) -> None:
    job = start([*prefix, target("signals")], **terminal.options())
    job.ready()
    FROM_TERMINAL[number](terminal)
    assert job.line() == f"got {number:02}"
    job.send(END)
    # The kernel sends SIGCONT along with a hang-up.
    also = [CONTINUED] if number == signal.SIGHUP else []
    assert job.lines() == [*also, f"got {END}"]
    assert job.end() == 0


def test_ctrl_c_ends_both_by_sigint(
    prefix: list[str], start: Start, terminal: Terminal
) -> None:
    job = start([*prefix, "sh", "-c", "echo on; exec cat"], **terminal.options())
    assert job.line() == "on"
    terminal.type(b"\x03")
    assert job.end() == -signal.SIGINT


def test_ctrl_z_and_fg_under_a_job_control_shell(
    prefix: list[str],
    target: Callable[[str], str],
    start: Start,
    terminal: Terminal,
) -> None:
    job = start([target("shell"), *prefix, target("signals")], **terminal.options())
    word, pid = job.line().split()
    assert word == "job"
    job.ready()
    for _ in range(3):
        terminal.type(b"\x1a")
        assert job.line() == f"stopped {int(signal.SIGTSTP)}"
        until(lambda: state(job.target) == state(int(pid)) == "T", "both stop")
        job.send(signal.SIGUSR1)
        assert job.line() == CONTINUED
    os.kill(int(pid), END)
    assert job.lines() == [f"got {END}", "exit 0"]


# -- the time limit ----------------------------------------------------------------

SLOW = {
    "plain": (1, "echo $$; exec sleep 600"),
    "a child": (2, "echo $$; sleep 600 & echo $!; wait"),
    "a grandchild": (3, "echo $$; sh -c 'echo $$; sleep 600 & echo $!; wait'; exit"),
    "stubborn": (1, "trap '' TERM; echo $$; exec sleep 600"),
    "a stubborn child": (
        2,
        "echo $$; (trap '' TERM; exec sleep 600) & echo $!; wait",
    ),
}
"""How many processes each is, whose pids it prints."""


@pytest.mark.parametrize("name", SLOW)
def test_time_is_up(wrapper: list[str], start: Start, name: str) -> None:
    count, script = SLOW[name]
    job = start([*wrapper, "--timeout", "1", "sh", "-c", script])
    pids = job.pids(count)
    assert job.end() == 124
    until(lambda: all(gone(pid) for pid in pids), f"{pids} are gone")


def test_time_is_up_says_sigterm_first(
    wrapper: list[str], target: Callable[[str], str], start: Start
) -> None:
    job = start([*wrapper, "--timeout", "1", target("signals")])
    job.ready()
    assert job.lines() == [f"got {signal.SIGTERM}"]
    assert job.end() == 124


@pytest.mark.parametrize("name", ["exit", "signal"])
def test_time_is_not_up(
    wrapper: list[str], target: Callable[[str], str], name: str
) -> None:
    done = run([*wrapper, "--timeout", "600", target("end"), name, "9"])
    assert done.returncode == (9 if name == "exit" else -9)


# -- launch() as the host uses it --------------------------------------------------


def launching(body: str) -> subprocess.CompletedProcess[bytes]:
    """A host that is this Python text, with `go(tick, *argv)` to launch."""
    head = """
import os, signal, sys, threading, time
from pyshim.errors import PyshimError
from pyshim.launch import Outcome, end_as, launch, signals_blocked
def go(tick, *argv, **options):
    options = {"timeout": None, "interval": 0.01, **options}
    return launch(argv, os.environ, tick=tick, **options)
"""
    return run([sys.executable, "-c", head + body])


def test_ticks_while_it_runs_and_once_after() -> None:
    done = launching("""
seen = []
def tick():
    with open("/proc/self/task/%d/children" % os.getpid()) as children:
        seen.append(bool(children.read()))
assert go(tick, "sleep", "0.5") == Outcome(0, None, False)
assert seen.pop() is False, "the last one after the end"
assert all(seen) and len(seen) > 10, seen
""")
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_failing_tick_does_not_touch_the_target() -> None:
    done = launching("""
ticks = []
def tick():
    ticks.append(1)
    raise BrokenPipeError("no reader")
try:
    go(tick, "sh", "-c", "sleep 0.3; echo whole")
except BrokenPipeError:
    print(len(ticks))
""")
    assert (done.returncode, done.stdout) == (0, b"whole\n1\n")


def test_a_signal_during_a_long_tick_is_not_lost() -> None:
    done = launching("""
sent = []
def tick():
    if not sent:
        sent.append(1)
        os.posix_spawn("/bin/kill", ["kill", "-TERM", str(os.getpid())], os.environ)
        time.sleep(0.5)
print(go(tick, "sleep", "600", timeout=20))
""")
    assert done.stdout == b"Outcome(status=None, signal=15, timed_out=False)\n"


def test_a_thread_started_with_signals_blocked_takes_none() -> None:
    done = launching("""
with signals_blocked():
    for _ in range(4):
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
outcome = go(lambda: os.kill(os.getpid(), signal.SIGUSR1), "sleep", "600")
print(outcome)
""")
    assert done.returncode == 0
    assert done.stdout == b"Outcome(status=None, signal=10, timed_out=False)\n"


def test_the_outcome_taken_by_another_thread_is_an_error_not_a_guess() -> None:
    done = launching("""
def thief():
    os.waitpid(-1, 0)
def tick():
    if not started:
        started.append(1)
        thread = threading.Thread(target=thief)
        thread.start()
        thread.join()
started = []
try:
    go(tick, "true")
except PyshimError as error:
    print(error)
""")
    assert b"exit status was collected" in done.stdout


def test_no_process_to_be_had_is_pyshims_own_failure() -> None:
    done = launching("""
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
try:
    go(lambda: None, "true")
except PyshimError as error:
    print(error)
""")
    reason = os.strerror(errno.EMFILE)
    assert done.stdout.decode() == f"cannot start a process: {reason}\n"


def test_a_broken_stdout_of_the_host_keeps_the_status() -> None:
    done = launching("""
os.close(1)
os.open("/dev/full", os.O_WRONLY)
sys.stdout = open(1, "w", closefd=False)
print("lost")
end_as(Outcome(5, None, False))
""")
    assert done.returncode == 5
