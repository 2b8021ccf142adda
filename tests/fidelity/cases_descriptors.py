"""No descriptor left: RLIMIT_NOFILE, at the call or in the middle of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from case import Case, Way, full, symbols, ways

FIRST = 3
"""The lowest free descriptor of a target that has 0, 1 and 2."""


@dataclass(frozen=True, slots=True)
class Making:
    """A call that makes descriptors."""

    call: str
    words: str
    before: str = ""
    uses: int = 0
    """How many `before` uses."""
    inner: str = ""
    """The syscall in it, where the call is libc's own."""
    when: int = 1
    gives: int = 1
    """How many it makes."""


MAKING = (
    Making("open", "open:in:O_RDONLY", "creat:in close:3", when=2),
    Making("open O_CREAT", "open:new:O_RDWR|O_CREAT", when=2),
    Making("openat", "openat:new:O_WRONLY|O_CREAT", when=1),
    Making("openat2", "openat2:new:O_WRONLY|O_CREAT"),
    Making("creat", "creat:new"),
    Making("fopen", "fopen:new:w", inner="openat", when=2),
    Making("opendir", "opendir:.", inner="openat", when=2),
    Making("scandir", "scandir:.", inner="openat", when=2),
    Making("mkstemp", "mkstemp", inner="openat", when=2),
    Making("mkostemp", "mkostemp", inner="openat", when=2),
    Making("tmpfile", "tmpfile", inner="openat", when=2),
    Making("shm_open", "shm_open", inner="openat", when=2),
    Making("posix_openpt", "posix_openpt", inner="openat", when=2),
    Making("dup", "dup:$f", "f=eventfd:0", 1),
    Making("dupfd", "dupfd:$f:0", "f=eventfd:0", 1),
    Making("dupfd_cloexec", "dupfd_cloexec:$f:0", "f=eventfd:0", 1),
    Making("pipe", "pipe", gives=2),
    Making("pipe2", "pipe2:O_NONBLOCK", gives=2),
    Making("socket", "socket:AF_UNIX:SOCK_STREAM"),
    Making("socket tcp", "socket:AF_INET:SOCK_STREAM"),
    Making("socketpair", "socketpair:SOCK_STREAM", gives=2),
    Making("epoll_create", "epoll_create"),
    Making("epoll_create1", "epoll_create1:0"),
    Making("eventfd", "eventfd:0"),
    Making("timerfd_create", "timerfd_create:0"),
    Making("signalfd", "signalfd:0"),
    Making("inotify_init", "inotify_init"),
    Making("inotify_init1", "inotify_init1:IN_NONBLOCK"),
    Making("memfd_create", "memfd_create:0"),
    Making("pidfd_open", "pidfd_open"),
    Making("mq_open", "mq_open"),
    Making(
        *("accept", "accept:$l"),
        "l=listen_unix:SOCK_STREAM:4 c=socket:AF_UNIX:SOCK_STREAM connect_unix:$c",
        2,
    ),
    Making(
        *("accept4", "accept4:$l:SOCK_NONBLOCK"),
        "l=listen_unix:SOCK_STREAM:4 c=socket:AF_UNIX:SOCK_STREAM connect_unix:$c",
        2,
    ),
)
_NAMES = {
    "open O_CREAT": "openat",
    "open": "openat",
    "openat": "openat",
    "dupfd": "fcntl",
    "dupfd_cloexec": "fcntl",
    "socket tcp": "socket",
    "pidfd_open": "pidfd_open",
}
"""Calls by the name that a rule knows."""
SINCE = "since=**/shared"
"""From when on the real limit holds: the target has opened what it tells by."""


def _failing(each: Making) -> tuple[Way, ...]:
    call = _NAMES.get(each.call, each.call)
    when = 2 if call == "openat" else 1
    if each.call == "tmpfile":  # it tries twice: without a name, and with one
        again = full("openat:error=EMFILE:when=2..3")
        return (*symbols("tmpfile:error=EMFILE:when=1"), *again)
    if each.inner:
        named = symbols(f"{call}:error=EMFILE:when=1")
        return (*named, *full(f"{each.inner}:error=EMFILE:when={each.when}"))
    return ways(f"{call}:error=EMFILE:when={when}")


def _limits(each: Making, room: int) -> tuple[Way, ...]:
    begin = "since=**/in" if "creat:in" in each.before else SINCE
    rule = f"fds={FIRST + each.uses + room}:{begin}"
    # What scandir(3) opens it closes, too: no descriptor that symbols could see.
    return full(rule) if each.call == "scandir" else ways(rule)


def _making(each: Making) -> Iterator[Case]:
    """None left; where two are made, one left: it must not be lost."""
    for room in range(each.gives):
        left = "none left" if room == 0 else f"{room} left"
        limit = f"?nofile:{each.uses + room}"
        yield Case(
            *(each.call, "RLIMIT_NOFILE", left),
            f"{each.before} {limit} {each.words} ?nofile:20 {each.words}",
            *(_failing(each), "EMFILE"),
        )
        if room == 0:
            yield Case(
                *(each.call, "RLIMIT_NOFILE", "a virtual limit instead"),
                f"{each.before} {limit} {each.words}",
                *(_limits(each, room), "EMFILE"),
            )


def _freed() -> Iterator[Case]:
    """What was closed can be had again, and no more than that."""
    for call, words in {
        "open": "open:in:O_RDONLY",
        "dup": "dup:$f",
        "socket": "socket:AF_UNIX:SOCK_STREAM",
        "fopen": "fopen:in:r",
        "pipe": "pipe",
    }.items():
        two = call == "pipe"
        before = "f=open:in:O_RDWR|O_CREAT g=eventfd:0" + " h=eventfd:0" * two
        limit = 3 if two else 2
        again = f"close:$g {'close:$h' if two else ''} {words} {words}"
        yield Case(
            *(call, "RLIMIT_NOFILE", "closed, again, once more"),
            f"{before} ?nofile:{limit} {words} {again}",
            ways(f"fds={FIRST + limit}:{SINCE}"),
            "EMFILE",
        )


def _others() -> Iterator[Case]:
    """Calls that the limit fails with another error, or at another place."""
    opened = "f=eventfd:0"
    yield Case(
        *("dup2", "RLIMIT_NOFILE", "above the limit"),
        f"{opened} ?nofile:1 dup2:$f:5",
        *(ways("dup2:error=EBADF:when=1", f"fds=4:{SINCE}"), "EBADF"),
    )
    yield Case(
        *("dup3", "RLIMIT_NOFILE", "above the limit"),
        f"{opened} ?nofile:1 dup3:$f:5",
        *(ways("dup3:error=EBADF:when=1", f"fds=4:{SINCE}"), "EBADF"),
    )
    yield Case(
        *("dupfd", "RLIMIT_NOFILE", "above the limit"),
        f"{opened} ?nofile:1 dupfd:$f:5",
        *(ways("fcntl:error=EINVAL:when=1", f"fds=4:{SINCE}"), "EINVAL"),
    )
    yield Case(
        *("freopen", "RLIMIT_NOFILE", "none left but its own"),
        "f=fopen:old:w ?nofile:1 freopen:new:w:$f",
        *(full(f"fds=4:{SINCE}"), "EMFILE"),
    )
    yield Case(
        *("popen", "RLIMIT_NOFILE", "none left"),
        "?nofile:0 p=popen",
        (*symbols("popen:error=EMFILE:when=1"), *full("pipe2:error=EMFILE:when=1")),
        "EMFILE",
    )
    yield Case(
        *("popen", "RLIMIT_NOFILE", "one left"),
        "?nofile:1 p=popen",
        (*symbols("popen:error=EMFILE:when=1"), *full("pipe2:error=EMFILE:when=1")),
        "EMFILE",
    )


CASES: tuple[Case, ...] = (
    *(case for each in MAKING for case in _making(each)),
    *_freed(),
    *_others(),
)
