"""Nothing there yet, and nobody waits: O_NONBLOCK, *_NOWAIT, a time that is up."""

from __future__ import annotations

from collections.abc import Iterator

from case import Case, Way, full, symbols, ways

_PAIR = "socketpair:SOCK_STREAM"
_LISTEN = "l=listen_unix:SOCK_STREAM:4 c=socket:AF_UNIX:SOCK_STREAM nonblock:$l"
_LATER = "send"


def _empty() -> Iterator[Case]:
    """Read before anything has come: EAGAIN, and once it has, all of it is there."""
    for call, before, words, put, rule in (
        ("read", "pipe nonblock:$r", "read:$r:9", "write:$w:5", "read"),
        ("readv", "pipe nonblock:$r", "readv:$r:2:9", "write:$w:5", "readv"),
        ("read socket", f"{_PAIR} nonblock:$s", "read:$s:9", "write:$t:5", "read"),
        ("read tcp", "tcp nonblock:$s", "read:$s:9", "write:$t:5", "read"),
        ("recv", f"{_PAIR} nonblock:$s", "recv:$s:9", "write:$t:5", "recvfrom"),
        ("recvmsg", f"{_PAIR} nonblock:$s", "recvmsg:$s:2:9", "write:$t:5", "recvmsg"),
        (
            "recv MSG_DONTWAIT",
            _PAIR,
            "recv:$s:9:MSG_DONTWAIT",
            "write:$t:5",
            "recvfrom",
        ),
        (
            *("recvmmsg", "socketpair:SOCK_DGRAM"),
            *("recvmmsg:$s:9:1:MSG_DONTWAIT", "write:$t:5", "recvmmsg"),
        ),
        ("read eventfd", "f=eventfd:EFD_NONBLOCK", "read:$f:8", "add:$f:3", "read"),
        ("read inotify", "f=inotify_init1:IN_NONBLOCK", "read:$f:80", "", "read"),
        ("read signalfd", "f=signalfd:SFD_NONBLOCK", "read:$f:128", "", "read"),
        ("read timerfd", "f=timerfd_create:TFD_NONBLOCK", "read:$f:8", "", "read"),
        (
            *("splice", "f=open:out:O_WRONLY|O_CREAT pipe"),
            *("splice:$r:$f:9:SPLICE_F_NONBLOCK", "write:$w:5", "splice"),
        ),
        (
            *("tee", "pipe g=value:$r h=value:$w pipe"),
            *("tee:$g:$w:9:SPLICE_F_NONBLOCK", "write:$h:5", "tee"),
        ),
        ("accept", _LISTEN, "accept:$l", "connect_unix:$c", "accept"),
        ("accept4", _LISTEN, "accept4:$l", "connect_unix:$c", "accept4"),
        (
            *("mq_receive", "q=mq_open:O_NONBLOCK"),
            *("mq_receive:$q", "mq_send:$q", "mq_timedreceive"),
        ),
    ):
        later = f"?{put} {words}" if put else ""
        at_once = f"@{put}" if put else ""
        yield Case(
            *(call, "nothing there, O_NONBLOCK", "then it comes" if put else "once"),
            f"{before} {at_once} {words} {later}",
            *(ways(f"{rule}:error=EAGAIN:when=1"), "EAGAIN"),
        )


def _full() -> Iterator[Case]:
    for call, before, fill, words, empty, rule in (
        ("write", "pipe", "w", "write:$w:10", "r", "write"),
        ("writev", "pipe", "w", "pwritev2:$w:5:5:-1", "r", "pwritev2"),
        ("vmsplice", "pipe", "w", "vmsplice:$w:5:5:SPLICE_F_NONBLOCK", "r", "vmsplice"),
        ("write socket", _PAIR, "s", "write:$s:10", "t", "write"),
        ("send", _PAIR, "s", "send:$s:10", "t", "sendto"),
        ("sendmsg", _PAIR, "s", "sendmsg:$s:5:5", "t", "sendmsg"),
        ("send dgram", "socketpair:SOCK_DGRAM", "s", "send:$s:10", "t", "sendto"),
    ):
        yield Case(
            *(call, "full, O_NONBLOCK", "then there is room"),
            f"{before} nonblock:${fill} ?stuff:${fill} {words} ?drain:${empty} {words}",
            *(ways(f"{rule}:error=EAGAIN:when=1"), "EAGAIN"),
        )
    yield Case(
        *("send", "full", "MSG_DONTWAIT, then there is room"),
        f"{_PAIR} ?stuff:$s send:$s:10:MSG_DONTWAIT ?drain:$t send:$s:10",
        *(ways("sendto:error=EAGAIN:when=1"), "EAGAIN"),
    )
    yield Case(
        *("write eventfd", "full, O_NONBLOCK", "once"),
        "f=eventfd:EFD_NONBLOCK ?add:$f:-2 add:$f:1 ?read:$f:8 ?add:$f:1 @add:$f:1",
        *(ways("write:error=EAGAIN:when=1"), "EAGAIN"),
    )
    yield Case(
        *("mq_send", "full, O_NONBLOCK", "then there is room"),
        "q=mq_open:O_NONBLOCK ?mq_send:$q mq_send:$q ?mq_receive:$q mq_send:$q",
        *(ways("mq_timedsend:error=EAGAIN:when=1"), "EAGAIN"),
    )
    yield Case(
        *("connect", "backlog full, O_NONBLOCK", "once"),
        "l=listen_unix:SOCK_STREAM:0 c=socket:AF_UNIX:SOCK_STREAM ?connect_unix:$c "
        "d=socket:AF_UNIX:SOCK_STREAM nonblock:$d connect_unix:$d error_of:$d",
        *(ways("connect:error=EAGAIN:when=1"), "EAGAIN"),
    )


def _locks() -> Iterator[Case]:
    held = "f=open:lock:O_RDWR|O_CREAT g=open:lock:O_RDWR"
    for call, take, words, free, rule, error in (
        (
            *("flock", "flock:$f:LOCK_EX", "flock:$g:LOCK_EX|LOCK_NB"),
            *("flock:$f:8", "flock:error=EAGAIN:when=1", "EAGAIN"),
        ),
        (
            *("flock, shared", "flock:$f:LOCK_SH", "flock:$g:LOCK_EX|LOCK_NB"),
            *("flock:$f:8", "flock:error=EAGAIN:when=1", "EAGAIN"),
        ),
        (
            *("F_OFD_SETLK", "ofd_setlk:$f", "ofd_setlk:$g"),
            *("close:$f", "fcntl:error=EAGAIN:when=1", "EAGAIN"),
        ),
        (
            *("F_SETLK", "ofd_setlk:$f", "setlk:$g"),
            *("close:$f", "fcntl:error=EAGAIN:when=1", "EAGAIN"),
        ),
        (
            *("lockf", "ofd_setlk:$f", "lockf:$g:F_TLOCK"),
            *("close:$f", "lockf", "EAGAIN"),
        ),
    ):
        rules: tuple[Way, ...] = (
            ways(rule)
            if rule != "lockf"
            else (
                *symbols("lockf:error=EAGAIN:when=1"),
                *full("fcntl:error=EAGAIN:when=1"),
            )
        )
        free_injected = f"@{free}" if free.startswith("close") else ""
        yield Case(
            *(call, "held by another", "then it is free"),
            f"{held} ?{take} {words} ?{free} {free_injected} {words}",
            *(rules, error),
        )


def _nowait() -> Iterator[Case]:
    for call, before, put, words, rule, error, after in (
        (
            *("msgrcv", "q=msgget", "msgsnd:$q", "msgrcv:$q:IPC_NOWAIT"),
            *("msgrcv", "ENOMSG", "msgrm:$q"),
        ),
        (
            *("semop", "q=semget", "semset:$q:1", "semop:$q:-1:IPC_NOWAIT"),
            *("semop,semtimedop", "EAGAIN", "semrm:$q"),
        ),
        (
            *("semtimedop", "q=semget", "semset:$q:1", "semtimedop:$q:-1:1000"),
            *("semtimedop", "EAGAIN", "semrm:$q"),
        ),
        ("sem_trywait", "", "sem_post", "sem_trywait", "sem_trywait", "EAGAIN", ""),
        (
            *("sem_timedwait", "", "sem_post", "sem_timedwait:1000"),
            *("sem_timedwait", "ETIMEDOUT", "sem_getvalue"),
        ),
        (
            *("mq_timedreceive", "q=mq_open", "mq_send:$q", "mq_timedreceive:$q:1000"),
            *("mq_timedreceive", "ETIMEDOUT", ""),
        ),
        (
            *("recv", f"{_PAIR} timeout:$s:SO_RCVTIMEO:1", "write:$t:5", "recv:$s:9"),
            *("recvfrom", "EAGAIN", ""),
        ),
        (
            *("read", f"{_PAIR} timeout:$s:SO_RCVTIMEO:1", "write:$t:5", "read:$s:9"),
            *("read", "EAGAIN", ""),
        ),
        (
            *(
                "accept",
                "l=listen_unix:SOCK_STREAM:4 c=socket:AF_UNIX:SOCK_STREAM "
                "timeout:$l:SO_RCVTIMEO:1",
                "connect_unix:$c",
                "accept:$l",
            ),
            *("accept", "EAGAIN", ""),
        ),
        (
            *("sigtimedwait", "block:SIGUSR2", "raise:SIGUSR2"),
            *("sigtimedwait:SIGUSR2:1", "rt_sigtimedwait", "EAGAIN", ""),
        ),
    ):
        failing = f"{rule}:error={error}:when=1"
        rules = symbols(failing) if call.startswith("sem_") else ways(failing)
        yield Case(
            *(call, "not within the time", "then it comes"),
            f"{before} @{put} {words} ?{put} {words} {after}",
            *(rules, error),
        )
    for call, words, rule in (
        ("poll", "poll:$r:1 revents", "poll"),
        ("ppoll", "ppoll:$r:1 revents", "ppoll"),
        ("epoll_wait", "epoll_wait:$e:1", "epoll_wait"),
        ("epoll_pwait", "epoll_pwait:$e:1", "epoll_pwait"),
        ("select", "select:$r:1", "select,pselect6"),
        ("pselect", "pselect:$r:1", "pselect6"),
    ):
        yield Case(
            *(call, "not within the time", "nothing is ready"),
            f"pipe e=epoll_create1:0 epoll_add:$e:$r @pad:$w:1 {words} ?pad:$w:1",
            *(ways(f"{rule}:retval=0:when=1"), f"{words.split()[0]} 0"),
        )
    yield Case(
        *("futex", "not within the time", "once"),
        *("futex:1000", ways("futex:error=ETIMEDOUT:when=1"), "ETIMEDOUT"),
    )
    for call, words, rule in (
        ("waitpid", "waitpid:$c:WNOHANG", "wait4"),
        ("wait4", "wait4:$c:WNOHANG", "wait4"),
        ("waitid", "waitid:$c:WNOHANG", "waitid"),
    ):
        yield Case(
            *(call, "the child still runs", "then it has ended"),
            f"c=child @kill:$c:SIGKILL {words} ?kill:$c:SIGKILL {call}:$c",
            *(ways(f"{rule}:retval=0:when=1"), "ok" if call != "waitid" else " 0"),
        )


CASES: tuple[Case, ...] = (*_empty(), *_full(), *_locks(), *_nowait())
