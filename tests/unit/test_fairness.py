"""Which errnos a call may give, by its manual."""

from __future__ import annotations

import errno

import pytest

from pyshim.calls import table
from pyshim.errors import UsageError
from pyshim.fairness import listed, unlisted
from pyshim.rules import parse

TABLE = table()
COMMON = """
open EMFILE ENOENT EACCES EINTR ENOSPC, read EIO EINTR EAGAIN ECONNRESET,
write ENOSPC EPIPE EDQUOT EFBIG, close EIO EINTR, fsync EIO ENOSPC, mmap ENOMEM,
brk ENOMEM, fork EAGAIN ENOMEM, execve EACCES ENOENT, socket EMFILE,
connect ECONNREFUSED ETIMEDOUT EINPROGRESS, recv ECONNRESET, send EPIPE ECONNRESET,
accept ECONNABORTED, rename EXDEV, unlink EBUSY, poll EINTR, pthread_create EAGAIN,
fopen EMFILE, fclose ENOSPC, waitpid ECHILD
"""
NEVER = "getppid EIO, read EXDEV, open EPIPE, close EMFILE, umask EINVAL, stat EINTR"


def pairs(text: str) -> list[tuple[str, str]]:
    lists = [each.split() for each in text.split(",")]
    return [(call, error) for call, *errors in lists for error in errors]


@pytest.mark.parametrize(("call", "error"), pairs(COMMON))
def test_what_happens_is_listed(call: str, error: str) -> None:
    assert not unlisted(TABLE.select(call), getattr(errno, error))


@pytest.mark.parametrize(("call", "error"), pairs(NEVER))
def test_what_never_happens_is_not(call: str, error: str) -> None:
    assert not listed(TABLE.by_name(call), getattr(errno, error))


def test_any_syscall_may_be_missing() -> None:
    assert not unlisted(TABLE.reachable, errno.ENOSYS)


def test_fair_leaves_of_a_set_what_may_fail_so() -> None:
    rule = parse("inject", "%file:error=EINTR:fair", TABLE)
    names = {call.name for call in rule.calls}
    assert "open" in names and "stat" not in names


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("getppid:error=EIO:fair", "getppid never fails with EIO"),
        ("read:short=1:fair", "fair goes with error="),
        ("read:signal=USR1:fair", "fair goes with error="),
    ],
)
def test_fair_of_nothing_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        parse("inject", text, TABLE)
    assert refused.value.at is not None
