"""syscall(2) by number: each number goes to the row that a name would, or straight on.

`every_number` makes all of them with arguments that do no harm, -1 or NULL six times,
each in a child; it names those it leaves out, and why.
"""

from __future__ import annotations

import re
import shutil
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from shimmed import BY_SYMBOLS, PYSHIM, run, without_ours

from pyshim.calls import table

Target = Callable[..., str]
LAST = 469
PASSED_ON = {"clone", "clone3", "fork", "arch_prctl"}
"""They return twice, or take the thread's memory away: no code of ours behind them."""
HOT = sorted(each.name for each in table().reachable if each.hot and not each.jump)
EVERYTHING = ",".join(["all", *(name for name in HOT if not name.startswith("_"))])
OWN = re.compile(r"get\w*id|getpgrp|setsid|set_tid_address|brk")
"""Calls whose result is another one in every process."""
OWN_RESULT = {"modify_ldt"}
"""The kernel's int of 64 bits, of which strace thinks that it is an error."""

Results = dict[int, str]
"""By number: what the target said of it."""


def results(command: list[str], cwd: Path) -> Results:
    done = without_ours(run(command, cwd=cwd))
    *told, last = done.stdout.decode().splitlines()
    assert (done.status, done.stderr, last) == (0, b"", "EXIT-SUCCESS"), done
    return {int(number): how for number, how in (line.split(": ") for line in told)}


def calls(log: Path) -> dict[int, str]:
    """By number: the line of the call before the child told of it."""
    children = defaultdict(list)
    for line in log.read_text(errors="surrogateescape").splitlines():
        pid, text = line.split(maxsplit=1)
        children[pid].append(re.sub(r" += ", " = ", text))
    return {
        int(told[1]): before
        for lines in children.values()
        for before, line in pairwise(lines)
        if (told := re.match(r'write\(1, "(\d+): (?!ended)', line))
        and not before.startswith("getpid() = ")
    }


def name_of(line: str) -> str:
    """strace may have written another child's line in the middle of it."""
    return re.split(r"\W+", line.removeprefix("<... "))[0]


def outcome(line: str) -> str:
    """A number, or the error's name."""
    found = re.match(r"\S+( E[A-Z0-9]+)?", line.rpartition(" = ")[2])
    assert found, line
    return found[0]


@pytest.fixture(scope="module")
def every(target: Target) -> list[str]:
    return [target("every_number"), "all", "0", str(LAST)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("numbers")


@pytest.fixture(scope="module")
def log(every: list[str], folder: Path) -> dict[int, str]:
    """What the log says of each number with arguments of -1."""
    options = ["-plog", "-o", "log", "-e", f"trace={EVERYTHING}", "--"]
    results([*BY_SYMBOLS, *options, *every, "-1"], folder)
    return calls(folder / "log")


NEVER = f"inject={EVERYTHING}:error=EDOM:when=60000"
MODES = {
    "log": ("-plog", "-o", "/dev/null", "-e", f"trace={EVERYTHING}"),
    "rule": ("-e", NEVER, "--map", "/no/such=/dev"),
}


@pytest.mark.parametrize("value", ["-1", "0"])
def test_it_does_what_it_does_bare(every: list[str], folder: Path, value: str) -> None:
    bare = results([*every, value], folder)
    assert len(bare) > LAST - 30
    for mode, options in MODES.items():
        shimmed = results([*BY_SYMBOLS, *options, "--", *every, value], folder)
        assert shimmed == bare, mode


@pytest.mark.skipif(not shutil.which("strace"), reason="no strace here")
def test_the_log_has_straces_names_and_results(
    every: list[str], folder: Path, log: dict[int, str]
) -> None:
    results(
        ["strace", "-f", "-qq", "-esignal=none", "-o", "strace", *every, "-1"], folder
    )
    theirs = calls(folder / "strace")
    names = {number: name_of(line) for number, line in theirs.items()}
    known = {number for number, name in names.items() if "syscall_0x" not in name}
    assert len(known) > 330
    assert {names[number] for number in known - log.keys()} == PASSED_ON
    for number in known & log.keys():
        name, line = names[number], log[number]
        assert name_of(line) == name
        if not OWN.fullmatch(name) and name not in OWN_RESULT:
            assert outcome(line) == outcome(theirs[number])
    assert re.search(r" = 0x[0-9a-f]{6,}$", log[12]), "brk returns where the break is"


def test_numbers_that_libc_has_no_function_for(log: dict[int, str]) -> None:
    """Also those that strace does not know yet."""
    found = {name_of(line): number for number, line in log.items()}
    expected = {
        **{"futex": 202, "keyctl": 250, "memfd_secret": 447, "futex_waitv": 449},
        **{"io_uring_setup": 425, "openat2": 437, "landlock_create_ruleset": 444},
        **{"pidfd_getfd": 438, "cachestat": 451, "fchmodat2": 452, "mseal": 462},
        **{"statmount": 457, "setxattrat": 463, "file_setattr": 469, "bpf": 321},
    }
    assert {name: found.get(name) for name in expected} == expected


def test_each_row_of_a_number_can_be_failed_by_its_name(
    every: list[str], folder: Path, log: dict[int, str]
) -> None:
    rows = [row for row in table().reachable if row.number and row.ret != "void"]
    names = ",".join(row.name for row in rows)
    rule = f"inject={names}:error=EDOM"
    made = results([*BY_SYMBOLS, "-e", rule, "--", *every, "-1"], folder)
    failed = {number for number, how in made.items() if how == "EDOM"}
    kernel = {row.syscall for row in rows}
    assert {number for number, line in log.items() if name_of(line) in kernel} == failed
    assert len(failed) > 100


# -- a number is its name ----------------------------------------------------------


def one(target: Target, cwd: Path, *words: str, options: tuple[str, ...] = ()) -> str:
    command = [*PYSHIM, *options, "--", target("every_number"), *words]
    ((_, how),) = results(command, cwd).items()
    return how


GETPPID, OPENAT, STAT, AT_FDCWD = "110", "257", "4", "-100"


def test_a_rule_on_the_name_hits_the_number(target: Target, tmp_path: Path) -> None:
    assert (
        one(target, tmp_path, GETPPID, options=("-einject=getppid:error=EIO",)) == "EIO"
    )
    rule = "-einject=openat:error=EXDEV:path=**/file"
    open_file = OPENAT, AT_FDCWD, "./dir/../file", "0"
    assert one(target, tmp_path, *open_file) == "ENOENT"
    assert one(target, tmp_path, *open_file, options=(rule,)) == "EXDEV"
    other = OPENAT, AT_FDCWD, "./other", "0"
    assert one(target, tmp_path, *other, options=(rule,)) == "ENOENT"


def test_a_map_reaches_the_number(target: Target, tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    (tmp_path / "to/file").touch()
    options = ("--map", f"/no/such={tmp_path}/to")
    opened = one(
        target, tmp_path, OPENAT, AT_FDCWD, "/no/such/file", "0", options=options
    )
    assert opened == "3"
    missing = one(target, tmp_path, STAT, "/no/such/other", "0", options=options)
    assert missing == "ENOENT"


def test_the_line_is_that_of_the_name(target: Target, tmp_path: Path) -> None:
    """As strace writes it, string and flags and all."""
    options = ("-plog", "-o", "log", "-e", "trace=openat,openat2,getppid")
    one(target, tmp_path, OPENAT, AT_FDCWD, "no-such", "0x80000", options=options)
    assert (
        'openat(AT_FDCWD, "no-such", O_RDONLY|O_CLOEXEC) = -1 ENOENT '
        "(No such file or directory)\n"
    ) in (tmp_path / "log").read_text()
    one(target, tmp_path, "437", AT_FDCWD, "no-such", "0", "0", options=options)
    assert re.search(
        r'openat2\(AT_FDCWD, "no-such", NULL, 0\) += -1 EINVAL \(Invalid argument\)',
        (tmp_path / "log").read_text(),
    )
