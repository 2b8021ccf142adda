"""Limits of the process: RLIMIT_FSIZE with SIGXFSZ, RLIMIT_AS, RLIMIT_NPROC."""

from __future__ import annotations

from collections.abc import Iterator

from case import Case, full, symbols, ways
from cases_space import OUT, WRITINGS

_XFSZ = {
    "ignored": "ignore:SIGXFSZ",
    "handled": "handler:SIGXFSZ",
    "deadly": "",
}


def _sizes() -> Iterator[Case]:
    """At the limit, the signal comes; below it, as much is written as there is room."""
    for each in WRITINGS:
        # splice(2) and its kin check the limit for the whole of what they are to move.
        for what, words in _XFSZ.items():
            failing = f"{each.call}:error=EFBIG:signal=SIGXFSZ"
            yield Case(
                *(each.call, "RLIMIT_FSIZE", f"none left, SIGXFSZ {what}"),
                f"{each.before} {OUT} {words} ?fsize:0 {each.words} lseek:$f:0:1",
                ways(f"{failing}:when=1"),
                "EFBIG" if words else each.words.split(":")[0],
            )
        # Inside, they go piece by piece, and meet the limit behind the first.
        signal = ":signal=SIGXFSZ" if each.call in ("sendfile", "splice") else ""
        yield Case(
            *(each.call, "RLIMIT_FSIZE", "4096 bytes left, SIGXFSZ handled"),
            f"{each.before} {OUT} handler:SIGXFSZ ?fsize:4096 {each.words} "
            f"{each.again} lseek:$f:0:1",
            ways(
                f"{each.call}:short={each.moved}{signal}:when=1 "
                f"{each.call}:error=EFBIG:signal=SIGXFSZ:when=2"
            ),
            "EFBIG",
        )


def _other_sizes() -> Iterator[Case]:
    both = f"{OUT} write:$f:10 handler:SIGXFSZ ?fsize:100"
    for call, words, inner in (
        ("ftruncate", "ftruncate:$f:5000", ""),
        ("truncate", "truncate:out:5000", ""),
        ("fallocate", "fallocate:$f:0:5000", ""),
        ("posix_fallocate", "posix_fallocate:$f:0:5000", "fallocate"),
        ("dprintf", "dprintf:$f:5000", "write"),
    ):
        rule = "error=EFBIG:signal=SIGXFSZ:when="
        if call == "dprintf":
            rules = full(f"write:short=90:when=1 write:{rule}3")
        elif inner:
            rules = (*symbols(f"{call}:{rule}1"), *full(f"{inner}:{rule}1"))
        else:
            rules = ways(f"{call}:{rule}1")
        yield Case(
            *(call, "RLIMIT_FSIZE", "beyond, SIGXFSZ handled"),
            *(f"{both} {words}", rules, "EFBIG"),
        )
    for call, words in {
        "fflush": "fwrite:$f:3000 fflush:$f ferror:$f",
        "fclose": "fwrite:$f:3000 fclose:$f",
    }.items():
        yield Case(
            *(call, "RLIMIT_FSIZE", "part, then nothing, SIGXFSZ handled"),
            f"f=fopen:out:w handler:SIGXFSZ ?fsize:1000 {words}",
            full("write:short=1000:when=1 write:error=EFBIG:signal=SIGXFSZ:when=2+"),
            "EFBIG",
        )


_MIB = "16384k"
MEMORY = {
    "mmap": (f"mmap:{_MIB}", "mmap:error=ENOMEM:when=2"),
    "mmap, populated": (f"mmap:{_MIB}:MAP_POPULATE", "mmap:error=ENOMEM:when=2"),
    "mmap of a file": (
        f"f=open:in:O_RDWR|O_CREAT ftruncate:$f:{_MIB} mmap_file:$f:{_MIB} close:$f",
        "mmap:error=ENOMEM:when=2",
    ),
    "mremap": (
        f"m=mmap:64k stamp:$m:64k mremap:$m:64k:{_MIB}:MREMAP_MAYMOVE stamped:$m:64k",
        "mremap:error=ENOMEM:when=1",
    ),
    "shmat": (f"shmat:{_MIB}", "shmat:error=ENOMEM:when=1"),
}
ALLOCATION = {
    "malloc": f"malloc:{_MIB}",
    "calloc": f"calloc:1024:{_MIB}",
    "aligned_alloc": f"aligned_alloc:{_MIB}",
    "memalign": f"memalign:{_MIB}",
    "valloc": f"valloc:{_MIB}",
    "posix_memalign": f"posix_memalign:{_MIB}",
    "realloc": f"p=malloc:100 stamp:$p:100 realloc:$p:{_MIB} stamped:$p:100",
    "reallocarray": (
        f"p=malloc:100 stamp:$p:100 reallocarray:$p:1024:{_MIB} stamped:$p:100"
    ),
    "strdup": "strdup:4000k",
    "strndup": "strndup:4000k",
    "asprintf": "asprintf:4000k",
}
"""glibc asks for more by brk(2) or mmap(2); where both fail, for another arena."""


def _memory() -> Iterator[Case]:
    for call, (words, rule) in MEMORY.items():
        limit = "?more_memory:1024k"
        text = f"{limit} {words}"
        if call == "mremap":
            mapped, rest = words.split(" ", 1)
            text = f"{mapped} {limit} {rest}"
        yield Case(*(call, "RLIMIT_AS", "nothing mapped", text, ways(rule), "ENOMEM"))


def _breaks() -> Iterator[Case]:
    """Where it is, is asked first: by sbrk(3), which `brk` means, too."""
    for call, when in (("sbrk", 1), ("brk", 2)):
        yield Case(
            *(call, "RLIMIT_AS", "the break stays, and can be moved less"),
            f"?more_memory:1024k {call}:{_MIB} {call}:4096",
            (
                *symbols(f"{call}:error=ENOMEM:when={when}"),
                *full("brk:error=ENOMEM:when=2"),
            ),
            "ENOMEM",
        )


def _allocations() -> Iterator[Case]:
    for call, words in ALLOCATION.items():
        inner = "mmap,brk,mremap:error=ENOMEM:when=2+"
        name = "malloc" if call == "asprintf" else call
        first, *rest = words.split(" ")
        before = (
            f"{first} ?more_memory:1024k {' '.join(rest)}"
            if rest
            else (f"?more_memory:1024k {words}")
        )
        yield Case(
            *(call, "RLIMIT_AS", "nothing had"),
            before,
            (
                *ways(f"{name}:error=ENOMEM:when=1", "%alloc:budget=1MiB"),
                *(full(inner) if not rest else ()),
            ),
            "ENOMEM",
        )


def _processes() -> Iterator[Case]:
    start = "clone,clone3,fork,vfork"
    for call, named, sees in (
        ("fork", "error=EAGAIN", "-1 EAGAIN"),
        ("vfork", "error=EAGAIN", "-1 EAGAIN"),
        ("posix_spawn", "error=EAGAIN", "EAGAIN"),
        ("system", "retval=32512", "32512"),  # as if the shell had exited with 127
        ("popen", "error=ENOMEM", "ENOMEM"),  # glibc's own word for it
        ("pthread_create", "error=EAGAIN", "EAGAIN"),
    ):
        yield Case(
            *(call, "RLIMIT_NPROC", "nothing started"),
            f"?nproc:1 {call}",
            (
                *symbols(f"{call}:{named}:when=1"),
                *full(f"{start}:error=EAGAIN:when=1"),
            ),
            sees,
            root=True,
        )
    yield Case(
        *("pthread_create", "RLIMIT_AS", "no room for the stack"),
        f"?more_memory:1024k pthread_create:{_MIB}",
        (
            *symbols("pthread_create:error=EAGAIN:when=1"),
            *full("mmap:error=ENOMEM:when=2+"),
        ),
        "EAGAIN",
    )


CASES: tuple[Case, ...] = (
    *_sizes(),
    *_other_sizes(),
    *_memory(),
    *_breaks(),
    *_allocations(),
    *_processes(),
)
