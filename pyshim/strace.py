"""Reading strace's logs: which syscalls each thread made, when, and from where.

One file a thread (`-ff`), so no line is cut in two by another thread's. `-i` gives the
instruction behind the syscall: which library made it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

OPTIONS = (
    *("-ff", "-i", "-s", "0", "-e", "signal=SIGSYS", "-e", "quiet=attach,exit"),
    *("-e", "verbose=clone,clone3"),
    "--absolute-timestamps=format:unix,precision:ns",
)
"""How strace must have been called, besides `-o FOLDER/PREFIX`."""

SHIM = ("libpyshim.so", "libpybridge.so")
_LINE = re.compile(
    r"(\d+)\.(\d{9}) \[([0-9a-f?]+)\] (?:<\.\.\. )?(\w+)(?:\(| resumed>)(.*)"
)
_TRAP = re.compile(
    r"(\d+)\.(\d{9}) \[[0-9a-f?]+\] --- SIGSYS \{.*si_code=SYS_USER_DISPATCH, "
    r"si_call_addr=0x([0-9a-f]+), si_syscall=(?:__NR_)?(\w+)"
)
_LOST = " <detached ...>\n"
"""A thread that strace lost sight of as its process ended, and can't say in what."""
_TRAPPED = "sent back as SIGSYS"
_FORKS = ("clone", "clone3", "fork", "vfork")
_EXECS = ("execve", "execveat")
_TELLING = (*_FORKS, *_EXECS, "mmap", "openat", "open")
_PATH = re.compile(r'"((?:[^"\\]|\\.)*)"')
_MAPPED = re.compile(r"(?:NULL|0x[0-9a-f]+), (\d+), [^,]*, [^,]*, (\d+), ")
_NEAR = 1 << 18
"""Bytes around ld.so's first syscalls that are ld.so's, too."""


class Syscall(NamedTuple):
    """A line of strace's."""

    time: int
    """When it was entered, in nanoseconds since the epoch."""
    name: str
    address: int
    """Of the instruction behind it; 0: unknown."""
    args: str
    """As strace wrote them; empty but for calls that tell of processes and files."""
    result: str

    @property
    def restarts(self) -> bool:
        """Whether a signal cut it short and the kernel may make it once more."""
        return self.result.startswith("? ERESTART")

    @property
    def trapped(self) -> bool:
        """Whether the kernel did not make it, but sent it back to the shim."""
        return self.result == _TRAPPED


@dataclass(slots=True)
class Image:
    """What a process is from its birth or an exec to the next exec."""

    path: str
    begun: int
    """The moment before its first syscall; strictly before."""
    parent: Image | None = None
    """What it is a fork's copy of; None after an exec."""
    hello: int | None = None
    """When the shim's constructor had run; a copy has that of its parent."""
    loader: tuple[int, int] = (0, 0)
    """Where ld.so lies."""
    _maps: list[tuple[int, int, str]] = field(default_factory=list)

    def map(self, start: int, size: int, path: str) -> None:
        """A file came into its memory."""
        self._maps.append((start, start + size, path))

    def origin(self, address: int) -> str:
        """The name of the file that this address is in; "" for the program itself."""
        for start, end, path in reversed(self._maps):
            if start < address <= end:
                return Path(path).name
        if self.parent:
            return self.parent.origin(address)
        return "ld.so" if self.loader[0] < address <= self.loader[1] else ""

    def offset(self, address: int) -> int:
        """How far this address is into the library that it is in."""
        name = self.origin(address)
        image: Image | None = self
        while image:
            starts = [each[0] for each in image._maps if Path(each[2]).name == name]
            if starts:
                return address - min(starts)
            image = image.parent
        return address

    def find_loader(self, before: Iterable[Syscall]) -> None:
        """ld.so is mapped by the kernel; what nobody else does before us is done by it.

        Call when all maps are known.
        """
        places = [each.address for each in before if not self.origin(each.address)]
        if places:
            self.loader = min(places) - _NEAR, max(places) + _NEAR


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread's syscalls in order, and the images of its process."""

    tid: int
    pid: int
    syscalls: list[Syscall]
    images: list[Image]

    def image(self, time: int) -> Image:
        """What its process was when it entered a syscall at that time."""
        at = bisect_left(self.images, time, key=attrgetter("begun"))
        return self.images[max(at - 1, 0)]


def read(folder: Path) -> list[Thread]:
    """All threads of a run; strace's own exec of the command is left out.

    The files are strace's own, FOLDER/PREFIX.TID, and nothing else is there.
    """
    found = {int(each.suffix[1:]): _syscalls(each) for each in folder.iterdir()}
    logs = {tid: lines for tid, lines in found.items() if lines}
    return _Family(logs).threads() if logs else []


def _syscalls(path: Path) -> list[Syscall]:
    with path.open(errors="surrogateescape") as lines:
        return [each for each in map(_parse, lines) if each is not None]


def _parse(line: str) -> Syscall | None:
    match = _LINE.match(line)
    if match is None:
        return _parse_trap(line)
    if line.endswith(_LOST):
        return None
    seconds, fraction, address, name, rest = match.groups()
    args, _, result = rest.rpartition(" = ")
    return Syscall(
        int(seconds) * 10**9 + int(fraction),
        name,
        0 if "?" in address else int(address, 16),
        args if name in _TELLING else "",
        result,
    )


def _parse_trap(line: str) -> Syscall | None:
    match = _TRAP.match(line)
    if match is None:
        return None
    seconds, fraction, address, name = match.groups()
    if name.isdigit():
        name = f"syscall_{int(name):#x}"
    time = int(seconds) * 10**9 + int(fraction)
    return Syscall(time, name, int(address, 16), "", _TRAPPED)


class _Family:
    """Who is whose child, and what each process was."""

    def __init__(self, logs: Mapping[int, list[Syscall]]) -> None:
        self._logs = logs
        self._root = min(logs, key=lambda tid: logs[tid][0].time)
        self._born: dict[int, tuple[int, Syscall]] = {}
        for tid, lines in logs.items():
            for each in lines:
                if each.name in _FORKS and each.result.isdigit():
                    self._born[int(each.result)] = tid, each
        self._images: dict[int, list[Image]] = {}

    def threads(self) -> list[Thread]:
        return [
            Thread(tid, self._pid(tid), self._own(tid), self._process(self._pid(tid)))
            for tid in sorted(self._logs, key=lambda tid: self._logs[tid][0].time)
        ]

    def _own(self, tid: int) -> list[Syscall]:
        """strace's child becomes the command by an exec that is strace's."""
        return self._logs[tid][tid == self._root :]

    def _pid(self, tid: int) -> int:
        while tid in self._born and "CLONE_THREAD" in self._born[tid][1].args:
            tid = self._born[tid][0]
        return tid

    def _process(self, pid: int) -> list[Image]:
        if pid not in self._images:
            self._images[pid] = self._lives(pid)
        return self._images[pid]

    def _lives(self, pid: int) -> list[Image]:
        tids = [tid for tid in self._logs if self._pid(tid) == pid]
        lines = sorted(each for tid in tids for each in self._logs[tid])
        images = [self._birth(pid, lines[0].time - 1)]
        files: dict[int, str] = {}
        for each in lines:
            if each.name in _EXECS and each.result == "0":
                images.append(Image(_path(each), each.time))
            elif each.name in ("openat", "open") and each.result.isdigit():
                files[int(each.result)] = _path(each)
            elif each.name == "mmap" and (found := _MAPPED.match(each.args)):
                size, fd = map(int, found.groups())
                address = int(each.result, 16) if each.result[:2] == "0x" else 0
                images[-1].map(address, size, files.get(fd, "?"))
        return images[1:] if pid == self._root and images[1:] else images

    def _birth(self, pid: int, begun: int) -> Image:
        if pid not in self._born or pid == self._root:
            return Image("", begun)
        parent, line = self._born[pid]
        known = self._process(self._pid(parent))
        copied = Thread(parent, 0, [], known).image(line.time)
        return Image(copied.path, begun, copied)


def _path(line: Syscall) -> str:
    found = _PATH.search(line.args)
    return found[1] if found else ""
