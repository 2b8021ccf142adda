"""Only part of it: what has come so far is less than was asked for, or the room is."""

from __future__ import annotations

from collections.abc import Iterator

from case import Case, full, ways

_PAIR = "socketpair:SOCK_STREAM"


def _reads() -> Iterator[Case]:
    """Three bytes, then the seven that come later."""
    for call, before, words, put, rule in (
        ("read", "pipe", "read:$r:10", "write:$w", "read"),
        ("readv", "pipe", "readv:$r:5:5", "write:$w", "readv"),
        ("read socket", _PAIR, "read:$s:10", "write:$t", "read"),
        ("recv", _PAIR, "recv:$s:10", "write:$t", "recvfrom"),
        ("recvfrom", _PAIR, "recvfrom:$s:10", "write:$t", "recvfrom"),
        ("recvmsg", _PAIR, "recvmsg:$s:2:8", "write:$t", "recvmsg"),
        ("read tcp", "tcp", "read:$s:10", "write:$t", "read"),
        ("recv tcp", "tcp", "recv:$s:10", "write:$t", "recvfrom"),
        ("recvmsg tcp", "tcp", "recvmsg:$s:5:5", "write:$t", "recvmsg"),
        (
            *("splice", "f=open:out:O_WRONLY|O_CREAT pipe"),
            *("splice:$r:$f:10", "write:$w", "splice"),
        ),
    ):
        yield Case(
            *(call, "less has come", "three of ten, then the rest"),
            f"{before} ?{put}:3 @{put}:10 {words} ?{put}:7 {words}",
            *(ways(f"{rule}:short=3:when=1"), f"{words} 3"),
        )


def _streams() -> Iterator[Case]:
    """stdio goes on reading, by another read, and nobody notices."""
    for call, words in {
        "fread": "fread:$f:10",
        "fgets": "fgets:$f:8",
        "getline": "getline:$f",
    }.items():
        yield Case(
            *(call, "less has come", "three of ten, then the end"),
            f"pipe ?write:$w:3 @write:$w:10 @hold:$w close:$w f=fdopen:$r:r {words} "
            "feof:$f ferror:$f @drain:$r",
            full("read:short=3:when=1 read:retval=0:when=2+"),
            words,
        )


def _writes() -> Iterator[Case]:
    """A page is free in a pipe of sixteen; nothing is lost, nothing comes twice."""
    from_file = "f=open:in:O_RDWR|O_CREAT write:$f:8k lseek:$f:0:SEEK_SET"
    for call, before, words, rule in (
        ("write", "", "write:$w:8k", "write"),
        ("writev", "", "pwritev2:$w:5000:3192:-1", "pwritev2"),
        ("sendfile", from_file, "sendfile:$w:$f:8k", "sendfile"),
        ("splice", from_file, "splice:$f:$w:8k:SPLICE_F_NONBLOCK", "splice"),
        ("vmsplice", "", "vmsplice:$w:4k:4k:SPLICE_F_NONBLOCK", "vmsplice"),
    ):
        yield Case(
            *(call, "a page is free, O_NONBLOCK", "half, then the rest"),
            f"{before} pipe nonblock:$w ?pad:$w:60k {words} ?unpad:$r:60k {words} "
            "read:$r:16k",
            *(ways(f"{rule}:short=4096:when=1"), "4096"),
        )


def _files() -> Iterator[Case]:
    """The file's end: read(2) of the last bytes, where a limit of space ended it."""
    there = "f=open:in:O_RDWR|O_CREAT write:$f:10"
    for call, words, rule in (
        ("read", "lseek:$f:0:SEEK_SET read:$f:10", "read"),
        ("pread", "pread:$f:10:0", "pread64"),
        ("readv", "lseek:$f:0:SEEK_SET readv:$f:5:5", "readv"),
        ("preadv", "preadv:$f:5:5:0", "preadv"),
        ("preadv2", "preadv2:$f:5:5:0", "preadv2"),
    ):
        yield Case(
            *(call, "the file ends earlier", "four of ten"),
            f"{there} ?ftruncate:$f:4 {words} ?ftruncate:$f:0 @ftruncate:$f:0",
            *(ways(f"{rule}:short=4:when=1"), " 4 #"),
        )
    for call, words, rule in (
        ("sendfile", "sendfile:$g:$f:10", "sendfile"),
        ("sendfile_from", "sendfile_from:$g:$f:0:10 value:$o", "sendfile"),
        ("copy_file_range", "copy_file_range:$f:$g:10", "copy_file_range"),
        ("splice", "splice:$f:$w:10", "splice"),
    ):
        yield Case(
            *(call, "the file ends earlier", "four of ten"),
            f"g=open:out:O_RDWR|O_CREAT pipe {there} lseek:$f:0:SEEK_SET "
            f"?ftruncate:$f:4 {words} ?ftruncate:$f:0 @ftruncate:$f:0",
            *(ways(f"{rule}:short=4:when=1"), " 4"),
        )


CASES: tuple[Case, ...] = (*_reads(), *_streams(), *_writes(), *_files())
