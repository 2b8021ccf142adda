"""Patch plans as the tests look at them; the layout is in shim/patch_wire.h."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyshim._host import ffi

HEADER = ffi.sizeof("struct patch_plan")
SITES = Path(__file__).with_name("patch_sites.S")


def quiet(share: float) -> None:
    """Nobody wants to know how far it is."""


def header(plan: bytes) -> Any:
    """What the plan begins with; valid as long as `plan`."""
    return ffi.from_buffer("struct patch_plan *", plan)


@dataclass(frozen=True, slots=True)
class Site:
    window: int
    nr: int
    fixup_to: int
    before: int
    after: int
    fixup_at: int
    content: bytes

    @property
    def at(self) -> int:
        """Of the `syscall`."""
        return self.window + self.before

    @property
    def end(self) -> int:
        return self.window + len(self.content)


def sites(plan: bytes) -> list[Site]:
    found = ffi.from_buffer("struct patch_site[]", plan[HEADER:])
    assert len(found) == header(plan).count
    assert all(not any(bytes(each.bytes)[each.length :]) for each in found)
    assert all(each.length == each.before + 2 + each.after for each in found)
    return [
        Site(
            each.window,
            each.nr,
            each.fixup_to,
            each.before,
            each.after,
            each.fixup_at,
            bytes(each.bytes)[: each.length],
        )
        for each in found
    ]
