"""Where a run is spoken to: its Unix socket, made here and found here."""

from __future__ import annotations

import errno
import os
import socket
import stat
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pyshim.arena import RUN_PLACES
from pyshim.control import RUN
from pyshim.errors import PyshimError, UsageError

SOCKET = "ctl"
"""Its name in the run's folder; with --ctl, that of a link to where it is."""
_BACKLOG = 16
_PEER = struct.Struct("3i")
"""struct ucred of unix(7): pid, uid, gid."""


def listen(path: Path) -> socket.socket:
    """A socket at that path, for us alone; one that a killed host left there goes.

    Raises UsageError where it can't be.
    """
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.setblocking(False)
    try:
        _bind(made, path)
        # Nobody can connect before listen(2): there is no moment in between.
        path.chmod(0o600)
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        raise UsageError(
            f"{path}: {error.strerror}", allowed="a name that is free, below 88 bytes"
        ) from None
    return made


def _bind(made: socket.socket, path: Path) -> None:
    with _short(path) as name:
        try:
            made.bind(name)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not _is_left(path):
                raise
            path.unlink()
            made.bind(name)


def _is_left(path: Path) -> bool:
    """Whether it is a socket that nobody serves any more."""
    if not stat.S_ISSOCK(path.lstat().st_mode):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, _short(path) as at:
        return probe.connect_ex(at) == errno.ECONNREFUSED


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """The path in few bytes, meanwhile: struct sockaddr_un has room for 107."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        name = f"/proc/self/fd/{folder}/{path.name}"
        if len(os.fsencode(name)) > 107:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        yield name
    finally:
        os.close(folder)


def peer_is_ours(client: socket.socket) -> bool:
    """Whether our own user, or root, is at its other end."""
    size = _PEER.size
    raw = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    return _PEER.unpack(raw)[1] in (0, os.geteuid())


def connect(path: Path) -> socket.socket:
    """Raises PyshimError where nobody listens."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(path.resolve()) as name:
            made.connect(name)
    except OSError as error:
        made.close()
        text = f"{path}: no run answers: {error.strerror}"
        raise PyshimError(text, allowed="the socket of a run that goes on") from None
    return made


def find() -> Path:
    """The socket of the run we are in, else of the only one this user has.

    Raises PyshimError where there is none, or more than one.
    """
    if inside := os.environ.get(RUN):
        return Path(inside, SOCKET)
    found = [path for path in _all() if _answers(path)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise PyshimError(
            "no run to be controlled: none has a rule with name=, or --ctl",
            allowed="--socket PATH",
        )
    listed = "".join(f"\n  --socket {path}  {_command(path)}" for path in found)
    raise PyshimError(f"more than one run; say which:{listed}")


def _all() -> Iterator[Path]:
    """In the folders that arena.make_rundir makes, ours only."""
    for place in RUN_PLACES:
        folder = Path(place or tempfile.gettempdir())
        for path in sorted(folder.glob(f"pyshim-[0-9]*-*/{SOCKET}")):
            with suppress(OSError):
                if path.parent.stat().st_uid == os.geteuid():
                    yield path


def _answers(path: Path) -> bool:
    try:
        connect(path).close()
    except (PyshimError, OSError):
        return False
    return True


def _command(path: Path) -> str:
    """What that pyshim was called with."""
    pid = path.parent.name.split("-")[1]
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return b" ".join(words).decode(errors="replace").strip()
