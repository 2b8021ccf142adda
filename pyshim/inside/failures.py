"""What goes wrong in the hooks of this process, told to the host.

Of each kind of error the first goes into a file in the run's folder, a line each, which
pyshim/hook_errors.py reads; all are counted in memory that the host sees. The program's
own stderr may be closed, or hold somebody's data: it gets them only where that file
can't be reached, by another user or in another root.

For the same reason nothing is imported here that is not in the interpreter itself, not
os, not signal; and this module, which a process reads only when something went wrong,
comes to it in the plan and not from its file.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]
import posix
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    from pyshim.inside.memory import Memory

_RAISED, _RAISED_IN, _UNLOADED_IN = 0, 1, 2  # enum hook_error of shim/wire.h
_KINDS = 64
"""Kinds of errors that one process tells of; the others are only counted."""
_FILE = 4 << 20
"""Bytes from which on the file grows no more: thousands of processes may fail."""
_TEXT = 16 << 10
"""Characters of one traceback."""
_PATIENCE = 10
"""Seconds in which the host ends us; who is not of its tree any more ends himself."""
_DEADLY = {13: 32, 22: 0, 25: 27}
"""Signals that a write may be answered with, SIGPIPE, SIGTTOU and SIGXFSZ, by the errno
that comes with them: they would be the program's, which has not written anything."""


class Failures:
    """Owned by Hooks; used with the hook lock held, in whatever thread failed."""

    def __init__(self, wanted: Any, memory: Memory) -> None:
        self._memory = memory
        self._file: bytes = wanted["errors"]
        self._strict: bool = wanted["strict"]
        self._names: list[tuple[str, str]] = [
            (plugin, function) for plugin, _, _, function in wanted["hooks"]
        ]
        self._told: set[tuple[int, str, str]] = set()
        self._failed_in: dict[int, int] = {}

    def raised(self, hook: int, call: str, error: BaseException) -> None:
        """A hook raised, or what it returned could not be applied.

        Returns only without --strict-plugins.
        """
        pid = posix.getpid()
        try:
            self._tell(hook, call, pid, error)
        finally:
            if self._failed_in.get(hook) != pid:
                self._failed_in[hook] = pid
                self._memory.count_error(hook, _RAISED_IN)
            self._memory.count_error(hook, _RAISED)
            if self._strict:
                _stop()

    def unloaded(self, hook: int, error: BaseException) -> None:
        """The plugin of this hook can't be imported; returns as `raised` does."""
        try:
            self._tell(hook, "", posix.getpid(), error)
        finally:
            self._memory.count_error(hook, _UNLOADED_IN)
            if self._strict:
                _stop()

    def _tell(self, hook: int, call: str, pid: int, error: BaseException) -> None:
        trace, place = _theirs(error.__traceback__)
        kind = hook, type(error).__qualname__, place
        if kind in self._told or len(self._told) >= _KINDS:
            return
        self._told.add(kind)
        text = _shown(error, trace)
        record = (*kind, call, pid, text)
        if not _guarded(_append, self._file, f"\n{record!a}\n".encode()):
            plugin, function = self._names[hook]
            what = f"{function} raised for {call}" if call else "can't be imported"
            line = f"pyshim: plugin {plugin}: {what} in process {pid}\n{text}"
            _guarded(_say, line.encode("utf-8", "backslashreplace"))


def _theirs(trace: TracebackType | None) -> tuple[TracebackType | None, str]:
    """The traceback without what is pyshim's and the import's, and where it ends."""
    kept = []
    while trace is not None:
        code = trace.tb_frame.f_code
        module = trace.tb_frame.f_globals.get("__name__", "")
        ours = str(module).startswith(("pyshim.inside", "pyshim.outside"))
        if not ours and not code.co_filename.startswith("<frozen importlib"):
            kept.append(trace)
        trace = trace.tb_next
    place = ""
    if kept:
        place = f"{kept[-1].tb_frame.f_code.co_filename}:{kept[-1].tb_lineno}"
    for each in reversed(kept):
        trace = type(each)(trace, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return trace, place


class _Text:
    """A stderr to be read."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def write(self, part: str) -> None:
        self.parts.append(part)

    def flush(self) -> None:
        """There is nothing behind it."""


def _shown(error: BaseException, trace: TracebackType | None) -> str:
    """By the interpreter's own printer: the module traceback takes a third of the time
    of its start to import, and in another root there is none."""
    out, before = _Text(), sys.stderr
    sys.stderr = out
    try:
        sys.__excepthook__(type(error), error.with_traceback(trace), trace)
    finally:
        sys.stderr = before
    text = "".join(out.parts)
    if len(text) > _TEXT:
        text = f"{text[: _TEXT // 2]}\n  ...\n{text[-_TEXT // 2 :]}"
    return text


def _append(path: bytes, line: bytes) -> bool:
    """In one write: no other process's comes between. False: not all of it."""
    fd = posix.open(path, posix.O_WRONLY | posix.O_APPEND | posix.O_CLOEXEC)
    try:
        full = posix.fstat(fd).st_size > _FILE
        return full or posix.write(fd, line) == len(line)
    finally:
        posix.close(fd)


def _say(line: bytes) -> bool:
    return posix.write(2, line) == len(line)


def _guarded(function: Any, *arguments: bytes) -> bool:
    """Whether it could be written, with no signal left to the program for it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _DEADLY)
    try:
        return bool(function(*arguments))
    except OSError as error:
        for number, code in _DEADLY.items():
            if error.errno == code:
                signal.sigtimedwait([number], 0)
        return False
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _DEADLY.keys() - before)


def _stop() -> None:
    """The call is not made. The host ends the run: all of it while it still hangs
    together, which it would not if we ended first. SIGTERM comes first, and it is
    blocked around a hook where the program handles it, and while hooks are imported."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    time.sleep(_PATIENCE)
    posix.kill(posix.getpid(), 9)
    # The first process of a pid namespace can't kill itself, pid_namespaces(7).
    posix._exit(125)
