"""The memory that the processes of one run share with the host."""

from __future__ import annotations

import mmap
import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyshim._host import ffi, lib
from pyshim._proctree import state
from pyshim.errors import PyshimError

NPROCS = 1024
NCHUNKS = 128
CHUNK_SIZE = 1 << 21
SPARE_CHUNKS = 8
OUR_SHARE = 16
"""The arena's part of a limit on our own address space: one in so many."""

RUN_PLACES = ("/dev/shm", None)
"""Where a run's folder may be, the first that has room; None: tempfile.gettempdir()."""

GONE = ("", "Z", "X")
"""States of proc(5) of what runs no more."""


class Arena:
    """The shared memory of one run: the host makes it, the target maps it by name."""

    def __init__(
        self,
        path: Path,
        ncounters: int,
        shared: bool = False,
        files: bool = False,
        undo: bool = False,
    ) -> None:
        """`shared`: with room for what hooks in the target have in common; `files`: for
        what files take; `undo`: for what a failed sync loses.

        Raises OSError where there is no room for it.
        """
        header = arena_header(ncounters, shared, files, undo)
        self.fd = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
        )
        try:
            self.memory = _allocated(self.fd, header)
        except OSError:
            os.close(self.fd)
            raise
        self.memory[: ffi.sizeof("struct arena")] = bytes(ffi.buffer(header))
        self.head = ffi.cast("struct arena *", ffi.from_buffer(self.memory))
        self.ncounters = ncounters

    @property
    def hits(self) -> list[int]:
        """How often each rule fired, in the whole process tree."""
        return [int(count) for count in self.head.hits]

    @property
    def skipped(self) -> dict[str, int]:
        """Why and how often the shim stepped aside."""
        names = ffi.typeof("enum skip_reason").elements
        return {
            name.removeprefix("SKIP_").lower(): int(self.head.skipped[number])
            for number, name in names.items()
            if self.head.skipped[number]
        }

    @property
    def hook_errors(self) -> bytes:
        """All counts of errors in hooks, to be compared with what they were."""
        return bytes(ffi.buffer(self.head.errors))

    def hook_error(self, hook: int, error: int) -> int:
        """How many there were of one hook: enum hook_error of shim/wire.h."""
        return int(self.head.errors[hook][error])

    @property
    def patched(self) -> tuple[int, int]:
        """In how many processes libc was patched, and at how many sites altogether."""
        return int(self.head.patched), int(self.head.patched_sites)

    @property
    def python(self) -> tuple[int, int, int, int]:
        """In the targets: starts, the ticks they took, hooks asked, their ticks."""
        head = self.head
        found = head.starts, head.start_ticks, head.hooks, head.hook_ticks
        return int(found[0]), int(found[1]), int(found[2]), int(found[3])

    @property
    def dropped(self) -> int:
        """Events that did not fit: the chunk was full."""
        heads = self._heads()
        return sum(int(heads[index].dropped) for index in range(self.head.ready))

    def heads(self) -> Iterator[Any]:
        """Those of the chunks that may be in use: struct head."""
        heads = self._heads()
        return (heads[index] for index in range(self.head.ready))

    def _heads(self) -> Any:
        base = ffi.cast("char *", self.head) + self.head.heads_at
        return ffi.cast("struct head *", base)

    @contextmanager
    def sharing(self) -> Iterator[None]:
        """Meanwhile the host's `Counter` and `Shared` are those of the target."""
        error = lib.host_share(self.head)
        if error:
            text = f"no state for plugins to share: {os.strerror(error)}"
            raise PyshimError(text, allowed="a kernel with robust mutexes")
        try:
            yield
        finally:
            lib.host_unshare()

    def running(self) -> list[int]:
        """Processes with the shim in them that still run, as far as we can see."""
        ours = (lib.PROC_RUNNING, lib.PROC_EXECING)
        found = (int(each.pid) for each in self._procs() if each.state in ours)
        return [pid for pid in found if pid and state(pid) not in GONE]

    def _procs(self) -> Iterator[Any]:
        base = ffi.cast("char *", self.head) + self.head.procs_at
        for index in range(self.head.nprocs):
            yield ffi.cast("struct proc *", base + index * self.head.proc_size)

    def free_dead(self) -> None:
        """Give the entries of ended processes to new ones."""
        for entry in self._procs():
            if entry.pid and not Path(f"/proc/{entry.pid}").exists():
                ffi.memmove(lib.host_counters(entry), bytes(4 * self.ncounters),
                            4 * self.ncounters)  # fmt: skip
                entry.hook_since = 0
                entry.state = lib.PROC_FREE
                entry.pid = 0


def _allocated(fd: int, header: Any) -> mmap.mmap:
    """The file made as large as it is to be, and its first chunk, which all processes
    may write to, not only promised: a write to what a full disk can't hold is SIGBUS.
    """
    os.ftruncate(fd, header.size)
    os.posix_fallocate(fd, 0, header.chunks_at + header.chunk_size)
    return mmap.mmap(fd, header.size)


def arena_header(
    ncounters: int, shared: bool = False, files: bool = False, undo: bool = False
) -> Any:
    """The head of an arena: how large its parts are and where they lie."""
    header = ffi.new("struct arena *")
    header.magic, header.version = lib.WIRE_MAGIC, lib.WIRE_VERSION
    header.nprocs, header.nchunks = NPROCS, _nchunks()
    header.chunk_size = CHUNK_SIZE
    header.proc_size = (ffi.sizeof("struct proc") + 4 * ncounters + 63) & ~63
    header.procs_at = _page(ffi.sizeof("struct arena"))
    header.heads_at = _page(header.procs_at + NPROCS * header.proc_size)
    heads = header.nchunks * ffi.sizeof("struct head")
    header.chunks_at = _page(header.heads_at + heads)
    if shared:
        header.shared_at = header.chunks_at
        header.chunks_at = _page(header.shared_at + lib.host_shared_size())
    if files:
        header.files_at = header.chunks_at
        table = lib.QUOTA_FILES * ffi.sizeof("struct quota_file")
        header.chunks_at = _page(header.files_at + table)
    if undo:
        header.undo_at = header.chunks_at
        header.chunks_at = _page(header.undo_at + ffi.sizeof("struct undo_log"))
    header.size = header.chunks_at + header.nchunks * CHUNK_SIZE
    return header


def _nchunks() -> int:
    """As many as our own limits, on address space and on the size of files, allow."""
    memory, _ = resource.getrlimit(resource.RLIMIT_AS)
    file, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    most = NCHUNKS
    if memory != resource.RLIM_INFINITY:
        most = min(most, memory // OUR_SHARE // CHUNK_SIZE)
    if file != resource.RLIM_INFINITY:
        most = min(most, file // CHUNK_SIZE - 1)
    return max(most, 1)


def _page(size: int) -> int:
    return (size + 4095) & ~4095


def make_rundir(place: str | None) -> Path:
    """A private folder, in memory where that exists: the arena lives there.

    Named after our pid: a host that is killed leaves its folder behind, for the target
    goes on and its children look there. Raises OSError; ld.so splits a list at colons,
    spaces and newlines.
    """
    path = tempfile.mkdtemp(prefix=f"pyshim-{os.getpid()}-", dir=place)
    if set(path) & set(":\n "):
        Path(path).rmdir()
        raise OSError(f"{path}: no colon, space or newline may be in it")
    return Path(path)
