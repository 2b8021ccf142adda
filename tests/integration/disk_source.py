"""Copies to a file from what the arguments say, until that is refused or ends.

    disk_source.py splice|sendfile pipe|end|socket|zero|file SECONDS

SECONDS is how long the other side waits before it writes.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable

MOST = 8


def fed(writer: int, seconds: float) -> None:
    """Writes from another thread, and ends."""

    def go() -> None:
        time.sleep(seconds)
        os.write(writer, b"x" * 20000)
        os.close(writer)

    threading.Thread(target=go).start()


def source(kind: str, seconds: float) -> int:
    """What is copied from."""
    if kind in ("zero", "file"):
        return os.open("/dev/zero" if kind == "zero" else "/dev/null", os.O_RDONLY)
    if kind == "socket":
        reader, writer = (each.detach() for each in socket.socketpair())
    else:
        reader, writer = os.pipe()
    if kind == "end":
        os.close(writer)
    else:
        fed(writer, seconds)
    return reader


def copy(how: str, reader: int, out: int) -> Callable[[], int]:
    """One call of it."""
    if how == "sendfile":
        return lambda: os.sendfile(out, reader, None, 20000)
    return lambda: os.splice(reader, out, 20000)


def main() -> None:
    """Prints what each call returned."""
    out = os.open("out", os.O_CREAT | os.O_RDWR)
    go = copy(sys.argv[1], source(sys.argv[2], float(sys.argv[3])), out)
    for _ in range(MOST):
        try:
            moved = go()
        except OSError as error:
            print(error.strerror)
            break
        print(moved)
        if not moved:
            break
    print(os.fstat(out).st_size)


main()
