"""What pyshim refuses before it runs anything: a line, what is wrong in it, 125."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from reports import Done

from pyshim.cli import main

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
    "no_exit.py": "from pyshim import hookimpl\n"
    "@hookimpl(calls=['vfork', 'setjmp'])\ndef pyshim_call_exit(call): pass\n",
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
    ("-e inject=_exit:error=EIO T", ["_exit", "returns nothing"]),
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
    (
        "--plugin ./bad_option.py T",
        ["bad_option.py", "'call'", "calls, paths"],
    ),
    ("--plugin ./no_calls.py T", ["'no_calls'", "declares no calls", "calls="]),
    ("--plugin ./unknown_call.py T", ["'unknown_call'", "'opnat'", "'openat'"]),
    ("--plugin ./no_exit.py T", ["'no_exit'", "setjmp, vfork", "pyshim_call_enter"]),
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


def check_refused(status: int, out: str, err: str, parts: list[str]) -> None:
    assert (status, out) == (125, "")
    assert err.startswith("pyshim: ")
    _, *shown = err.splitlines()
    assert not shown or [set(line) for line in shown[1:]] == [{" ", "^"}], err
    for part in parts:
        assert part in err


@pytest.mark.parametrize(("words", "parts"), REFUSED, ids=[each for each, _ in REFUSED])
def test_bad_input_is_told_in_one_line_and_never_runs(
    odd: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: str,
    parts: list[str],
) -> None:
    """Within this process, for there are many; it would end with a command that ran."""
    monkeypatch.chdir(odd)
    status = main(re.sub(r"\bT$", "./T", words).split())
    check_refused(status, *capsys.readouterr(), parts)
    assert not Path("started").exists()


@pytest.mark.parametrize("words", ["-p lgo ./T", "--timeout soon ./T", "--fairr ./T"])
def test_bad_input_ends_the_process_with_125(
    pyshim: Pyshim, odd: Path, words: str
) -> None:
    done = pyshim(*words.split(), cwd=odd)
    check_refused(done.returncode, done.stdout, done.stderr, [])
    assert not (odd / "started").exists()


def test_the_witness_of_these_tests_does_leave_a_mark(
    pyshim: Pyshim, odd: Path
) -> None:
    assert pyshim("./T", cwd=odd).returncode == 0
    (odd / "started").unlink()


# -- plugins that break in the host ------------------------------------------------


@pytest.mark.parametrize(
    ("hook", "arguments", "runs"),
    [
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
    parts = ["pyshim: not this; allowed: that\n"]
    check_refused(done.returncode, done.stdout, done.stderr, parts)
