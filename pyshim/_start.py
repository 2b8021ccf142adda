"""The start of the target: fork, give back what was inherited, exec as execvp does."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

from pyshim.errors import PyshimError

_PYTHON_IGNORES = (signal.SIGPIPE, signal.SIGXFSZ)
_FAILED = 126
"""What a child ends with that could not exec; its parent reads the reason instead."""
# What execvp takes as "try the next directory of PATH".
_KEEP_LOOKING = {
    *(errno.ENOENT, errno.ENOTDIR, errno.EACCES),
    *(errno.ESTALE, errno.ENODEV, errno.ETIMEDOUT),
}


@dataclass(frozen=True, slots=True)
class Inherited:
    """What pyshim changed for itself and the target must have as it was."""

    mask: set[signal.Signals | int]
    sigchld: Callable[[int, FrameType | None], object] | int | None


@dataclass(frozen=True, slots=True)
class Target:
    """The child, and the close-on-exec pipe in which it leaves why its exec failed.

    The pipe is owned: `exec_failure` closes it.
    """

    pid: int
    failures: int

    def exec_failure(self) -> int | None:
        """The errno, or None when the program did start. After the end, and once."""
        with os.fdopen(self.failures, "rb") as pipe:
            said = pipe.read()
        return int(said) if said else None


def start(argv: Sequence[str], env: Mapping[str, str], found: Inherited) -> Target:
    """Fork and exec, with all signals held that are to reach the target later.

    Not posix_spawn: glibc's leaves signals 32 and 33 ignored in the child, and it can't
    hand on an ignored SIGCHLD. Nobody waits for the exec: a Ctrl-Z just before it would
    stop the child, and the shell would have a job that neither runs nor stops.
    """
    try:
        failures, ours = os.pipe2(os.O_CLOEXEC)
        pid = os.fork()
    except OSError as error:
        raise PyshimError(f"cannot start a process: {error.strerror}") from error
    if pid == 0:
        _become(argv, env, found, ours)
    os.close(ours)
    return Target(pid, failures)


def _become(
    argv: Sequence[str], env: Mapping[str, str], found: Inherited, failures: int
) -> NoReturn:
    failure = errno.EINVAL
    try:
        _restore_signals(found)
        failure = _exec(argv, env)
        os.write(failures, str(failure).encode())
    finally:
        # Whatever happened: the code that called start() must not run twice.
        os._exit(_FAILED)


def _restore_signals(found: Inherited) -> None:
    """Dispositions first: a signal waiting for the mask must not end in our handler."""
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)) or number in _PYTHON_IGNORES:
            signal.signal(number, signal.SIG_DFL)
    if found.sigchld == signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, found.mask)


def _exec(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Like execvpe, with the PATH of `env`; returns the errno."""
    failure = errno.ENOENT
    denied = False
    for path in _candidates(argv[0], env):
        failure = _exec_one(path, argv, env)
        denied = denied or failure == errno.EACCES
        if failure not in _KEEP_LOOKING:
            return failure
    return errno.EACCES if denied else failure


def _candidates(program: str, env: Mapping[str, str]) -> list[str]:
    if "/" in program:
        return [program]
    if not program:
        return []
    folders = env.get("PATH", "/bin:/usr/bin").split(":")
    return [f"{folder}/{program}" if folder else program for folder in folders]


def _exec_one(path: str, argv: Sequence[str], env: Mapping[str, str]) -> int:
    # Python refuses to hand on a variable without a name; libc would not mind.
    named = {name: value for name, value in env.items() if name}
    failure = _execve(path, argv, named)
    if failure == errno.ENOEXEC:
        failure = _execve("/bin/sh", ["/bin/sh", path, *argv[1:]], named)
    return failure


def _execve(path: str, argv: Sequence[str], env: Mapping[str, str]) -> int:
    try:
        os.execve(path, list(argv), env)
    except OSError as error:
        return error.errno or errno.EINVAL
