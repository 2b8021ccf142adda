"""The command line: what is refused and how, what is printed, where it goes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from shimmed import PYSHIM

Done = subprocess.CompletedProcess[str]
Pyshim = Callable[..., Done]
Target = Callable[..., str]

PLUGINS = {
    "syntax.py": "def pyshim_call_enter(call:\n",
    "raises.py": "raise ValueError('two\\nlines')\n",
    "exits.py": "import sys\nsys.exit(3)\n",
    "missing_import.py": "import no_such_module\n",
    "unknown_hook.py": "from pyshim import hookimpl\n"
    "@hookimpl(calls=['read'])\ndef pyshim_call_entr(call): pass\n",
    "unknown_unmarked.py": "def pyshim_evnt(event): pass\n",
    "unmarked.py": "def pyshim_event(event): pass\n",
    "bad_argument.py": "from pyshim import hookimpl\n"
    "@hookimpl\ndef pyshim_event(evnt): pass\n",
    "bad_option.py": "from pyshim import hookimpl\n"
    "@hookimpl(call=['read'])\ndef pyshim_call_enter(call): pass\n",
    "no_calls.py": "from pyshim import hookimpl\n"
    "@hookimpl\ndef pyshim_call_enter(call): pass\n",
    "unknown_call.py": "from pyshim import hookimpl\n"
    "@hookimpl(calls=['opnat'])\ndef pyshim_call_enter(call): pass\n",
    "unknown_set.py": "from pyshim import hookimpl\n"
    "@hookimpl(calls=['%fil'])\ndef pyshim_call_exit(call): pass\n",
}

REFUSED = [
    # the words of the command line, what the one line must say of them
    ("", ["no command", "COMMAND"]),
    ("--plugin lgo T", ["'lgo'", "'log'", "faults, log, rewrite"]),
    ("--plugin ./none.py T", ["'./none.py'", "does not exist"]),
    ("--plugin folder.py T", ["'folder.py'", "does not exist"]),
    ("--plugin", ["--plugin", "expected one argument"]),
    ("--plguin log T", ["--plguin", "'--plugin'"]),
    ("--fairr T", ["--fairr", "'--fair'"]),
    ("-x T", ["-x", "--help"]),
    ("-e inject=raed:error=EIO T", ["'raed'", "'read'", "pyshim calls"]),
    ("-e inject=read:error=EOI T", ["'EOI'", "'EIO'", "errno(3)"]),
    ("-e inject=read:eror=EIO T", ["'eror'", "'error'", "when="]),
    ("-e inject=read T", ["'inject=read'", "no action", "error="]),
    ("-e inject=:error=EIO T", ["empty set"]),
    ("-e inject=read:error=EIO:when=0 T", ["when='0'", "first[..last][+[step]]"]),
    ("-e inject=read:error=EIO:when=3.. T", ["when='3..'", "first[..last][+[step]]"]),
    ("-e inject=read:error=EIO:when=x T", ["when='x'"]),
    ("-e inject=read:error=EIO:p=2 T", ["p='2'", "0..1"]),
    ("-e inject=read:signal=TERMM T", ["'TERMM'", "'SIGTERM'"]),
    ("-e inject=read:delay_enter=soon T", ["'soon'", "microseconds"]),
    ("-e inject=_exit:error=EIO T", ["_exit", "never returns"]),
    ("-e trace=%fil T", ["'%fil'", "'%file'", "%network"]),
    ("-e trace=opnat T", ["'opnat'", "'openat'"]),
    ("-e trace=/( T", ["regular expression", "'('"]),
    ("-e injct=read:error=EIO T", ["'injct'", "'inject'", "fault="]),
    ("-e abbrev=read T", ["abbrev=", "not supported"]),
    ("-o no/such/folder/log T", ["no/such/folder/log", "No such file or directory"]),
    ("-o folder.py T", ["folder.py", "Is a directory"]),
    ("-s x T", ["-s", "'x'"]),
    ("-s -1 T", ["-1", "0 to 65535"]),
    ("--map a T", ["'a'", "FROM=TO"]),
    ("--map a= T", ["'a='", "FROM=TO"]),
    ("--map =a T", ["'=a'", "FROM=TO"]),
    ("--map a=/no/such/place T", ["/no/such/place", "does not exist"]),
    ("--map /=. T", ["FROM can't be /"]),
    ("--map a=. --map a=.. T", ["mapped twice"]),
    ("--plugin rewrite T", ["rewrite", "--map"]),
    ("--timeout soon T", ["'soon'", "500ms"]),
    ("--timeout 0 T", ["'0'", "positive"]),
    ("--timeout -3 T", ["-3"]),
    ("--timeout nan T", ["'nan'"]),
    ("--plugin ./syntax.py T", ["syntax.py", "SyntaxError", "line 1"]),
    ("--plugin ./raises.py T", ["raises.py", "ValueError: two lines"]),
    ("--plugin ./exits.py T", ["exits.py", "SystemExit"]),
    ("--plugin ./missing_import.py T", ["missing_import.py", "no_such_module"]),
    (
        "--plugin ./unknown_hook.py T",
        ["'unknown_hook'", "'pyshim_call_entr'", "did you mean 'pyshim_call_enter'"],
    ),
    ("--plugin ./unknown_unmarked.py T", ["'pyshim_evnt'", "'pyshim_event'"]),
    ("--plugin ./unmarked.py T", ["pyshim_event", "not marked", "@hookimpl"]),
    ("--plugin ./bad_argument.py T", ["'bad_argument'", "evnt"]),
    ("--plugin ./bad_option.py T", ["bad_option.py", "unknown option", "'calls'"]),
    ("--plugin ./no_calls.py T", ["'no_calls'", "declares no calls", "calls="]),
    ("--plugin ./unknown_call.py T", ["'unknown_call'", "'opnat'", "'openat'"]),
    ("--plugin ./unknown_set.py T", ["'unknown_set'", "'%fil'", "'%file'"]),
    ("--plugin ./a/same.py --plugin ./b/same.py T", ["two plugins", "'same'"]),
    ("calls raed", ["'raed'", "'read'"]),
    ("calls --conut", ["calls", "--conut", "'--count'"]),
    ("plugins --jsn", ["plugins", "--jsn"]),
    ("check", ["check", "PROGRAM"]),
    ("check ./none", ["./none", "No such file or directory"]),
    ("check none-on-path", ["none-on-path", "not found on PATH"]),
]


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of plugins that are wrong, and `T`, a program that leaves a mark."""
    folder = tmp_path_factory.mktemp("odd")
    for name, text in PLUGINS.items():
        (folder / name).write_text(text)
    (folder / "folder.py").mkdir()
    for name in ("a", "b"):
        (folder / name).mkdir()
        (folder / name / "same.py").write_text("'''Nothing.'''\n")
    (folder / "T").write_text("#!/bin/sh\n: > started\n")
    (folder / "T").chmod(0o755)
    return folder


def check_refused(done: Done, folder: Path, parts: list[str]) -> None:
    assert done.returncode == 125, done
    assert done.stdout == ""
    assert done.stderr.startswith("pyshim: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert not (folder / "started").exists()
    for part in parts:
        assert part in done.stderr


@pytest.mark.parametrize(("words", "parts"), REFUSED, ids=[each for each, _ in REFUSED])
def test_bad_input_is_one_line_and_never_runs(
    pyshim: Pyshim, odd: Path, words: str, parts: list[str]
) -> None:
    words = re.sub(r"\bT$", "./T", words)
    check_refused(pyshim(*words.split(), cwd=odd), odd, parts)


def test_the_witness_of_these_tests_does_leave_a_mark(
    pyshim: Pyshim, odd: Path
) -> None:
    assert pyshim("./T", cwd=odd).returncode == 0
    (odd / "started").unlink()


# -- the command -------------------------------------------------------------------


def test_options_stop_at_the_first_positional(pyshim: Pyshim, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = pyshim("-e", "trace=none", "ls", "-l", "-p", "log", "--timeout")
    assert done.returncode == 2
    assert "ls: unrecognized option '--timeout'" in done.stderr
    done = pyshim("-e", "trace=none", "ls", "-1", "--", "file")
    assert (done.returncode, done.stdout) == (0, "file\n")


@pytest.mark.parametrize(
    "words",
    [
        ["echo", "a", "--", "-b"],
        ["--", "echo", "a", "--", "-b"],
        ["run", "echo", "a", "--", "-b"],
        ["run", "--", "echo", "a", "--", "-b"],
        ["--strict", "--", "echo", "a", "--", "-b"],
    ],
    ids=" ".join,
)
def test_ways_to_give_the_command(pyshim: Pyshim, words: list[str]) -> None:
    done = pyshim(*words)
    assert (done.returncode, done.stdout, done.stderr) == (0, "a -- -b\n", "")


@pytest.mark.parametrize("name", ["run", "check", "calls", "plugins"])
def test_a_program_named_like_a_subcommand(
    pyshim: Pyshim, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text(f"#!/bin/sh\necho this is {name} $1\n")
    (tmp_path / name).chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    for words in (["--", name, "-x"], ["run", name, "-x"]):
        assert pyshim(*words, env=env).stdout == f"this is {name} -x\n"


def test_not_found_and_not_executable(pyshim: Pyshim, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    for word, status in (("./none", 127), ("none-on-path", 127), ("./plain", 126)):
        done = pyshim("-p", "log", word)
        assert (done.returncode, done.stdout) == (status, "")
        assert done.stderr.startswith(f"pyshim: {word}: ")


def test_module_and_script_are_the_same(odd: Path) -> None:
    script = Path(sys.executable).parent / "pyshim"
    for words in (["--help"], ["--version"], ["--plugin", "lgo", "true"], ["false"]):
        ends = [
            subprocess.run(
                [*command, *words],
                cwd=odd,
                capture_output=True,
                timeout=30,
                check=False,
            )
            for command in (PYSHIM, [script])
        ]
        assert [(e.returncode, e.stdout, e.stderr) for e in ends[:1]] == [
            (e.returncode, e.stdout, e.stderr) for e in ends[1:]
        ]


# -- what is printed ---------------------------------------------------------------


def test_help_fits_a_screen_and_loads_nothing_heavy(pyshim: Pyshim) -> None:
    done = pyshim("--help")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) < 88
    look = "import sys, atexit; from pyshim.cli import main\n"
    look += "atexit.register(lambda: print(*sys.modules, file=sys.stderr)); main()"
    command = [sys.executable, "-c", look, "--help"]
    loaded = subprocess.run(
        command, capture_output=True, text=True, timeout=30, check=True
    ).stderr.split()
    assert "pyshim.commands.run" in loaded
    assert not {"rich", "elftools", "sqlite3", "pyshim.decode"} & {*loaded}


@pytest.mark.parametrize("name", ["run", "check", "calls", "plugins"])
def test_help_of_each_subcommand(pyshim: Pyshim, name: str) -> None:
    done = pyshim(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "usage: pyshim" in done.stdout
    assert len(done.stdout.splitlines()) <= 40


def test_version(pyshim: Pyshim) -> None:
    done = pyshim("--version")
    assert re.fullmatch(r"pyshim \d+\.\d+\.\d+\n", done.stdout)
    assert done.returncode == 0


def test_calls(pyshim: Pyshim) -> None:
    lines = pyshim("calls", "open,%clock").stdout.splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in lines}
    assert rows["open64"] == ["openat", "%desc", "%file"]
    assert all(row[0] == "openat" or "%clock" in row for row in rows.values())
    assert any("%clock" in row for row in rows.values())
    assert int(pyshim("calls", "--count").stdout) >= 150


def test_plugins(pyshim: Pyshim) -> None:
    lines = pyshim("plugins").stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        [name, "pyshim"] for name in ("faults", "log", "rewrite")
    ]
    assert all(len(line.split()) > 4 for line in lines)


def test_output_to_a_closed_pipe(tmp_path: Path) -> None:
    shell = 'set -o pipefail; "$@" calls | head -1 >&2'
    command = ["bash", "-c", shell, "bash", *PYSHIM]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=30, check=False
    )
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


# -- where it goes -----------------------------------------------------------------


def test_the_log_goes_to_stderr_or_the_file(pyshim: Pyshim, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("data")
    seen = pyshim("-p", "log", "cat", "data")
    kept = pyshim("-o", "log", "cat", "data")
    assert seen.stdout == kept.stdout == "data"
    for log in (seen.stderr, (tmp_path / "log").read_text()):
        assert re.search(r'openat\(AT_FDCWD, "data", O_RDONLY\) += 3', log)
    assert kept.stderr == ""


def test_a_log_that_can_not_be_written_is_a_failure(pyshim: Pyshim) -> None:
    done = pyshim("-o", "/dev/full", "echo", "whole")
    assert (done.returncode, done.stdout) == (125, "whole\n")
    assert done.stderr == (
        "pyshim: -o /dev/full: No space left on device; the log is not complete\n"
    )


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("-p log sh -c 'echo out; exit 3'", 3),
        ("-e inject=read:error=EIO sh -c 'echo out; exit 3'", 3),
        ("-p log -p faults --require-hit sh -c 'echo out; exit 3'", 3),
        ("-p nothing true", 125),
        ("-e inject=mmap:error=EIO --require-hit sh -c 'echo out'", 125),
        ("./none", 127),
    ],
)
def test_without_a_stderr_nothing_else_changes(
    tmp_path: Path, redirection: str, words: str, status: int
) -> None:
    shell = f'"$@" {words} {redirection}'
    done = subprocess.run(
        ["sh", "-c", shell, "sh", *PYSHIM],
        cwd=tmp_path,
        capture_output=True,
        timeout=30,
        check=False,
    )
    out = b"out\n" if "echo out" in words else b""
    assert (done.returncode, done.stdout, done.stderr) == (status, out, b"")


def test_without_a_home_or_a_place_for_temporary_files(
    pyshim: Pyshim, tmp_path: Path
) -> None:
    """/proc can't be written to, not even by root."""
    env = {"PATH": os.environ["PATH"], "TMPDIR": "/proc", "LC_ALL": "C.UTF-8"}
    (tmp_path / "data").write_text("data")
    command = ["-p", "log", "-p", "faults", "cat", str(tmp_path / "data")]
    done = pyshim(*command, env=env, cwd="/proc")
    assert "armed, hit" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_is_left_behind(pyshim: Pyshim, tmp_path: Path) -> None:
    def left() -> set[Path]:
        return {*Path("/dev/shm").glob("pyshim-*"), *tmp_path.iterdir()}

    before = left()
    for command in (["true"], ["sh", "-c", "kill -9 $$"], ["./none"]):
        pyshim("-p", "log", *command, env={**os.environ, "TMPDIR": str(tmp_path)})
    assert left() <= before


# -- what can't be seen ------------------------------------------------------------


def test_a_bypass_is_said_and_strict_refuses_it(pyshim: Pyshim, target: Target) -> None:
    static = target("calls_by_name", "-static")
    done = pyshim("-e", "inject=read:error=EIO", static, "read")
    assert (done.returncode, done.stdout) == (0, "read: 1\nEXIT-SUCCESS\n")
    warning = done.stderr.splitlines()[0]
    assert warning.startswith(f"pyshim: bypass: {static}: static")
    refused = pyshim("--strict", static, "read")
    assert (refused.returncode, refused.stdout) == (125, "")
    assert re.fullmatch(r"pyshim: bypass: .*static.*--strict.*\n", refused.stderr)
    assert pyshim("--strict", target("calls_by_name"), "read").returncode == 0


# -- plugins that break in the host ------------------------------------------------


@pytest.mark.parametrize(
    ("hook", "arguments", "runs"),
    [
        ("addoption", "parser", False),
        ("configure", "run", False),
        ("rules", "run", False),
        ("trace", "run", False),
        ("maps", "run", False),
        ("event", "event, run", True),
        ("report", "run", True),
    ],
)
def test_a_plugin_that_breaks_is_named(
    pyshim: Pyshim, odd: Path, tmp_path: Path, hook: str, arguments: str, runs: bool
) -> None:
    plugin = tmp_path / "breaks.py"
    plugin.write_text(
        "from pyshim import hookimpl\n"
        f"@hookimpl\ndef pyshim_{hook}({arguments}):\n    raise KeyError('here')\n"
    )
    done = pyshim("-p", "log", "-p", str(plugin), str(odd / "T"))
    if hook == "addoption":
        assert done.returncode == 0, "only installed plugins can add options"
        return
    assert done.returncode == 125
    last = done.stderr.splitlines()[-1]
    assert last == f"pyshim: plugin 'breaks': pyshim_{hook}: KeyError: 'here'"
    assert "raise KeyError('here')" in done.stderr
    assert (tmp_path / "started").exists() == runs


def test_a_plugin_refuses_with_one_line(
    pyshim: Pyshim, odd: Path, tmp_path: Path
) -> None:
    plugin = tmp_path / "refuses.py"
    plugin.write_text(
        "from pyshim import hookimpl\nfrom pyshim.errors import UsageError\n"
        "@hookimpl\ndef pyshim_configure(run):\n"
        "    raise UsageError('not this', allowed='that')\n"
    )
    done = pyshim("-p", str(plugin), str(odd / "T"))
    check_refused(done, tmp_path, ["pyshim: not this; allowed: that\n"])
