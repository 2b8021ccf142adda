"""What libc does with several syscalls is one call: logged and failed by its own name.

Each case is a program as it is installed: the log has the line, and under the rule the
program says what it says when libc really reports that failure.
"""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from shimmed import PYSHIM, Done, ours, run, without_ours

RESOLVE = "import socket; print(socket.getaddrinfo('127.0.0.1', 80)[0][4])"
PYTHON = f"{shlex.quote(sys.executable)} -S -c"
MAKEFILE = "all:\n\t/bin/echo made\nfound:\n\t@echo $(wildcard dir/*)\n"
POINTER = "0x[0-9a-f]+"
FULL = "No space left on device"
FDS = "Too many open files"


@dataclass(frozen=True, slots=True)
class Case:
    """A call in a program. The first program of the script must be installed."""

    script: str
    line: str
    """Pattern of the log's line when all is well."""
    error: str
    result: str
    """Pattern of what the log's line has as its result under the rule."""
    says: str
    """Pattern of what the program prints then, on stdout or stderr."""
    status: int


CASES = {
    "fopen": Case(
        "as -o out.o empty.s",
        rf'fopen\("empty.s", "r"\) += {POINTER}',
        "EMFILE",
        rf"NULL EMFILE \({FDS}\)",
        f"can't create out.o: {FDS}",
        1,
    ),
    "freopen": Case(
        "hexdump notes",
        rf'freopen\("notes", "r", {POINTER}\) += {POINTER}',
        "EMFILE",
        "NULL EMFILE",
        f"hexdump: notes: {FDS}",
        1,
    ),
    "fclose": Case(
        "sort < notes",
        rf"fclose\({POINTER}\) += 0",
        "ENOSPC",
        rf"-1 ENOSPC \({FULL}\)",
        f"sort: .*: {FULL}",
        2,
    ),
    "fgets": Case(
        "sqlite3 :memory: < select.sql",
        rf"fgets\({POINTER}, \d+, {POINTER}\) += {POINTER}",
        "EIO",
        "NULL EIO",
        r"\A\Z",
        0,
    ),
    "tmpfile": Case(
        "ed -s notes",
        rf"tmpfile\(\) += {POINTER}",
        "EMFILE",
        "NULL EMFILE",
        FDS,
        1,
    ),
    "opendir": Case(
        "ls dir",
        rf'opendir\("dir"\) += {POINTER}',
        "EMFILE",
        "NULL EMFILE",
        f"ls: cannot open directory 'dir': {FDS}",
        2,
    ),
    "readdir": Case(
        "ls dir",
        rf"readdir\({POINTER}\) += NULL\n",
        "EBADF",
        "NULL EBADF",
        "ls: reading directory 'dir': Bad file descriptor",
        2,
    ),
    "scandir": Case(
        "run-parts --list dir",
        rf'scandir\("dir", {POINTER}, {POINTER}, {POINTER}\) += 2',
        "ENOMEM",
        "-1 ENOMEM",
        "failed to open directory dir: Cannot allocate memory",
        1,
    ),
    "nftw": Case(
        "hardlink -nq dir",
        rf'nftw\("/.*/dir", {POINTER}, \d+, \d+\) += 0',
        "EMFILE",
        "-1 EMFILE",
        f"hardlink: cannot process .*/dir: {FDS}",
        0,
    ),
    "realpath": Case(
        "hardlink -nq dir",
        rf'realpath\("dir", NULL\) += {POINTER}',
        "EACCES",
        "NULL EACCES",
        "hardlink: cannot get realpath: dir: Permission denied",
        0,
    ),
    "glob": Case(
        "make -s found",
        rf'glob\("dir/\*", 0x200, NULL, {POINTER}\) += 0',
        "GLOB_NOSPACE",
        "1 GLOB_NOSPACE",
        "virtual memory exhausted",
        2,
    ),
    "mkstemp": Case(
        "tac",
        r'mkstemp\("/.*/tac\w{6}"\) += \d',
        "ENOSPC",
        "-1 ENOSPC",
        f"tac: failed to create temporary file in '.*': {FULL}",
        1,
    ),
    "mkostemp": Case(
        "sort -S 1k -T . many",
        r'mkostemp\("\./sort\w{6}", O_CLOEXEC\) += \d',
        "EMFILE",
        "-1 EMFILE",
        f"sort: cannot create temporary file in '.': {FDS}",
        2,
    ),
    "posix_spawn": Case(
        "make -s all",
        rf'posix_spawn\(\[\d+\], "/bin/echo", {POINTER}, {POINTER}, '
        rf'\["/bin/echo", "made"\], {POINTER} /\* \d+ vars \*/\) += 0',
        "EAGAIN",
        "11 EAGAIN",
        "make.*: /bin/echo: Resource temporarily unavailable",
        2,
    ),
    "popen": Case(
        "sqlite3 :memory: '.once |cat' 'select 5;'",
        rf'popen\("cat", "w"\) += {POINTER}',
        "EMFILE",
        "NULL EMFILE",
        'cannot open pipe "cat"',
        1,
    ),
    "system": Case(
        "mawk 'BEGIN { print system(\"exit 3\") }'",
        r'system\("exit 3"\) += 768',
        "EAGAIN",
        "-1 EAGAIN",
        r"\A-1\n",
        0,
    ),
    "getaddrinfo": Case(
        "getent ahosts 127.0.0.1",
        rf'getaddrinfo\("127.0.0.1", NULL, {POINTER}, {POINTER}\) += 0',
        "EAI_AGAIN",
        "-3 EAI_AGAIN",
        r"\A\Z",
        2,
    ),
    "getaddrinfo again": Case(
        f'{PYTHON} "{RESOLVE}"',
        r'getaddrinfo\("127.0.0.1", "80", .*\) += 0',
        "EAI_AGAIN",
        "-3 EAI_AGAIN",
        r"gaierror: \[Errno -3\] Temporary failure in name resolution",
        1,
    ),
    "getpwnam": Case(
        "id root",
        rf'getpwnam\("root"\) += {POINTER}',
        "EIO",
        "NULL EIO",
        "id: .root.: no such user",
        1,
    ),
    "getpwuid": Case(
        "whoami",
        rf"getpwuid\(\d+\) += {POINTER}",
        "EMFILE",
        "NULL EMFILE",
        rf"whoami: cannot find name for user ID \d+: {FDS}",
        1,
    ),
    "setlocale": Case(
        "bash -c 'echo $0'",
        rf'setlocale\(\d, ""\) += {POINTER}',
        "ENOENT",
        "NULL ENOENT",
        r"warning: setlocale: LC_ALL: cannot change locale \(C.UTF-8\)",
        0,
    ),
    "pthread_create": Case(
        "xz -T2 -c --block-size=1 notes",
        rf"pthread_create\({POINTER}, NULL, {POINTER}, {POINTER}\) += 0",
        "EAGAIN",
        "11 EAGAIN",
        "xz: notes: Cannot allocate memory",
        1,
    ),
    "dlopen": Case(
        f"{PYTHON} 'import _ctypes'",
        r'dlopen\("/.*/_ctypes.*\.so", 2\) += \?',
        "EIO",
        "NULL EIO",
        r"ImportError: unknown dlopen\(\) error",
        1,
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the scripts work on."""
    here = tmp_path / "here"
    (here / "dir").mkdir(parents=True)
    (here / "dir/a").write_text("same\n")
    (here / "dir/b").write_text("same\n")
    (here / "notes").write_text("one\ntwo\n")
    (here / "empty.s").touch()
    (here / "many").write_text("a line of some length\n" * 20000)
    (here / "select.sql").write_text("select 5;\n")
    (here / "Makefile").write_text(MAKEFILE)
    return here


def go(case: Case, folder: Path, *options: str) -> Done:
    script = ["/bin/sh", "-c", f"exec {case.script}"]
    return run([*PYSHIM, *options, "--", *script], cwd=folder, stdin=b"one\ntwo\n")


def logged(case: Case, name: str, folder: Path, *rules: str) -> tuple[Done, str]:
    """A run under log, and the lines of this call."""
    file = folder.parent / "log"
    trace = [f"-etrace={name}", *rules]
    done = go(case, folder, "-plog", "-s200", f"-o{file}", *trace)
    return done, file.read_text(errors="surrogateescape")


@pytest.mark.parametrize("title", CASES)
def test_it_is_logged_and_failed_by_name(title: str, folder: Path) -> None:
    case, name = CASES[title], title.partition(" ")[0]
    program = shlex.split(case.script)[0]
    if not shutil.which(program):
        pytest.skip(f"no {program} here")
    bare = run(["/bin/sh", "-c", case.script], cwd=folder, stdin=b"one\ntwo\n")
    done, log = logged(case, name, folder)
    assert without_ours(done) == bare
    assert re.search(rf"(?m)^(\d+ +)?({case.line})", log), log
    failed, log = logged(case, name, folder, f"-einject={name}:error={case.error}")
    assert re.search(
        rf"(?m)^(\d+ +)?{name}\(.*\) += {case.result}.* \(INJECTED\)$", log
    )
    said = without_ours(failed)
    assert re.search(case.says, (said.stdout + said.stderr).decode(errors="replace")), (
        said
    )
    assert failed.status == case.status
    assert re.search(rf"inject={name}:.*: armed, hit \d+ time", ours(failed)[0])


@pytest.mark.skipif(not shutil.which("sqlite3"), reason="no sqlite3 here")
def test_by_name_only(folder: Path) -> None:
    """Of the calls made at every turn `all` has none, but what opens and ends is in."""
    case = CASES["fgets"]
    _, everything = logged(case, "all", folder)
    for name in ("fgets", "fclose", "getc", "pthread_mutex_lock", "clock_gettime"):
        assert not re.search(rf"(?m)^(\d+ +)?{name}\(", everything)
    assert re.search(r"(?m)^(\d+ +)?fopen\(", everything)
    _, named = logged(case, "fgets,%stdio", folder)
    assert re.search(r"(?m)^(\d+ +)?fgets\(", named)
    assert "fclose(" not in named
