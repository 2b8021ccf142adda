"""The failure points of libfiu 1.1's POSIX preload library, and the calls they are.

The last part of a point's name is the function it fails. Points that end in /reduce
let a call move fewer bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyshim.calls import Call, Table

_POINTS = """
libc/mm: malloc calloc realloc
libc/str: strdup strndup
linux/io: sync_file_range
posix/io/dir: opendir fdopendir readdir readdir_r closedir unlink rename
posix/io/net: socket bind listen accept connect recv recvfrom recvmsg send sendto
  sendmsg shutdown select pselect poll
posix/io/oc: open close
posix/io/rw: read pread readv preadv write pwrite writev pwritev truncate ftruncate
posix/io/sync: fsync fdatasync
posix/mm: mmap munmap msync mprotect madvise mlock munlock mlockall munlockall
posix/proc: fork wait waitpid waitid kill signal sigaction
posix/stdio: remove setvbuf ftrylockfile fflush
posix/stdio/error: ferror
posix/stdio/gp: fgetc fgets getc getchar gets fputc fputs putc putchar puts ungetc
  getdelim getline
posix/stdio/oc: fopen freopen fdopen fclose fmemopen open_memstream popen pclose
posix/stdio/rw: fread fwrite
posix/stdio/seek: fgetpos ftell ftello fseek fseeko fsetpos
posix/stdio/sp: vfprintf vprintf vdprintf vfscanf vscanf fprintf printf dprintf
  fscanf scanf
posix/stdio/tmp: tmpfile tmpnam tempnam
"""
_REDUCED = ("read", "pread", "readv", "preadv", "write", "pwrite", "writev", "pwritev")
_RESULTS = {"ferror": 1, "readdir_r": 1, "ftrylockfile": 1}
"""What libfiu lets them return; they have no errno."""
REDUCE = "/reduce"


@dataclass(frozen=True, slots=True)
class Point:
    """One name that can be enabled."""

    name: str
    calls: frozenset[Call]
    """Empty where this pyshim has no such call."""
    result: int | None = None
    """What the call returns when it fails, where that is no errno's business."""

    @property
    def reduces(self) -> bool:
        """Whether the call is made, with fewer bytes."""
        return self.name.endswith(REDUCE)


def points(table: Table) -> tuple[Point, ...]:
    """All of them; a call's failures come before its reductions, as in libfiu."""
    found: list[Point] = []
    for line in _POINTS.replace("\n  ", " ").strip().splitlines():
        folder, _, functions = line.partition(":")
        for function in functions.split():
            calls = _calls(table, function)
            name = f"{folder}/{function}"
            found.append(Point(name, calls, _RESULTS.get(function)))
            if function in _REDUCED:
                found.append(Point(name + REDUCE, calls))
    return tuple(sorted(found, key=lambda each: each.reduces))


def _calls(table: Table, function: str) -> frozenset[Call]:
    """libfiu has the twin for large files, and no other name of a function."""
    names = (function, f"{function}64")
    return frozenset(each for each in table.calls if each.name in names)
