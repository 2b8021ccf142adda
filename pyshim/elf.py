"""Whether the shim can stand under a program, and why not.

`quick` decides by the headers alone and is fast enough for every start; `inspect` adds
what only the symbols and libraries tell. Both take the same first look.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pyshim import objects, programs
from pyshim.errors import PyshimError
from pyshim.objects import DamagedError, Header, Object
from pyshim.programs import Image, find_program

__all__ = ["Report", "Verdict", "find_program", "inspect", "quick"]

_MACHINES = {3: "i386", 40: "ARM", 62: "x86-64", 183: "aarch64", 243: "RISC-V"}
_SELF_CONTAINED = frozenset({"static", "static-pie", "no libc"})
_NAMED = 3
"""Libraries named in a reason before the rest is only counted."""


class Verdict(StrEnum):
    """How much of a program the shim can see, from most to least."""

    INTERPOSABLE = "interposable"
    PARTIAL = "partial"
    BYPASS = "bypass"


@dataclass(frozen=True, slots=True)
class Report:
    """What is known of one program before it runs.

    Of a script, everything but `path` and `kind` is its last interpreter's.
    """

    path: str
    verdict: Verdict
    reasons: tuple[str, ...]
    kind: str
    interpreters: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    """The wrapped calls the file itself imports."""
    libraries: tuple[str, ...] = ()
    """The libraries the file itself names as needed."""


@dataclass(frozen=True, slots=True)
class _Finding:
    """A kind of program, how much of it can be seen, and why."""

    kind: str
    verdict: Verdict = Verdict.INTERPOSABLE
    text: str = ""


def quick(path: str | Path, environ: Mapping[str, str] = os.environ) -> str | None:
    """Why the shim will not be under this program, as far as its headers tell, or None.

    None also where exec will fail: its own error says best what is wrong.
    """
    try:
        image = programs.follow(str(path), environ.get("PATH"))
        found = _first_look(image)
    except PermissionError as error:
        return _unreadable(str(error.filename))
    except OSError:
        return None
    if found.verdict is not Verdict.BYPASS:
        return None
    return _via(image) + f"{found.kind}: {found.text}"


def _unreadable(path: str) -> str | None:
    """A file may be executed without being readable."""
    if not os.access(path, os.X_OK):
        return None
    return f"{path} can't be read, so nothing is known of it"


def inspect(
    path: str | Path,
    wrapped: frozenset[str],
    environ: Mapping[str, str] = os.environ,
) -> Report:
    """Look into a program; `wrapped` holds the names the shim exports.

    Raises PyshimError for a file that is missing, unreadable or no file, itself or on
    its way to its interpreter.
    """
    path = str(path)
    try:
        return _inspect(path, wrapped, environ)
    except OSError as error:
        culprit = str(error.filename or path)
        via = f"{culprit}: " if Path(culprit) != Path(path) else ""
        raise PyshimError(f"{path}: {via}{error.strerror}") from None


def _inspect(path: str, wrapped: frozenset[str], environ: Mapping[str, str]) -> Report:
    image = programs.follow(path, environ.get("PATH"))
    found = _first_look(image)
    shown, notes = Object(), [found.text] if found.text else []
    if image.head.startswith(objects.MAGIC) and not _opaque(found):
        try:
            shown = objects.read_object(image.path)
            found, notes = _second_look(image.path, found, shown, wrapped, environ)
        except DamagedError as error:
            found = _Finding("damaged", Verdict.BYPASS, str(error))
            notes = [found.text]
    return Report(
        path,
        found.verdict,
        _reasons(image, found, notes),
        "script" if image.interpreters else found.kind,
        image.interpreters,
        tuple(sorted(shown.undefined & wrapped)),
        shown.needed,
    )


def _opaque(found: _Finding) -> bool:
    """Whether the rest of the file is laid out for another machine or is no program."""
    return found.kind in ("foreign class", "foreign machine", "damaged", "no program")


def _reasons(image: Image, found: _Finding, notes: list[str]) -> tuple[str, ...]:
    if not image.interpreters:
        return tuple(notes)
    reasons = [f"{_via(image)}{found.kind}{': ' if notes else ''}{'; '.join(notes)}"]
    if image.by_shell:
        reasons.append("no #! line: runs only through a shell or execvp")
    return tuple(reasons)


def _via(image: Image) -> str:
    return f"run by {image.path}, " if image.interpreters else ""


def _first_look(image: Image) -> _Finding:
    """What the headers and the rights of the file tell."""
    if not image.head.startswith(objects.MAGIC):
        text = "neither ELF nor text: only binfmt_misc could run it"
        return _Finding("not elf", Verdict.BYPASS, text)
    try:
        header = objects.read_header(image.path)
    except DamagedError as error:
        return _Finding("damaged", Verdict.BYPASS, str(error))
    if _is_loader(image.path):
        return _Finding("loader", text="takes the preload to the program it is given")
    kind, why = _foreign(header) or _unlinked(header) or _loader(header)
    if why:
        return _Finding(kind, Verdict.BYPASS, why)
    rights = programs.privilege(image.path)
    if rights and rights.secure:
        return _Finding(rights.kind, Verdict.BYPASS, rights.text)
    return _Finding(kind, text=rights.text if rights else "")


def _is_loader(path: str) -> bool:
    own = objects.own_header().interp
    return own is not None and os.path.realpath(path) == os.path.realpath(own)


def _foreign(header: Header) -> tuple[str, str] | None:
    own = objects.own_header()
    if header.bits != own.bits:
        return "foreign class", f"{header.bits}-bit, the shim is {own.bits}-bit"
    if header.platform != own.platform:
        name, mine = (
            _MACHINES.get(each.machine, f"machine {each.machine}")
            for each in (header, own)
        )
        return "foreign machine", f"made for {name}, the shim is for {mine}"
    return None


def _unlinked(header: Header) -> tuple[str, str] | None:
    """Files that no dynamic loader is asked for."""
    if header.type not in (objects.ET_EXEC, objects.ET_DYN):
        return "no program", "an object file or core dump"
    if header.interp is not None:
        return None
    why = "no PT_INTERP"
    if header.type == objects.ET_EXEC or header.dynamic is None:
        return "static", why
    of_libraries = {objects.DT_SONAME, objects.DT_NEEDED}
    if of_libraries & set(header.dynamic) or not header.entry:
        return "library", "a shared library without PT_INTERP, not a program"
    return "static-pie", why


def _loader(header: Header) -> tuple[str, str]:
    """Programs by the loader they ask for; an empty reason when it is ours."""
    name = Path(header.interp or "").name
    own = Path(objects.own_header().interp or "").name
    if name.startswith("ld-musl"):
        return "musl", f"loader {name}: the shim is made for glibc"
    if name != own:
        return "foreign loader", f"loader {name or '(empty)'}, the shim needs {own}"
    if objects.DT_NEEDED not in (header.dynamic or {}):
        return "no libc", "needs no library, so it makes its syscalls itself"
    return "dynamic", ""


def _second_look(
    path: str,
    found: _Finding,
    shown: Object,
    wrapped: frozenset[str],
    environ: Mapping[str, str],
) -> tuple[_Finding, list[str]]:
    """What the symbols and libraries add to the first look."""
    notes = [found.text] if found.text else []
    if shown.go:
        found = _go(found)
        notes.append(found.text)
    if found.verdict is Verdict.BYPASS or found.kind == "loader":
        return found, notes
    if "syscall" in shown.undefined:
        notes.append("calls syscall() by number")
    if objects.LIBC in shown.needed and shown.undefined & wrapped:
        return found, notes
    more = list(_through_libraries(path, shown, wrapped, environ))
    worst = max([found, *more], key=lambda each: list(Verdict).index(each.verdict))
    return worst, notes + [each.text for each in more]


def _go(found: _Finding) -> _Finding:
    if found.kind in _SELF_CONTAINED:
        text = "Go makes its syscalls itself, without libc"
        return _Finding("go", Verdict.BYPASS, text)
    if found.verdict is Verdict.BYPASS:
        return found
    text = "the Go runtime makes most syscalls itself, only its C code is seen"
    return _Finding("go-cgo", Verdict.PARTIAL, text)


def _through_libraries(
    path: str, shown: Object, wrapped: frozenset[str], environ: Mapping[str, str]
) -> Iterator[_Finding]:
    """For a program that does not plainly call libc itself: do its libraries?"""
    libraries = objects.libraries(path, environ.get("LD_LIBRARY_PATH", ""))
    if libraries.missing:
        names = ", ".join(libraries.missing)
        yield _Finding("dynamic", text=f"libraries not found: {names}")
    if objects.LIBC not in {*shown.needed, *libraries.found}:
        text = f"{objects.LIBC} is not among the libraries it loads"
        yield _Finding("no libc", Verdict.BYPASS, text)
        return
    if shown.undefined & wrapped:
        return
    users = sorted(
        name for name, library in libraries.found.items() if library.undefined & wrapped
    )
    if users:
        rest = f" and {len(users) - _NAMED} more" if len(users) > _NAMED else ""
        names = ", ".join(users[:_NAMED]) + rest
        text = f"imports no wrapped call itself, its libraries do: {names}"
        yield _Finding("dynamic", text=text)
    else:
        text = "no wrapped call in it or its libraries: only libc's inner calls"
        yield _Finding("dynamic", Verdict.PARTIAL, text)
