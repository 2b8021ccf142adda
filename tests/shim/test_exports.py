"""What our libraries show to the loader, and to every program they are loaded into."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from gen_exports import find_libc

from pyshim.calls import LIB

SHIM = LIB / "libpyshim.so"
ALLOC = LIB / "libpyalloc.so"
FOR_ALLOC = "pyshim_slots"
"""The one object: what the stubs of libpyalloc.so jump through."""
FOR_SANITIZERS = {"__asan_default_options@@PYSHIM"}
"""Not libc's: see shim/asan.c."""
MOST_TLS = 128
"""Bytes. A preloaded library lives in the static TLS that every thread has."""


def output(*command: str | Path) -> str:
    return subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=30
    ).stdout


def exported(library: Path) -> set[str]:
    """`name@@VERSION` where it is the default, else `name@VERSION`; the functions."""
    lines = output("nm", "-D", "--defined-only", "--with-symbol-versions", library)
    fields = (line.split() for line in lines.splitlines())
    return {name for _, kind, name in fields if kind in "TtWwiV"}


@pytest.fixture(scope="module")
def ours() -> set[str]:
    """What stands before libc's own."""
    found = exported(SHIM)
    assert found > FOR_SANITIZERS
    return found - FOR_SANITIZERS


@pytest.fixture(scope="module")
def dynamic() -> str:
    return output("readelf", "--wide", "--dynamic", SHIM)


def test_the_exports_are_those_of_the_table(ours: set[str]) -> None:
    table = json.loads((LIB / "table.json").read_text())

    assert {each.replace("@@", "@") for each in ours} == set(table["exports"])


def test_libc_has_each_export_in_the_same_version_and_default(ours: set[str]) -> None:
    assert ours - exported(find_libc()) == set()


def test_no_version_of_a_wrapped_name_is_left_out(ours: set[str]) -> None:
    names = {each.partition("@")[0] for each in ours}
    theirs = {each for each in exported(find_libc()) if each.partition("@")[0] in names}

    assert theirs - ours == set()


def test_nothing_but_functions_is_exported() -> None:
    lines = output("nm", "-D", "--defined-only", "--with-symbol-versions", SHIM)
    fields = [line.split() for line in lines.splitlines()]

    assert {name for _, kind, name in fields if kind not in "TA"} == {
        f"{FOR_ALLOC}@@PYSHIM"
    }, "A: the version nodes"


def test_the_names_of_the_allocator_are_in_a_library_of_their_own() -> None:
    table = json.loads((LIB / "table.json").read_text())
    theirs = exported(ALLOC)
    calls = {each.partition("@")[0] for each in theirs if not each.startswith("_Z")}

    assert {each.replace("@@", "@") for each in theirs} == set(table["alloc"])
    assert {"malloc", "free", "posix_memalign", "strdup"} < calls
    assert not calls & {each.partition("@")[0] for each in exported(SHIM)}
    of_libc = {each for each in theirs if not each.startswith("_Z")}
    assert of_libc <= exported(find_libc())


def test_that_library_needs_ours_and_has_no_code_but_stubs() -> None:
    dynamic = output("readelf", "--wide", "--dynamic", ALLOC)
    undefined = output("nm", "-D", "--undefined-only", ALLOC).split()

    assert re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic) == ["libpyshim.so"]
    assert [each.partition("@")[0] for each in undefined[1:]] == [FOR_ALLOC]
    assert "(INIT" not in dynamic


def test_it_needs_libc_and_nothing_else(dynamic: str) -> None:
    assert re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic) == ["libc.so.6"]


def test_its_constructor_runs_first_and_nothing_is_bound_late(dynamic: str) -> None:
    flags = " ".join(re.findall(r"\(FLAGS_1\)\s+Flags: (.*)", dynamic)).split()

    assert {"INITFIRST", "NOW"} <= set(flags)


def test_its_code_is_shared_between_processes(dynamic: str) -> None:
    assert "TEXTREL" not in dynamic


def test_its_thread_state_is_small_and_its_stack_not_executable() -> None:
    segments = output("readelf", "--wide", "--segments", SHIM)
    tls = re.findall(r"^\s+TLS\s+(.*)$", segments, re.MULTILINE)
    sizes = [int(line.split()[4], 16) for line in tls]
    stack = re.findall(r"^\s+GNU_STACK\s+.*\b(RWE?)\b", segments, re.MULTILINE)

    assert len(sizes) == 1
    assert 0 < sizes[0] <= MOST_TLS
    assert stack == ["RW"]
