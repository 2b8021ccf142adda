"""What can be read off the built shim and its sources: the rules of shim/README.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from pyshim.calls import LIB, table

SHIM = Path(__file__).parents[2] / "shim"

ON_THE_PATH = {
    "_dl_find_object": "takes no lock, as glibc's manual says",
    "environ": "what execv(3) hands on",
    "__environ": "the same",
    "__h_errno_location": "thread-local, as errno",
    **dict.fromkeys(("stdin", "stdout", "stderr"), "to mark a stream as failed"),
    "__errno_location": "see test_errno_is_touched_in_these_files_only",
    "_r_debug": "ld.so's list of objects",
    "__libc_single_threaded": "a byte: whether there is but one thread",
}
INNER = {
    "on_exit": "the shim's constructor",
    "__register_atfork": "the shim's constructor",
    "pthread_key_create": "the shim's constructor",
    "pthread_key_delete": "the shim's constructor",
    "pthread_setspecific": "of a key whose slot lies in the thread itself",
    "pthread_setcancelstate": "two flags of the thread, around a hook",
}
"""Found in libc itself, whoever defines the name before it."""
BY_THE_COMPILER = {
    "_ITM_deregisterTMCloneTable",
    "_ITM_registerTMCloneTable",
    "__cxa_finalize",
    "__gmon_start__",
}


@pytest.fixture(scope="module")
def needed() -> set[str]:
    """The names the shim takes from other libraries."""
    with (LIB / "libpyshim.so").open("rb") as file:
        symbols = ELFFile(file).get_section_by_name(".dynsym")
        return {
            symbol.name
            for symbol in symbols.iter_symbols()
            if symbol.name and symbol["st_shndx"] == "SHN_UNDEF"
        }


def test_the_shim_never_calls_a_name_that_it_exports(needed: set[str]) -> None:
    """Or its own call would come back to it as the program's."""
    assert not needed & {call.name for call in table().calls}


def test_the_shim_calls_nothing_that_is_not_thought_about(needed: set[str]) -> None:
    """No malloc, no stdio, no locale: each name here was looked at."""
    assert needed - BY_THE_COMPILER - ON_THE_PATH.keys() == set()
    inner = re.findall(r'real_in_libc\("(\w+)"\)', (SHIM / "inner.c").read_text())
    assert set(inner) == INNER.keys()


def without_comments(source: str) -> str:
    return re.sub(r"/\*.*?\*/|#include.*?\n", "", source, flags=re.DOTALL)


def test_errno_is_touched_in_these_files_only() -> None:
    """What knows failures, what stands in for a function, two that ask or restore."""
    touching = {
        path.name
        for path in SHIM.glob("*.c")
        if not path.name.startswith(("embed", "heap"))
        and re.search(r"\berrno\b", without_comments(path.read_text()))
    }
    assert touching == {"failure.c", "real.c", "python.c", "preload.c"}


def test_every_atomic_names_its_order() -> None:
    """No default that nobody has thought about."""
    calls = re.compile(r"__atomic_\w+\((?:[^()]|\([^()]*\))*\)")
    found = {
        (path.name, match[0])
        for path in [*SHIM.glob("*.c"), *SHIM.glob("*.h")]
        for match in calls.finditer(without_comments(path.read_text()))
    }
    assert len(found) > 10
    assert {each for each in found if "__ATOMIC_" not in each[1]} == set()
