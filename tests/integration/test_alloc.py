"""ENOMEM where programs meet it: malloc and its kin, in C, C++, from any allocator."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from allocations import (
    ALLOCATORS,
    FAMILY,
    NEVER,
    TARGETS,
    allocator,
    environment,
    outcomes,
)
from reports import said, stepped_aside
from shimmed import run

Target = Callable[..., str]
Pyshim = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(params=ALLOCATORS)
def preload(request: pytest.FixtureRequest) -> dict[str, str]:
    """The test is run with each of them."""
    return environment(request.param)


@pytest.fixture
def new(tmp_path: Path) -> str:
    """The target in C++."""
    program = tmp_path / "alloc_new"
    source = str(TARGETS / "alloc_new.cc")
    command = ["g++", "-std=c++17", "-O1", "-g", source, "-o", str(program)]
    subprocess.run(command, check=True, timeout=60)
    return str(program)


# -- every function of the family --------------------------------------------------


@pytest.mark.parametrize("name", FAMILY)
def test_the_one_that_is_told_fails_as_libc_does(
    pyshim: Pyshim, target: Target, preload: dict[str, str], name: str
) -> None:
    program = target("alloc_calls"), "6", name
    if run(program, env=preload).status:
        pytest.skip("this allocator can't free it")
    done = pyshim("-e", f"inject={name}:error=ENOMEM:when=2+2", *program, env=preload)
    came = [f"{name}: ok", f"{name}: ENOMEM"] * 3
    # Libraries that come with an allocator call malloc before the program does.
    assert outcomes(done) in ([came] if name != "malloc" else [came, came[::-1]])
    assert re.search("hit [34] times", said(done)[0])


def test_each_of_the_set_counts_for_itself(
    pyshim: Pyshim, target: Target, preload: dict[str, str]
) -> None:
    names = [each for each in FAMILY if each not in ("malloc", "memalign", "pvalloc")]
    rule = "inject=%alloc:error=ENOMEM:when=3"
    done = pyshim("-e", rule, target("alloc_calls"), "3", *names, env=preload)
    came = ["ok"] * 2 * len(names) + ["ENOMEM"] * len(names)
    assert outcomes(done) == [
        f"{name}: {each}" for name, each in zip(names * 3, came, strict=True)
    ]


def test_a_value_a_signal_and_delays_work_as_for_every_call(
    pyshim: Pyshim, target: Target
) -> None:
    rule = "inject=malloc:retval=0:when=1"
    done = pyshim("-e", rule, target("alloc_calls"), "1", "malloc")
    # errno stays as it was, and 77 is EBADFD.
    assert outcomes(done) == ["malloc: EBADFD"]
    rule = "inject=calloc:delay_enter=1:delay_exit=1:when=2"
    assert outcomes(pyshim("-e", rule, target("alloc_calls"), "2", "calloc"))
    rule = "inject=malloc:signal=TERM:when=2"
    done = pyshim("-e", rule, target("alloc_calls"), "2", "malloc")
    assert (done.returncode, done.stdout) == (-15, "malloc: ok\n")


@pytest.mark.parametrize("outer", ["strdup", "strndup", "wcsdup", "reallocarray"])
def test_what_it_allocates_inside_counts_once(
    pyshim: Pyshim, target: Target, outer: str
) -> None:
    inner = "realloc" if outer == "reallocarray" else "malloc"
    program = target("alloc_calls"), "2", outer
    alone = pyshim("-e", f"inject={inner}:error=ENOMEM:when=2", *program)
    assert outcomes(alone) == [f"{outer}: ok", f"{outer}: ENOMEM"]
    both = pyshim("-e", "inject=%alloc:error=ENOMEM:when=2", *program)
    assert f"hit 1 time: {outer} at " in said(both)[0]
    apart = pyshim(
        *("-e", f"inject={outer}:{NEVER}"),
        *("-e", f"inject={inner}:error=ENOMEM:when=2", *program),
    )
    assert outcomes(apart) == outcomes(alone)


def test_a_hit_is_told_with_its_place(pyshim: Pyshim, target: Target) -> None:
    rule = "inject=valloc:error=ENOMEM:when=2"
    done = pyshim("-e", rule, target("alloc_calls"))
    assert re.search(r"valloc at alloc_calls\+0x\w+ \(by_valloc\)", said(done)[0])


def test_the_log_shows_them(pyshim: Pyshim, target: Target) -> None:
    options = ("-e", "trace=%alloc", "-e", "inject=calloc:error=ENOMEM:when=1")
    done = pyshim(*options, target("alloc_calls"), "1")
    shown = [line.partition("(")[0] for line in done.stderr.splitlines()]
    kept = ["memalign", "realloc"]
    expected = " ".join(FAMILY).replace("realloc", " ".join(kept), 1).split()
    assert [name for name in shown if name in FAMILY] == expected
    assert "calloc(4, 10) = -1 ENOMEM" in re.sub(r"  +", " ", done.stderr)


# -- C++ ---------------------------------------------------------------------------


def test_new_throws_or_gives_null(
    pyshim: Pyshim, new: str, preload: dict[str, str]
) -> None:
    """One at a time: an exception needs memory, too. Which malloc is whose depends on
    what libraries allocate at their start."""
    came = set()
    for number in range(1, 10):
        rule = f"inject=malloc,aligned_alloc:error=ENOMEM:when={number}"
        came |= {*outcomes(pyshim("-e", rule, new, "1", env=preload))}
    null = {"nothrow", "nothrow[]", "aligned nothrow", "aligned nothrow[]"}
    assert {line.split(": ")[0] for line in came if line.endswith(": null")} == null
    thrown = {"new", "new[]", "aligned", "aligned[]", "string"}
    assert {line.split(": ")[0] for line in came if line.endswith("_alloc")} == thrown


def test_a_new_handler_is_called_and_the_call_repeated(
    pyshim: Pyshim, new: str, preload: dict[str, str]
) -> None:
    """Which malloc it is depends on what libraries allocate at their start."""

    def handled(number: int) -> bool:
        rule = f"inject=malloc:error=ENOMEM:when={number}"
        done = pyshim("-e", rule, new, "1", "handler", env=preload)
        return done.stdout == "handler: ok\nhandled: 1\nEXIT-SUCCESS\n"

    assert any(handled(number) for number in range(1, 8))


def test_the_place_of_a_new_is_the_programs(
    pyshim: Pyshim, new: str, preload: dict[str, str]
) -> None:
    done = pyshim(
        "-e", "inject=aligned_alloc:error=ENOMEM:when=2", new, "1", env=preload
    )
    assert re.search(r"aligned_alloc at alloc_new\+0x\w+ \(main\)", said(done)[0])


# -- children ----------------------------------------------------------------------


def test_programs_that_are_started_fail_as_well(pyshim: Pyshim, tmp_path: Path) -> None:
    """With an environment of their own, too."""
    (tmp_path / "file").write_text("text\n")
    rule = "inject=malloc:error=ENOMEM:process=paste"
    done = pyshim("-e", rule, "sh", "-c", "paste file; env -i /usr/bin/paste file")
    told = [each for each in done.stderr.splitlines() if not each.startswith("pyshim")]
    assert told == ["paste: memory exhausted", "/usr/bin/paste: memory exhausted"]


def test_a_program_that_bypasses_finds_neither_library(
    pyshim: Pyshim, target: Target
) -> None:
    static = target("alloc_early", "-static")
    shell = f"{static}; sh -c 'echo $LD_PRELOAD'"
    done = pyshim("-e", f"inject=malloc:{NEVER}", "sh", "-c", shell)
    assert (done.returncode, "ld.so" in done.stderr) == (0, False)
    assert re.search(r"libpyalloc\.so:\S*libpyshim\.so$", done.stdout)


# -- whose malloc it is ------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(ALLOCATORS.keys() - {"glibc"}))
def test_an_allocator_that_the_program_is_linked_to(
    pyshim: Pyshim, target: Target, name: str
) -> None:
    linked = target("alloc_calls", "-Wl,--no-as-needed", allocator(name))
    rule = "inject=malloc:error=ENOMEM:when=2+2"
    done = pyshim("-e", rule, linked, "4", "malloc", "calloc")
    failed = [line for line in outcomes(done) if "ENOMEM" in line]
    assert failed and {*failed} == {"malloc: ENOMEM"}


def test_a_malloc_in_the_programs_own_file_is_told(
    pyshim: Pyshim, target: Target
) -> None:
    done = pyshim("-e", "inject=malloc:error=ENOMEM", target("own_allocator"))
    assert done.stdout.endswith("EXIT-SUCCESS\n")
    (reason,) = stepped_aside(done)
    assert reason.startswith("the program's own file defines what %alloc asks for")


@pytest.mark.parametrize(
    "flags", [["address"], ["leak"], ["thread"], ["address", "-static-libasan"]]
)
def test_a_sanitizers_malloc_is_left_to_it(
    pyshim: Pyshim, target: Target, flags: list[str]
) -> None:
    try:
        program = target("alloc_calls", f"-fsanitize={flags[0]}", *flags[1:])
    except subprocess.CalledProcessError:
        pytest.skip(f"gcc has no {flags} here")
    done = pyshim("-e", "inject=%alloc:error=ENOMEM", program, "2", "malloc", "calloc")
    assert {*outcomes(done)} == {"malloc: ok", "calloc: ok"}
    (reason,) = stepped_aside(done)
    assert "malloc" in reason or "%alloc" in reason


def test_cpp_under_a_sanitizer_frees_as_it_allocates(
    pyshim: Pyshim, tmp_path: Path
) -> None:
    source, program = str(TARGETS / "alloc_new.cc"), str(tmp_path / "sanitized")
    command = ["g++", "-std=c++17", "-fsanitize=address", source, "-o", program]
    if subprocess.run(command, timeout=60, check=False).returncode:
        pytest.skip("g++ has no AddressSanitizer here")
    done = pyshim("-e", f"inject=%alloc:{NEVER}", program, "2")
    assert (done.returncode, "ERROR" in done.stderr) == (0, False), done.stderr


def test_valgrind_is_told_how_to_let_them_be_seen(
    pyshim: Pyshim, target: Target
) -> None:
    if subprocess.run(
        ["which", "valgrind"], capture_output=True, check=False
    ).returncode:
        pytest.skip("valgrind is not installed")
    rule = "inject=malloc:error=ENOMEM:process=alloc_calls:when=2"
    option = "--soname-synonyms=somalloc=nouserintercepts"
    program = target("alloc_calls"), "2", "malloc"
    done = pyshim("-e", rule, "valgrind", "-q", *program)
    assert outcomes(done) == ["malloc: ok", "malloc: ok"]
    assert option in next(iter(stepped_aside(done)))
    done = pyshim("-e", rule, "valgrind", "-q", option, *program)
    assert outcomes(done) == ["malloc: ok", "malloc: ENOMEM"]


# -- Python ------------------------------------------------------------------------

ASKED = """
@hookimpl(calls=["{calls}"])
def pyshim_call_enter(call):
    import decimal
"""


@pytest.mark.parametrize("calls", ["malloc", "%alloc", "getppid,strdup"])
@pytest.mark.parametrize("bridge", ["target", "host"])
def test_a_hook_on_an_allocation_is_refused(
    hooked: Callable[..., subprocess.CompletedProcess[str]], calls: str, bridge: str
) -> None:
    done = hooked(ASKED.format(calls=calls), f"--bridge={bridge}", "touch", "ran")
    assert (done.returncode, done.stderr.count("\n")) == (125, 1)
    assert "Python never runs inside an allocation" in done.stderr
    assert not Path("ran").exists()


def test_all_and_patterns_mean_no_allocation(
    hooked: Callable[..., subprocess.CompletedProcess[str]], target: Target
) -> None:
    done = hooked(ASKED.format(calls="/."), target("alloc_calls"), "1")
    assert len(outcomes(done)) == len(FAMILY)


def test_what_pythons_start_allocates_does_not_count(
    hooked: Callable[..., subprocess.CompletedProcess[str]],
    pyshim: Pyshim,
    target: Target,
    preload: dict[str, str],
) -> None:
    """ld.so allocates for it, by the program's malloc."""
    options = ("--layer=symbols", "-e", "trace=malloc,strdup", target("alloc_threads"))

    def counted(done: subprocess.CompletedProcess[str]) -> Counter[str]:
        assert done.returncode == 0, done
        return Counter(re.findall(r"(malloc|strdup)\(", done.stderr))

    plain = counted(pyshim(*options, env=preload))
    source = ASKED.format(calls="write,pthread_create,wait4")
    assert plain["malloc"] > 1000
    assert counted(hooked(source, *options, env=preload)) == plain
