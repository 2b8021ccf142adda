"""What a target has written about an error of a hook, read by the host."""

from __future__ import annotations

import pytest

from pyshim.hook_errors import HookError, parse

FIELDS = (
    2,
    "ValueError",
    "/a/b.py:3",
    "read",
    17,
    "Traceback\n  '\"\udcff\nValueError",
)
LINE = f"{FIELDS!a}".encode()


def test_a_record() -> None:
    assert parse(LINE) == HookError(*FIELDS)


@pytest.mark.parametrize("kept", [0, 1, 20, len(LINE) - 1])
def test_one_that_the_disk_had_no_room_for(kept: int) -> None:
    assert parse(LINE[:kept]) is None


@pytest.mark.parametrize(
    "line",
    [
        *(b"5", b"()", b"\xff\x00", b"None.x", b"__import__('os')", b"(" * 10_000),
        f"{FIELDS[:-1]!a}".encode(),
        f"{('2', *FIELDS[1:])!a}".encode(),
        f"{(-1, *FIELDS[1:])!a}".encode(),
        f"{(32, *FIELDS[1:])!a}".encode(),
        f"{(*FIELDS[:-1], None)!a}".encode(),
    ],
)
def test_what_is_none(line: bytes) -> None:
    """The file is the target's to write to, and it may be anybody's program."""
    assert parse(line) is None
