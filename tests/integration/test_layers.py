"""The layer that a run is armed with: by what is wanted, by option, by the kernel."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from reports import stepped_aside
from shimmed import PYSHIM

Done = subprocess.CompletedProcess[str]
Pyshim = Callable[..., Done]
Target = Callable[..., str]
Hooked = Callable[..., Done]
PASTE = ("paste", "data")
"""It opens its file by fopen."""


@pytest.fixture(autouse=True)
def data(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("one line\n")


def layer(done: Done) -> str:
    (found,) = re.findall(r"^pyshim: coverage: .*, layer (\w+)$", done.stderr, re.M)
    return str(found)


def ended(command: list[str], folder: Path) -> Done:
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=40, check=False
    )


def not_armed(done: Done) -> list[str]:
    """Where the full layer was not armed, and why."""
    begin = "pyshim: layer full could not be armed in "
    lines = [each for each in done.stderr.splitlines() if each.startswith(begin)]
    return [each.removeprefix(begin) for each in lines]


# -- auto --------------------------------------------------------------------------


def test_what_libc_opens_by_itself_fails(pyshim: Pyshim) -> None:
    """As under strace: the name stands for all of that syscall."""
    rule = ("-e", "inject=openat:error=EMFILE:path=**/data", *PASTE)
    done = pyshim(*rule)
    assert (done.returncode, layer(done)) == (1, "full")
    assert "data: Too many open files" in done.stderr
    assert re.search(r"hit 1 time: openat at libc\.so\.6\+0x", done.stderr)
    done = pyshim("--layer=symbols", *rule)
    assert (done.stdout, layer(done)) == ("one line\n", "symbols")
    assert "never hit" in done.stderr


def test_a_function_is_no_reason(pyshim: Pyshim) -> None:
    done = pyshim("-e", "inject=fopen:error=EMFILE", *PASTE)
    assert (done.returncode, layer(done)) == (1, "symbols")


def test_the_log_has_what_libc_does(pyshim: Pyshim) -> None:
    done = pyshim("-e", "trace=openat,fopen", *PASTE)
    assert layer(done) == "full"
    assert re.search(r'^openat\(AT_FDCWD, "data", O_RDONLY\) += 3', done.stderr, re.M)
    assert re.search(r'^fopen\("data", "r"\) += 0x', done.stderr, re.M)


def test_paths_that_only_libc_opens_are_rewritten(
    pyshim: Pyshim, tmp_path: Path
) -> None:
    (tmp_path / "hosts").write_text("127.0.0.9 nowhere.example\n")
    command = ("--map", "/etc/hosts=hosts", "getent", "hosts", "nowhere.example")
    assert pyshim(*command).stdout.split() == ["127.0.0.9", "nowhere.example"]


def test_the_default_plan_keeps_to_places_in_the_program(
    pyshim: Pyshim, target: Target
) -> None:
    """Also when a log makes the run full; --layer=full asks for libc's own as well."""
    program = target("reads_line")
    for options in (("-p", "faults"), ("-p", "faults", "-o", "log")):
        done = pyshim(*options, program, stdin=None, input="line\n")
        assert (done.returncode, done.stdout) == (
            0,
            "reading\nlines: 1\nEXIT-SUCCESS\n",
        )
        assert "never hit" in done.stderr
    assert layer(done) == "full"
    done = pyshim("--layer=full", "-p", "faults", program, stdin=None, input="line\n")
    assert re.search(r"(read|write) at libc\.so\.6\+0x", done.stderr)


def test_the_handler_of_ours_makes_no_eintr_fair(pyshim: Pyshim) -> None:
    done = pyshim("-e", "inject=write:error=EINTR:when=1", "/bin/echo", "out")
    assert layer(done) == "full"
    assert re.search(r"hit 1 time: write at \S+( \(\w+\))? unusual$", done.stderr, re.M)


# -- hooks -------------------------------------------------------------------------

DENY = """
    {insists}
    @hookimpl(calls=["openat"], paths=["**/data"])
    def pyshim_call_enter(call):
        return Errno("EACCES")
"""
INSISTS = """
    @hookimpl
    def pyshim_configure(run):
        run.needs_full = "nobody may open it, libc neither"
"""


@pytest.mark.parametrize(
    ("options", "insists", "asked"),
    [
        ((), "", False),
        (("-o", "log"), "", False),
        (("--layer=full",), "", True),
        ((), INSISTS, True),
        (("--layer=symbols",), INSISTS, False),
    ],
)
def test_when_hooks_are_asked_of_libcs_own_calls(
    hooked: Hooked, options: tuple[str, ...], insists: str, asked: bool
) -> None:
    source = DENY.replace("    {insists}\n", insists)
    done = hooked(source, *options, *PASTE)
    assert done.returncode == int(asked), done.stderr


def test_a_hook_that_waits_for_dlopen_does_not_wait_for_ever(
    hooked: Hooked, target: Target
) -> None:
    """Its lock and ld.so's are taken in the other order by the thread that dlopens."""
    source = """
        import ctypes, _ctypes

        @hookimpl(calls=["openat"])
        def pyshim_call_enter(call):
            _ctypes.dlclose(ctypes.CDLL("libbz2.so.1.0")._handle)
    """
    done = hooked(source, "--layer=full", "--timeout=30s", target("dlopens_beside"))
    assert (done.returncode, done.stdout) == (0, "EXIT-SUCCESS\n"), done.stderr
    assert set(stepped_aside(done)) <= {
        "another thread's Python hook went on for two seconds and more",
        "Python hook on memory and locks that libc asked for by itself",
    }


# -- where it can't be armed -------------------------------------------------------


def test_a_kernel_without_it(target: Target, tmp_path: Path) -> None:
    """Said in one line, and the rest is as by symbols."""
    rule = ("-e", "inject=openat:error=EMFILE:path=**/data")
    command = [target("refuses_prctl"), *PYSHIM, *rule, "cat", "data"]
    done = ended(command, tmp_path)
    assert (done.returncode, layer(done)) == (1, "symbols")
    why = "no Syscall User Dispatch here: Invalid argument"
    assert not_armed(done) == [f"1 program, only symbols: {why}"]
    assert "data: Too many open files" in done.stderr
    lines = ended([*command[:-2], "--explain", "cat"], tmp_path).stdout.splitlines()
    assert lines[0].startswith("layer: full")
    assert "it can't be armed" in lines[2]


def test_a_child_that_may_not(pyshim: Pyshim, target: Target, tmp_path: Path) -> None:
    program = target("refuses_prctl")
    done = pyshim("-e", "trace=openat", "-o", "log", program, "cat", "data")
    assert (done.returncode, layer(done)) == (0, "mixed")
    why = "a seccomp filter refuses prctl there, or it is under valgrind"
    assert not_armed(done) == [f"1 program, only symbols: {why}"]
    assert 'openat(AT_FDCWD, "data"' in (tmp_path / "log").read_text()


# -- --explain ---------------------------------------------------------------------


def explained(done: Done) -> list[str]:
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[-1] == "nothing was run"
    assert len(lines) <= 24
    return lines


def test_it_says_which_layer_and_why(pyshim: Pyshim) -> None:
    words = ("-e", "inject=openat,fopen:error=EACCES", "-e", "inject=fclose:error=EIO")
    lines = explained(
        pyshim("--explain", *words, "-e", "trace=openat,/^fopen,fclose", "true")
    )
    assert lines[:3] == [
        "layer: full, for these want what libc also does by itself:",
        "  inject=openat,fopen:error=EACCES: openat",
        "  log, events: openat",
    ]
    assert any(line.startswith("  for rules: fclose fopen ") for line in lines)
    assert "program: /usr/bin/true: interposable, dynamic" in lines


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("", "layer: symbols, for nobody wants what libc does by itself"),
        ("-p faults", "layer: symbols, for nobody wants what libc does by itself"),
        ("--layer=full", "layer: full, as --layer says"),
        (
            "--layer=symbols -p log",
            "layer: symbols, as --layer says; these want what libc also does by "
            "itself:",
        ),
    ],
)
def test_its_first_line(pyshim: Pyshim, words: str, first: str) -> None:
    for command in ((), ("run",)):
        done = pyshim(*command, "--explain", *words.split(), "true")
        assert explained(done)[0] == first


def test_it_runs_nothing_and_leaves_nothing(pyshim: Pyshim, tmp_path: Path) -> None:
    rules = [f"-einject=openat:error=EACCES:when={number}" for number in range(1, 40)]
    words = ("--explain", "-o", "log", *rules, "sh", "-c", "echo > file")
    assert any("and 32 more" in line for line in explained(pyshim(*words)))
    assert [each.name for each in tmp_path.iterdir()] == ["data"]


def test_it_says_what_would_bypass(pyshim: Pyshim, target: Target) -> None:
    static = target("calls_by_name", "-static")
    lines = explained(pyshim("--explain", "-p", "log", static))
    assert any(f"{static}: bypass, static" in line for line in lines)
    (line,) = [
        each
        for each in explained(pyshim("--explain", "./none"))
        if each.startswith("program: ")
    ]
    assert line == "program: ./none: No such file or directory"


def test_bad_words_are_refused_as_in_a_run(pyshim: Pyshim) -> None:
    done = pyshim("--explain", "-e", "inject=raed:error=EIO", "true")
    assert (done.returncode, done.stdout) == (125, "")
    assert "did you mean 'read'?" in done.stderr
    done = pyshim("--layer=fll", "true")
    assert done.returncode == 125
    assert "symbols" in done.stderr and done.stderr.count("\n") == 1
