"""What an argument means by the syscall and place it is in, and by those before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from pyshim.decode._values import text_of, unsigned
from pyshim.xlat import (
    FCNTL_ARGUMENT,
    IOCTL_ARGUMENT,
    PRCTL_ARGUMENTS,
    PROTOCOL,
    SOCKET_OPTION,
    XLAT,
)

_O_CREAT, _O_TMPFILE = 0o100, 0o20000000
_MREMAP_FIXED, _MREMAP_DONTUNMAP = 2, 4


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a syscall, before there is a value for it."""

    name: str
    """The parameter; a literal has none."""
    kind: str
    ctype: str = "int"
    index: int = 0
    """Of the parameter."""
    literal: str = ""
    """Text as the row has it; the parameters named in it are not filled in."""

    def of(self, kind: str) -> Argument:
        """The same argument, known to be of another kind."""
        wide = kind in ("ptr", "hex", "ulong")
        return replace(self, kind=kind, ctype="long" if wide else "int")

    def text(self, value: int) -> str:
        """How it is written, should it have this value."""
        return self.literal or text_of(self.kind, self.ctype)(value)


Shape = Callable[[list[Argument], int], list[Argument]]
"""What the arguments are, given the value of the one that decides."""


def _shape_open(flags_at: int, arguments: list[Argument], flags: int) -> list[Argument]:
    """What follows the flags is only there for a file that may be made."""
    made = arguments[flags_at].literal or flags & (_O_CREAT | _O_TMPFILE)
    return arguments if made else arguments[: flags_at + 1]


def _shape_mknod(mode_at: int, arguments: list[Argument], mode: int) -> list[Argument]:
    """Only devices have a number."""
    device = arguments[mode_at].text(mode).startswith(("S_IFCHR", "S_IFBLK"))
    return arguments if device else arguments[: mode_at + 1]


def _shape_mremap(arguments: list[Argument], flags: int) -> list[Argument]:
    """The new address is only there when it is asked for."""
    asked = flags & (_MREMAP_FIXED | _MREMAP_DONTUNMAP)
    return arguments if asked else arguments[:4]


def _shape_fcntl(arguments: list[Argument], number: int) -> list[Argument]:
    fd, command, *rest = arguments
    kind = FCNTL_ARGUMENT.get(command.text(number), "hex")
    return [fd, command, *(each.of(kind) for each in rest if kind)]


def _shape_ioctl(arguments: list[Argument], number: int) -> list[Argument]:
    fd, request, *rest = arguments
    if request.literal:
        return arguments
    known = XLAT["ioctl"].choices.get(unsigned(number, 32))
    kind = IOCTL_ARGUMENT.get(known, "ptr") if known else "hex"
    return [fd, request.of("ioctl"), *(each.of(kind) for each in rest if kind)]


def _shape_prctl(arguments: list[Argument], number: int) -> list[Argument]:
    option, *rest = arguments
    kinds = PRCTL_ARGUMENTS.get(option.text(number), ("hex",) * 4)
    return [option, *(each.of(kind) for each, kind in zip(rest, kinds, strict=False))]


def _shape_socket(arguments: list[Argument], number: int) -> list[Argument]:
    domain, of_type, protocol, *rest = arguments
    kind = PROTOCOL.get(domain.text(number), "int")
    return [domain, of_type, protocol.of(kind), *rest]


def _shape_sockopt(arguments: list[Argument], number: int) -> list[Argument]:
    fd, level, option, *rest = arguments
    level = level.of("enum:sol")
    option = option.of(SOCKET_OPTION.get(level.text(number), "int"))
    return [fd, level, option, replace(rest[0], kind="number"), *rest[1:]]


SHAPES: Mapping[str, tuple[int, Shape]] = {
    "fcntl": (1, _shape_fcntl),
    "getsockopt": (1, _shape_sockopt),
    "ioctl": (1, _shape_ioctl),
    "mknod": (1, partial(_shape_mknod, 1)),
    "mknodat": (2, partial(_shape_mknod, 2)),
    "mq_open": (1, partial(_shape_open, 1)),
    "mremap": (3, _shape_mremap),
    "open": (1, partial(_shape_open, 1)),
    "openat": (2, partial(_shape_open, 2)),
    "prctl": (0, _shape_prctl),
    "setsockopt": (1, _shape_sockopt),
    "socket": (0, _shape_socket),
}
"""Syscalls of which one argument decides what the others are: its place, and how."""

KINDS = {
    "accept4:3": "flags:accept",
    "dup3:2": "flags:open_bits",
    "faccessat2:3": "flags:at_access",
    "ftruncate:1": "ulong",
    "getcwd:0": "cwd",
    "getdents64:1": "ptr",
    "getrandom:0": "random",
    "mknod:1": "flags:mknod",
    "mknodat:2": "flags:mknod",
    "mmap:5": "hex",
    "mq_open:0": "queue",
    "mq_unlink:0": "queue",
    "msgctl:1": "enum:msgctl",
    "msgget:0": "key",
    "msgget:1": "flags:msgget",
    "pipe2:1": "flags:open_bits",
    "posix_spawn:0": "number",
    "posix_spawnp:0": "number",
    "semctl:2": "enum:semctl",
    "semget:0": "key",
    "semget:2": "flags:semget",
    "setns:1": "flags:setns",
    "shmctl:1": "enum:shmctl",
    "shmget:0": "key",
    "shmget:2": "flags:shmget",
    "statx:2": "flags:statx_flags",
    "truncate:1": "ulong",
}
"""By position: where strace reads an argument otherwise than others of its kind."""
