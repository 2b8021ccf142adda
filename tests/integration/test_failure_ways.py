"""A failure that a rule makes is the one libc would have told: result, errno, marks.

`failure_ways really` brings each of them about by itself, bare; under the rules below
it prints the same without that. Where nothing harmless makes a call fail, the line is
written here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from shimmed import PYSHIM, run

from pyshim.calls import table

Target = Callable[..., str]
ERRORS = {
    "fopen": "EMFILE:path=**/victim",
    "opendir": "EMFILE:path=**/victims",
    "popen": "EMFILE",
    "tmpfile": "EMFILE",
    "fdopen": "EBADF",
    "realpath": "ENOENT",
    "setlocale": "ENOENT",
    "sem_open": "ENOENT",
    "mmap": "EINVAL",
    "remove": "ENOENT",
    "mkstemp": "EMFILE",
    "nftw": "ENOENT",
    "scandir": "ENOENT",
    "readdir": "EBADF",
    "getpwnam": "EMFILE",
    "pathconf": "EINVAL",
    "fgetc": "EISDIR",
    "fgets": "EISDIR",
    "getline": "EISDIR",
    "fread": "EISDIR",
    "fputs": "ENOSPC",
    "fprintf": "ENOSPC",
    "getchar": "EISDIR",
    "printf": "ENOSPC",
    "fclose": "ENOSPC",
    "getpwnam_r": "ERANGE",
    "pthread_create": "EAGAIN",
    "posix_spawn": "ENOENT",
    "getaddrinfo": "EAI_NONAME",
    "glob": "GLOB_NOMATCH",
    "wordexp": "WRDE_SYNTAX",
}
"""By call: the failure that it has by itself, too."""
OTHERS = {
    "getaddrinfo": {"EAI_AGAIN": "-3", "EAI_MEMORY": "-10", "ENOMEM": "-11"},
    "gethostbyname": {
        "TRY_AGAIN": "NULL untouched, h_errno 2",
        "HOST_NOT_FOUND": "NULL untouched, h_errno 1",
        "EMFILE": "NULL EMFILE, h_errno -1",
    },
    "res_query": {
        "TRY_AGAIN": "-1 untouched, h_errno 2",
        "NO_DATA": "-1 untouched, h_errno 4",
        "ETIMEDOUT": "-1 ETIMEDOUT, h_errno -1",
    },
    "glob": {"GLOB_NOSPACE": "1", "GLOB_ABORTED": "2", "EACCES": "2"},
    "wordexp": {"WRDE_NOSPACE": "1", "WRDE_BADCHAR": "2", "ENOMEM": "1"},
    "thrd_create": {"thrd_nomem": "3", "thrd_error": "2", "EAGAIN": "2"},
    "system": {"EAGAIN": "-1 EAGAIN"},
    "getpwnam_r": {"EIO": "5, result NULL"},
    "getpwnam": {"ENOENT": "NULL ENOENT"},
    "umask": {"EIO": "4294967273 untouched"},
}
"""By call and failure: what it prints."""


def lines(command: list[str], folder: Path) -> dict[str, str]:
    """What the target said of each call."""
    folder.mkdir()
    done = run(command, cwd=folder)
    *told, last = done.stdout.decode().splitlines()
    assert (done.status, last) == (0, "EXIT-SUCCESS"), done
    return dict(line.split(": ", 1) for line in told)


def failed(program: str, errors: dict[str, str], folder: Path) -> dict[str, str]:
    rules = [f"-einject={name}:error={error}" for name, error in errors.items()]
    return lines([*PYSHIM, *rules, program], folder)


def test_it_is_left_with_what_libc_leaves(target: Target, tmp_path: Path) -> None:
    program = target("failure_ways")
    bare = lines([program], tmp_path / "bare")
    truth = lines([program, "really"], tmp_path / "really")
    made = failed(program, ERRORS, tmp_path / "made")
    assert [name for name in ERRORS if truth[name] == bare[name]] == []
    assert {name: made[name] for name in ERRORS} == {
        name: truth[name] for name in ERRORS
    }
    assert made["fclose, then its fd"] == "0 untouched"  # instead: decision 0007


@pytest.mark.parametrize("turn", range(3))
def test_each_way_to_tell_it(target: Target, tmp_path: Path, turn: int) -> None:
    """One failure of each call in a run, each time another one."""
    errors = {
        name: list(each)[turn] for name, each in OTHERS.items() if len(each) > turn
    }
    made = failed(target("failure_ways"), errors, tmp_path / "made")
    assert {name: made[name] for name in errors} == {
        name: OTHERS[name][error] for name, error in errors.items()
    }


def test_every_way_to_fail_is_here() -> None:
    """A new value of `fails` in the table asks for a line in the target."""
    calls = [table().by_name(name) for name in {**ERRORS, **OTHERS}]
    assert {call.fails for call in calls} == {
        call.fails for call in table().reachable
    } - {"never"}


def test_what_can_not_be_written_is_left_alone(target: Target, tmp_path: Path) -> None:
    """By the kernel, too: rest of a sleep in memory that can only be read."""
    rule = "inject=nanosleep,clock_nanosleep:error=EINTR"
    done = run([*PYSHIM, "-e", rule, target("waits"), "unwritable"], cwd=tmp_path)
    assert done.stdout == b"unwritable: -1 EINTR\nEXIT-SUCCESS\n"
