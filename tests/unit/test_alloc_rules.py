"""Rules for malloc and its kin: what names them, and budgets."""

from __future__ import annotations

import errno

import pytest

from pyshim.calls import table
from pyshim.errors import UsageError
from pyshim.rules import parse

TABLE = table()
FAMILY = {call.name for call in TABLE.select("%alloc")}


def test_the_set_is_the_family() -> None:
    assert {"malloc", "calloc", "realloc", "posix_memalign", "free"} < FAMILY
    assert {"strdup", "__strdup", "strndup", "wcsdup", "aligned_alloc"} < FAMILY


@pytest.mark.parametrize(
    "expression",
    ["all", "!read", "!%alloc", "%memory", "%composite", "/.", "/malloc|dup"],
)
def test_nothing_but_its_set_and_names_means_them(expression: str) -> None:
    chosen = {call.name for call in TABLE.select(expression)}
    assert chosen
    assert not chosen & FAMILY


@pytest.mark.parametrize("name", ["malloc", "strdup", "free"])
def test_a_name_means_one(name: str) -> None:
    found = {call.base for call in TABLE.select(name)}
    assert found == {name}


def test_what_frees_has_no_result_to_fail() -> None:
    rule = parse("inject", "%alloc:error=ENOMEM", TABLE)
    assert {call.name for call in rule.calls} == FAMILY - {"free"}


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("4096", 4096), ("3KiB", 3072), ("64MiB", 64 << 20), ("2GiB", 2 << 30)],
)
def test_a_budget_is_a_number_of_bytes(text: str, size: int) -> None:
    rule = parse("inject", f"%alloc:budget={text}", TABLE)
    assert (rule.budget, rule.error) == (size, errno.ENOMEM)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "%alloc:budget=0",
            "%alloc:budget=-1",
            "%alloc:budget=1MB",
            "%alloc:budget=MiB",
        ),
        *("%alloc:budget=1.5GiB", "%alloc:budget=9223372036854775808", "%alloc:budget"),
        *("%alloc:budget=8589934592GiB", "%alloc:budget=1:error=EIO"),
        *("%alloc:budget=1:retval=0", "%alloc:budget=1:budget=2"),
        *("read:budget=1MiB", "free:budget=1MiB"),
    ],
)
def test_a_budget_that_cant_be_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse("inject", text, TABLE)
    assert "budget" in str(refused.value) or "allocates" in str(refused.value)
