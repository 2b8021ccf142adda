"""The check against drift: what can issue a syscall, and who thought about it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import drift
import pytest
from drift import Account, left_over, read_account
from drift_code import COMPUTED
from drift_graph import Graph, issuing, reached_by, read_graph
from gen_exports import find_libc
from gen_rows import read_rows

HERE = Path(__file__).parent
SCRIPT = Path(drift.__file__)
VERSION = "GLIBC_2.2.5"
READ, WRITE, CLOSE, GETPID, CLONE, EXECVE, OPENAT = 0, 1, 3, 39, 56, 59, 257
GETCWD, SCHED_GETPARAM, EXIT_GROUP, OPENAT2 = 79, 143, 231, 437
ISSUING = {
    "_IO_file_write": {WRITE},
    "calls": {GETPID},
    "can_not_be_unwound": {CLONE},
    "computed": {COMPUTED},
    "constant": {GETPID},
    "copied": {GETPID},
    "ends_in_it": {EXIT_GROUP},
    "gives_its_address": {GETPID},
    "jumps": {GETPID},
    "never_returns": {EXIT_GROUP},
    "orders": {OPENAT2},
    "orders_from_the_outer": {OPENAT},
    "pthread_mutex_lock": {SCHED_GETPARAM},
    "returns_from_a_cold_part": {WRITE},
    "writes_to_a_stream": {WRITE},
    "zero": {READ},
}
ROWS = {"_IO_file_write", "pthread_mutex_lock"}
"""Those of them that the table has, for libc has them too."""


@pytest.fixture(scope="module")
def graph() -> Graph:
    return read_graph(find_libc())


@pytest.fixture(scope="module")
def account() -> Account:
    return read_account(drift.CALLS)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drift")
    script, made = folder / "version.map", folder / "library.so"
    script.write_text(f"{VERSION} {{ global: *; }};\n")
    linker = f"-Wl,-Bsymbolic,--version-script={script}"
    subprocess.run(
        ["gcc", "-shared", "-nostdlib", linker, "-o", made, HERE / "drift_library.S"],
        check=True,
        timeout=30,
    )
    return made


def reached(graph: Graph) -> dict[str, set[int]]:
    return {name: reached_by(graph, at) for name, at in issuing(graph).items()}


def test_each_way_to_a_syscall_is_seen_and_no_other(library: Path) -> None:
    expected = {f"{name}@{VERSION}": each for name, each in ISSUING.items()}

    assert reached(read_graph(library)) == expected


def test_what_is_not_accounted_for_is_printed_with_a_way_to_it(library: Path) -> None:
    run = subprocess.run(
        [sys.executable, SCRIPT, library],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    lines = run.stdout.splitlines()

    assert (run.returncode, run.stderr) == (1, "")
    assert {line.partition("@")[0] for line in lines} == ISSUING.keys() - ROWS
    assert f"calls@{VERSION}: calls > constant: getpid" in lines
    assert f"computed@{VERSION}: computed: a-computed-one" in lines


def test_a_library_that_is_no_libc_is_refused() -> None:
    with pytest.raises(SystemExit, match="not a glibc"):
        read_graph(find_libc().with_name("libm.so.6"))


@pytest.mark.parametrize(
    ("name", "some"),
    [
        ("getpid", {GETPID}),
        ("clone", {CLONE}),
        ("fopen", {OPENAT, READ, CLOSE}),
        ("fwrite", {WRITE}),
        ("posix_spawn", {EXECVE}),
        ("getpwent", {OPENAT, READ, CLOSE}),
        ("getcwd", {GETCWD}),
        ("syscall", {COMPUTED}),
    ],
)
def test_what_libc_is_known_to_do_is_found(
    graph: Graph, name: str, some: set[int]
) -> None:
    found = {each.partition("@")[0]: at for each, at in issuing(graph).items()}

    assert some <= reached_by(graph, found[name])


@pytest.mark.parametrize("name", ["strlen", "__strcpy_chk", "sem_post", "mtx_lock"])
def test_what_only_computes_waits_or_dies_is_not(graph: Graph, name: str) -> None:
    exported = {
        each.partition("@")[0] for names in graph.names.values() for each in names
    }

    assert name in exported
    assert not any(each.startswith(f"{name}@") for each in issuing(graph))


def test_a_row_that_is_taken_away_is_missed(graph: Graph, account: Account) -> None:
    row = {each.name for each in read_rows(drift.CALLS) if each.base == "openat"}
    without = Account(account.known - row, account.excepted)

    missed = left_over(graph, without).keys() - left_over(graph, account).keys()
    assert missed == {"openat@GLIBC_2.4", "openat64@GLIBC_2.4"}


def test_every_exception_excuses_something_that_no_row_has(
    graph: Graph, account: Account
) -> None:
    names = {name.partition("@")[0] for name in issuing(graph)}
    for each in account.excepted:
        assert each.reason.endswith(".")
        assert {name for name in names if name in each}, each.reason
        assert not {name for name in account.known if name in each}


def test_nothing_of_the_libc_here_is_left_over(graph: Graph, account: Account) -> None:
    assert left_over(graph, account) == {}
