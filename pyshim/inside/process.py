"""A process, as a process hook in the target sees it."""

from __future__ import annotations

import posix

from pyshim.inside.memory import text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyshim.inside.memory import Memory

START, FORK, EXEC, EXIT = range(4)  # enum moment_kind of shim/wire.h
MOMENTS = ("start", "fork", "exec", "exit")
_AT_FDCWD = -100
_WORD = 8
_FDS = "/proc/self/fd/"


class Process:
    """The process a process hook runs in. Valid only while the hook runs.

    Nothing of it is looked at before it is asked for.
    """

    __slots__ = ("_argv", "_dirfd", "_envp", "_kind", "_memory", "_parent", "_path",
                 "_status")  # fmt: skip

    def __init__(self, memory: Memory, moment: tuple[int, ...]) -> None:
        """`moment`: the members of its struct in shim/process_hooks.h."""
        self._memory = memory
        self._kind, self._parent, self._status, *given = moment
        self._dirfd, self._path, self._argv, self._envp = given

    @property
    def name(self) -> str:
        """What it is told of: "start", "fork", "exec" or "exit"."""
        return MOMENTS[self._kind]

    @property
    def pid(self) -> int:
        """Process id."""
        return posix.getpid()

    @property
    def parent(self) -> int:
        """The pid of its parent; in `pyshim_process_fork` of the process that forked,
        even where that has ended since."""
        return self._parent if self._kind == FORK else posix.getppid()

    @property
    def program(self) -> str | None:
        """The file it runs; in `pyshim_process_exec` the one it is going to run.

        That is where execvp(3) finds it, or what is behind the descriptor; relative as
        the call has it, but for one relative to a dirfd. None when it can't be known.
        """
        if self._kind != EXEC:
            return _link("/proc/self/exe")
        path = self._memory.text(self._path)
        if path is None:
            return None
        name = text_of(path)
        if name.startswith(_FDS):
            return _link(name)
        if self._dirfd == _AT_FDCWD or name.startswith("/"):
            return name
        folder = _link(f"{_FDS}{self._dirfd}")
        return None if folder is None else f"{folder}/{name}"

    @property
    def argv(self) -> list[str] | None:
        """The arguments it was started with; in `pyshim_process_exec` the new ones.

        None when they can't be read, or where there is no /proc.
        """
        given = self._kind == EXEC
        words = self._array(self._argv) if given else _command_line()
        return None if words is None else [text_of(each) for each in words]

    @property
    def environ(self) -> dict[str, str] | None:
        """The environment it was started with, whatever it changed since; in
        `pyshim_process_exec` the new one. With pyshim's own entries, where it has them.

        None when it can't be read.
        """
        if self._kind != EXEC:
            pairs = posix.environ.items()
            return {text_of(name): text_of(value) for name, value in pairs}
        entries = self._array(self._envp)
        if entries is None:
            return None
        split = (text_of(each).partition("=") for each in reversed(entries))
        return {name: value for name, equals, value in split if equals}

    @property
    def status(self) -> int | None:
        """In `pyshim_process_exit` the exit status, as the parent sees it: 0 to 255.

        Before that None.
        """
        return self._status if self._kind == EXIT else None

    def _array(self, address: int) -> list[bytes] | None:
        """Of strings, ended by NULL; the kernel takes NULL for an empty one."""
        found: list[bytes] = []
        while address:
            pointer = self._memory.number(address + _WORD * len(found), _WORD)
            if not pointer:
                return None if pointer is None else found
            text = self._memory.text(pointer)
            if text is None:
                return None
            found.append(text)
        return found

    def __repr__(self) -> str:
        return f"<Process {self.pid}: {self.name}>"


def _link(path: str) -> str | None:
    try:
        return posix.readlink(path)
    except OSError:
        return None


def _command_line() -> list[bytes] | None:
    """Not from the stack: getopt(3) changes the order there."""
    try:
        fd = posix.open("/proc/self/cmdline", posix.O_RDONLY | posix.O_CLOEXEC)
    except OSError:
        return None
    whole = b""
    try:
        while part := posix.read(fd, 1 << 16):
            whole += part
    except OSError:
        return None
    finally:
        posix.close(fd)
    return whole.split(b"\0")[:-1]
