"""strace's syscalls beside ours: who saw which, and where the others were made."""

from __future__ import annotations

from collections import Counter

import pytest

from pyshim.calls import table
from pyshim.commands.coverage import percentage
from pyshim.compared import Comparison, Heard, Tally, compare
from pyshim.event import Event, Kind, Memory
from pyshim.strace import Image, Syscall, Thread

PID, THREAD = 7, 8
BEGUN, HELLO = 1000, 2000
LIBC, LOADER, SHIM, PROGRAM = 0x10000, 0x900000, 0x30000, 0x500
SIZE = 0x1000
LATER = 1_000_000
"""After the hello, and longer than what is too short for a syscall."""


def image(**changes: object) -> Image:
    made = Image("/bin/app", BEGUN, **changes)  # type: ignore[arg-type]
    made.map(LIBC, SIZE, "/lib/libc.so.6")
    made.map(SHIM, SIZE, "/lib/libpyshim.so")
    return made


def syscall(
    name: str, time: int, address: int = LIBC + 8, result: str = "0"
) -> Syscall:
    return Syscall(time, name, address, "", result)


def call(name: str, start: int, end: int, kind: Kind = Kind.CALL) -> Event:
    return Event(kind, PID, PID, start, end - start, table().by_name(name))


def heard(*events: Event, hello: int = HELLO) -> Heard:
    found = Heard()
    exe = {0: Memory(b"/bin/app", 8)}
    if hello:
        found.note(Event(Kind.START, PID, PID, hello, 0, memory=exe))
    for each in events:
        found.note(each)
    return found


def of(syscalls: list[Syscall], *events: Event) -> Comparison:
    return compare([Thread(PID, PID, syscalls, [image()])], heard(*events))


def missed(found: Comparison) -> dict[str, int]:
    return dict(found.total.missed)


def test_a_call_that_is_the_syscall() -> None:
    found = of([syscall("read", LATER)], call("read", LATER - 9, LATER + 9))
    assert found.syscalls == {"read": Tally(1)}
    assert not found.extra


def test_by_its_name_and_its_time() -> None:
    around = call("read", LATER - 9, LATER + 9)
    assert missed(of([syscall("read", LATER + 10)], around)) == {"libc by itself": 1}
    assert missed(of([syscall("write", LATER)], around)) == {"inside read": 1}


def test_a_call_is_one_syscall() -> None:
    both = [syscall("read", LATER), syscall("read", LATER + 1)]
    found = of(both, call("read", LATER - 9, LATER + 9))
    assert (found.total.seen, missed(found)) == (1, {"inside read": 1})


def test_what_the_kernel_restarts_is_one_call() -> None:
    cut = syscall("read", LATER, result="? ERESTARTSYS (To be restarted)")
    again = [syscall("rt_sigreturn", LATER + 1), syscall("read", LATER + 2)]
    found = of([cut, *again], call("read", LATER - 9, LATER + 9))
    assert found.syscalls["read"] == Tally(2)
    restart = syscall("restart_syscall", LATER + 2)
    found = of([cut, restart], call("read", LATER - 9, LATER + 9))
    assert found.total == Tally(2)
    assert not found.answered


def test_what_a_signal_ends_for_good_is_one_call() -> None:
    """Whether it comes again is not told before it does."""
    cut = syscall("pause", LATER, result="? ERESTARTNOHAND (To be restarted)")
    found = of([cut], call("pause", LATER - 9, LATER + 9))
    assert found.total == Tally(1)
    assert not found.answered


def test_the_innermost_call_counts() -> None:
    """fopen, in it a handler that reads."""
    events = [call("fopen", LATER, LATER + 90), call("read", LATER + 30, LATER + 50)]
    syscalls = [
        *(syscall("openat", LATER + 10), syscall("read", LATER + 40)),
        syscall("newfstatat", LATER + 60),
    ]
    found = of(syscalls, *events)
    assert (found.total.seen, missed(found)) == (1, {"inside fopen": 2})


def test_a_call_without_a_syscall_was_answered() -> None:
    found = of([], call("sbrk", LATER, LATER + 9), call("fopen", LATER, LATER + 9))
    assert found.answered == Counter(sbrk=1)
    assert not found.extra


def test_a_caught_call_without_a_syscall_is_extra() -> None:
    found = of([], call("brk", LATER, LATER + 9)._replace(caught=True))
    assert (found.extra, found.answered) == (Counter(brk=1), Counter())


def test_what_the_shim_answers_for_the_kernel() -> None:
    """The program's own action for SIGSYS: the real one is the shim's."""
    told = call("rt_sigaction", LATER, LATER + 9)._replace(caught=True)
    found = of([], told._replace(args=(31, 1, 0, 8)), told._replace(args=(10, 1, 0, 8)))
    assert (found.answered, found.extra) == ({"rt_sigaction": 1}, {"rt_sigaction": 1})


def test_what_is_told_before_it_is_gone() -> None:
    """A handler's return, in a read that goes on: nothing ends the event but itself."""
    back = call("SYS_rt_sigreturn", LATER + 20, LATER + 21)._replace(caught=True)
    cut = syscall("read", LATER, result="? ERESTARTSYS (To be restarted)")
    lines = [cut, syscall("rt_sigreturn", LATER + 30), syscall("read", LATER + 40)]
    found = of(lines, call("read", LATER - 9, LATER + 90), back)
    assert found.total == Tally(3)


def test_what_a_handler_interrupts_may_be_cut_off_when_it_comes_again() -> None:
    events = [
        call("pause", LATER - 9, LATER - 9, Kind.UNFINISHED),
        call("getppid", LATER + 10, LATER + 20)._replace(caught=True),
    ]
    lines = [
        syscall("pause", LATER, result="? ERESTARTNOHAND (To be restarted)"),
        *(syscall("getppid", LATER + 15), syscall("pause", LATER + 30, result="?")),
    ]
    assert of(lines, *events).total == Tally(3)


def test_hot_calls_too_short_for_a_syscall_are_none() -> None:
    found = of([], call("gettimeofday", LATER, LATER + 40))
    assert not found.answered
    found = of([], call("gettimeofday", LATER, LATER + 40)._replace(caught=True))
    assert found.extra == Counter(gettimeofday=1)


def test_calls_whose_end_is_not_known() -> None:
    """An exec, a vfork, and a call in which it died: what comes next is theirs."""
    events = [
        *(call("vfork", LATER, LATER), call("execve", LATER + 100, LATER + 101)),
        call("kill", LATER + 200, LATER + 200, Kind.UNFINISHED),
    ]
    syscalls = [
        *(syscall("vfork", LATER + 50), syscall("brk", LATER + 60)),
        *(syscall("execve", LATER + 150), syscall("kill", LATER + 250)),
    ]
    found = of(syscalls, *events)
    assert (found.total.seen, missed(found)) == (3, {"libc by itself": 1})
    assert not found.answered


def test_exit_and_what_it_does_on_the_way() -> None:
    end = Event(Kind.EXIT, PID, PID, LATER + 20, 0)
    syscalls = [syscall("write", LATER + 10), syscall("exit_group", LATER + 30)]
    found = of(syscalls, call("exit", LATER, LATER), end)
    assert (found.total.seen, missed(found)) == (1, {"inside exit": 1})


def test_where_the_others_were_made() -> None:
    syscalls = [
        *(syscall("mmap", HELLO - 1, LOADER), syscall("close", HELLO - 1, SHIM + 8)),
        *(syscall("mmap", LATER, LOADER + 8), syscall("getpid", LATER, SHIM + 8)),
        *(syscall("getuid", LATER, PROGRAM), syscall("brk", LATER)),
    ]
    found = of(syscalls)
    assert found.before == Counter(mmap=1)
    assert found.ours == Counter(close=1, getpid=1)
    assert found.total.missed == {
        "ld.so": 1,
        "the program's own instruction": 1,
        "libc by itself": 1,
    }


def test_what_death_cut_off_is_missed_and_says_so() -> None:
    lines = [syscall("brk", LATER, result="?"), syscall("exit", LATER + 1, result="?")]
    assert missed(of(lines)) == {"cut off by the end": 1, "libc by itself": 1}


def test_without_a_hello_all_is_missed() -> None:
    threads = [Thread(PID, PID, [syscall("read", LATER)], [image()])]
    found = compare(threads, heard(hello=0))
    assert missed(found) == {"/bin/app, without the shim": 1}


def test_images_have_hellos_of_their_own_and_forks_their_parents() -> None:
    first = image()
    forked = Image("/bin/app", LATER, first)
    static = Image("/bin/st", LATER + 100)
    threads = [
        Thread(PID, PID, [syscall("read", LATER)], [first]),
        Thread(
            *(9, 9, [syscall("brk", LATER + 50), syscall("brk", LATER + 150)]),
            [forked, static],
        ),
    ]
    found = compare(threads, heard())
    assert found.total.missed == {"libc by itself": 2, "/bin/st, without the shim": 1}


def test_threads_are_told_apart() -> None:
    both = [
        Thread(PID, PID, [syscall("read", LATER)], [image()]),
        Thread(THREAD, PID, [syscall("read", LATER)], [image()]),
    ]
    found = compare(both, heard(call("read", LATER - 9, LATER + 9)))
    assert found.syscalls["read"] == Tally(1, Counter({"libc by itself": 1}))


@pytest.mark.parametrize(
    ("seen", "gone", "text"),
    [
        *((0, 0, "nothing"), (0, 5, "0.0 %"), (1, 1, "50.0 %"), (7, 0, "100.0 %")),
        (99_999, 1, "99.9 %"),
    ],
)
def test_a_percentage(seen: int, gone: int, text: str) -> None:
    assert (
        percentage(Tally(seen, Counter(elsewhere=gone) if gone else Counter())) == text
    )
