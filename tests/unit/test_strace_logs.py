"""Reading what `strace -ff -i` writes: threads, processes, what is mapped where."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyshim.strace import Syscall, Thread, read

SECOND = 10**9
EXEC = 'execve("/bin/app", 0x1, 0x2) = 0'
LIBC = 0x7F0000000000


def line(time: int, text: str, address: int | None = 0x55) -> str:
    where = "?" * 16 if address is None else f"{address:016x}"
    return f"1.{time:09} [{where}] {text}\n"


def logs(folder: Path, **lines: list[str]) -> list[Thread]:
    for name, each in lines.items():
        (folder / f"log.{name.removeprefix('t')}").write_text("".join(each))
    return read(folder)


def test_no_log_at_all(tmp_path: Path) -> None:
    assert read(tmp_path) == []
    assert logs(tmp_path, t5=["+++ killed by SIGKILL +++\n"]) == []


def test_a_line(tmp_path: Path) -> None:
    (thread,) = logs(
        tmp_path,
        t5=[
            *(line(1, EXEC), line(2, "read(3, ''..., 5) = -1 EIO (I = O)", 0xAB)),
            line(3, "pause() = ? ERESTARTNOHAND (To be restarted)", None),
            line(4, "exit_group(0) = ?"),
            "1.000000005 [????????????????] +++ exited with 0 +++\n",
        ],
    )
    assert [each.name for each in thread.syscalls] == ["read", "pause", "exit_group"]
    assert thread.syscalls[0].time == SECOND + 2
    assert [each.address for each in thread.syscalls] == [0xAB, 0, 0x55]
    assert [each.restarts for each in thread.syscalls] == [False, True, False]


def test_a_thread_that_strace_lost(tmp_path: Path) -> None:
    lost = [line(2, "brk(NULL) = 0x1"), line(3, "exit_group(0 <detached ...>")]
    (thread,) = logs(tmp_path, t5=[line(1, EXEC), *lost])
    assert [each.name for each in thread.syscalls] == ["brk"]


def test_a_trap(tmp_path: Path) -> None:
    """Only what the kernel sent back to the shim; a seccomp filter's is none."""
    info = (
        "si_signo=SIGSYS, si_code=SYS_{}, si_call_addr=0x7f00, si_syscall={}, si_arch"
    )
    (thread,) = logs(
        tmp_path,
        t5=[
            line(1, EXEC),
            line(
                2, f"--- SIGSYS {{{info.format('USER_DISPATCH', '__NR_read')}=1}} ---"
            ),
            line(3, f"--- SIGSYS {{{info.format('USER_DISPATCH', '499')}=1}} ---"),
            line(4, f"--- SIGSYS {{{info.format('SECCOMP', '__NR_write')}=1}} ---"),
            line(5, "--- SIGSYS {si_signo=SIGSYS, si_code=SI_USER, si_pid=1} ---"),
        ],
    )
    assert [(each.name, each.address) for each in thread.syscalls] == [
        *(("read", 0x7F00), ("syscall_0x1f3", 0x7F00)),
    ]
    assert all(each.trapped for each in thread.syscalls)


def test_threads_and_children(tmp_path: Path) -> None:
    found = logs(
        tmp_path,
        t5=[
            *(line(1, EXEC), line(2, "clone3({flags=CLONE_VM|CLONE_THREAD}, 88) = 6")),
            line(3, "vfork() = 7"),
        ],
        t6=[line(4, "clone(flags=CLONE_CHILD_SETTID|SIGCHLD) = 8")],
        t7=[line(5, 'execve("/bin/no", 1, 2) = -1 ENOENT (No)'), line(6, EXEC)],
        t8=[line(7, "brk(NULL) = 0x55")],
    )
    assert [(each.tid, each.pid) for each in found] == [(5, 5), (6, 5), (7, 7), (8, 8)]
    by_tid = {each.tid: each for each in found}
    assert [each.path for each in by_tid[5].images] == ["/bin/app"]
    assert [each.path for each in by_tid[7].images] == ["/bin/app", "/bin/app"]
    assert by_tid[7].images[0].parent is by_tid[5].images[0]
    assert by_tid[7].images[1].parent is None
    assert by_tid[8].images[0].parent is by_tid[5].images[0]


def test_an_exec_belongs_to_what_made_it(tmp_path: Path) -> None:
    again = 'execve("/bin/other", 0x1, 0x2) = 0'
    (thread,) = logs(tmp_path, t5=[line(1, EXEC), line(5, again), line(9, "x() = 0")])
    execed, last = thread.syscalls
    assert thread.image(execed.time).path == "/bin/app"
    assert thread.image(last.time).path == "/bin/other"


def test_an_exec_of_a_thread_goes_on_in_the_log_of_the_first(tmp_path: Path) -> None:
    found = logs(
        tmp_path,
        t5=[
            *(line(1, EXEC), line(2, "clone(flags=CLONE_VM|CLONE_THREAD) = 6")),
            *(line(4, "<... execve resumed>) = 0"), line(5, "brk(NULL) = 0x1")),
        ],
        t6=[line(3, 'execve("/bin/other", 0x1, 0x2 <pid changed to 5 ...>')],
    )
    assert len(found[0].images) == 2
    assert found[0].image(SECOND + 5) is found[0].images[1]


def test_what_is_mapped_where(tmp_path: Path) -> None:
    private = "PROT_READ, MAP_PRIVATE|MAP_DENYWRITE"
    parent, child = logs(
        tmp_path,
        t5=[
            *(line(1, EXEC), line(2, 'openat(AT_FDCWD, "/lib/libc.so.6", 0) = 3')),
            line(3, f"mmap(NULL, 4096, {private}, 3, 0) = {LIBC:#x}"),
            line(4, "mmap(NULL, 4096, PROT_READ, MAP_ANONYMOUS, -1, 0) = 0x1000"),
            line(5, f"mmap(NULL, 4096, {private}, 9, 0) = -1 EBADF (Bad)"),
            line(6, "fork() = 6"),
            line(8, 'openat(AT_FDCWD, "/lib/late.so", 0) = 3'),
            line(9, f"mmap(NULL, 4096, {private}, 3, 0) = {LIBC + 4096:#x}"),
        ],
        t6=[line(7, "brk(NULL) = 0x1")],
    )
    for thread in (parent, child):
        image = thread.images[0]
        assert image.origin(LIBC) == ""
        assert image.origin(LIBC + 1) == "libc.so.6"
        assert image.origin(0x1001) == ""
    assert parent.images[0].origin(LIBC + 4096 + 1) == "late.so"


@pytest.mark.parametrize(("address", "name"), [(0x7E0000000000, "ld.so"), (0x55, "")])
def test_the_loader(tmp_path: Path, address: int, name: str) -> None:
    (thread,) = logs(tmp_path, t5=[line(1, EXEC), line(2, "brk(NULL) = 0x1")])
    image = thread.images[0]
    image.find_loader([Syscall(2, "brk", 0x7E0000000000, "", "0")])
    assert image.origin(address) == name
