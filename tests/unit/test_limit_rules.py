"""Sizes and limits as rules write them, and the calls they are about."""

from __future__ import annotations

import pytest

from pyshim import rule_values
from pyshim.calls import table
from pyshim.errors import UsageError
from pyshim.rules import parse

SIZES = {
    "0": 0,
    "4096": 4096,
    "10k": 10240,
    "10K": 10240,
    "10KiB": 10240,
    "10kiB": 10240,
    "10M": 10 << 20,
    "10MiB": 10 << 20,
    "1G": 1 << 30,
    "2TiB": 2 << 40,
}
NO_SIZES = [
    "",
    "-1",
    "+1",
    "1 M",
    "1m",
    "1.5M",
    "1KB1",
    "0x10",
    "1B",
    "1E",
    "10kB",
    "10MB",
    "M",
]
NO_SIZES += ["9" * 19, "4194304T"]


@pytest.mark.parametrize("text", SIZES)
def test_sizes(text: str) -> None:
    assert rule_values.parse_size(text) == SIZES[text]


@pytest.mark.parametrize("text", NO_SIZES)
def test_what_is_no_size(text: str) -> None:
    assert rule_values.parse_size(text) is None


def test_a_limit_may_stand_for_the_set() -> None:
    for with_set, without in (
        ("all:fds=9", "fds=9"),
        ("%file:quota=1M:path=/x", "quota=1M:path=/x"),
    ):
        calls = parse("inject", without, table()).calls
        assert parse("inject", with_set, table()).calls == calls


def test_a_set_picks_the_calls_of_fds() -> None:
    rule = parse("inject", "%network:fds=9", table())
    names = {call.name for call in rule.calls}
    assert {"socket", "accept", "recvmsg", "socketpair"} <= names
    assert not names & {"open", "send", "connect"}


def test_what_tells_a_descriptor_gives_out_none() -> None:
    names = {call.name for call in parse("inject", "fds=9", table()).calls}
    assert not names & {"fileno", "close", "read"}
    assert {"open", "fopen", "dup2", "fcntl64", "pipe2", "epoll_create1"} <= names


def test_a_quota_is_about_all_that_takes_or_frees() -> None:
    rule = parse("inject", "write:quota=1M:path=/x", table())
    names = {call.name for call in rule.calls}
    assert {"write", "pwrite64", "open", "unlink", "ftruncate64", "close"} <= names


@pytest.mark.parametrize(
    "text", ["fault=fds=9", "fault=write:quota=1M:path=/x", "inject=fds=9:after"]
)
def test_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse(*text.split("=", 1), table())
