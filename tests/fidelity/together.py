"""Memory shared with the target, and what somebody outside does to it while it waits.

Layout as in tests/targets/fidelity.c. All of it is done from here, where no rule is: a
second process of the target's would be under the same rules.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import re
import signal
import socket
import stat
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PAGES = 1 << 17
PID, ARMED, HANDLED, LENGTH = 0, 4, 8, 12
VARS, SEM, TEXT = 32, 240, 272
SYS_PIDFD_GETFD = 438
PIECE = 1 << 20

_libc = ctypes.CDLL(None, use_errno=True)


class Shared:
    """A file that the target maps; its name is the target's first word."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("wb+") as file:
            file.truncate(PAGES)
            self.map = mmap.mmap(file.fileno(), PAGES)

    def number(self, at: int) -> int:
        return int(struct.unpack_from("i", self.map, at)[0])

    def variable(self, name: str) -> int:
        return int(struct.unpack_from("q", self.map, VARS + 8 * (ord(name) - 97))[0])

    @property
    def transcript(self) -> str:
        text = self.map[TEXT : TEXT + self.number(LENGTH)]
        return text.decode(errors="replace")

    def post(self) -> None:
        """sem_post(3) of the target's semaphore."""
        _libc.sem_post(ctypes.byref(ctypes.c_char.from_buffer(self.map, SEM)))

    def remove_queue(self) -> None:
        """What of System V's a killed target has left behind: IPC_RMID is 0."""
        if "rm:$q 0" in self.transcript:
            return
        if "q=msgget ok" in self.transcript:
            _libc.msgctl(self.variable("q"), 0, None)
        if "q=semget ok" in self.transcript:
            _libc.semctl(self.variable("q"), 0, 0)


def waits(pid: int) -> bool:
    """Whether its thread sleeps in a syscall: proc(5)."""
    with suppress(OSError, ValueError):
        task = Path(f"/proc/{pid}/task/{pid}")
        state = re.search(r"\) (\w)", (task / "stat").read_text())
        doing = (task / "syscall").read_text().split()[0]
        return bool(state) and state[1] == "S" and doing not in ("running", "-1")
    return False


def borrowed(pid: int, fd: int) -> int:
    """A copy of the target's descriptor, to be closed: pidfd_getfd(2)."""
    process = os.pidfd_open(pid)
    try:
        copy = _libc.syscall(SYS_PIDFD_GETFD, process, fd, 0)
    finally:
        os.close(process)
    if copy < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    return int(copy)


@dataclass(slots=True)
class Companion:
    """Interrupts the armed call once, and lets it end when it waits again."""

    shared: Shared
    signal: int
    """Sent when the target waits; 0 where the rule sends it."""
    release: tuple[str, ...]
    sent: bool = False
    released: bool = False

    def look(self) -> None:
        """To be called over and over while the target runs."""
        pid = self.shared.number(PID)
        if not pid or not self.shared.number(ARMED) or not waits(pid):
            return
        if not self.shared.number(ARMED):
            return
        if self.shared.number(HANDLED) and self.release and not self.released:
            self.released = True
            RELEASES[self.release[0]](self.shared, pid, *self.release[1:])
        elif self.signal and not self.sent:
            self.sent = True
            os.kill(pid, self.signal)


def _write(shared: Shared, pid: int, name: str, size: str = "1") -> None:
    fd = borrowed(pid, shared.variable(name))
    try:
        os.write(fd, b"x" * int(size))
    finally:
        os.close(fd)


def _read(shared: Shared, pid: int, name: str) -> None:
    """All there is: one that writes has room again, and is woken."""
    fd = borrowed(pid, shared.variable(name))
    try:
        if not stat.S_ISSOCK(os.fstat(fd).st_mode):
            os.read(fd, PIECE)
            return
        with suppress(BlockingIOError), socket.socket(fileno=os.dup(fd)) as one:
            while one.recv(PIECE, socket.MSG_DONTWAIT):
                pass
    finally:
        os.close(fd)


def _connect(shared: Shared, pid: int, client: str, listener: str) -> None:
    with (
        socket.socket(fileno=borrowed(pid, shared.variable(client))) as one,
        socket.socket(fileno=borrowed(pid, shared.variable(listener))) as other,
    ):
        one.connect(other.getsockname())


def _accept(shared: Shared, pid: int, listener: str) -> None:
    with socket.socket(fileno=borrowed(pid, shared.variable(listener))) as one:
        one.accept()[0].close()


def _open(_: Shared, pid: int, name: str, mode: str) -> None:
    flags = {"r": os.O_RDONLY, "w": os.O_WRONLY}[mode]
    os.close(os.open(f"/proc/{pid}/cwd/{name}", flags))


def _kill(shared: Shared, _: int, name: str) -> None:
    os.kill(shared.variable(name), signal.SIGKILL)


def _unlock(shared: Shared, pid: int, name: str) -> None:
    """What is held through an open file description can be let go by any copy of it."""
    fd = borrowed(pid, shared.variable(name))
    try:
        fcntl.flock(fd, fcntl.LOCK_UN)
        fcntl.fcntl(fd, F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_UNLCK, 0, 0, 0, 0))
    finally:
        os.close(fd)


def _post(shared: Shared, _: int) -> None:
    shared.post()


F_OFD_SETLK = 37
RELEASES: dict[str, Callable[..., None]] = {
    "write": _write,
    "read": _read,
    "connect": _connect,
    "accept": _accept,
    "open": _open,
    "kill": _kill,
    "unlock": _unlock,
    "post": _post,
}
