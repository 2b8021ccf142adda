"""No room: a small tmpfs that is full, of blocks or of names, or that is read-only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from case import Case, Way, full, symbols, ways

SMALL = "size=64k"
OUT = "f=open:out:O_RDWR|O_CREAT"
FROM_FILE = "i=open:in:O_RDWR|O_CREAT write:$i:8k lseek:$i:0:SEEK_SET"
FROM_PIPE = "pipe write:$w:8k"


@dataclass(frozen=True, slots=True)
class Writing:
    """A call that writes to the file f."""

    call: str
    words: str
    again: str
    """The same for what is left after 4,096 bytes."""
    moved: int = 4096
    """How many bytes it can write while the file's first page is all that there is."""
    before: str = ""


WRITINGS = (
    Writing("write", "write:$f:8k", "write:$f:4k"),
    Writing("pwrite", "pwrite:$f:8k:100", "pwrite:$f:100:4096", 3996),
    Writing("writev", "writev:$f:5000:3192", "writev:$f:100:100"),
    Writing("pwritev", "pwritev:$f:3000:5192:0", "pwritev:$f:100:100:4096"),
    Writing("pwritev2", "pwritev2:$f:5000:3192:0", "pwritev2:$f:9:9:4096"),
    Writing("sendfile", "sendfile:$f:$i:8k", "sendfile:$f:$i:4k", before=FROM_FILE),
    Writing(
        *("copy_file_range", "copy_file_range:$i:$f:8k", "copy_file_range:$i:$f:4k"),
        before=FROM_FILE,
    ),
    Writing("splice", "splice:$r:$f:8k", "splice:$r:$f:4k", before=FROM_PIPE),
)


def _writing(each: Writing) -> Iterator[Case]:
    call = each.call

    def case(progress: str, words: str, *rules: str, sees: str = "-1 ENOSPC") -> Case:
        text = f"{each.before} {OUT} {words} lseek:$f:0:1"
        return Case(call, "full tmpfs", progress, text, ways(*rules), sees, mount=SMALL)

    failing = f"{call}:error=ENOSPC"
    yield case("nothing written", f"?fill:0 {each.words}", f"{failing}:when=1")
    yield case(
        "a page written, then nothing",
        f"?fill:4096 {each.words} {each.again} {each.again}",
        f"{call}:short={each.moved}:when=1 {failing}:when=2+",
    )
    yield case(
        "again when there is room",
        f"?fill:0 {each.words} ?unlink:filler {each.words}",
        f"{failing}:when=1",
    )


def _quotas() -> Iterator[Case]:
    """A quota: full until something is freed, for whoever writes."""
    for what, words in {
        "over written data": "write:$f:8k pwrite:$f:1:0 write:$f:1 pwrite:$f:4k:0",
        "truncated": (
            "write:$f:8k write:$f:1 ftruncate:$f:0 lseek:$f:0:SEEK_SET write:$f:1000"
        ),
        "unlinked": (
            "write:$f:4k write:$f:1 g=open:other:O_WRONLY|O_CREAT write:$g:1 close:$f "
            "unlink:out write:$g:1000"
        ),
        "two files": (
            "g=open:other:O_WRONLY|O_CREAT write:$f:1000 write:$g:1000 write:$f:4k"
        ),
    }.items():
        yield Case(
            *("quota", "full tmpfs", what, f"{OUT} ?fill:4096 {words}"),
            ways("write,pwrite64:quota=4096:path=**"),
            *("-1 ENOSPC", SMALL),
        )


def _appends() -> Iterator[Case]:
    opened = "f=open:out:O_WRONLY|O_CREAT|O_APPEND write:$f:100"
    for call, words, again in (
        ("write", "write:$f:8k", "write:$f:1"),
        ("writev", "writev:$f:5000:3192", "writev:$f:1:1"),
    ):
        yield Case(
            *(call, "full tmpfs", "at the end of what was there"),
            f"{opened} ?fill:0 {words} {again} lseek:$f:0:1",
            ways(
                f"{call}:short=3996:when=1 "
                f"{call}:error=ENOSPC:when={2 + (call == 'write')}+"
            ),
            *("-1 ENOSPC", SMALL),
        )


def _reserving() -> Iterator[Case]:
    """Space asked for beforehand."""
    for call, words, sees in (
        ("fallocate", "fallocate:$f:0:100000", "-1 ENOSPC"),
        ("fallocate", "fallocate:$f:0:100000:FALLOC_FL_KEEP_SIZE", "-1 ENOSPC"),
        ("posix_fallocate", "posix_fallocate:$f:0:100000", "ENOSPC"),
    ):
        kept = "the size is to stay" if "KEEP" in words else "all asked for"
        rule = "error=ENOSPC:when=1"
        yield Case(
            *(call, "full tmpfs", kept, f"{OUT} write:$f:10 ?fill:0 {words}"),
            (*symbols(f"{call}:{rule}"), *full(f"fallocate:{rule}")),
            *(sees, SMALL),
        )


STREAMS = {
    "fflush": "fwrite:$f:3000 fflush:$f ferror:$f fclose:$f",
    "fclose": "fwrite:$f:3000 fclose:$f",
    "fprintf": "fprintf:$f:3000 ferror:$f fflush:$f ferror:$f",
    "fputs": "fputs:$f fclose:$f",
    "fwrite": "unbuffered:$f fwrite:$f:3000 ferror:$f fwrite:$f:10",
    "fwrite, more than the buffer": "fwrite:$f:20000 ferror:$f ftell:$f fclose:$f",
}
"""The last but one to see it fails; what is in the buffer may go out later."""


def _streams() -> Iterator[Case]:
    for call, words in STREAMS.items():
        rules = full("write:error=ENOSPC:when=1+")
        text = f"f=fopen:out:w ?fill:0 {words}"
        sees = "ferror:$f 1" if "ferror" in words else "ENOSPC"
        yield Case(*(call, "full tmpfs", "nothing written", text, rules, sees, SMALL))
        yield Case(
            *(call, "/dev/full", "nothing written", f"f=fopen:/dev/full:w {words}"),
            *(rules, sees),
        )


def _texts() -> Iterator[Case]:
    both = (
        *symbols("dprintf:error=ENOSPC:when=1"),
        *full("write:error=ENOSPC:when=1"),
    )
    yield Case(
        *("dprintf", "full tmpfs", "nothing written"),
        *(f"{OUT} ?fill:0 dprintf:$f:100 lseek:$f:0:1", both, "-1 ENOSPC", SMALL),
    )
    yield Case(
        *("dprintf", "full tmpfs", "a page written, then nothing"),
        f"{OUT} ?fill:4096 dprintf:$f:8192 lseek:$f:0:1",
        full("write:error=ENOSPC:when=2"),
        *("-1 ENOSPC", SMALL),
    )
    for call, words in {
        "write": "write:$f:100",
        "writev": "writev:$f:50:50",
        "pwrite": "pwrite:$f:100:0",
        "dprintf": "dprintf:$f:100",
    }.items():
        rules = ways(f"{call}:error=ENOSPC:when=1")
        yield Case(
            *(call, "/dev/full", "nothing written"),
            f"f=open:/dev/full:O_WRONLY {words} close:$f",
            both if call == "dprintf" else rules,
            "-1 ENOSPC",
        )


NAMES = {
    "open": ("open:new:O_WRONLY|O_CREAT", "openat:error=ENOSPC:when=3"),
    "openat": ("openat:new:O_WRONLY|O_CREAT|O_EXCL", "openat:error=ENOSPC:when=3"),
    "openat2": ("openat2:new:O_WRONLY|O_CREAT", "openat2:error=ENOSPC:when=1"),
    "creat": ("creat:new", "creat:error=ENOSPC:when=1"),
    "mkdir": ("mkdir:new", "mkdir:error=ENOSPC:when=1"),
    "mkdirat": ("mkdirat:new", "mkdirat:error=ENOSPC:when=1"),
    "mknod": ("mknod:new", "mknod,mknodat:error=ENOSPC:when=1"),
    "mkfifo": ("mkfifo:new", "mknod,mknodat:error=ENOSPC:when=1"),
    "symlink": ("symlink:old:new", "symlink:error=ENOSPC:when=1"),
    "symlinkat": ("symlinkat:old:new", "symlinkat:error=ENOSPC:when=1"),
    "link": ("link:old:new", "link:error=ENOSPC:when=1"),
    "linkat": ("linkat:old:new", "linkat:error=ENOSPC:when=1"),
    "bind": ("s=socket:AF_UNIX:SOCK_STREAM bind:$s:new", "bind:error=ENOSPC:when=1"),
    "mkstemp": ("mkstemp", "mkstemp:error=ENOSPC:when=1"),
    "mkostemp": ("mkostemp", "mkostemp:error=ENOSPC:when=1"),
    "mkdtemp": ("mkdtemp", "mkdtemp:error=ENOSPC:when=1"),
    "fopen": ("fopen:new:w", "fopen:error=ENOSPC:when=1"),
    "freopen": (
        "f=fopen:old:r freopen:new:w:$f fgetc:$f",
        "freopen:error=ENOSPC:when=1",
    ),
    "O_TMPFILE": ("open:.:O_TMPFILE|O_RDWR", "openat:error=ENOSPC:when=3"),
}
_LAST = {
    "mkstemp": "openat:error=ENOSPC:when=3",
    "mkostemp": "openat:error=ENOSPC:when=3",
    "mkdtemp": "mkdir:error=ENOSPC:when=1",
    "fopen": "openat:error=ENOSPC:when=3",
    "freopen": "openat:error=ENOSPC:when=4",
}
"""What libc calls for those that are no syscalls."""


def _named(call: str, rule: str) -> tuple[Way, ...]:
    if call == "freopen":  # its old file is closed before it fails
        return full(_LAST[call])
    if call in _LAST:
        return (*symbols(rule), *full(_LAST[call]))
    return ways(rule)


def _no_inodes() -> Iterator[Case]:
    """A file system that has room and no more inodes."""
    for call, (words, rule) in NAMES.items():
        yield Case(
            *(call, "no inode left", "nothing made"),
            f"f=open:old:O_WRONLY|O_CREAT {words}",
            _named(call, rule),
            *("ENOSPC", "size=1m,nr_inodes=2"),
        )


READ_ONLY = {
    "open": ("open:old:O_WRONLY", "openat:error=EROFS:when=3"),
    "open O_CREAT": ("open:new:O_RDONLY|O_CREAT", "openat:error=EROFS:when=3"),
    "open O_TRUNC": ("open:old:O_RDONLY|O_TRUNC", "openat:error=EROFS:when=3"),
    "creat": ("creat:old", "creat:error=EROFS:when=1"),
    "mkdir": ("mkdir:new", "mkdir:error=EROFS:when=2"),
    "rmdir": ("rmdir:dir", "rmdir:error=EROFS:when=1"),
    "unlink": ("unlink:old", "unlink:error=EROFS:when=1"),
    "unlinkat": ("unlinkat:dir:AT_REMOVEDIR", "unlinkat:error=EROFS:when=1"),
    "remove": ("remove:old", "remove:error=EROFS:when=1"),
    "rename": ("rename:old:new", "rename:error=EROFS:when=1"),
    "renameat2": ("renameat2:old:new", "renameat2:error=EROFS:when=1"),
    "link": ("link:old:new", "link:error=EROFS:when=1"),
    "symlink": ("symlink:old:new", "symlink:error=EROFS:when=1"),
    "mkfifo": ("mkfifo:new", "mkfifo:error=EROFS:when=1"),
    "truncate": ("truncate:old:3", "truncate:error=EROFS:when=1"),
    "chmod": ("chmod:old:0", "chmod:error=EROFS:when=1"),
    "chown": ("chown:old:1", "chown:error=EROFS:when=1"),
    "utimensat": ("utimensat:old", "utimensat:error=EROFS:when=1"),
    "access": ("access:old:W_OK", "access:error=EROFS:when=1"),
    "fopen": ("fopen:old:a", "fopen:error=EROFS:when=1"),
    "mkstemp": ("mkstemp", "mkstemp:error=EROFS:when=1"),
    "mkdtemp": ("mkdtemp", "mkdtemp:error=EROFS:when=1"),
    "bind": ("s=socket:AF_UNIX:SOCK_STREAM bind:$s:new", "bind:error=EROFS:when=1"),
}
_BY_NAME = {
    "remove": "unlink:error=EROFS:when=1",
    "mkfifo": "mknod,mknodat:error=EROFS:when=1",
    "access": "access,faccessat:error=EROFS:when=1",
    "fopen": "openat:error=EROFS:when=3",
    "mkstemp": "openat:error=EROFS:when=3",
    "mkdtemp": "mkdir:error=EROFS:when=2",
}


def _read_only() -> Iterator[Case]:
    for call, (words, rule) in READ_ONLY.items():
        there = "f=open:old:O_WRONLY|O_CREAT write:$f:9 close:$f mkdir:dir"
        last = _BY_NAME.get(call, "")
        rules = (*symbols(rule), *full(last)) if last else ways(rule)
        yield Case(
            *(call, "read-only file system", "nothing changed"),
            *(f"{there} ?readonly {words}", rules, "EROFS", SMALL),
        )


CASES: tuple[Case, ...] = (
    *(case for each in WRITINGS for case in _writing(each)),
    *_appends(),
    *_reserving(),
    *_streams(),
    *_texts(),
    *_no_inodes(),
    *_read_only(),
    *_quotas(),
)
