"""The shim lives on over every exec, and stays out where it can't live.

A process that ends with the shim in it leaves `+++ exited with` in the log: how many of
these lines there are says how many processes were seen.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from shimmed import BY_SYMBOLS, PYSHIM, Done, ours, run, without_ours

Target = Callable[..., str]
BARE_BONES = ("-nostdlib", "-static", "-fno-stack-protector", "-O1")
EXEC = re.compile(r"^\d+ (?:execve|execveat|posix_spawnp?)\(")


@dataclass(frozen=True, slots=True)
class Log:
    """A run under log: what it showed and what was written."""

    done: Done
    lines: list[str]

    @property
    def execs(self) -> list[str]:
        return [line.split(" ", 1)[1] for line in self.lines if EXEC.match(line)]

    @property
    def seen(self) -> int:
        """How many processes ended with the shim in them."""
        return sum("+++ exited with" in line for line in self.lines)

    @property
    def bypasses(self) -> list[str]:
        return [line.split(" ", 1)[1] for line in self.lines if "--- bypass" in line]

    @property
    def environment(self) -> dict[str, str]:
        """What the program printed, as `env` does."""
        lines = self.done.stdout.decode().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)


@pytest.fixture
def logged(tmp_path: Path) -> Callable[..., Log]:
    """`logged("env", "-i", "true", env={...})`: a run of it under log."""

    def go(*command: str, env: dict[str, str] | None = None) -> Log:
        file = tmp_path / "log"
        options = ["--plugin", "log", "-s", "200", "-o", str(file), "--"]
        env = {"PATH": os.environ["PATH"]} if env is None else env
        done = run([*BY_SYMBOLS, *options, *command], cwd=tmp_path, env=env)
        return Log(done, file.read_text().splitlines())

    return go


Logged = Callable[..., Log]


def bare(*command: str) -> Done:
    return run(command, env={"PATH": os.environ["PATH"]})


def tool(name: str) -> str:
    path = shutil.which(name, path="/usr/bin:/bin")
    assert path is not None
    return path


def settings(text: str) -> list[str]:
    """Lines of an `env` that are not pyshim's."""
    return [
        line
        for line in text.splitlines()
        if not line.startswith(("LD_PRELOAD=", "PYSHIM_RUN="))
    ]


# -- every way to exec -------------------------------------------------------------

WAYS = {
    "execve, new": "execve",
    "execve, NULL": "",
    "execve, empty": "",
    "execl": "outer",
    "execle": "execle",
    "execlp": "outer",
    "execv": "outer",
    "execvp": "outer",
    "execvpe": "execvpe",
    "fexecve": "fexecve",
    "posix_spawn": "outer",
    "posix_spawn, new": "posix_spawn",
    "posix_spawn, empty": "",
    "posix_spawnp": "outer",
}
"""The way, and what WAY is in the environment it gives its child."""


@pytest.fixture
def spawned(target: Target, logged: Logged) -> Log:
    env = {"WAY": "outer", "PATH": "/bin"}
    return logged(target("spawn_env"), tool("env"), "--", env=env)


def test_every_way_to_exec_keeps_the_shim(spawned: Log) -> None:
    assert spawned.done.status == 0
    assert spawned.seen == 1 + len(WAYS)
    assert ours(spawned.done) == []


def test_each_child_gets_the_environment_it_was_given(spawned: Log) -> None:
    given: dict[str, str] = {}
    now: list[str] = []
    for line in spawned.done.stdout.decode().splitlines()[:-1]:
        if not re.fullmatch(r"(f?exec|posix)[\w, ]+: 0", line):
            now.append(line)
            continue
        both = [each.split("=")[0] for each in now if each not in settings(each)]
        assert sorted(both) == ["LD_PRELOAD", "PYSHIM_RUN"], line
        way = [each for each in now if each.startswith("WAY=")]
        given[line.removesuffix(": 0")] = "".join(way).removeprefix("WAY=")
        now = []
    assert given == WAYS


def test_one_line_for_each_exec(spawned: Log) -> None:
    execs = [line.partition("(")[0] for line in spawned.execs]
    assert execs.count("execve") == 9
    assert execs.count("execveat") == 1
    assert execs.count("posix_spawn") == 3
    assert execs.count("posix_spawnp") == 1


def test_env_i_and_nested_shells(logged: Logged) -> None:
    log = logged("env", "-i", "A=1", tool("sh"), "-c", "/usr/bin/env -i /usr/bin/env")
    assert log.done.status == 0
    assert set(log.environment) == {"LD_PRELOAD", "PYSHIM_RUN"}
    assert [line for line in log.execs if "= 0" not in line] == []
    assert log.seen in (1, 2)  # some shells fork for their last command


def test_environ_emptied_by_clearenv(target: Target, logged: Logged) -> None:
    log = logged(target("env_clear"), tool("env"))
    assert log.done.status == 0
    assert set(log.environment) == {"LD_PRELOAD", "PYSHIM_RUN"}
    assert (len(log.execs), log.seen) == (1, 1)


def test_vfork_then_exec(target: Target, logged: Logged) -> None:
    log = logged(target("vfork_exec"))
    assert without_ours(log.done) == bare(target("vfork_exec"))
    assert log.seen == 1 + 5 * 3  # all children end: exec'd, failed to, left
    missing = "-1 ENOENT (No such file or directory)"
    assert [line.rpartition(" = ")[2] for line in log.execs] == ["0", missing] * 5


def test_system_and_popen(target: Target, logged: Logged) -> None:
    command = "/bin/echo $A; /bin/cat /nowhere; exit 3"
    log = logged(target("system_popen"), command, env={"A": "kept"})
    assert log.done.status == 0
    assert log.done.stdout.decode().splitlines() == [
        "kept",
        "system: 768",
        "popen: kept",
        "pclose: 768",
        "EXIT-SUCCESS",
    ]
    assert log.seen == 1 + 2 * 3


# -- pyshim in a target of pyshim --------------------------------------------------


def test_an_inner_pyshim_has_its_own_run(tmp_path: Path) -> None:
    inner = [*PYSHIM, "-e", "inject=write:error=EIO", "sh", "-c", "exec echo x"]
    outer = [*PYSHIM, "-e", "trace=write", "-o", "log"]
    alone, both = run(inner, cwd=tmp_path), run([*outer, *inner], cwd=tmp_path)
    assert (both.status, both.stdout) == (alone.status, alone.stdout)
    assert b"inject=write:error=EIO: armed, hit " in both.stderr
    assert b'write(1, "x' not in (tmp_path / "log").read_bytes()


def test_a_run_that_has_ended_is_none(logged: Logged, tmp_path: Path) -> None:
    gone = f"PYSHIM_RUN={tmp_path}/none"
    log = logged("env", gone, "sh", "-c", "true; exec true")
    assert (log.done.status, log.seen) == (0, 1)


# -- the user's own preload --------------------------------------------------------


@pytest.fixture
def own(target: Target) -> str:
    """A library whose getppid gives 4242."""
    return target("own_preload", "-shared", "-fPIC")


def test_own_preload_comes_after_ours(own: str, logged: Logged) -> None:
    log = logged(tool("env"), env={"LD_PRELOAD": own})
    first, *rest = log.environment["LD_PRELOAD"].split(":")
    assert (Path(first).name, rest) == ("libpyshim.so", [own])


@pytest.mark.parametrize("separator", [":", " "])
def test_own_preload_given_to_a_child(own: str, separator: str, logged: Logged) -> None:
    value = f"{own}{separator}{own}"
    log = logged("env", "-i", f"LD_PRELOAD={value}", tool("env"))
    preload = log.environment["LD_PRELOAD"]
    assert re.fullmatch(r".*/libpyshim\.so:" + re.escape(value), preload)
    assert log.seen == 1


def test_own_preload_still_answers(own: str, target: Target, logged: Logged) -> None:
    program = target("getppid_loop")
    log = logged(program, "3", env={"LD_PRELOAD": own})
    calls = [line.split(" ", 1)[1] for line in log.lines if "getppid" in line]
    assert log.done.status == 0
    assert [re.sub(r" +", " ", line) for line in calls] == ["getppid() = 4242"] * 3


# -- programs that can't take the shim ---------------------------------------------


@pytest.fixture
def static(target: Target) -> str:
    return target("no_libc_env", *BARE_BONES)


@pytest.fixture
def foreign(target: Target) -> str:
    """A 32-bit program, where the kernel runs them."""
    try:
        program = target("no_libc_env", *BARE_BONES, "-m32")
        subprocess.run([program], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no 32-bit programs here")
    return program


@pytest.fixture
def musl(static: str, tmp_path: Path) -> str:
    """A program of another libc, whose loader is a program that prints what it got."""
    loader, program = tmp_path / "ld-musl-x86_64.so.1", tmp_path / "musl"
    shutil.copy(static, loader)
    (tmp_path / "musl.c").write_text("int main(void) { return 0; }\n")
    link = f"-Wl,--dynamic-linker={loader}"
    command = ["gcc", str(tmp_path / "musl.c"), link, "-o", str(program)]
    subprocess.run(command, check=True, timeout=30)
    return str(program)


@pytest.fixture
def setuid(tmp_path: Path) -> str:
    """An `env` that runs as somebody else."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a program run as another user")
    if os.statvfs(tmp_path).f_flag & os.ST_NOSUID:
        pytest.skip("the folder is mounted nosuid")
    program = tmp_path / "setuid"
    shutil.copy(tool("env"), program)
    os.chown(program, 65534, -1)
    program.chmod(0o4755)
    return str(program)


@pytest.fixture
def script(static: str, tmp_path: Path) -> str:
    """A script whose interpreter is static."""
    program = tmp_path / "script"
    program.write_text(f"#! {static} -x\n")
    program.chmod(0o755)
    return str(program)


BYPASSES = {
    "static": (5, "static"),
    "foreign": (5, "class"),
    "musl": (5, "loader"),
    "setuid": (0, "setuid"),
    "script": (5, "static"),
}
"""Fixture: the exit status of the program, a word of the reason."""


HOWS = ("target", "child", "child, own preload", "target, own preload", "new")


@pytest.mark.parametrize("kind", BYPASSES)
@pytest.mark.parametrize("how", HOWS)
def test_a_bypass_runs_as_bare_and_is_told(
    kind: str,
    how: str,
    target: Target,
    logged: Logged,
    request: pytest.FixtureRequest,
) -> None:
    program = request.getfixturevalue(kind)
    status, word = BYPASSES[kind]
    env = {"A": "1"}
    if "own" in how:
        env = {"LD_PRELOAD": request.getfixturevalue("own"), **env}
    new = [target("exec_large"), "1", "9"]
    prefix = {"target": [], "child": [tool("env"), "--"], "new": new}[
        how.partition(",")[0]
    ]
    log = logged(*prefix, program, env=env)
    expected = run([*prefix, program], env=env)
    assert without_ours(log.done) == expected
    assert log.done.status == (0 if how == "new" else status)
    told = [line for line in ours(log.done) if "bypass:" in line]
    assert len(told) == 1
    assert word in told[0] and Path(program).name in told[0]
    assert (
        len(log.bypasses) == {"target": 0, "child": 1, "new": 2}[how.partition(",")[0]]
    )


def test_a_bypass_that_never_ran_is_not_told(
    static: str, tmp_path: Path, logged: Logged
) -> None:
    program = tmp_path / "not-executable"
    shutil.copy(static, program)
    program.chmod(stat.S_IRUSR)
    log = logged(tool("env"), "--", str(program))
    assert log.done.status == 126
    assert log.bypasses == []
    assert len(log.execs) == 1
    assert "EACCES" in log.execs[0]
    unasked = run([*PYSHIM, "--", tool("env"), "--", str(program)])
    assert (unasked.status, ours(unasked)) == (126, [])


def test_strict_refuses_a_bypass(static: str) -> None:
    done = run([*PYSHIM, "--strict", static])
    assert (done.status, done.stdout) == (125, b"")
    assert "bypass" in ours(done)[0]


# -- scripts -----------------------------------------------------------------------


def test_script_with_a_chain_of_interpreters(tmp_path: Path, logged: Logged) -> None:
    for name, text in {
        "inner": f"#! {tool('sh')}\nshift; /bin/echo $0 $*; exit 4\n",
        "outer": f"#!{tmp_path}/inner word\n",
    }.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    log = logged(tool("env"), "-i", str(tmp_path / "outer"), "x")
    assert without_ours(log.done) == bare(str(tmp_path / "outer"), "x")
    assert log.done.status == 4
    assert log.bypasses == []
    assert log.seen == 2


@pytest.mark.parametrize("runner", ["env", "bash"])
def test_script_without_a_shebang(runner: str, tmp_path: Path, logged: Logged) -> None:
    script = tmp_path / "script"
    script.write_text("/bin/echo $0 $*; exit 6\n")
    script.chmod(0o755)
    words = {"env": ["-i", "--"], "bash": ["-c", '"$@"', "bash"]}[runner]
    command = [tool(runner), *words, str(script), "word"]
    log = logged(*command)
    assert without_ours(log.done) == bare(*command)
    assert log.done.status == 6
    assert log.seen >= 2


# -- large environments and errors -------------------------------------------------


def test_one_megabyte_keeps_the_shim(target: Target, logged: Logged) -> None:
    log = logged(target("exec_large"), "10", "105000", tool("true"))
    expected = bare(target("exec_large"), "10", "105000", tool("true"))
    assert (without_ours(log.done), ours(log.done)) == (expected, [])
    assert log.seen == 1 + 2


def test_a_hundred_thousand_entries(target: Target, logged: Logged) -> None:
    command = target("exec_large"), "100000", "9", tool("true")
    log = logged(*command)
    assert without_ours(log.done) == bare(*command)
    assert b"execve: 0\nposix_spawn: 0\n" in log.done.stdout
    assert ours(log.done) == [
        "pyshim: stepped aside 2 times: an environment too large to be copied",
        "pyshim: coverage: 1 of 3 processes, layer symbols; "
        f"not heard from: {tool('true')} 2 times",
    ]


@pytest.mark.parametrize("size", ["40", "1000", "120000"])
def test_the_largest_environment_is_as_large_as_bare(size: str, target: Target) -> None:
    command = target("exec_large"), "limit", size, tool("true")
    env = {"A": "1"}
    shimmed = run([*PYSHIM, "-e", "inject=fsync:error=EIO", "--", *command], env=env)
    assert without_ours(shimmed) == run(command, env=env)


@pytest.fixture
def odd_files(tmp_path: Path) -> Path:
    """What can't be executed, each in its own way."""
    folder = tmp_path / "odd"
    (folder / "folder").mkdir(parents=True)
    (folder / "loop").symlink_to("loop")
    shutil.copy(tool("true"), folder / "true")
    (folder / "plain").write_text("\n")
    (folder / "no_shebang").write_text("exit 3\n")
    (folder / "lost").write_text("#!/nowhere/sh\n")
    (folder / "empty").write_text("")
    (folder / "bad_elf").write_text("\x7fELF\x02")
    for name in ("no_shebang", "lost", "empty", "bad_elf"):
        (folder / name).chmod(0o755)
    return folder


def test_errors_are_those_of_bare(
    target: Target, logged: Logged, odd_files: Path
) -> None:
    command = target("exec_errors"), str(odd_files)
    log = logged(*command)
    assert without_ours(log.done) == bare(*command)
    assert log.done.status == 0
    assert log.bypasses == []
    tried = log.done.stdout.decode().splitlines()
    told = [line for line in log.execs if re.search(r"= (-1|\d+) E\w+ \(", line)]
    assert len(told) == len(log.execs) == len(tried) - 1
    for line, result in zip(tried, log.execs, strict=False):
        assert f" {line.rpartition(': ')[2]} (" in result, line
