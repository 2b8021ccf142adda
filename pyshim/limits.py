"""Calls that meet a limit of the kernel's: `fds=`, `quota=`, `lose` of a rule."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from pyshim.calls import Call, Table
from pyshim.errors import UsageError
from pyshim.excerpt import Excerpt
from pyshim.rule_keys import COUNTING

_OPENING = frozenset(
    {"pipe", "pipe2", "SYS_pipe", "socketpair", "fcntl", "recvmsg", "recvmmsg"}
    | {"fopen", "opendir", "tmpfile"}
)
"""What gives out descriptors and returns none."""
_TELLING = frozenset({"fileno", "fileno_unlocked"})
"""What returns one that is there already."""
FDS_ALLOWED = "open dup socket accept pipe fcntl recvmsg and the like, %desc, %network"


def names_itself(word: str) -> bool:
    """Whether a rule begins with such a key in place of a set: the calls are known."""
    return word.partition("=")[0] in ("fds", "quota")


def taking_fds(calls: Collection[Call]) -> frozenset[Call]:
    """Those of them that give out descriptors, by their rows."""
    return frozenset(
        call
        for call in calls
        if call.base in _OPENING or (call.ret == "fd" and call.base not in _TELLING)
    )


_ON_DISK = frozenset(
    {"write", "writev", "pwrite", "pwritev", "pwritev2", "SYS_pwritev2"}
    | {"sendfile", "copy_file_range", "splice", "fallocate", "posix_fallocate"}
    | {"open", "openat", "openat2", "creat", "SYS_open", "ftruncate", "truncate"}
    | {"unlink", "unlinkat", "remove", "rename", "renameat", "renameat2", "close"}
)
QUOTA_ALLOWED = "write open ftruncate unlink rename and the like, %desc, %file"


def taking_space(calls: Collection[Call]) -> frozenset[Call]:
    """Those of them that take or free space of a disk: what shim/quota.c knows."""
    return frozenset(call for call in calls if call.base in _ON_DISK)


_SYNCING = frozenset({"fsync", "fdatasync"})
_KEEPING = (_ON_DISK - {"close"}) | _SYNCING | {"sync", "syncfs"}


def syncing(calls: Collection[Call]) -> frozenset[Call]:
    """Those of them that sync one file."""
    return frozenset(call for call in calls if call.base in _SYNCING)


def keeping(calls: Collection[Call]) -> Iterator[tuple[Call, bool]]:
    """Those that change a file, and whether it is by what the call works on that one
    knows which: shim/unsynced.c.
    """
    for call in calls:
        if call.base in _KEEPING:
            yield call, call.base in _ON_DISK


def check(
    values: Mapping[str, object], named: Mapping[str, Excerpt], end: Excerpt
) -> None:
    """What can't go together. `named`: the rule's words, by field; `end`: its end."""
    if "lose" in values and ("error" not in values or "after" in values):
        message = f"lose goes with error=, and not with after, in {end.whole!r}"
        raise UsageError(message, at=named.get("after", named["lose"]))
    if "quota" in values:
        _check_quota(values, named, end)


def _check_quota(
    values: Mapping[str, object], named: Mapping[str, Excerpt], end: Excerpt
) -> None:
    """It counts all calls on its files: which of them fail is for the disk to say."""
    if "path" not in values:
        message = f"quota= needs the files that it is about, in {end.whole!r}"
        raise UsageError(message, allowed="path=", at=end)
    if wrong := [word for field, word in named.items() if field in COUNTING]:
        message = f"quota= can't go with {wrong[0]} in {end.whole!r}"
        raise UsageError(message, allowed="path= process= name= off", at=wrong[0])


def meeting(
    calls: frozenset[Call],
    values: Mapping[str, object],
    selection: Excerpt,
    table: Table,
) -> frozenset[Call]:
    """The calls that meet the limits in `values`; `selection` named `calls`."""
    if "lose" in values:
        what = "no call that syncs a file"
        calls = _some(syncing(calls), what, selection, "fsync fdatasync")
    if "fds" in values:
        what = "no call that gives out a descriptor"
        calls = _some(taking_fds(calls), what, selection, FDS_ALLOWED)
    if "quota" in values:
        what = "no call that takes or frees space"
        _some(taking_space(calls), what, selection, QUOTA_ALLOWED)
        calls = taking_space(table.reachable)
    return calls


def _some(
    left: frozenset[Call], what: str, selection: Excerpt, allowed: str
) -> frozenset[Call]:
    if not left:
        message = f"{what}: {str(selection)!r}"
        raise UsageError(message, allowed=allowed, at=selection)
    return left
