"""Memory that runs out: a budget, programs not ours, the leak of realloc."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from allocations import ALLOCATORS, NEVER, TARGETS, environment, outcomes
from reports import said
from shimmed import PYSHIM, Done, run

Target = Callable[..., str]
Pyshim = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(params=ALLOCATORS)
def preload(request: pytest.FixtureRequest) -> dict[str, str]:
    """The test is run with each of them."""
    return environment(request.param)


# -- a budget ----------------------------------------------------------------------


def filled(lines: Sequence[str]) -> dict[str, int]:
    return {name: int(number) for name, number in (each.split(": ") for each in lines)}


def test_a_budget_lasts_until_it_is_used_up_and_again_when_freed(
    pyshim: Pyshim, target: Target, preload: dict[str, str]
) -> None:
    """Of 100 KiB, each in a block that an allocator may make larger."""
    rule = "inject=%alloc:budget=1200KiB"
    done = pyshim("-e", rule, target("alloc_budget"), env=preload)
    came = filled(outcomes(done))
    assert came.pop("at first") == came.pop("at last") in (10, 11)
    assert came.pop("after a smaller one") in (1, 2)
    assert came == {
        "in a child": 2,
        "in a child, freed": 2,
        "in a thread": 2,
        "too large": 0,
        "calloc": 1,
        "strdup": 1,
        "overflow": 0,
    }


def test_an_allocator_that_does_not_tell_how_large_its_blocks_are(
    pyshim: Pyshim, target: Target, library: Target
) -> None:
    """libc's malloc_usable_size would read in front of them, where nothing is."""
    path = library("sizeless_allocator")
    flags = ("-Wl,--no-as-needed", path, f"-Wl,-rpath,{Path(path).parent}")
    program = target("alloc_budget", *flags)
    done = pyshim("-e", "inject=%alloc:budget=1200KiB", program)
    came = filled(outcomes(done))
    assert (came["at first"], came["overflow"]) == (40, 0)
    assert any("malloc_usable_size" in line for line in said(done))


def test_a_budget_is_for_the_calls_that_it_names(
    pyshim: Pyshim, target: Target
) -> None:
    """All count; but only realloc fails."""
    rule = "inject=realloc:budget=1200KiB"
    came = filled(outcomes(pyshim("-e", rule, target("alloc_budget"))))
    assert (came["at first"], came["at last"], came["too large"]) == (40, 40, 0)


def test_a_budget_that_is_large_enough_changes_nothing(
    pyshim: Pyshim, target: Target, preload: dict[str, str]
) -> None:
    bare = run([target("alloc_threads")], env=preload)
    rule = "inject=%alloc:budget=1GiB"
    done = pyshim("-e", rule, target("alloc_threads"), env=preload)
    assert (done.returncode, done.stdout) == (bare.status, bare.stdout.decode())
    assert "never hit" in said(done)[0]


# -- what libc asks of the kernel --------------------------------------------------


def test_malloc_fails_by_itself_when_the_kernel_gives_nothing(
    pyshim: Pyshim, target: Target
) -> None:
    rule = "inject=brk,mmap:error=ENOMEM"
    program = target("alloc_calls"), "1", "malloc"
    assert outcomes(pyshim("-e", rule, *program)) == ["malloc: ENOMEM"]
    # By symbols libc is not seen to ask.
    done = pyshim("--layer=symbols", "-e", rule, *program)
    assert outcomes(done) == ["malloc: ok"]


# -- programs not ours -------------------------------------------------------------

PROGRAMS = {
    "sort": ["sort", "-n", "/etc/services"],
    "python": ["/usr/bin/python3", "-S", "-c", "print(sorted(map(str, range(50))))"],
    "perl": [
        "perl",
        "-e",
        'my %h = map { $_ => 1 } 1..99; print scalar(keys %h), "\n"',
    ],
    "bash": ["bash", "-c", "for i in 1 2 3; do printf %03d. $i; done"],
    "sqlite3": ["sqlite3", ":memory:", "create table a(b); select 1 union select 2"],
    "jq": ["jq", "-n", "[range(9)] | add"],
    "gawk": ["awk", 'BEGIN { for (i = 0; i < 9; i++) a[i] = i "x"; print length(a) }'],
}
NUMBERS = (1, 2, 4, 9, 21, 60, 150)
LOAD = ("-e", "trace=%alloc", "-o", "log")


def ended(done: Done) -> tuple[int, bytes]:
    """What is the program's own: whether it copes, or dies of the NULL."""
    return done.status, done.stdout


IN_TIME = ("sort", "python", "sqlite3")
"""For make test; the others are for make outside."""


@pytest.fixture(
    params=[
        name if name in IN_TIME else pytest.param(name, marks=pytest.mark.long)
        for name in PROGRAMS
    ]
)
def program(request: pytest.FixtureRequest) -> list[str]:
    command = PROGRAMS[request.param]
    if subprocess.run(
        ["which", command[0]], capture_output=True, check=False
    ).returncode:
        pytest.skip(f"{command[0]} is not installed")
    return command


def test_a_rule_that_never_fires_changes_nothing(
    program: list[str], tmp_path: Path
) -> None:
    bare = run(program, cwd=tmp_path)
    for options in (["-e", f"inject=%alloc:{NEVER}"], LOAD):
        assert ended(run([*PYSHIM, *options, *program], cwd=tmp_path)) == ended(bare)


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A preload of its own that does the same by hand."""
    made = str(tmp_path_factory.mktemp("oracle") / "oracle.so")
    source = str(TARGETS / "alloc_oracle.c")
    flags = [
        "-O1",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-shared",
        "-fPIC",
        "-Wl,-z,initfirst",
    ]
    subprocess.run(["gcc", *flags, source, "-o", made], check=True, timeout=60)
    return made


def test_it_dies_or_copes_as_when_another_fails_that_malloc(
    program: list[str], oracle: str, tmp_path: Path
) -> None:
    for number in NUMBERS:
        env = os.environ | {"LD_PRELOAD": oracle, "FAIL": str(number)}
        by_hand = run(program, cwd=tmp_path, env=env)
        rule = f"inject=malloc:error=ENOMEM:when={number}"
        ours = run([*PYSHIM, "-e", rule, *program], cwd=tmp_path)
        assert ended(ours) == ended(by_hand), number


# -- the leak of realloc -----------------------------------------------------------


def leaked(log: str) -> list[str]:
    """What was allocated and never freed, by a log of %alloc."""
    live: dict[str, str] = {}
    for line in log.splitlines():
        taken = re.search(r"(\w+)\((.*?)\) += (\S+)", line)
        if taken and taken[1] in ("free", "realloc") and taken[3] != "-1":
            live.pop(taken[2].partition(",")[0], None)
        if taken and taken[3].startswith("0x"):
            live[taken[3]] = line
    return [*live.values()]


@pytest.mark.parametrize(("flags", "lost"), [((), 1), (("-DREPAIRED",), 0)])
def test_p_is_realloc_of_p(
    pyshim: Pyshim, target: Target, tmp_path: Path, flags: Sequence[str], lost: int
) -> None:
    rule = "inject=realloc:error=ENOMEM:when=2"
    options = ("-e", rule, "-e", "trace=%alloc", "-o", "log")
    done = pyshim(
        *options, target("alloc_realloc", *flags), input="x" * 999, stdin=None
    )
    assert done.stdout == "128 bytes\n"
    assert len(leaked((tmp_path / "log").read_text())) == lost
