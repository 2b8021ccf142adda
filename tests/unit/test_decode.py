"""Calls as strace's lines. The expected lines are what strace 6.1 printed."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import re
import resource
import select
import signal
import socket
import stat
import struct
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyshim.calls import LIB, Call, Param, table
from pyshim.decode import format_arguments, format_call, quote
from pyshim.event import Event, Kind, Memory
from pyshim.xlat import XLAT

MODULES = (os, socket, signal, fcntl, mmap, select, resource, stat, time)
FDCWD = -100

needs_table = pytest.mark.skipif(
    not (LIB / "table.json").exists(), reason="the shim is not built"
)


def whole(data: bytes) -> Memory:
    return Memory(data, len(data))


def begun(data: bytes, size: int) -> Memory:
    return Memory(data[:32], size)


def event_of(
    call: Call, args: tuple[int, ...], memory: dict[int, Memory], ret: int, err: int
) -> Event:
    return Event(
        Kind.CALL, 1, 1, 0, 0, call=call, args=args, memory=memory, ret=ret, err=err
    )


def event(
    name: str,
    *args: int,
    memory: dict[int, bytes | Memory] | None = None,
    ret: int = 0,
    err: int = 0,
) -> Event:
    found = {
        at: each if isinstance(each, Memory) else whole(each)
        for at, each in (memory or {}).items()
    }
    return event_of(table().by_name(name), args, found, -1 if err else ret, err)


def line(name: str, *args: int, **how: object) -> str:
    return format_call(event(name, *args, **how))  # type: ignore[arg-type]


def left(name: str, *args: int, **how: object) -> str:
    """The line up to its result."""
    return re.split(r" +=", line(name, *args, **how))[0]


@needs_table
def test_a_short_line_has_its_result_at_column_40() -> None:
    assert line("close", 3) == "close(3)                                = 0"
    assert line("getpid", ret=4711) == "getpid()                                = 4711"


@needs_table
def test_a_long_line_has_one_space_before_its_result() -> None:
    got = line("open", 1, 0, 0, memory={0: b"/etc/hostname-that-is-long"}, ret=3)
    assert got == 'openat(AT_FDCWD, "/etc/hostname-that-is-long", O_RDONLY) = 3'


@needs_table
def test_the_column_can_leave_room_for_a_pid() -> None:
    got = format_call(event("close", 3), column=34)
    assert got == "close(3)                          = 0"


@needs_table
def test_a_failed_call_shows_what_the_kernel_returned() -> None:
    got = line("open", 1, 0, 0, memory={0: b"/nope"}, err=errno.ENOENT)
    assert got == (
        'openat(AT_FDCWD, "/nope", O_RDONLY)     = '
        "-1 ENOENT (No such file or directory)"
    )


@needs_table
@pytest.mark.parametrize("name", ["mmap", "getcwd", "posix_fallocate"])
def test_all_ways_of_libc_to_fail_are_the_kernels_minus_one(name: str) -> None:
    call = event(name, *([0] * 6), err=errno.ENOMEM)
    libc_returned = errno.ENOMEM if name == "posix_fallocate" else -1
    got = format_call(call._replace(ret=libc_returned))
    assert got.endswith("= -1 ENOMEM (Cannot allocate memory)")


@needs_table
def test_a_function_that_returns_errno_succeeds_with_0() -> None:
    assert line("posix_fallocate", 5, 0, 5) == (
        "fallocate(5, 0, 0, 5)                   = 0"
    )


@needs_table
def test_two_names_of_one_errno_are_the_kernels() -> None:
    assert "EOPNOTSUPP (Operation not supp" in line("listen", 3, 5, err=95)
    assert "EAGAIN (Resource temp" in line("read", 3, 1, 1, err=errno.EWOULDBLOCK)
    assert "EDEADLK (Resource deadlock" in line("fcntl", 3, 6, 1, err=35)
    assert line("close", 3, err=4000).endswith("= -1 (errno 4000)")


@needs_table
def test_what_a_rule_or_a_plugin_decided_is_marked() -> None:
    failed = event("read", -1, 0, 0, err=errno.EINTR)
    ending = "= -1 EINTR (Interrupted system call) (INJECTED)"
    assert format_call(failed._replace(rule=0)).endswith(ending)
    assert format_call(failed._replace(asked=True)).endswith(ending)
    assert "INJECTED" not in format_call(failed)
    short = event("write", 1, 9, 0, ret=7)
    assert format_call(short._replace(rule=3)).endswith("= 7 (INJECTED)")


@needs_table
def test_a_call_that_does_not_return() -> None:
    assert line("_exit", 0) == "exit_group(0)                           = ?"


@needs_table
def test_a_call_the_process_died_in() -> None:
    call = event("read", 0, 0x7FFDA3ED8370, 1, memory={1: b""})
    got = format_call(call._replace(kind=Kind.UNFINISHED))
    assert got == "read(0, 0x7ffda3ed8370, 1 <unfinished ...>) = ?"


def test_an_event_without_a_call_has_no_line() -> None:
    with pytest.raises(ValueError, match="exit"):
        format_call(Event(Kind.EXIT, 1, 1, 0, 0))


LEFT_SIDES = [
    # Opening: the mode is there when it counts.
    ('openat(AT_FDCWD, NULL, O_RDONLY)', ("open", 0, 0, 0), {}),
    ('openat(AT_FDCWD, 0x1, O_RDONLY)', ("open", 1, 0, 0), {}),
    ('openat(7, "a", O_RDONLY)', ("openat", 7, 1, 0, 0), {1: b"a"}),
    ('openat(-1, "a", O_RDONLY)', ("openat", 2**32 - 1, 1, 0, 0), {1: b"a"}),
    ('openat(AT_FDCWD, "x", O_WRONLY|O_CREAT, 01777)',
     ("openat", FDCWD, 1, 0o101, 0o1777), {1: b"x"}),
    ('openat(AT_FDCWD, "/tmp", O_RDWR|O_TMPFILE, 000)',
     ("open", 1, 0o20200002, 0), {0: b"/tmp"}),
    ('openat(AT_FDCWD, "x", O_RDWR|O_CREAT|O_TRUNC|O_CLOEXEC, 0644)',
     ("open", 1, 0o2001102, 0o644), {0: b"x"}),
    ('openat(AT_FDCWD, ".", O_RDONLY|O_NONBLOCK|O_CLOEXEC|O_DIRECTORY)',
     ("__open_2", 1, 0o2204000), {0: b"."}),
    ('openat(AT_FDCWD, "/tmp", O_RDONLY|O_DSYNC|O_DIRECTORY)',
     ("open", 1, 0o210000, 0), {0: b"/tmp"}),
    ('openat(AT_FDCWD, "/etc/hostname", O_WRONLY|0x80000000)',
     ("open", 1, -(2**31) + 1, 0), {0: b"/etc/hostname"}),
    ('openat(AT_FDCWD, "/tmp", O_ACCMODE)', ("open", 1, 3, 0), {0: b"/tmp"}),
    ('creat("f", 0600)', ("creat", 1, 0o600), {0: b"f"}),
    # Reading and writing.
    ('read(3, "", 0)', ("read", 3, 1, 0), {1: b""}),
    ('write(-1, "a\\0001\\0z\\0017\\377", 8)',
     ("write", -1, 1, 8), {1: b"a\0001\0z\x017\xff"}),
    ('write(-1, 0x1, 5)', ("write", -1, 1, 5), {}),
    ('write(-1, "01234567890123456789012345678901"..., 40)',
     ("write", -1, 1, 40), {1: begun(b"0123456789" * 4, 40)}),
    ('pread64(-1, 0x7fff95ffb970, 1, -5)', ("pread", -1, 0x7FFF95FFB970, 1, -5), {}),
    ('lseek(-1, -5, SEEK_CUR)', ("lseek", -1, -5, 1), {}),
    ('lseek(-1, 0, 0x63 /* SEEK_??? */)', ("lseek", -1, 0, 99), {}),
    ('ftruncate(-1, 18446744073709551611)', ("ftruncate", -1, -5), {}),
    # Memory.
    ('mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)',
     ("mmap", 0, 4096, 3, 0x22, -1, 0), {}),
    ('mmap(NULL, 18446744073709551615, PROT_EXEC|PROT_GROWSDOWN|PROT_GROWSUP|0x10, '
     'MAP_SHARED_VALIDATE|MAP_32BIT|MAP_HUGETLB|MAP_SYNC|30<<MAP_HUGE_SHIFT, '
     '9, 0x1000)',
     ("mmap", 0, -1, 0x3000014, 0x780C0043, 9, 4096), {}),
    ('mmap(NULL, 0, 0x80 /* PROT_??? */, 0x4 /* MAP_??? */, 9, 0x1000)',
     ("mmap", 0, 0, 0x80, 4, 9, 4096), {}),
    ('mmap(NULL, 0, PROT_NONE, MAP_FILE, 9, 0x1000)',
     ("mmap", 0, 0, 0, 0, 9, 4096), {}),
    ('mremap(0x1000, 4096, 8192, 0)', ("mremap", 4096, 4096, 8192, 0, 77), {}),
    ('mremap(0x1, 0, 0, MREMAP_MAYMOVE|MREMAP_FIXED, NULL)',
     ("mremap", 1, 0, 0, 3, 0), {}),
    ('madvise(0x1000, 4096, 0x4d /* MADV_??? */)', ("madvise", 4096, 4096, 77), {}),
    ('msync(0x1000, 4096, MS_SYNC|MS_INVALIDATE|0x8)',
     ("msync", 4096, 4096, 14), {}),
    ('msync(0x1000, 0, 0)', ("msync", 4096, 0, 0), {}),
    # Descriptors.
    ('fcntl(11, F_SETFD, FD_CLOEXEC|0x2)', ("fcntl", 11, 2, 3), {}),
    ('fcntl(11, F_SETFL, O_RDONLY|O_NONBLOCK)', ("fcntl", 11, 4, 0o4000), {}),
    ('fcntl(11, F_DUPFD_CLOEXEC, 10)', ("fcntl", 11, 1030, 10), {}),
    ('fcntl(1, F_DUPFD, 4294967295)', ("fcntl", 1, 0, -1), {}),
    ('fcntl(11, 0x270f /* F_??? */, 0x1)', ("fcntl", 11, 9999, 1), {}),
    ('fcntl(-1, F_SETLK, NULL)', ("fcntl", -1, 6, 0), {}),
    ('fcntl(1, F_SETOWN, -5)', ("fcntl", 1, 8, -5), {}),
    ('fcntl(11, F_SETSIG, SIGIO)', ("fcntl", 11, 10, 29), {}),
    ('fcntl(11, F_ADD_SEALS, F_SEAL_SEAL)', ("fcntl", 11, 1033, 1), {}),
    ('dup3(11, 21, O_CLOEXEC)', ("dup3", 11, 21, 0o2000000), {}),
    ('dup3(11, 21, 0x4 /* O_??? */)', ("dup3", 11, 21, 4), {}),
    ('pipe2([8, 9], O_NONBLOCK|O_CLOEXEC)',
     ("pipe2", 1, 0o2004000), {0: struct.pack("<2i", 8, 9)}),
    ('pipe2([11, 12], 0)', ("pipe", 1), {0: struct.pack("<2i", 11, 12)}),
    ('ioctl(0, TCGETS, 0x7ffea3ed8370)', ("ioctl", 0, 0x5401, 0x7FFEA3ED8370), {}),
    ('ioctl(-1, _IOC(_IOC_NONE, 0x56, 0x78, 0x1234), 0x7ffea3ed8370)',
     ("ioctl", -1, 0x12345678, 0x7FFEA3ED8370), {}),
    ('ioctl(-1, _IOC(_IOC_READ|_IOC_WRITE, 0, 0x1, 0), 0)',
     ("ioctl", -1, 0xC0000001, 0), {}),
    ('ioctl(-1, FIOCLEX)', ("ioctl", -1, 0x5451, 0x1234), {}),
    ('ioctl(0, TIOCSCTTY, 1)', ("ioctl", 0, 0x540E, 1), {}),
    ('ioctl(0, SNDCTL_TMR_STOP or TCSETSW, NULL)', ("ioctl", 0, 0x5403, 0), {}),
    # Sockets.
    ('socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, IPPROTO_TCP)',
     ("socket", 2, 0x80801, 6), {}),
    ('socket(AF_UNIX, SOCK_DGRAM, 0)', ("socket", 1, 2, 0), {}),
    ('socket(AF_INET6, SOCK_STREAM, IPPROTO_IP)', ("socket", 10, 1, 0), {}),
    ('socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)', ("socket", 16, 3, 0), {}),
    ('socket(AF_INET, SOCK_CLOEXEC, 0x3e7 /* IPPROTO_??? */)',
     ("socket", 2, 0x80000, 999), {}),
    ('socketpair(AF_UNIX, SOCK_STREAM, 0, [23, 24])',
     ("socketpair", 1, 1, 0, 1), {3: struct.pack("<2i", 23, 24)}),
    ('sendto(-1, "hi", 2, MSG_DONTWAIT|MSG_NOSIGNAL, NULL, 0)',
     ("send", -1, 1, 2, 0x4040), {1: b"hi"}),
    ('recvfrom(-1, 0x7ffea3ed8370, 10, MSG_PEEK|MSG_TRUNC|MSG_CMSG_COMPAT, NULL, NULL)',
     ("recv", -1, 0x7FFEA3ED8370, 10, -(2**31) + 0x22), {}),
    ('accept4(-1, NULL, NULL, SOCK_CLOEXEC)', ("accept4", -1, 0, 0, 0x80000), {}),
    ('shutdown(23, 0x9 /* SHUT_??? */)', ("shutdown", 23, 9), {}),
    ('setsockopt(-1, SOL_SOCKET, SO_REUSEADDR, [1], 4)',
     ("setsockopt", -1, 1, 2, 9, 4), {3: b"\1\0\0\0"}),
    ('setsockopt(-1, 0x309 /* SOL_?? */, 10, NULL, 4)',
     ("setsockopt", -1, 777, 10, 0, 4), {}),
    # Names.
    ('access("/etc", R_OK|W_OK)', ("access", 1, 6), {0: b"/etc"}),
    ('access("/etc", F_OK)', ("access", 1, 0), {0: b"/etc"}),
    ('faccessat2(AT_FDCWD, "/etc", X_OK, AT_EACCESS)',
     ("faccessat", FDCWD, 1, 1, 0x200), {1: b"/etc"}),
    ('faccessat2(AT_FDCWD, "/etc", 0x8 /* ?_OK */, AT_SYMLINK_NOFOLLOW)',
     ("faccessat", FDCWD, 1, 8, 0x100), {1: b"/etc"}),
    ('newfstatat(0, "", 0x7ffe, AT_EMPTY_PATH)', ("fstat", 0, 0x7FFE), {}),
    ('newfstatat(AT_FDCWD, "", 0x7ffe, AT_NO_AUTOMOUNT|AT_EMPTY_PATH|0x80000000)',
     ("fstatat", FDCWD, 1, 0x7FFE, 0x80001800), {1: b""}),
    ('statx(AT_FDCWD, "/nope", AT_STATX_FORCE_SYNC|AT_SYMLINK_NOFOLLOW, '
     'STATX_BASIC_STATS|STATX_MNT_ID, 0x7ffe)',
     ("statx", FDCWD, 1, 0x2100, 0x17FF, 0x7FFE), {1: b"/nope"}),
    ('statx(AT_FDCWD, "/nope", AT_STATX_SYNC_AS_STAT, STATX_ALL|0x80000000, NULL)',
     ("statx", FDCWD, 1, 0, 0x80000FFF, 0), {1: b"/nope"}),
    ('unlinkat(AT_FDCWD, "/nope", AT_REMOVEDIR)',
     ("unlinkat", FDCWD, 1, 0x200), {1: b"/nope"}),
    ('mknodat(AT_FDCWD, "/tmp", S_IFIFO|0600)', ("mkfifo", 1, 0o600), {0: b"/tmp"}),
    ('mknodat(AT_FDCWD, "/tmp", S_IFCHR|0600, makedev(0x1, 0x3))',
     ("mknod", 1, 0o20600, 0x103), {0: b"/tmp"}),
    ('mknodat(AT_FDCWD, "/tmp", 000)', ("mknod", 1, 0, 0), {0: b"/tmp"}),
    ('chmod("/nope", 04755)', ("chmod", 1, 0o4755), {0: b"/nope"}),
    ('fchmodat(AT_FDCWD, "/nope", 0644)',
     ("fchmodat", FDCWD, 1, 0o644, 0), {1: b"/nope"}),
    ('chown("/nope", -1, 1000)', ("chown", 1, 2**32 - 1, 1000), {0: b"/nope"}),
    ('utimensat(AT_FDCWD, "/nope", NULL, 0)',
     ("utimensat", FDCWD, 1, 0, 0), {1: b"/nope"}),
    ('readlink("/proc/self/fd/0", "/dev/null", 100)',
     ("readlink", 1, 2, 100), {0: b"/proc/self/fd/0", 1: b"/dev/null"}),
    ('getrandom("\\xeb\\x2b\\xd7", 3, GRND_NONBLOCK)',
     ("getrandom", 1, 3, 1), {0: b"\xeb\x2b\xd7"}),
    # Processes, signals, time, IPC.
    ('execve("/nope", ["ls", "-l"], 0x7ffea3ed7fa0 /* 1 var */)',
     ("execve", 1, 2, 0x7FFEA3ED7FA0),
     {0: b"/nope", 1: b"ls\0-l\0", 2: (1).to_bytes(8, "little")}),
    ('execve("/nope", [], 0x7ffea3ed7f98 /* 0 vars */)',
     ("execve", 1, 2, 0x7FFEA3ED7F98), {0: b"/nope", 1: b"", 2: bytes(8)}),
    ('execve("/nope", ["01234567890123456789012345678901"..., "a"], NULL)',
     ("execve", 1, 2, 0), {0: b"/nope", 1: b"0123456789" * 4 + b"\0a\0"}),
    ('execve("/nope", ["ls", ...], 0x7ffe)',
     ("execve", 1, 2, 0x7FFE), {0: b"/nope", 1: Memory(b"ls\0", 300)}),
    ('execve("/nope", NULL, NULL)', ("execve", 1, 0, 0), {0: b"/nope"}),
    ('wait4(-1, NULL, WNOHANG|WSTOPPED, NULL)', ("waitpid", -1, 0, 3), {}),
    ('wait4(-1, 0x7ffe, WCONTINUED|__WALL, NULL)',
     ("waitpid", -1, 0x7FFE, 0x40000008), {}),
    ('kill(2147483646, SIGTERM)', ("kill", 2147483646, 15), {}),
    ('kill(-2147483646, SIGKILL)', ("killpg", 2147483646, 9), {}),
    ('kill(5, SIGRTMIN)', ("kill", 5, 32), {}),
    ('kill(5, SIGRT_32)', ("kill", 5, 64), {}),
    ('kill(5, 65)', ("kill", 5, 65), {}),
    ('kill(5, 0)', ("kill", 5, 0), {}),
    ('rt_sigprocmask(SIG_BLOCK, NULL, NULL, 8)', ("sigprocmask", 0, 0, 0), {}),
    ('prctl(PR_SET_PDEATHSIG, SIGTERM)', ("prctl", 1, 15, 7, 8, 9), {}),
    ('prctl(PR_GET_DUMPABLE)', ("prctl", 3, 6, 7, 8, 9), {}),
    ('prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)', ("prctl", 38, 1, 0, 0, 0), {}),
    ('prctl(0x3e7 /* PR_??? */, 0x1, 0x2, 0x3, 0x4)', ("prctl", 999, 1, 2, 3, 4), {}),
    ('prlimit64(0, 0x63 /* RLIMIT_??? */, 0x7ffe, NULL)',
     ("setrlimit", 99, 0x7FFE), {}),
    ('timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC|TFD_NONBLOCK)',
     ("timerfd_create", 1, 0x80800), {}),
    ('timerfd_create(0xfffffffa /* CLOCK_??? */, 0)', ("timerfd_create", -6, 0), {}),
    ('shmget(0x5, 6, IPC_CREAT|SHM_HUGETLB|0644)', ("shmget", 5, 6, 0o5644), {}),
    ('semget(IPC_PRIVATE, 1, IPC_CREAT|IPC_EXCL|0600)',
     ("semget", 0, 1, 0o3600), {}),
    ('clone(child_stack=NULL, '
     'flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=...)',
     ("fork",), {}),
]  # fmt: skip


@needs_table
@pytest.mark.parametrize(("expected", "made", "memory"), LEFT_SIDES)
def test_arguments(
    expected: str, made: tuple[str, *tuple[int, ...]], memory: dict[int, bytes | Memory]
) -> None:
    assert left(*made, memory=memory) == expected


RESULTS = [
    ("0x7f1d71649000", ("mmap", 0, 1, 0, 0, 0, 0), 0x7F1D71649000),
    ("0x8001 (flags O_WRONLY|O_LARGEFILE)", ("fcntl", 1, 3, 0), 0x8001),
    ("0 (flags O_RDONLY)", ("fcntl", 11, 3, 0), 0),
    ("0x1 (flags FD_CLOEXEC)", ("fcntl", 11, 1, 0), 1),
    ("0", ("fcntl", 11, 1, 0), 0),
    ("29 (SIGIO)", ("fcntl", 11, 11, 0), 29),
    ("0x2 (F_UNLCK)", ("fcntl", 11, 1025, 0), 2),
    ("65536", ("fcntl", 11, 1032, 0), 65536),
    ("0 (Timeout)", ("poll", 0, 0, 1), 0),
    ("1", ("poll", 0, 0, 1), 1),
    ("0 (Timeout)", ("select", 0, 0, 0, 0, 0), 0),
    ("022", ("umask", 0), 0o22),
    ("20", ("getpriority", 0, 0), 0),
    ("0x55a82f419000", ("brk", 0x55A82F419000), 0),
    ("0", ("signal", 10, 1), 0x1234),
    ("5708", ("fork",), 5708),
    ("0", ("sync",), 0),
    ("1099511627776", ("lseek", 3, 0, 2), 1 << 40),
]


@needs_table
@pytest.mark.parametrize(("expected", "made", "ret"), RESULTS)
def test_results(expected: str, made: tuple[str, *tuple[int, ...]], ret: int) -> None:
    assert line(*made, ret=ret).split(" = ", 1)[1] == expected


@needs_table
def test_memory_that_a_failed_call_did_not_fill_is_an_address() -> None:
    got = left("read", 3, 0x7FFE, 9, memory={1: b"stale"}, err=errno.EIO)
    assert got == "read(3, 0x7ffe, 9)"
    got = left("pipe2", 0x7FFE, 0, memory={0: bytes(8)}, err=errno.EMFILE)
    assert got == "pipe2(0x7ffe, 0)"


@needs_table
def test_paths_are_whole_and_strings_as_long_as_asked() -> None:
    call = event("symlink", 1, 2, memory={0: b"0123456789", 1: b"/" + b"p" * 300})
    got = format_call(call, strsize=4)
    assert got.startswith('symlink("0123"..., "/' + "p" * 300 + '")')


@needs_table
def test_arguments_have_the_names_of_the_parameters() -> None:
    call = event("open", 1, 0, 0, memory={0: b"/a"})
    assert format_arguments(call) == [
        ("", "AT_FDCWD"),
        ("path", '"/a"'),
        ("flags", "O_RDONLY"),
    ]


def test_a_struct_is_an_address_although_its_memory_is_known() -> None:
    params = (Param("addr", "const struct sockaddr *", "in[size]"),)
    call = Call(
        0, "c", "c", params, ("addr",), frozenset(), frozenset(), False, "-1", "int",
        "", "c",
    )  # fmt: skip
    made = event_of(call, (0x7FFE,), {0: whole(b"\2\0")}, 0, 0)
    assert format_call(made).startswith("c(0x7ffe)")


QUOTES = [
    (b"", '""'),
    (b"hi", '"hi"'),
    (b'a"b\\', r'"a\"b\\"'),
    (b"\n\t\r\v\f", r'"\n\t\r\v\f"'),
    (b"\0", r'"\0"'),
    (b"\0\0\x017\x008\0", r'"\0\0\0017\08\0"'),
    (b"\x1b[0m\x80\xff\x7f~", r'"\33[0m\200\377\177~"'),
    ("x\n\x7f3é".encode(), r'"x\n\1773\303\251"'),
]


@pytest.mark.parametrize(("memory", "expected"), QUOTES)
def test_quote_as_strace_does(memory: bytes, expected: str) -> None:
    assert quote(memory, False) == expected
    assert quote(memory, True) == expected + "..."


def unquote(text: str) -> bytes:
    """What a C compiler would make of it."""
    named = {"n": 10, "t": 9, "r": 13, "v": 11, "f": 12, '"': 34, "\\": 92}

    def parts() -> Iterator[int]:
        for octal, letter, plain in re.findall(
            r'\\([0-7]{1,3})|\\(.)|([^"\\])', text[1:-1]
        ):
            yield int(octal, 8) if octal else named[letter] if letter else ord(plain)

    return bytes(parts())


@given(st.binary())
def test_a_quoted_string_reads_back_as_its_bytes(memory: bytes) -> None:
    text = quote(memory, False)
    assert unquote(text) == memory
    assert text.isascii()
    assert text.isprintable()


@given(st.binary(min_size=1))
def test_no_octal_escape_is_longer_than_it_must_be(memory: bytes) -> None:
    for match in re.finditer(
        r"(?<!\\)(?:\\\\)*\\(0[0-7]{1,2})(.)", quote(memory, False)
    ):
        assert match[2] in "01234567"


@given(st.sampled_from(sorted(XLAT)), st.integers(0, 2**32 - 1))
def test_no_bit_is_lost(name: str, value: int) -> None:
    """Every part of the text is worth its bits; together they are the value."""
    known = XLAT[name]
    if not known.bits:
        return
    worth = {
        **{text: number for number, text in known.choices.items()},
        **dict(known.bits),
    }
    text = known.text(value).split(" /*")[0]
    found = 0
    for part in re.split(r"\|(?!AT_STATX_DONT)", text):
        found |= worth.get(part, 0) or _number(part, known.zero)
    assert found == value


def _number(part: str, zero: str) -> int:
    if part == zero:
        return 0
    if "<<" in part:
        return int(part.partition("<<")[0]) << 26
    if re.fullmatch(r"0[0-7]{2,}", part):
        return int(part, 8)
    return int(part, 0) if part[0].isdigit() else 0


def test_values_written_here_are_those_of_pythons_modules() -> None:
    # Python has what a 64-bit program sees: large files are nothing else than files,
    # and libc keeps the first real-time signals to itself.
    different = {"O_LARGEFILE", "F_GETLK64", "F_SETLK64", "F_SETLKW64", "SIGRTMIN"}
    checked = 0
    for known in XLAT.values():
        pairs = [(name, value) for value, name in known.choices.items()]
        for name, value in [*pairs, *known.bits]:
            theirs = {
                int(getattr(module, name))
                for module in MODULES
                if hasattr(module, name)
            }
            if theirs and name not in different:
                checked += 1
                assert {each & 0xFFFFFFFF for each in theirs} == {value & 0xFFFFFFFF}, (
                    name
                )
    assert checked > 300


@needs_table
def test_every_table_that_a_row_names_exists() -> None:
    kinds = {param.kind for call in table().calls for param in call.params}
    kinds |= {call.ret for call in table().calls}
    named = {
        kind.split(":")[1] for kind in kinds if kind.startswith(("flags:", "enum:"))
    }
    assert named
    assert sorted(named - XLAT.keys()) == []


@needs_table
def test_every_call_of_the_table_has_a_line() -> None:
    for call in table().calls:
        for value in (-1, 0, 2**63 - 1, -(2**63)):
            args = (value,) * len(call.params)
            got = format_call(event_of(call, args, {}, 0, 0))
            assert got.startswith(f"{call.syscall}("), got
