"""Which parameter of a function is the kernel's argument N."""

from __future__ import annotations

import pytest

from pyshim import pokes
from pyshim.calls import table
from pyshim.errors import UsageError
from pyshim.rules import parse


@pytest.mark.parametrize(
    ("name", "number", "index"),
    [
        ("read", 2, 1),
        ("openat", 2, 1),
        ("open", 2, 0),
        ("open", 1, None),
        ("open", 5, None),
        ("getppid", 1, None),
    ],
)
def test_it_is_found_by_the_kernels_order(
    name: str, number: int, index: int | None
) -> None:
    assert pokes.index(table().by_name(name), number) == index


def test_memory_that_is_libcs_own_is_refused() -> None:
    with pytest.raises(UsageError, match=r"argument 1 of clock_getres is memory"):
        parse("inject", "clock_getcpuclockid:poke_exit=@arg1=00", table())
