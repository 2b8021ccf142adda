"""ELF files as values: the headers in microseconds, the rest with pyelftools."""

from __future__ import annotations

import os
import struct
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from elftools.elf.dynamic import DynamicSegment
    from elftools.elf.elffile import ELFFile

MAGIC = b"\x7fELF"
ET_EXEC, ET_DYN = 2, 3
DT_NEEDED, DT_SONAME = 1, 14
LIBC = "libc.so.6"

_PT_DYNAMIC, _PT_INTERP = 2, 3
_EHDR = struct.Struct("<HHIQQQIHHHHHH")
_PHDR = struct.Struct("<IIQQQQQQ")
_DYN = struct.Struct("<qQ")
_SYM = struct.Struct("<IBBHQQ")
_IDENT, _BITS, _MSB = 16, {1: 32, 2: 64}, 2
_MAX_HEADERS = 65536
"""Bytes; the kernel refuses a longer program header table."""
_GO_SECTIONS = frozenset({".go.buildinfo", ".note.go.buildid", ".gopclntab"})
_GO_MAGIC = b"\xff Go buildinf:"
_GO_ALIGN = 16


class DamagedError(ValueError):
    """The file begins as ELF but does not hold what its headers promise."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the kernel and the loader decide by.

    Of a file for another machine only the first three fields are read, of one that is
    no program or library only the first four.
    """

    bits: int
    machine: int
    big_endian: bool
    type: int = 0
    entry: int = 0
    interp: str | None = None
    dynamic: Mapping[int, int] | None = None
    """Tag to value, the last one where a tag is repeated; None without PT_DYNAMIC."""

    @property
    def platform(self) -> tuple[int, int, bool]:
        """Equal for files that can share a process."""
        return self.bits, self.machine, self.big_endian


def read_header(path: str) -> Header:
    """Read the ELF header, PT_INTERP and PT_DYNAMIC. Raises DamagedError, OSError.

    By hand, because importing pyelftools takes longer than most targets run.
    """
    with Path(path).open("rb") as file:
        try:
            return _read_header(file)
        except (struct.error, LookupError):
            raise DamagedError("cut off or overwritten in its headers") from None


def _read_header(file: IO[bytes]) -> Header:
    ident = file.read(_IDENT)
    bits, big_endian = _BITS[ident[4]], ident[5] == _MSB
    fixed = file.read(_EHDR.size)
    (machine,) = struct.unpack_from(">H" if big_endian else "<H", fixed, 2)
    if (bits, big_endian) != (64, False):
        return Header(bits, machine, big_endian)
    kind, _, _, entry, at, _, _, _, size, count, *_ = _EHDR.unpack(fixed)
    if kind not in (ET_EXEC, ET_DYN):
        return Header(bits, machine, big_endian, kind)
    if size != _PHDR.size or size * count > _MAX_HEADERS:
        raise DamagedError(f"{count} program headers of {size} bytes")
    segments = {
        each[0]: _part(file, each[2], each[5])
        for each in _PHDR.iter_unpack(_exactly(file, at, size * count))
        if each[0] in (_PT_INTERP, _PT_DYNAMIC)
    }
    interp = segments.get(_PT_INTERP)
    return Header(
        bits,
        machine,
        big_endian,
        kind,
        entry,
        None if interp is None else os.fsdecode(interp.partition(b"\0")[0]),
        _tags(segments.get(_PT_DYNAMIC)),
    )


def _exactly(file: IO[bytes], offset: int, size: int) -> bytes:
    data = _part(file, offset, size)
    if len(data) != size:
        raise DamagedError(f"{size} bytes promised at {offset:#x}, {len(data)} there")
    return data


def _part(file: IO[bytes], offset: int, size: int) -> bytes:
    if offset > os.fstat(file.fileno()).st_size:
        raise DamagedError(f"a segment at {offset:#x}, behind the file's end")
    file.seek(offset)
    return file.read(min(size, _MAX_HEADERS))


def _tags(data: bytes | None) -> Mapping[int, int] | None:
    if data is None:
        return None
    tags: dict[int, int] = {}
    for tag, value in _DYN.iter_unpack(data[: len(data) // _DYN.size * _DYN.size]):
        if tag == 0:
            break
        tags[tag] = value
    return tags


@cache
def own_header() -> Header:
    """The header of the running Python, which the shim was built for."""
    return read_header("/proc/self/exe")


@dataclass(frozen=True, slots=True)
class Object:
    """What the dynamic loader and the Go detector see of a program or library."""

    needed: tuple[str, ...] = ()
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    """Search folders, with $ORIGIN and the like replaced."""
    undefined: frozenset[str] = frozenset()
    """Names it imports."""
    go: bool = False
    path: str = ""


@cache
def read_object(path: str) -> Object:
    """Read a file of our own platform with pyelftools. Raises DamagedError, OSError."""
    from elftools.elf.elffile import ELFFile

    with Path(path).open("rb") as file:
        try:
            return replace(_read_object(ELFFile(file), path), path=path)
        except Exception as error:
            # pyelftools checks little: a damaged file surfaces as any exception
            # its parsers and their arithmetic can raise.
            raise DamagedError(f"{type(error).__name__}: {error}") from error


def _read_object(elf: ELFFile, path: str) -> Object:
    go = _is_go(elf)
    for each in elf.iter_segments("PT_DYNAMIC"):
        segment = cast("DynamicSegment", each)
        texts: dict[str, list[str]] = {"needed": [], "rpath": [], "runpath": []}
        for tag in segment.iter_tags():
            name = tag.entry.d_tag
            key = name[3:].lower() if isinstance(name, str) else ""
            if key in texts:
                texts[key].append(getattr(tag, key))
        return Object(
            tuple(texts["needed"]),
            _folders(texts["rpath"], path) if not texts["runpath"] else (),
            _folders(texts["runpath"], path),
            frozenset(_undefined(elf, segment)),
            go,
        )
    return Object(go=go)


def _undefined(elf: ELFFile, segment: DynamicSegment) -> Iterator[str]:
    """Names of undefined dynamic symbols.

    Straight from the section's bytes: pyelftools makes an object of each symbol, which
    takes half a second on a large library.
    """
    section = elf.get_section_by_name(".dynsym")
    if section is None:
        for symbol in segment.iter_symbols():
            if symbol["st_shndx"] == "SHN_UNDEF":
                yield symbol.name
        return
    names = elf.get_section(section["sh_link"]).data()
    for name, _, _, index, _, _ in _SYM.iter_unpack(section.data()):
        if index == 0 and name:
            yield names[name : names.index(b"\0", name)].decode(errors="replace")


def _is_go(elf: ELFFile) -> bool:
    if elf.num_sections():
        return any(each.name in _GO_SECTIONS for each in elf.iter_sections())
    for segment in elf.iter_segments("PT_LOAD"):
        data = segment.data()
        at = data.find(_GO_MAGIC)
        if at >= 0 and (segment["p_vaddr"] + at) % _GO_ALIGN == 0:
            return True
    return False


def _folders(paths: list[str], path: str) -> tuple[str, ...]:
    """Split search paths and replace what ld.so replaces in them."""
    machine = os.uname().machine
    values = {
        "ORIGIN": [str(Path(path).resolve().parent)],
        "LIB": [f"lib/{machine}-linux-gnu", "lib64"],
        "PLATFORM": [machine],
    }
    folders = [folder for each in paths for folder in each.split(":")]
    for name, texts in values.items():
        folders = [
            folder.replace(f"${{{name}}}", text).replace(f"${name}", text)
            for folder in folders
            for text in (texts if name in folder else texts[:1])
        ]
    return tuple(folder or "." for folder in folders)


@dataclass(frozen=True, slots=True)
class Libraries:
    """The libraries a program loads at its start, by their names in DT_NEEDED."""

    found: Mapping[str, Object]
    missing: tuple[str, ...]


def libraries(path: str, library_path: str) -> Libraries:
    """Walk DT_NEEDED from `path` on; `library_path` is LD_LIBRARY_PATH.

    /etc/ld.so.conf stands in for the loader's cache, which is made from it.
    """
    program = read_object(path)
    preferred = tuple(filter(None, library_path.replace(";", ":").split(":")))
    found: dict[str, Object] = {}
    missing: list[str] = []
    queue = deque((name, program) for name in program.needed)
    while queue:
        name, wanted_by = queue.popleft()
        if name in found or name in missing:
            continue
        rpath = wanted_by.rpath + program.rpath
        library = _load(name, rpath + preferred + wanted_by.runpath)
        if library is None:
            missing.append(name)
            continue
        found[name] = library
        queue.extend((each, library) for each in library.needed)
    return Libraries(found, tuple(missing))


def _load(name: str, folders: tuple[str, ...]) -> Object | None:
    """The first file of that name for our platform; the loader skips the others."""
    places = (*folders, *_system_folders()) if "/" not in name else ("",)
    for folder in places:
        candidate = str(Path(folder, name))
        try:
            if read_header(candidate).platform == own_header().platform:
                return read_object(candidate)
        except (OSError, DamagedError):
            continue
    return None


@cache
def _system_folders() -> tuple[str, ...]:
    triplet = f"{os.uname().machine}-linux-gnu"
    names = (f"lib/{triplet}", "lib64", "lib")
    standard = [f"{root}/{name}" for name in names for root in ("", "/usr")]
    return (*_configured(Path("/etc/ld.so.conf")), *standard)


def _configured(path: Path) -> Iterator[str]:
    """The folders ld.so.conf(5) names, its includes followed."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            lines = [line.partition("#")[0].split() for line in file]
    except OSError:
        return
    for words in lines:
        if words[:1] == ["include"]:
            for pattern in words[1:]:
                for each in _glob(path.parent, pattern):
                    yield from _configured(each)
        elif words and words[0] != "hwcap":
            yield from words


def _glob(folder: Path, pattern: str) -> list[Path]:
    """An absolute pattern leaves the folder."""
    anchored = folder / pattern
    return sorted(Path("/").glob(str(anchored).lstrip("/")))
