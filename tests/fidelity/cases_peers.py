"""Nobody at the other end: a pipe without readers, a socket whose peer has closed or
reset it, an address where nobody listens."""

from __future__ import annotations

from collections.abc import Iterator

from case import Case, full, symbols, ways

_SIGPIPE = {"deadly": "", "ignored": "ignore:SIGPIPE", "handled": "handler:SIGPIPE"}
_PIPE_GONE = "pipe @hold:$r close:$r"
_PEER_GONE = "socketpair:SOCK_STREAM @hold:$t close:$t"
_FILE = "f=open:in:O_RDWR|O_CREAT write:$f:100 lseek:$f:0:SEEK_SET"

PIPE_WRITES = {
    "write": ("", "write:$w:10", "write", 1),
    "writev": ("", "writev:$w:5:5", "writev", 1),
    "vmsplice": ("", "vmsplice:$w:5:5", "vmsplice", 1),
    "sendfile": (_FILE, "sendfile:$w:$f:10", "sendfile", 1),
    "splice": (_FILE, "splice:$f:$w:10", "splice", 1),
    "tee": (
        "pipe g=value:$r write:$w:10",
        "tee:$g:$w:10",
        "tee",
        1,
    ),
}
SOCKET_WRITES = {
    "write": ("", "write:$s:10", "write", 1),
    "writev": ("", "writev:$s:5:5", "writev", 1),
    "send": ("", "send:$s:10", "sendto", 1),
    "sendto": ("", "sendto:$s:10", "sendto", 1),
    "sendmsg": ("", "sendmsg:$s:5:5", "sendmsg", 1),
    "sendmmsg": ("", "sendmmsg:$s:5:5", "sendmmsg", 1),
    "sendfile": (_FILE, "sendfile:$s:$f:10", "sendfile", 1),
}


def _gone(
    condition: str, gone: str, writes: dict[str, tuple[str, str, str, int]]
) -> Iterator[Case]:
    for call, (before, words, rule, when) in writes.items():
        for what, handler in _SIGPIPE.items():
            yield Case(
                *(call, condition, f"SIGPIPE {what}"),
                f"{before} {gone} {handler} {words} value:1",
                ways(f"{rule}:error=EPIPE:signal=SIGPIPE:when={when}"),
                "EPIPE" if handler else words,
            )


def _without_signal() -> Iterator[Case]:
    for call, words, rule in (
        ("send", "send:$s:10:MSG_NOSIGNAL", "sendto"),
        ("sendmsg", "sendmsg:$s:5:5:MSG_NOSIGNAL", "sendmsg"),
    ):
        for condition, gone in (
            ("peer closed", _PEER_GONE),
            ("shut down", "socketpair:SOCK_STREAM ?shutdown:$s:SHUT_WR"),
        ):
            yield Case(
                *(call, condition, "MSG_NOSIGNAL"),
                f"{gone} handler:SIGPIPE {words}",
                *(ways(f"{rule}:error=EPIPE:when=1"), "EPIPE"),
            )
    yield Case(
        *("write", "shut down", "SIGPIPE handled"),
        "socketpair:SOCK_STREAM ?shutdown:$s:SHUT_WR handler:SIGPIPE write:$s:10",
        *(ways("write:error=EPIPE:signal=SIGPIPE:when=1"), "EPIPE"),
    )


def _streams() -> Iterator[Case]:
    for call, words in {
        "fflush": "f=fdopen:$w:w fwrite:$f:10 fflush:$f ferror:$f",
        "fclose": "f=fdopen:$w:w fwrite:$f:10 fclose:$f",
        "dprintf": "dprintf:$w:10",
        "fprintf": "f=fdopen:$w:w unbuffered:$f fprintf:$f:10 ferror:$f",
    }.items():
        for what in ("ignored", "handled"):
            rules = full("write:error=EPIPE:signal=SIGPIPE:when=1")
            if call == "dprintf":
                rules += symbols("dprintf:error=EPIPE:signal=SIGPIPE:when=1")
            yield Case(
                *(call, "no reader", f"SIGPIPE {what}"),
                f"{_PIPE_GONE} {_SIGPIPE[what]} {words}",
                *(rules, "EPIPE"),
            )


READS = {
    "read": ("read:$s:10", "read"),
    "readv": ("readv:$s:5:5", "readv"),
    "recv": ("recv:$s:10", "recvfrom"),
    "recvmsg": ("recvmsg:$s:5:5", "recvmsg"),
}


def _ends() -> Iterator[Case]:
    """What was sent before comes first, then the end; it stays the end."""
    for call, (words, rule) in READS.items():
        yield Case(
            *(call, "peer closed", "what was sent before, then the end"),
            f"socketpair:SOCK_STREAM write:$t:4 @hold:$t close:$t {words} {words} "
            f"{words}",
            *(ways(f"{rule}:retval=0:when=2+"), f"{words} 0"),
        )
    yield Case(
        *("read", "no writer", "what was written before, then the end"),
        "pipe write:$w:4 @hold:$w close:$w read:$r:10 read:$r:10",
        *(ways("read:retval=0:when=2"), "read:$r:10 0"),
    )
    for call, words, sees in (
        ("fgetc", "fgetc:$f fgetc:$f", "-1 0"),
        ("fread", "fread:$f:10", "fread:$f:10 1"),
        ("fgets", "fgets:$f:10 fgets:$f:10", "NULL"),
        ("getline", "getline:$f getline:$f", "-1 0"),
    ):
        yield Case(
            *(call, "no writer", "what was written before, then the end"),
            f"pipe write:$w:1 @hold:$w close:$w f=fdopen:$r:r {words} feof:$f "
            "ferror:$f",
            *(full("read:retval=0:when=2+"), sees),
        )
    yield Case(
        *("splice", "no writer", "nothing left"),
        "g=open:out:O_WRONLY|O_CREAT pipe @hold:$w close:$w splice:$r:$g:10",
        *(ways("splice:retval=0:when=1"), "splice:$r:$g:10 0"),
    )


def _resets() -> Iterator[Case]:
    """TCP: once ECONNRESET, then the end or EPIPE."""
    gone = "tcp ?linger:$t @hold:$t close:$t"
    for call, (words, rule) in READS.items():
        yield Case(
            *(call, "connection reset", "at once, then the end"),
            f"{gone} {words} {words}",
            ways(f"{rule}:error=ECONNRESET:when=1 {rule}:retval=0:when=2"),
            "ECONNRESET",
        )
    for call, (_, words, rule, _when) in SOCKET_WRITES.items():
        if call == "sendfile":
            continue
        yield Case(
            *(call, "connection reset", "at once, then EPIPE"),
            f"{gone} handler:SIGPIPE {words} {words}",
            ways(
                f"{rule}:error=ECONNRESET:when=1 "
                f"{rule}:error=EPIPE:signal=SIGPIPE:when=2"
            ),
            "ECONNRESET",
        )
    yield Case(
        *("fgetc", "connection reset", "at once, then the end"),
        f"{gone} f=fdopen:$s:r fgetc:$f ferror:$f clearerr:$f fgetc:$f feof:$f",
        full("read:error=ECONNRESET:when=1 read:retval=0:when=2"),
        "ECONNRESET",
    )


def _nobody() -> Iterator[Case]:
    for call, before, words in (
        ("connect tcp", "l=listen_tcp s=socket:AF_INET:SOCK_STREAM", "connect_tcp:$s"),
        (
            "connect unix",
            "l=listen_unix:SOCK_STREAM:4 s=socket:AF_UNIX:SOCK_STREAM",
            "connect_unix:$s",
        ),
        (
            "connect dgram",
            "l=listen_unix:SOCK_DGRAM s=socket:AF_UNIX:SOCK_DGRAM",
            "connect_unix:$s",
        ),
    ):
        yield Case(
            *(call, "nobody listens", "at once"),
            f"{before} @hold:$l close:$l {words} error_of:$s",
            *(ways("connect:error=ECONNREFUSED:when=1"), "ECONNREFUSED"),
        )
    for call, words, rule in (
        ("send", "send:$s:10", "sendto"),
        ("write", "write:$s:10", "write"),
        ("sendmsg", "sendmsg:$s:5:5", "sendmsg"),
    ):
        yield Case(
            *(call, "a datagram's peer closed", "connected before"),
            "l=listen_unix:SOCK_DGRAM s=socket:AF_UNIX:SOCK_DGRAM connect_unix:$s "
            f"@hold:$l close:$l {words}",
            *(ways(f"{rule}:error=ECONNREFUSED:when=1"), "ECONNREFUSED"),
        )
    yield Case(
        *("connect tcp", "network down", "at once"),
        "l=listen_tcp s=socket:AF_INET:SOCK_STREAM connect_tcp:$s",
        *(ways("connect:error=ENETUNREACH:when=1"), "ENETUNREACH"),
        unshare="-n",
        root=True,
    )
    yield Case(
        *("connect", "the name has no listener", "at once"),
        "l=socket:AF_UNIX:SOCK_STREAM bind:$l:name @listen:$l @hold:$l close:$l "
        "s=socket:AF_UNIX:SOCK_STREAM connect_path:$s:name",
        *(ways("connect:error=ECONNREFUSED:when=1"), "ECONNREFUSED"),
    )
    yield Case(
        *("open", "a fifo without a reader", "O_NONBLOCK"),
        "mkfifo:p @g=open:p:O_RDWR @hold:$g @close:$g open:p:O_WRONLY|O_NONBLOCK",
        *(ways("openat:error=ENXIO:when=3"), "ENXIO"),
    )


def _names() -> Iterator[Case]:
    for what, words in {
        "no service": "getaddrinfo:localhost",
        "a service": "getaddrinfo:localhost:80",
        "AF_INET": "getaddrinfo:localhost:80:0:AF_INET",
    }.items():
        yield Case(
            *("getaddrinfo", "no name server", what),
            f"?no_names {words}",
            *(symbols("getaddrinfo:error=EAI_AGAIN:when=1"), "-3"),
            mount="size=64k",
            unshare="-n",
            root=True,
        )


CASES: tuple[Case, ...] = (
    *_gone("no reader", _PIPE_GONE, PIPE_WRITES),
    *_gone("peer closed", _PEER_GONE, SOCKET_WRITES),
    *_without_signal(),
    *_streams(),
    *_ends(),
    *_resets(),
    *_nobody(),
    *_names(),
)
