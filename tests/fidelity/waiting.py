"""Calls that wait until somebody lets them go, and how somebody does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call that waits for ever, unless somebody lets it go."""

    call: str
    before: str
    word: str
    after: str = ""
    """What it does once it has been interrupted: mostly the same, and more luck."""
    release: str = ""
    """What lets it end that is restarted; "" is never restarted: signal(7)."""
    rule: str = ""
    """The syscall, if it is not named as the call."""
    when: int = 1
    inner: str = ""
    """The syscall that is in it, where the call is libc's own."""
    told: str = "EINTR"
    """What it shows that has been interrupted."""
    both: bool = True
    """False: with SA_RESTART it goes on, and nobody here can let it end."""


PIPE = "pipe"
PAIR = "socketpair:SOCK_STREAM"
DGRAM = "socketpair:SOCK_DGRAM"
LISTEN = "l=listen_unix:SOCK_STREAM:4 c=socket:AF_UNIX:SOCK_STREAM"
CROWDED = (
    "l=listen_unix:SOCK_STREAM:0 c=socket:AF_UNIX:SOCK_STREAM connect_unix:$c "
    "d=socket:AF_UNIX:SOCK_STREAM"
)
LOCKED = "f=open:lock:O_RDWR|O_CREAT g=open:lock:O_RDWR"
FULL = "pipe stuff:$w"

WAITING = (
    Waiting("read", PIPE, "read:$r:10", "write:$w:3 read:$r:10", "write w"),
    Waiting("readv", PIPE, "readv:$r:5:5", "write:$w:7 readv:$r:5:5", "write w"),
    Waiting(
        *("read fifo", "mkfifo:p f=open:p:O_RDWR", "read:$f:10"),
        *("write:$f:3 read:$f:10", "write f", "read"),
    ),
    Waiting(
        "read socket", PAIR, "read:$s:9", "write:$t:3 read:$s:9", "write t", "read"
    ),
    Waiting("read eventfd", "f=eventfd:0", "read:$f:8", "", "write f 8", "read"),
    Waiting("read timerfd", "f=timerfd_create:0", "read:$f:8", rule="read", both=False),
    Waiting("read inotify", "f=inotify_init", "read:$f:80", rule="read", both=False),
    Waiting("read signalfd", "f=signalfd:0", "read:$f:128", rule="read", both=False),
    Waiting("read tcp", "tcp", "read:$s:9", "write:$t:3 read:$s:9", "write t", "read"),
    Waiting("recv", PAIR, "recv:$s:9", "send:$t:3 recv:$s:9", "write t", "recvfrom"),
    Waiting(
        "recv tcp", "tcp", "recv:$s:9", "send:$t:3 recv:$s:9", "write t", "recvfrom"
    ),
    Waiting("recvfrom", DGRAM, "recvfrom:$s:9", "send:$t:3 recvfrom:$s:9", "write t"),
    Waiting("recvmsg", PAIR, "recvmsg:$s:5:5", "send:$t:7 recvmsg:$s:5:5", "write t"),
    Waiting("recvmmsg", DGRAM, "recvmmsg:$s:5:5:MSG_WAITFORONE", "", "write t"),
    Waiting("write", FULL, "write:$w:10", "drain:$r write:$w:10 read:$r:20", "read r"),
    Waiting("write socket", f"{PAIR} stuff:$s", "write:$s:10", "", "read t", "write"),
    Waiting(
        "send",
        f"{PAIR} stuff:$s",
        "send:$s:10",
        "drain:$t send:$s:10",
        "read t",
        "sendto",
    ),
    Waiting(
        "sendto", f"{DGRAM} stuff:$s", "sendto:$s:10", "drain:$t sendto:$s:10", "read t"
    ),
    Waiting(
        "sendmsg",
        f"{PAIR} stuff:$s",
        "sendmsg:$s:5:5",
        "drain:$t sendmsg:$s:5:5",
        "read t",
    ),
    Waiting(
        "splice",
        "pipe f=open:out:O_WRONLY|O_CREAT",
        "splice:$r:$f:10",
        "write:$w:4 splice:$r:$f:10",
        "write w",
    ),
    Waiting(
        "tee",
        "pipe g=value:$r h=value:$w pipe",
        "tee:$g:$w:10",
        "write:$h:4 tee:$g:$w:10",
        "write h",
    ),
    Waiting("vmsplice", FULL, "vmsplice:$w:5:5", "drain:$r vmsplice:$w:5:5", "read r"),
    Waiting("accept", LISTEN, "accept:$l", "connect_unix:$c accept:$l", "connect c l"),
    Waiting(
        "accept4",
        LISTEN,
        "accept4:$l:SOCK_NONBLOCK",
        "connect_unix:$c accept4:$l:0",
        "connect c l",
    ),
    Waiting(
        "accept tcp",
        "l=listen_tcp c=socket:AF_INET:SOCK_STREAM",
        "accept:$l",
        "connect_tcp:$c accept:$l",
        "connect c l",
        "accept",
    ),
    Waiting(
        "connect",
        CROWDED,
        "connect_unix:$d",
        "accept:$l connect_unix:$d",
        "accept l",
        when=2,
    ),
    Waiting(
        "open a fifo to read",
        "mkfifo:p",
        "open:p:O_RDONLY",
        "open:p:O_RDWR",
        "open p w",
        "openat",
        2,
    ),
    Waiting(
        "open a fifo to write",
        "mkfifo:p",
        "open:p:O_WRONLY",
        "open:p:O_RDWR",
        "open p r",
        "openat",
        2,
    ),
    Waiting(
        "fopen a fifo",
        "mkfifo:p",
        "fopen:p:r",
        "fopen:p:r+",
        "open p w",
        inner="openat",
        when=2,
    ),
    Waiting(
        "flock",
        f"{LOCKED} flock:$f:LOCK_EX",
        "flock:$g:LOCK_EX",
        "close:$f flock:$g:LOCK_EX",
        "unlock f",
        when=2,
    ),
    Waiting(
        "F_OFD_SETLKW",
        f"{LOCKED} ofd_setlk:$f",
        "ofd_setlkw:$g",
        "close:$f ofd_setlkw:$g",
        "unlock f",
        "fcntl",
        2,
    ),
    Waiting(
        *("F_SETLKW", f"{LOCKED} ofd_setlk:$f", "setlkw:$g"),
        *("close:$f setlkw:$g", "unlock f", "fcntl", 2),
    ),
    Waiting(
        *("lockf", f"{LOCKED} ofd_setlk:$f", "lockf:$g:F_LOCK"),
        *("close:$f lockf:$g:F_LOCK", "unlock f"),
        inner="fcntl",
        when=2,
    ),
    Waiting("wait", "c=child", "wait", "kill:$c:SIGKILL wait", "kill c", "wait4"),
    Waiting(
        "waitpid",
        "c=child",
        "waitpid:$c",
        "kill:$c:SIGKILL waitpid:$c",
        "kill c",
        "wait4",
    ),
    Waiting("wait4", "c=child", "wait4:$c", "kill:$c:SIGKILL wait4:$c", "kill c"),
    Waiting("waitid", "c=child", "waitid:$c", "kill:$c:SIGKILL waitid:$c", "kill c"),
    Waiting("sem_wait", "", "sem_wait", "sem_post sem_wait", "post", inner="futex"),
    Waiting(
        "sem_timedwait", "", "sem_timedwait", "sem_post sem_timedwait", inner="futex"
    ),
    Waiting("futex", "", "futex", both=False),
    Waiting("msgrcv", "q=msgget", "msgrcv:$q", "msgsnd:$q msgrcv:$q msgrm:$q"),
    Waiting(
        "msgsnd",
        "q=msgget msgsmall:$q msgsnd:$q",
        "msgsnd:$q",
        "msgrcv:$q msgsnd:$q msgrm:$q",
        when=2,
    ),
    Waiting(
        "semop",
        "q=semget",
        "semop:$q:-1",
        "semop:$q:1 semop:$q:-1 semrm:$q",
        rule="semop,semtimedop",
    ),
    Waiting(
        "semtimedop",
        "q=semget",
        "semtimedop:$q:-1",
        "semop:$q:1 semtimedop:$q:-1 semrm:$q",
    ),
    Waiting(
        "mq_receive",
        "q=mq_open",
        "mq_receive:$q",
        "mq_send:$q mq_receive:$q",
        rule="mq_timedreceive",
        both=False,
    ),
    Waiting(
        "mq_send",
        "q=mq_open mq_send:$q",
        "mq_send:$q",
        "mq_receive:$q mq_send:$q",
        rule="mq_timedsend",
        when=2,
        both=False,
    ),
    Waiting(
        "mq_timedreceive",
        "q=mq_open",
        "mq_timedreceive:$q",
        "mq_send:$q mq_timedreceive:$q",
        both=False,
    ),
    Waiting("poll", PIPE, "poll:$r:-1", "revents write:$w:1 poll:$r:-1"),
    Waiting("ppoll", PIPE, "ppoll:$r:-1", "write:$w:1 ppoll:$r:-1"),
    Waiting(
        "select",
        PIPE,
        "select:$r:-1",
        "is_set:$r write:$w:1 select:$r:-1",
        rule="select,pselect6",
    ),
    Waiting(
        "pselect",
        PIPE,
        "pselect:$r:-1",
        "is_set:$r write:$w:1 pselect:$r:-1",
        rule="pselect6",
    ),
    Waiting(
        "epoll_wait",
        "pipe e=epoll_create1:0 epoll_add:$e:$r",
        "epoll_wait:$e:-1",
        "write:$w:1 epoll_wait:$e:-1",
    ),
    Waiting(
        "epoll_pwait",
        "pipe e=epoll_create1:0 epoll_add:$e:$r",
        "epoll_pwait:$e:-1",
        "write:$w:1 epoll_pwait:$e:-1",
    ),
    Waiting(
        "nanosleep",
        "",
        "nanosleep:60000",
        "rest:60 nanosleep:1",
        rule="nanosleep,clock_nanosleep",
    ),
    Waiting(
        "clock_nanosleep", "", "clock_nanosleep:60000", "rest:60 clock_nanosleep:1"
    ),
    Waiting(
        "clock_nanosleep until",
        "",
        "clock_nanosleep_until:60000",
        "rest:60",
        rule="clock_nanosleep",
    ),
    Waiting("usleep", "", "usleep:60000000", "usleep:1", inner="clock_nanosleep"),
    Waiting(
        "sleep", "", "sleep:60", "sleep:0", inner="clock_nanosleep", told="sleep:60 1"
    ),
    Waiting("pause", "", "pause"),
    Waiting("sigsuspend", "", "sigsuspend", rule="rt_sigsuspend"),
    Waiting(
        "sigwaitinfo",
        "block:SIGUSR2",
        "sigwaitinfo:SIGUSR2",
        "raise:SIGUSR2 sigwaitinfo:SIGUSR2",
        rule="rt_sigtimedwait",
    ),
    Waiting(
        "sigtimedwait",
        "block:SIGUSR2",
        "sigtimedwait:SIGUSR2:60000",
        "raise:SIGUSR2 sigtimedwait:SIGUSR2:60000",
        rule="rt_sigtimedwait",
    ),
    Waiting(
        "fgetc",
        "pipe f=fdopen:$r:r",
        "fgetc:$f",
        "ferror:$f clearerr:$f write:$w:3 fgetc:$f",
        "write w",
        inner="read",
    ),
    Waiting(
        "recv with SO_RCVTIMEO",
        f"{PAIR} timeout:$s:SO_RCVTIMEO:60000",
        "recv:$s:9",
        "send:$t:3 recv:$s:9",
        rule="recvfrom",
    ),
    Waiting(
        "read with SO_RCVTIMEO",
        f"{PAIR} timeout:$s:SO_RCVTIMEO:60000",
        "read:$s:9",
        "write:$t:3 read:$s:9",
        rule="read",
    ),
    Waiting(
        "accept with SO_RCVTIMEO",
        f"{LISTEN} timeout:$l:SO_RCVTIMEO:60000",
        "accept:$l",
        "connect_unix:$c accept:$l",
        rule="accept",
    ),
)
