"""Which file an exec runs and with which rights, held against the kernel."""

from __future__ import annotations

import errno
import itertools
import multiprocessing
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from programs_for_tests import SECONDS, WRAPPED, Build, Preloaded, script

from pyshim import elf
from pyshim.errors import PyshimError

NOBODY = 65534
CAP_NET_RAW = 1 << 13
AS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="needs root to give files away")
Result = TypeVar("Result")


def skip_if_nosuid(path: Path) -> None:
    if os.statvfs(path).f_flag & os.ST_NOSUID:
        pytest.skip("the temporary folder is mounted nosuid")


def test_a_script_is_judged_by_its_last_interpreter(tmp_path: Path) -> None:
    inner = script(tmp_path / "inner", "#! \t/bin/sh -e\n")
    outer = script(tmp_path / "outer", f"#!{inner}\n")
    report = elf.inspect(outer, WRAPPED)
    assert (report.verdict, report.kind) == ("interposable", "script")
    assert report.interpreters == (str(inner), "/bin/sh")
    assert "write" in report.imports


def test_a_script_of_a_static_interpreter_is_a_bypass(
    build: Build, tmp_path: Path, preloaded: Preloaded
) -> None:
    static = build("static", "check_hello.c", "-static")
    program = script(tmp_path / "script", f"#!{static}\n")
    report = elf.inspect(program, WRAPPED)
    assert report.verdict == "bypass"
    assert report.reasons == (f"run by {static}, static: no PT_INTERP",)
    assert elf.quick(program) == f"run by {static}, static: no PT_INTERP"
    assert not preloaded(program)


@pytest.mark.parametrize(
    "line",
    [
        "#!/usr/bin/env tool",
        "#!/usr/bin/env -S tool --flag",
        "#!/usr/bin/env -S -u HOME NAME=value tool",
        "#!/usr/bin/env --split-string='tool' x",
        "#! /usr/bin/env -iS PATH={} tool",
    ],
)
def test_env_is_followed(
    tmp_path: Path, build: Build, preloaded: Preloaded, line: str
) -> None:
    """The tool is a static program, so that only a bypass can be the right answer."""
    tool = build("tool", "check_hello.c", "-static")
    program = script(tmp_path / "script", line.format(tmp_path) + "\n")
    environ = {"PATH": str(tmp_path)}
    said = subprocess.check_output([program], env=environ, timeout=SECONDS)
    assert said == b"hello\n"
    report = elf.inspect(program, WRAPPED, environ)
    assert report.interpreters == ("/usr/bin/env", str(tool))
    assert report.verdict == "bypass"
    assert elf.quick(program, environ) is not None


def test_env_without_split_takes_the_blanks_into_the_name(tmp_path: Path) -> None:
    program = script(tmp_path / "script", "#!/usr/bin/env sh -e\n")
    with pytest.raises(PyshimError, match="sh -e: No such file"):
        elf.inspect(program, WRAPPED)
    assert elf.quick(program) is None


def test_a_script_that_names_itself_through_env_ends(tmp_path: Path) -> None:
    program = script(tmp_path / "again", "#!/usr/bin/env again\n")
    with pytest.raises(PyshimError, match="too many #! lines"):
        elf.inspect(program, WRAPPED, {"PATH": str(tmp_path)})


@pytest.mark.parametrize("depth", range(1, 9))
def test_the_depth_of_scripts_is_the_kernels(tmp_path: Path, depth: int) -> None:
    places = [Path("/bin/true"), *(tmp_path / str(each) for each in range(depth))]
    for interpreter, place in itertools.pairwise(places):
        script(place, f"#!{interpreter}\n")
    assert _refused(places[-1]) == _exec_refused(places[-1])


def test_the_kernel_counts_afresh_behind_env(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    before = "/bin/true"
    for name in "abcdefg":
        script(tmp_path / name, f"#!{before}\n")
        before = str(tmp_path / name) if name != "d" else "/usr/bin/env d"
    assert _refused(tmp_path / "g") is None
    subprocess.run([tmp_path / "g"], check=True, timeout=SECONDS)


@pytest.mark.parametrize(
    "line",
    [
        "#!/bin/true\r",
        "#!/bin/true\0junk",
        "#!/bin/" + "x" * 300,
        "#!/bin/true " + "x" * 300,
        "#!/bin/true" + " " * 300,
        "#!" + " " * 300 + "/bin/true",
        "#!" + "/" * 245 + "bin/true",
        "#!" + "/" * 246 + "bin/true",
        "#!" + "/" * 247 + "bin/true",
        "#!" + "/" * 260 + "bin/true",
    ],
)
@pytest.mark.parametrize("end", ["\n", ""], ids=["newline", "no newline"])
def test_lines_are_cut_as_the_kernel_cuts_them(
    tmp_path: Path, line: str, end: str
) -> None:
    """A line the kernel will not have is no line: then a shell runs the file."""
    program = script(tmp_path / "script", line + end)
    expected = _exec_refused(program)
    by_shell = _refused(program) is None and "no #! line: runs only" in str(
        elf.inspect(program, WRAPPED).reasons
    )
    assert (errno.ENOEXEC if by_shell else _refused(program)) == expected


@pytest.mark.parametrize("line", ["#!\n", "#! \t \n"])
def test_an_empty_line_is_none(tmp_path: Path, line: str) -> None:
    program = script(tmp_path / "script", line)
    assert _exec_refused(program) == errno.ENOEXEC
    assert elf.inspect(program, WRAPPED).interpreters == ("/bin/sh",)


def _exec_refused(program: Path) -> int | None:
    try:
        subprocess.run([program], timeout=SECONDS, check=True)
    except OSError as error:
        return error.errno
    return None


def _refused(program: Path) -> int | None:
    try:
        elf.inspect(program, WRAPPED)
    except PyshimError as error:
        assert isinstance(error.__context__, OSError)
        return error.__context__.errno
    return None


@pytest.mark.parametrize("text", ["echo hello\n", ""], ids=["text", "empty"])
def test_text_without_a_line_is_run_by_a_shell(tmp_path: Path, text: str) -> None:
    program = script(tmp_path / "script", text)
    report = elf.inspect(program, WRAPPED)
    assert (report.kind, report.interpreters) == ("script", ("/bin/sh",))
    assert report.reasons[-1] == "no #! line: runs only through a shell or execvp"


@AS_ROOT
@pytest.mark.parametrize(
    ("mode", "uid", "gid", "secure"),
    [
        (0o4755, NOBODY, 0, True),
        (0o2755, 0, NOBODY, True),
        (0o4755, 0, 0, False),
        (0o2755, 0, 0, False),
        (0o2745, 0, NOBODY, False),
    ],
    ids=["setuid", "setgid", "setuid to oneself", "setgid to oneself", "locking"],
)
def test_set_id_bits_count_only_when_they_change_something(
    build: Build,
    preloaded: Preloaded,
    mode: int,
    uid: int,
    gid: int,
    secure: bool,
) -> None:
    program = build("hello", "check_hello.c")
    skip_if_nosuid(program)
    os.chown(program, uid, gid)
    program.chmod(mode)
    report = elf.inspect(program, WRAPPED)
    assert (report.verdict == "bypass") is secure
    assert (elf.quick(program) is not None) is secure
    assert preloaded(program) is not secure


@AS_ROOT
def test_setuid_root_run_by_root_is_told_to_have_no_effect(build: Build) -> None:
    program = build("hello", "check_hello.c")
    skip_if_nosuid(program)
    program.chmod(0o4755)
    reasons = elf.inspect(program, WRAPPED).reasons
    assert reasons == ("setuid has no effect: run by uid 0 itself",)


@AS_ROOT
@pytest.mark.parametrize(
    ("around", "reason"),
    [
        ("exec setpriv --no-new-privs", "setuid has no effect: no_new_privs is set"),
        (
            "mount --bind . . && mount -o remount,bind,nosuid . && cd $PWD && exec",
            "setuid ignored: mounted nosuid",
        ),
    ],
    ids=["no_new_privs", "nosuid"],
)
def test_set_id_bits_may_be_forbidden(
    build: Build, tmp_path: Path, around: str, reason: str
) -> None:
    """In a mount namespace of its own, so that nothing outlives the test."""
    program = build("hello", "check_hello.c")
    build("witness.so", "check_preload.c", "-shared", "-fPIC")
    os.chown(program, NOBODY, 0)
    program.chmod(0o4755)
    code = (
        "import subprocess, sys; from pyshim import elf;"
        "print(*elf.inspect('./hello', frozenset({'write'})).reasons, flush=True);"
        "environ = {'LD_PRELOAD': './witness.so'};"
        "subprocess.run('./hello', env=environ, stderr=1, check=True, timeout=60)"
    )
    shell = ["sh", "-c", f'{around} "$@"', "sh", sys.executable, "-c", code]
    root = str(Path(elf.__file__).parent.parent)
    said = subprocess.run(
        ["unshare", "--mount", *shell],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    if b"unshare failed" in said.stderr or b"mount:" in said.stderr:
        pytest.skip("no mount namespaces here")
    assert said.stdout.decode() == f"{reason}\npreloaded\nhello\n", said.stderr


@AS_ROOT
def test_setuid_on_a_script_is_nothing(tmp_path: Path, preloaded: Preloaded) -> None:
    program = script(tmp_path / "script", "#!/bin/true\n")
    os.chown(program, NOBODY, 0)
    program.chmod(0o4755)
    assert elf.inspect(program, WRAPPED).verdict != "bypass"
    assert preloaded(program)


@AS_ROOT
@pytest.mark.parametrize("nobody", [False, True], ids=["root", "another user"])
@pytest.mark.parametrize(
    ("flags", "permitted"), [(1, CAP_NET_RAW), (0, CAP_NET_RAW), (1, 0), (0, 0)]
)
def test_file_capabilities_count_unless_root_runs_them(
    build: Build,
    tmp_path: Path,
    preloaded: Preloaded,
    nobody: bool,
    flags: int,
    permitted: int,
) -> None:
    program = build("hello", "check_hello.c")
    skip_if_nosuid(program)
    tmp_path.chmod(0o755)
    revision_2 = 0x02000000
    value = struct.pack("<5I", revision_2 | flags, permitted, 0, 0, 0)
    try:
        os.setxattr(program, "security.capability", value)
    except OSError as error:
        pytest.skip(f"file capabilities can't be set here: {error}")
    report = elf.inspect(program, WRAPPED)
    if nobody:
        report = _as_nobody(elf.inspect, tmp_path, "./hello", WRAPPED)
    secure = nobody and bool(flags or permitted)
    assert (report.verdict == "bypass") is secure
    assert preloaded("./hello", uid=NOBODY if nobody else None) is not secure


def _as_nobody(function: Callable[..., Result], folder: Path, *args: object) -> Result:
    """Call as another user, who can reach what is in `folder` by relative paths only.

    Python itself may be out of that user's reach: what the function imports must have
    been imported before.
    """
    context = multiprocessing.get_context("fork")
    with context.Pool(1, _become_nobody, (folder,)) as pool:
        return pool.apply_async(function, args).get(timeout=SECONDS)


def _become_nobody(folder: Path) -> None:
    os.chdir(folder)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


@AS_ROOT
def test_a_file_that_can_only_be_executed_is_unknown(
    build: Build, tmp_path: Path
) -> None:
    build("hello", "check_hello.c").chmod(0o711)
    tmp_path.chmod(0o755)
    with pytest.raises(PyshimError, match="hello: Permission denied"):
        _as_nobody(elf.inspect, tmp_path, "./hello", WRAPPED)
    reason = _as_nobody(elf.quick, tmp_path, "./hello")
    assert reason == "hello can't be read, so nothing is known of it"


def test_what_is_no_file_is_refused_in_one_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    broken = script(tmp_path / "broken", "#!/nowhere/python\n")
    refusals = {
        tmp_path / "missing": "No such file or directory",
        tmp_path: "Is a directory",
        tmp_path / "fifo": "not a regular file",
        broken: "/nowhere/python: No such file or directory",
    }
    for path, reason in refusals.items():
        with pytest.raises(PyshimError) as refused:
            elf.inspect(path, WRAPPED)
        assert str(refused.value) == f"{path}: {reason}"
        assert elf.quick(path) is None


def test_a_name_is_looked_up_as_execvp_does(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    (first / "tool").write_text("")
    (first / "folder").mkdir()
    tool = script(second / "tool", "")
    path = f"{tmp_path}/nowhere:{first}:{second}"
    assert elf.find_program("tool", path) == tool
    assert elf.find_program(str(tool), "") == tool
    assert elf.find_program("sh", None).name == "sh"
    with pytest.raises(PermissionError):
        elf.find_program("tool", str(first))
    with pytest.raises(PermissionError):
        elf.find_program("folder", path)
    for name in ("nothing", "", str(second / "nothing")):
        with pytest.raises(FileNotFoundError):
            elf.find_program(name, path)


def test_an_empty_part_of_path_is_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path / "tool", "")
    monkeypatch.chdir(tmp_path)
    assert elf.find_program("tool", "/nowhere:").resolve() == tmp_path / "tool"
