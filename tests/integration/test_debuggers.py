"""gdb and strace at programs under the full layer, as docs/howto-layers.md says."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from shimmed import PYSHIM, without_ours
from shimmed import run as run_bare

Target = Callable[..., str]
PASS = "handle SIGSYS nostop noprint pass"
SECONDS = 40


def needs(tool: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")


def gdb(*commands: str, more: tuple[str, ...] = ()) -> list[str]:
    words = [word for each in (PASS, *commands) for word in ("-ex", each)]
    return ["gdb", "-q", "-batch", "-nx", *words, *more]


@contextmanager
def waiting(program: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """pyshim with the program under it, which waits in a read of libc's own."""
    command = [*PYSHIM, "--layer=full", "-e", "trace=read", "-o", "log", program]
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as host:
        try:
            assert host.stdout and host.stdout.readline() == "reading\n"
            yield host
        finally:
            host.terminate()


def child(host: subprocess.Popen[str]) -> str:
    path = Path(f"/proc/{host.pid}/task/{host.pid}/children")
    (pid,) = path.read_text().split()
    return pid


def test_gdb_attaches_and_shows_the_way_to_a_blocked_read(
    target: Target, tmp_path: Path
) -> None:
    needs("gdb")
    program = target("reads_line")
    with waiting(program, tmp_path) as host:
        done = subprocess.run(
            gdb("bt", "detach", more=("-p", child(host))),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        frames = re.findall(r"^#\d+ .*?(\w+) \(", done.stdout, re.M)
        assert frames[-3:] == ["inner", "outer", "main"], done.stdout + done.stderr
        out, err = host.communicate("line\n", timeout=SECONDS)
    assert (host.returncode, out) == (0, "lines: 1\nEXIT-SUCCESS\n")
    assert "1 of 1 process, layer full" in err
    assert re.search(r'read\(0, "line\\n", \d+\) += 5', (tmp_path / "log").read_text())


def test_gdb_stops_it_and_lets_it_go_on(target: Target, tmp_path: Path) -> None:
    """Through syscalls that are trapped, without a stop at each."""
    needs("gdb")
    with waiting(target("reads_line"), tmp_path) as host:
        commands = gdb("tbreak after", "continue", "bt", "continue")
        debugger = subprocess.Popen(
            [*commands, "-p", child(host)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with debugger:
            try:
                assert debugger.stdout and host.stdin
                attached = iter(debugger.stdout.readline, "")
                assert any("Temporary breakpoint 1 at" in line for line in attached)
                host.stdin.write("line\n")
                host.stdin.close()
                seen, _ = debugger.communicate(timeout=SECONDS)
            finally:
                debugger.kill()
        assert host.stdout
        assert host.stdout.read() == "lines: 1\nEXIT-SUCCESS\n"
    assert re.search(r"^#0 +after \(lines=1\)", seen, re.M), seen
    assert "exited normally" in seen
    assert "SIGSYS, Bad system call" not in seen


def test_gdb_runs_a_program(target: Target, tmp_path: Path) -> None:
    """Its child is bare between PTRACE_TRACEME in a vfork and the program's start."""
    needs("gdb")
    program = target("reads_line")
    commands = gdb("break after", "run < /dev/null", "bt", "continue", more=(program,))
    done = run_bare([*PYSHIM, "--layer=full", "-o", "log", *commands], cwd=tmp_path)
    assert b"#0  after (lines=0)" in done.stdout
    assert b"exited normally" in done.stdout


@pytest.mark.parametrize("options", [[], ["-p", "log", "-o", "log"]])
def test_strace_traces_a_program_with_the_same_output(
    target: Target, tmp_path: Path, options: list[str]
) -> None:
    """It sees each syscall when it is made from the shim, and the SIGSYS before."""
    needs("strace")
    strace = ["strace", "-f", "-o", "strace", target("reads_line")]
    bare = run_bare(strace, cwd=tmp_path, stdin=b"line\n")
    told = calls(tmp_path / "strace")
    prefix = [*PYSHIM, "--layer=full", *options, "--"]
    done = run_bare([*prefix, *strace], cwd=tmp_path, stdin=b"line\n")
    assert without_ours(done) == bare
    assert bare.stdout.endswith(b"lines: 1\nEXIT-SUCCESS\n")
    seen = calls(tmp_path / "strace")
    for name in ("read", "write"):
        assert seen[name][-2:] == told[name][-2:]
    assert "SIGSYS" in (tmp_path / "strace").read_text()


def calls(log: Path) -> dict[str, list[str]]:
    """By name: what each call of it looked like, without addresses."""
    found: dict[str, list[str]] = {}
    for line in log.read_text().splitlines():
        if match := re.match(r"\d+ +((\w+)\(.*\) += -?\d+)", line):
            found.setdefault(match[2], []).append(re.sub("0x[0-9a-f]+", "A", match[1]))
    return found
