"""Which files a run touched, and how: from its calls."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_REMOVED, _CREATED, _CHANGED = "removed", "created", "changed"
_LOOKED = "looked"
_HOW = {
    "unlink": _REMOVED, "unlinkat": _REMOVED, "rmdir": _REMOVED,
    "mkdir": _CREATED, "mkdirat": _CREATED, "mknod": _CREATED, "mknodat": _CREATED,
    "symlink": _CREATED, "symlinkat": _CREATED,
    "chmod": _CHANGED, "fchmodat": _CHANGED, "fchmodat2": _CHANGED,
    "chown": _CHANGED, "lchown": _CHANGED, "fchownat": _CHANGED,
    "utime": _CHANGED, "utimes": _CHANGED, "futimesat": _CHANGED, "utimensat": _CHANGED,
    "setxattr": _CHANGED, "lsetxattr": _CHANGED, "setxattrat": _CHANGED,
    "removexattr": _CHANGED, "lremovexattr": _CHANGED, "removexattrat": _CHANGED,
    "truncate": "written", "execve": "executed", "execveat": "executed",
}  # fmt: skip
"""By syscall; any other one that takes a path has only looked."""
_HOW_OF_PATH = {
    ("rename", "oldpath"): _REMOVED,
    ("rename", "newpath"): _CREATED,
    ("link", "newpath"): _CREATED,
}
_OPENS = frozenset({"open", "openat", "openat2", "creat"})
_CREATES_ANEW = os.O_CREAT | os.O_EXCL
_AT_FDCWD = -100


Path = str | os.PathLike[str]


class Files(Mapping[Path, frozenset[str]]):
    """By absolute path, in what ways it was touched; in the order of first touch.

    read, written: opened so. created: by a call that fails where there is one already
    (O_EXCL, mkdir), or as the new name of a rename or link. removed: also the old name
    of a rename. changed: mode, owner, times, attributes. executed. looked: stat,
    access, readlink. missing: a call said ENOENT or ENOTDIR. failed: it said something
    else. Paths are as the program named them, made absolute by text alone: a map
    (`maps=`) or a symlink on the way does not show.
    """

    def __init__(self, found: Mapping[str, frozenset[str]]) -> None:
        self._found = found

    def __getitem__(self, path: Path) -> frozenset[str]:
        return self._found[os.fspath(path)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __contains__(self, path: object) -> bool:
        return (
            os.fspath(path) if isinstance(path, os.PathLike) else path
        ) in self._found

    def __repr__(self) -> str:
        found = self._found.items()
        lines = (f"{path!r}: {'+'.join(sorted(how))}" for path, how in found)
        return f"Files({', '.join(lines)})"

    def by(self, how: str) -> frozenset[str]:
        """The paths that were touched in this way."""
        return frozenset(path for path, ways in self._found.items() if how in ways)

    @property
    def read(self) -> frozenset[str]:
        """Opened for reading, and that succeeded."""
        return self.by("read")

    @property
    def written(self) -> frozenset[str]:
        """Opened for writing, or truncated."""
        return self.by("written")

    @property
    def created(self) -> frozenset[str]:
        """New for certain."""
        return self.by(_CREATED)

    @property
    def removed(self) -> frozenset[str]:
        """Gone from that path."""
        return self.by(_REMOVED)

    @property
    def missing(self) -> frozenset[str]:
        """Looked for in vain."""
        return self.by("missing")


@dataclass(slots=True)
class _Place:
    """What one process's relative paths are relative to."""

    cwd: str
    fds: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Walk:
    cwd: str
    parents: Mapping[int, int]
    places: dict[int, _Place] = field(default_factory=dict)
    found: dict[str, set[str]] = field(default_factory=dict)

    def place(self, pid: int) -> _Place:
        """A child begins where its parent is; it may be heard from before its hello."""
        if pid not in self.places:
            above = self.places.get(self.parents.get(pid, 0), _Place(self.cwd))
            self.places[pid] = _Place(above.cwd, dict(above.fds))
        return self.places[pid]

    def call(self, call: Mapping[str, Any]) -> None:
        place = self.place(call["pid"])
        resolved = {
            name: _resolved(place, call["args"].get(base, _AT_FDCWD), path)
            for name, (base, path) in call["paths"].items()
        }
        for name, path in resolved.items():
            for how in _ways(call, name):
                self.found.setdefault(path, set()).add(how)
        if not call["errno"]:
            _moved(place, call, list(resolved.values()))


def files(lines: Sequence[Mapping[str, Any]], cwd: str) -> Files:
    """Of what watch.py wrote; `cwd` is where the command started."""
    parents = {each["start"]: each["parent"] for each in lines if "start" in each}
    walk = _Walk(cwd, parents)
    for line in lines:
        if "start" in line:
            walk.place(line["start"])
        elif "call" in line:
            walk.call(line)
    return Files({path: frozenset(how) for path, how in walk.found.items()})


def _resolved(place: _Place, dirfd: int, path: str) -> str:
    """An empty path is the descriptor's own (AT_EMPTY_PATH). A descriptor is an int: of
    its register only the lower half counts."""
    base, low = place.cwd, dirfd & 0xFFFFFFFF
    dirfd = low - (low >> 31 << 32)
    if dirfd != _AT_FDCWD:
        base = place.fds.get(dirfd, f"/proc/self/fd/{dirfd}")
    return os.path.normpath(os.path.join(base, path))  # noqa: PTH118


def _ways(call: Mapping[str, Any], name: str) -> tuple[str, ...]:
    if call["errno"]:
        return ("missing",) if call["errno"] in ("ENOENT", "ENOTDIR") else ("failed",)
    syscall = call["syscall"]
    if syscall in _OPENS:
        return _opened(call)
    for (begin, param), how in _HOW_OF_PATH.items():
        if syscall.startswith(begin) and name == param:
            return (how,)
    return (_HOW.get(syscall, _LOOKED),)


def _opened(call: Mapping[str, Any]) -> tuple[str, ...]:
    """`creat` has no flags, openat2 keeps them in a struct that the trace has not."""
    writes = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    flags = call["args"].get("flags", writes if call["syscall"] == "creat" else 0)
    if flags & os.O_PATH:
        return (_LOOKED,)
    mode = {os.O_RDONLY: ("read",), os.O_WRONLY: ("written",)}
    found = mode.get(flags & os.O_ACCMODE, ("read", "written"))
    anew = flags & _CREATES_ANEW == _CREATES_ANEW
    return (*found, _CREATED) if anew else found


def _moved(place: _Place, call: Mapping[str, Any], paths: Sequence[str]) -> None:
    """What a call that succeeded means for later relative paths."""
    syscall, args = call["syscall"], call["args"]
    if syscall in _OPENS and paths:
        place.fds[call["result"]] = paths[0]
    elif syscall == "chdir" and paths:
        place.cwd = paths[0]
    elif syscall == "fchdir":
        place.cwd = place.fds.get(args["fd"], place.cwd)
    elif syscall in ("dup", "dup2", "dup3") and args["oldfd"] in place.fds:
        place.fds[call["result"]] = place.fds[args["oldfd"]]
    elif syscall == "fcntl" and args["cmd"] in (0, 1030) and args["fd"] in place.fds:
        place.fds[call["result"]] = place.fds[args["fd"]]
    elif syscall == "close":
        place.fds.pop(args["fd"], None)
