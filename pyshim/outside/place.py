"""Where a stand-in is, as hooks and what they import are to find it: in the target.

Its pid and its parent's, its working directory and environment, and what
pyshim/inside/process.py looks up in /proc. What else differs is in
docs/howto-where-hooks-run.md.
"""

from __future__ import annotations

import os
import posix

from pyshim._host import lib
from pyshim.inside import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SELF = "/proc/self/"


def be_in(channel: Any) -> None:
    """Once a stand-in; a fork's child has another channel: `follow`."""
    follow(channel)
    posix.environ.clear()
    os.environ.clear()
    for entry in _read("environ").split(b"\0"):
        name, equals, value = entry.partition(b"=")
        # Of two the first counts, as for getenv(3).
        if name and equals and name not in posix.environ:
            posix.environ[name] = value
            os.environ[os.fsdecode(name)] = os.fsdecode(value)


def follow(channel: Any) -> None:
    """From now on this is the process we stand in for."""
    _of.channel = channel
    os.getpid = posix.getpid = _pid
    os.getppid = posix.getppid = _parent
    process._link, process._command_line = _link, _command_line
    lib.remote_follow(channel.pid)


class _Of:
    channel: Any


_of = _Of()
_readlink = posix.readlink


def _pid() -> int:
    return int(_of.channel.pid)


def _parent() -> int:
    # The name in parentheses may hold anything, a parenthesis too: proc(5).
    return int(_read("stat").rpartition(b")")[2].split()[1])


def _read(name: str) -> bytes:
    with open(f"/proc/{_pid()}/{name}", "rb") as file:
        return file.read()


def _link(path: str) -> str | None:
    try:
        return _readlink(path.replace(_SELF, f"/proc/{_pid()}/", 1))
    except OSError:
        return None


def _command_line() -> list[bytes] | None:
    try:
        return _read("cmdline").split(b"\0")[:-1]
    except OSError:
        return None
