"""What cannot be run is refused as env(1) refuses it."""

from __future__ import annotations

import itertools
import os
import shutil
from pathlib import Path

import pytest
from contract_jobs import run


@pytest.fixture
def odd_programs(tmp_path: Path) -> Path:
    """A folder of things that are not quite programs."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    files = {
        "no_shebang": "echo sh saw $# $1\n",
        "lost_shebang": "#!/nowhere/to/be/found\n",
        "bad_elf": "\x7fELF\x02",
        "empty": "",
        "plain": "#!/bin/sh\necho never\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "plain").chmod(0o644)
    shutil.copy(shutil.which("true") or "", tmp_path / "folder" / "no_shebang")
    (tmp_path / "folder" / "plain").symlink_to("../no_shebang")
    return tmp_path


BY_PATH = ["missing", "folder", "plain", "plain/below", "loop", "n" * 300]
BY_PATH += ["no_shebang", "lost_shebang", "bad_elf", "empty"]
BY_NAME = ["missing", "plain", "no_shebang", "folder", "n" * 300, ""]
SEARCHED = [".:folder", ".:/nowhere", "./plain:/bin", "", None]


@pytest.mark.parametrize(
    ("program", "path"),
    [
        *((f"./{program}", None) for program in BY_PATH),
        *itertools.product(BY_NAME, SEARCHED),
    ],
)
def test_refuses_as_env_does(
    wrapper: list[str], odd_programs: Path, program: str, path: str | None
) -> None:
    env = {key: value for key, value in os.environ.items() if key != "PATH"}
    env |= {"LC_ALL": "C"} | ({} if path is None else {"PATH": path})
    ours = run([*wrapper, program, "A", "B"], cwd=odd_programs, env=env)
    oracle = [str(shutil.which("env")), program, "A", "B"]
    theirs = run(oracle, cwd=odd_programs, env=env)
    assert ours.returncode == theirs.returncode
    assert ours.stdout == theirs.stdout
    said = [line for line in ours.stderr.splitlines() if b"pyshim: bypass:" not in line]
    assert len(said) == len(theirs.stderr.splitlines())
    if theirs.stderr.startswith(b"/"):
        reason = theirs.stderr.rpartition(b": ")[2].decode()
        assert ours.stderr.decode() == f"pyshim: {program}: {reason}"


def test_refusal_names_the_program_and_the_reason(
    wrapper: list[str], odd_programs: Path
) -> None:
    missing = run([*wrapper, "./x"], cwd=odd_programs)
    assert missing.returncode == 127
    assert missing.stderr == b"pyshim: ./x: No such file or directory\n"
    folder = run([*wrapper, "./folder"], cwd=odd_programs)
    assert folder.returncode == 126
    assert folder.stderr == b"pyshim: ./folder: Permission denied\n"


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_refusal_keeps_its_status_without_a_stderr(
    wrapper: list[str], redirection: str
) -> None:
    shell = ["sh", "-c", f'exec "$@" {redirection}', "sh"]
    done = run([*shell, *wrapper, "./missing"])
    assert (done.returncode, done.stdout) == (127, b"")
