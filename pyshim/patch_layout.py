"""A patch plan as bytes: struct patch_plan of shim/patch_wire.h, and its sites."""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyshim._host import ffi, lib
from pyshim.objects import MAGIC, DamagedError

if TYPE_CHECKING:
    from pyshim.patch_windows import Refused, Window

Done = Callable[[float], None]
"""Told how much of the work is done, from 0 to 1."""

_HEADER = ffi.sizeof("struct patch_plan")
_SITE = ffi.sizeof("struct patch_site")
_HASHED = ffi.offsetof("struct patch_plan", "hash")
_PARSED, _DECODED = 0.35, 0.45
"""How much of the time goes into reading .eh_frame, and into decoding."""
_EHDR = struct.Struct("<32xQ14xHH")
_PHDR = struct.Struct("<IIQQQQQQ")
_NOTE = struct.Struct("<III4s")
_PT_NOTE, _NT_GNU_BUILD_ID = 4, 3


def make_plan(content: bytes, done: Done) -> bytes:
    """The plan for a library with this content. Raises DamagedError."""
    try:
        return _layout(content, *find_all(content, done))
    except Exception as error:
        # pyelftools checks little, and neither do we: a damaged file surfaces as any
        # exception that its parsers and their arithmetic can raise.
        raise DamagedError(f"{type(error).__name__}: {error}") from error


def find_all(content: bytes, done: Done) -> tuple[list[Window], list[Refused]]:
    """What the plan is made of."""
    from elftools.elf.elffile import ELFFile

    from pyshim.jump_targets import find_targets
    from pyshim.machine_code import Code
    from pyshim.patch_windows import find_windows

    elf = ELFFile(io.BytesIO(content))
    code = Code(elf, ())
    targets = find_targets(elf, code, lambda share: done(_PARSED + share * _DECODED))
    return find_windows(code, targets)


def _layout(content: bytes, windows: list[Window], refused: list[Refused]) -> bytes:
    sites = ffi.new("struct patch_site[]", len(windows))
    for site, window in zip(sites, windows, strict=True):
        _fill(site, window)
    header = ffi.new("struct patch_plan *")
    header.magic, header.version = lib.PATCH_MAGIC, lib.PATCH_VERSION
    header.build_id = build_id(content)
    header.count, header.refused = len(windows), len(refused)
    header.object_size = len(content)
    header.object_hash = hashlib.sha256(content).digest()
    plan = bytes(ffi.buffer(header)) + bytes(ffi.buffer(sites))
    header.hash = _hash(plan)
    return bytes(ffi.buffer(header)) + bytes(ffi.buffer(sites))


def _fill(site: Any, window: Window) -> None:
    site.window, site.nr = window.at, window.number
    site.length = len(window.content)
    site.before, site.after = window.before, window.after
    site.fixup_at, site.fixup_to = window.fixup_at, window.fixup_to
    site.bytes = window.content.ljust(lib.PATCH_WINDOW, b"\0")


def _hash(plan: bytes) -> bytes:
    zeros = bytes(hashlib.sha256().digest_size)
    return hashlib.sha256(plan[:_HASHED] + zeros + plan[_HEADER:]).digest()


def fits(plan: bytes, content: bytes) -> bool:
    """Whether that is a whole plan of this version for a library with this content."""
    if len(plan) < _HEADER:
        return False
    header = ffi.from_buffer("struct patch_plan *", plan)
    return bool(
        header.magic == lib.PATCH_MAGIC
        and header.version == lib.PATCH_VERSION
        and len(plan) == _HEADER + header.count * _SITE
        and bytes(header.hash) == _hash(plan)
        and header.object_size == len(content)
        and bytes(header.object_hash) == hashlib.sha256(content).digest()
    )


def build_id(content: bytes) -> bytes:
    """What names the build. Raises DamagedError.

    By hand, because importing pyelftools takes longer than everything else, where there
    is a plan.
    """
    try:
        found = _build_id(content)
    except struct.error as error:
        raise DamagedError("cut off or overwritten in its headers") from error
    if len(found) != lib.PATCH_BUILD_ID:
        raise DamagedError(f"no build-id of {lib.PATCH_BUILD_ID} bytes")
    return found


def _build_id(content: bytes) -> bytes:
    at, size, count = _EHDR.unpack_from(content)
    if not content.startswith(MAGIC) or size != _PHDR.size:
        return b""
    headers = content[at : at + size * count]
    for kind, _, offset, _, _, length, _, _ in _PHDR.iter_unpack(headers):
        notes = content[offset : offset + length] if kind == _PT_NOTE else b""
        while notes:
            name, described, note, owner = _NOTE.unpack_from(notes)
            start = _NOTE.size - len(owner) + _aligned(name)
            if (note, owner) == (_NT_GNU_BUILD_ID, b"GNU\0"):
                return notes[start : start + described]
            notes = notes[start + _aligned(described) :]
    return b""


def _aligned(size: int) -> int:
    """The notes of 8-byte segments have such sizes that this does for them, too."""
    return (size + 3) & ~3
