"""Whose the syscalls are that strace saw the shim make: the program's, or its own."""

from __future__ import annotations

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from pyshim.calls import LIB
from pyshim.reissued import PLACES, Maker, told_apart
from pyshim.strace import Image, Syscall, Thread

SHIM, SIZE = 0x700000000000, 0x1000000
LIBC = 0x600000000000
HERE, THERE = LIBC + 0x11, LIBC + 0x22
CUT = "? ERESTARTSYS (To be restarted if SA_RESTART is set)"
BLOCK = "? ERESTART_RESTARTBLOCK (Interrupted by signal)"


@pytest.fixture(scope="module")
def functions() -> dict[str, int]:
    """Where each of the shim's functions begins."""
    with (LIB / "libpyshim.so").open("rb") as file:
        symbols = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(symbols, SymbolTableSection)
        return {
            each.name: each["st_value"]
            for each in symbols.iter_symbols()
            if each["st_info"]["type"] == "STT_FUNC" and each["st_size"]
        }


@pytest.fixture
def place(functions: dict[str, int]) -> int:
    """Behind an instruction that makes the program's syscalls."""
    return SHIM + functions["call_raw"] + 2


@pytest.fixture
def own(functions: dict[str, int]) -> int:
    return SHIM + functions["thread_renew"] + 2


def image(begun: int = 0) -> Image:
    made = Image("/bin/app", begun)
    made.map(LIBC, 0x1000, "/lib/libc.so.6")
    made.map(SHIM, SIZE, "/lib/libpyshim.so")
    return made


def trap(name: str, address: int = HERE) -> Syscall:
    return Syscall(0, name, address, "", "sent back as SIGSYS")


def made(name: str, address: int, result: str = "0") -> Syscall:
    return Syscall(0, name, address, "", result)


def told(*syscalls: Syscall) -> list[tuple[str, str, int]]:
    """Each as (name, maker, address); all of the shim's are left out."""
    timed = [each._replace(time=n) for n, each in enumerate(syscalls, 1)]
    return [
        (each.syscall.name, each.maker.value, each.syscall.address)
        for each in told_apart(Thread(7, 7, timed, [image()]))
        if each.maker is not Maker.SHIM
    ]


def test_the_places_are_there(functions: dict[str, int]) -> None:
    """Else what the shim makes for the program can't be told from its own."""
    assert PLACES.keys() <= functions.keys()


def test_what_the_program_makes_by_itself(place: int, own: int) -> None:
    found = told(made("read", HERE), made("getpid", own))
    assert found == [("read", "program", HERE)]


def test_a_trap_and_its_syscall(place: int, own: int) -> None:
    found = told(
        *(trap("read", THERE), made("rt_sigreturn", own)),
        *(made("rt_sigprocmask", own), made("read", place)),
        made("getpid", own),
    )
    assert found == [("read", "program", THERE)]


def test_the_shims_own_of_the_same_name(place: int, own: int) -> None:
    found = told(
        *(trap("getpid"), made("rt_sigreturn", own)),
        *(made("getpid", own), made("getpid", place)),
    )
    assert found == [("getpid", "program", HERE)]


def test_a_handler_behind_the_shims_own_of_the_same_name(
    functions: dict[str, int], place: int, own: int
) -> None:
    back, probe = made("rt_sigreturn", own), made("rt_sigprocmask", own)
    returns = SHIM + functions["catch_sigreturn"] + 2
    found = told(
        *(trap("rt_sigprocmask", THERE), back, probe),
        *(trap("rt_sigreturn"), back, made("rt_sigreturn", returns)),
        made("rt_sigprocmask", place),
    )
    assert found == [
        *(("rt_sigreturn", "program", HERE), ("rt_sigprocmask", "program", THERE)),
    ]


def test_from_a_place_that_nobody_knows_it_is_still_the_programs(own: int) -> None:
    """A miss must not look like a call of the shim's."""
    found = told(
        *(trap("clone3"), made("rt_sigreturn", own), made("clone3", own)),
        *(made("prctl", own), trap("close"), made("rt_sigreturn", own)),
    )
    assert found == [("clone3", "program", HERE), ("close", "nobody", HERE)]


def test_a_handlers_return(functions: dict[str, int], own: int) -> None:
    """The first is of the shim's handler, the second of the program's."""
    place = SHIM + functions["catch_sigreturn"] + 2
    trapped = trap("rt_sigreturn", THERE)
    found = told(trapped, made("rt_sigreturn", own), made("rt_sigreturn", place))
    assert found == [("rt_sigreturn", "program", THERE)]


def test_a_handler_in_between(place: int, own: int) -> None:
    back = made("rt_sigreturn", own)
    found = told(
        *(trap("read", THERE), back, trap("getppid"), back, made("getppid", place)),
        made("read", place),
    )
    assert found == [("getppid", "program", HERE), ("read", "program", THERE)]


@pytest.mark.parametrize(
    ("result", "again"), [(CUT, "read"), (BLOCK, "restart_syscall")]
)
def test_what_the_kernel_makes_again(
    result: str, again: str, place: int, own: int
) -> None:
    found = told(
        *(trap("read", THERE), made("rt_sigreturn", own), made("read", place, result)),
        *(trap("getppid"), made("rt_sigreturn", own), made("getppid", place)),
        *(made(again, place, result), made(again, place)),
        made("read", place),
    )
    assert found == [
        *(("read", "program", THERE), ("getppid", "program", HERE)),
        *((again, "program", THERE), (again, "program", THERE)),
        ("read", "either", place),
    ]


def test_what_was_never_made(place: int, own: int) -> None:
    found = told(trap("rt_sigaction"), made("rt_sigreturn", own), made("brk", own))
    assert found == [("rt_sigaction", "nobody", HERE)]


def test_what_was_not_made_before_an_exec_is_not_made_behind_it(own: int) -> None:
    lines = [
        *(trap("rt_sigaction")._replace(time=1), made("rt_sigreturn", own)),
        *(made("execve", own)._replace(time=5), made("rt_sigaction", own)),
    ]
    timed = [each._replace(time=n) for n, each in enumerate(lines, 1)]
    found = told_apart(Thread(7, 7, timed, [image(), image(begun=3)]))
    makers = [(each.syscall.name, each.maker.value) for each in found]
    assert makers == [
        *(("rt_sigreturn", "shim"), ("execve", "shim")),
        *(("rt_sigaction", "nobody"), ("rt_sigaction", "shim")),
    ]
