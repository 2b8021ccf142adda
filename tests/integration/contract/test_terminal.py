"""The terminal: its keys, its size, its hang-up, and job control."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import termios
from collections.abc import Callable, Iterator

import pytest
from contract_jobs import CONTINUED, END, Start, state, until


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
