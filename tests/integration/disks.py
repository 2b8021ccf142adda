"""The same commands on a small tmpfs, and on files that may take no more than it."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from shimmed import is_ours

SECONDS = 60
CHANCE = re.compile(r"(\./sort|\./sed|/tmp/cc|tmp_obj_|\./tmp\.)\w{6,10}")
LEFT = """
find . -type f | sort | while read -r name; do
    printf '%s ' "$name"; stat -c '%s %h' "$name"; cksum < "$name"
done
"""
"""What is there afterwards: names, sizes, links, contents."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the script printed, and what its last command returned."""

    stdout: str
    stderr: str
    status: int


def can_mount() -> bool:
    """Whether a tmpfs can be mounted where nobody else sees it."""
    command = ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]
    return not subprocess.run(
        command, capture_output=True, timeout=SECONDS, check=False
    ).returncode


def on_tmpfs(script: str, folder: Path, size: str) -> Seen:
    """In a namespace of its own, whose end unmounts it."""
    here = shlex.quote(str(folder))
    mount = f"mount -t tmpfs -o size={size} none {here} && cd {here} || exit 99"
    run = f"{mount}; exec sh -c {shlex.quote(script)}"
    return _seen(["unshare", "-m", "sh", "-c", run], folder)


def on_quota(script: str, folder: Path, size: str, *options: str) -> Seen:
    """Under pyshim, in a folder of whatever the tests run on."""
    rule = f"inject=quota={size}:path={folder}/**"
    words = [sys.executable, "-m", "pyshim", *options, "-e", rule]
    return _seen([*words, "sh", "-c", script], folder)


def both(
    script: str, folder: Path, size: str, *options: str, left: str = LEFT
) -> tuple[Seen, Seen]:
    """What it comes to on the one and on the other."""
    script = f"{{\n{script}\n}}\nstatus=$?\n{left}\nexit $status"
    real = on_tmpfs(script, folder, size)
    assert real.status != 99, real
    for each in folder.iterdir():
        shutil.rmtree(each) if each.is_dir() else each.unlink()
    return real, on_quota(script, folder, size, *options)


def _seen(command: list[str], folder: Path) -> Seen:
    done = subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    theirs = [line for line in done.stderr.splitlines(True) if not is_ours(line)]
    return Seen(_plain(done.stdout), _plain(b"".join(theirs)), done.returncode)


def _plain(text: bytes) -> str:
    """Without what chance made: the names of temporary files."""
    return CHANCE.sub(r"\1", text.decode(errors="replace"))
