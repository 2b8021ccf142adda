"""poke_enter= and poke_exit=: what is written, and where nothing is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from reports import Done, said

Target = Callable[..., str]
Pyshim = Callable[..., Done]
BARE = {
    "open": "ENOENT",
    "path": "nowhere",
    "open fixed": "ENOENT",
    "fixed": "fixed",
    "chdir nowhere": "EFAULT",
    "rmdir at the edge": "EFAULT",
    "edge": "mmmm",
}


def told(done: Done) -> dict[str, str]:
    """What the target said."""
    *lines, last = done.stdout.splitlines()
    assert (done.returncode, last) == (0, "EXIT-SUCCESS"), done
    return dict(line.split(": ", 1) for line in lines)


def test_the_target_by_itself(pyshim: Pyshim, target: Target) -> None:
    assert told(pyshim(target("pokes"))) == BARE


@pytest.mark.parametrize("layer", ["symbols", "full"])
def test_before_the_call_it_changes_what_the_kernel_reads(
    pyshim: Pyshim, target: Target, tmp_path: Path, layer: str
) -> None:
    """The kernel's second argument is open(3)'s first; what it points to stays so."""
    rule = f"inject=openat:poke_enter=@arg2={b'some'.hex()}:path=**/nowhere"
    (tmp_path / "someere").touch()
    seen = told(pyshim(f"--layer={layer}", "-e", rule, target("pokes")))
    assert seen == BARE | {"open": "ok", "path": "someere"}


def test_behind_the_call_the_kernel_has_read_it(pyshim: Pyshim, target: Target) -> None:
    rule = f"inject=openat:poke_exit=@arg2={b'some'.hex()}:path=**/nowhere"
    assert told(pyshim("-e", rule, target("pokes"))) == BARE | {"path": "someere"}


def test_what_is_read_only_stays_so_and_it_is_told(
    pyshim: Pyshim, target: Target
) -> None:
    rule = f"inject=openat:poke_enter=@arg2={b'some'.hex()}:path=**/fixed"
    done = pyshim("-e", rule, target("pokes"))
    assert told(done) == BARE
    assert any(
        "poke_enter= or poke_exit= could not write" in line for line in said(done)
    )


def test_what_ends_too_early_is_written_to_its_end(
    pyshim: Pyshim, target: Target
) -> None:
    rule = "inject=chdir,rmdir:poke_exit=@arg1=414243444546"
    assert told(pyshim("-e", rule, target("pokes"))) == BARE | {"edge": "ABCD"}


def test_of_two_rules_each_pokes_at_its_side(pyshim: Pyshim, target: Target) -> None:
    rules = ("inject=rmdir:poke_enter=@arg1=4142", "inject=rmdir:poke_exit=@arg1=43")
    options = [f"-e{rule}" for rule in rules]
    assert told(pyshim(*options, target("pokes"))) == BARE | {"edge": "CBmm"}


def test_an_argument_that_is_not_there_is_told_before(
    pyshim: Pyshim, target: Target
) -> None:
    done = pyshim("-e", "inject=rmdir:poke_exit=@arg2=41", target("pokes"))
    assert told(done) == BARE
    assert "none of these calls has an argument 2 to poke" in said(done)[0]


def test_the_call_in_its_place_changes_nothing_more(
    pyshim: Pyshim, target: Target
) -> None:
    rule = "inject=chdir:error=EIO:syscall=getuid"
    assert told(pyshim("-e", rule, target("pokes"))) == BARE | {"chdir nowhere": "EIO"}


# -- strace's options ---------------------------------------------------------------


@pytest.mark.parametrize("option", ["-P", "--trace-path="])
def test_a_rule_is_for_the_traced_paths_alone(
    pyshim: Pyshim, target: Target, option: str
) -> None:
    words = [f"{option}{name}" for name in ("nowhere", "elsewhere")]
    done = pyshim(*words, "--inject=openat:error=EIO", target("pokes"))
    assert told(done) == BARE | {"open": "EIO"}


def test_a_rule_is_for_the_traced_calls_alone(pyshim: Pyshim, target: Target) -> None:
    options = ("-o", "/dev/null", "-e", "fault=all:error=EIO")
    seen = told(pyshim(*options, "--trace=rmdir", target("pokes")))
    assert seen == BARE | {"rmdir at the edge": "EIO"}
    done = pyshim(
        *options, "--trace=getppid,chdir", "-e", "trace=sync", target("pokes")
    )
    assert told(done) == BARE


def test_a_function_in_a_class_makes_way_for_its_syscalls(
    pyshim: Pyshim, target: Target
) -> None:
    """puts() and printf() are not among `all` where the write inside them is."""
    rule = "fault=all:error=EIO"
    lines = pyshim("--explain", "-e", rule, "-e", "trace=all", target("pokes")).stdout
    by_name = pyshim("--explain", "-e", "fault=fopen,read", target("pokes")).stdout
    rules = [line for line in lines.splitlines() if "for rules" in line]
    assert rules
    assert not any(" fopen " in line for line in rules)
    assert any(
        " fopen " in line for line in by_name.splitlines() if "for rules" in line
    )


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("-c", "-c (counting calls)"),
        ("-tt", "-t (times)"),
        ("-u nobody", "-u (another user"),
        ("--attach 1", "attaching"),
        ("-ff -o /dev/null", "-ff with -o"),
    ],
)
def test_an_option_of_straces_that_is_not_here_is_refused_by_name(
    pyshim: Pyshim, words: str, what: str
) -> None:
    done = pyshim(*words.split(), "true")
    assert done.returncode == 125
    assert what in done.stderr


def test_options_that_change_nothing_are_taken(pyshim: Pyshim) -> None:
    words = "-f -ff -qq -yy -v --seccomp-bpf -a40 --follow-forks --quiet"
    assert pyshim(*words.split(), "true").returncode == 0
