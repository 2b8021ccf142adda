"""Which file an exec ends up running, and with which rights.

The kernel and execvp(3) decide this in several steps (PATH, `#!` lines, `env`, set-id
bits); pyshim has to come to the same answer before it starts anything.
"""

from __future__ import annotations

import errno
import os
import re
import shlex
import stat
import struct
from dataclasses import dataclass
from pathlib import Path

HEAD = 256
"""Bytes of a file the kernel looks at to tell what it is (BINPRM_BUF_SIZE)."""

MAX_SCRIPTS = 5
"""Scripts that may be each other's interpreters before the kernel says ELOOP."""

MAX_STEPS = 32
"""`env` starts the kernel's count afresh: a script that names itself has no end."""

SHELL = "/bin/sh"
CAPABILITIES = "security.capability"


@dataclass(frozen=True, slots=True)
class Image:
    """The end of a chain: the file whose code runs, and the files on the way to it."""

    path: str
    head: bytes
    """Its first HEAD bytes."""
    interpreters: tuple[str, ...]
    """Every file named by a `#!` line or by its `env`, in order; the last is `path`."""
    by_shell: bool
    """Whether a text without `#!` is on the way: only a shell or execvp runs it."""


@dataclass(frozen=True, slots=True)
class Privilege:
    """A set-id bit or file capability: its name, and why it counts or does not."""

    kind: str
    text: str
    secure: bool
    """Whether exec sets AT_SECURE, under which the loader ignores the preload."""


def find_program(name: str, path_env: str | None) -> Path:
    """The file execvp would run for `name`; `path_env` is PATH, None when unset.

    The result is for execve: a Path drops a leading `./`, so execvp would search again.

    Raises PermissionError when there are only files that can't be executed, and
    FileNotFoundError when there are none.
    """
    if path_env is None:
        path_env = os.confstr("CS_PATH") or os.defpath
    folders = [""] if "/" in name else path_env.split(":")
    refused = False
    for folder in folders if name else []:
        candidate = Path(folder, name)
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
        refused = refused or candidate.exists()
    code = errno.EACCES if refused else errno.ENOENT
    raise OSError(code, os.strerror(code), name)


def follow(path: str, path_env: str | None) -> Image:
    """Follow `#!` lines and `env` from `path` to the file whose code runs.

    Raises OSError, naming the file, where exec would fail on the way.
    """
    steps: list[str] = []
    nested, by_shell = 0, False
    while True:
        here = steps[-1] if steps else path
        head = read_head(here)
        line = _interpreter(head)
        if line is None and not is_text(head):
            return Image(here, head, tuple(steps), by_shell)
        nested += 1
        if nested > MAX_SCRIPTS or len(steps) > MAX_STEPS:
            raise OSError(errno.ELOOP, "too many #! lines on the way", here)
        name, argument = line or (SHELL, "")
        by_shell = by_shell or line is None
        steps.append(name)
        command = _env_command(argument) if Path(name).name == "env" else ""
        if command:
            steps.append(str(find_program(command, path_env)))
            nested = 0


def read_head(path: str) -> bytes:
    """The first HEAD bytes of a regular file.

    Anything else is refused as exec refuses it; opening a FIFO would hang.
    """
    mode = Path(path).stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(mode):
        raise OSError(errno.ENOEXEC, "not a regular file", path)
    with Path(path).open("rb") as file:
        return file.read(HEAD)


def is_text(head: bytes) -> bool:
    """Whether a shell would take a file that begins so for a script."""
    return b"\0" not in head and not head.startswith(b"\x7fELF")


def _interpreter(head: bytes) -> tuple[str, str] | None:
    """The interpreter and its one argument, cut as the kernel cuts them."""
    if not head.startswith(b"#!"):
        return None
    line, newline, _ = head[2:].partition(b"\n")
    line = line.partition(b"\0")[0].lstrip(b" \t")
    name, blank, argument = re.split(rb"([ \t]+|\Z)", line, maxsplit=1)
    name_is_cut = not newline and not blank and len(head) == HEAD
    if not name or name_is_cut:
        return None
    return os.fsdecode(name), os.fsdecode(argument.rstrip(b" \t"))


def _env_command(argument: str) -> str:
    """The program `env ARGUMENT` starts; "" when it names none.

    Without -S the whole argument is one word, blanks included.
    """
    split = re.match(r"(-[iv0]*S|--split-string[= ])\s*", argument)
    try:
        words = shlex.split(argument[split.end() :]) if split else [argument]
    except ValueError:
        return ""
    takes_word = {"-u", "--unset", "-C", "--chdir"}
    skip = False
    for word in words:
        if skip or word in takes_word:
            skip = not skip
        elif word and not word.startswith("-") and "=" not in word:
            return word
    return ""


def privilege(path: str) -> Privilege | None:
    """What the file's set-id bits or capabilities do when this process runs it."""
    info = Path(path).stat()
    found = [each for each in (_set_id(info), _capabilities(path)) if each]
    if not found:
        return None
    worst = max(found, key=lambda each: each.secure)
    if os.statvfs(path).f_flag & os.ST_NOSUID:
        return Privilege(worst.kind, f"{worst.kind} ignored: mounted nosuid", False)
    return worst


def _set_id(info: os.stat_result) -> Privilege | None:
    """Without execute permission for the group, S_ISGID means file locking."""
    both = stat.S_ISGID | stat.S_IXGRP
    changes = []
    if info.st_mode & stat.S_ISUID:
        changes.append(("setuid", "uid", info.st_uid, os.getuid()))
    if info.st_mode & both == both:
        changes.append(("setgid", "gid", info.st_gid, os.getgid()))
    for kind, what, owner, mine in changes:
        if owner != mine and not _no_new_privileges():
            text = f"runs with {what} {owner}, so the loader ignores the preload"
            return Privilege(kind, text, True)
    if not changes:
        return None
    kind, what, owner, mine = changes[0]
    why = f"run by {what} {owner} itself" if owner == mine else "no_new_privs is set"
    return Privilege(kind, f"{kind} has no effect: {why}", False)


def _no_new_privileges() -> bool:
    return "NoNewPrivs:\t1" in Path("/proc/self/status").read_text()


def _capabilities(path: str) -> Privilege | None:
    """Root has every capability already, so for root they change nothing."""
    try:
        value = os.getxattr(path, CAPABILITIES)
    except OSError:
        return None
    kind = "capabilities"
    if os.getuid() == 0:
        return Privilege(kind, "file capabilities have no effect: run by root", False)
    if not _grants(value):
        return None
    text = "has file capabilities, so the loader ignores the preload"
    return Privilege(kind, text, True)


def _grants(value: bytes) -> bool:
    """Whether a `struct vfs_cap_data` permits or makes effective any capability."""
    words = struct.unpack(f"<{len(value) // 4}I", value[: len(value) // 4 * 4])
    effective = bool(words) and bool(words[0] & 1)
    return effective or any(words[1:5:2])
