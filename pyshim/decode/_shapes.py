"""What an argument means by the syscall and place it is in, and by those before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from pyshim.decode._values import Argument, value_text
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


def _shape_open(flags_at: int, arguments: list[Argument]) -> list[Argument]:
    """What follows the flags is only there for a file that may be made."""
    flags = arguments[flags_at]
    made = flags.literal or flags.value & (_O_CREAT | _O_TMPFILE)
    return arguments if made else arguments[: flags_at + 1]


def _shape_mknod(mode_at: int, arguments: list[Argument]) -> list[Argument]:
    """Only devices have a number."""
    device = value_text(arguments[mode_at]).startswith(("S_IFCHR", "S_IFBLK"))
    return arguments if device else arguments[: mode_at + 1]


def _shape_mremap(arguments: list[Argument]) -> list[Argument]:
    """The new address is only there when it is asked for."""
    asked = arguments[3].value & (_MREMAP_FIXED | _MREMAP_DONTUNMAP)
    return arguments if asked else arguments[:4]


def _shape_fcntl(arguments: list[Argument]) -> list[Argument]:
    fd, command, *rest = arguments
    kind = FCNTL_ARGUMENT.get(value_text(command), "hex")
    return [fd, command, *(each.of(kind) for each in rest if kind)]


def _shape_ioctl(arguments: list[Argument]) -> list[Argument]:
    fd, request, *rest = arguments
    if request.literal:
        return arguments
    request = request.of("ioctl")
    known = XLAT["ioctl"].choices.get(request.unsigned)
    kind = IOCTL_ARGUMENT.get(known, "ptr") if known else "hex"
    return [fd, request, *(each.of(kind) for each in rest if kind)]


def _shape_prctl(arguments: list[Argument]) -> list[Argument]:
    option, *rest = arguments
    kinds = PRCTL_ARGUMENTS.get(value_text(option), ("hex",) * 4)
    return [option, *(each.of(kind) for each, kind in zip(rest, kinds, strict=False))]


def _shape_socket(arguments: list[Argument]) -> list[Argument]:
    domain, of_type, protocol, *rest = arguments
    kind = PROTOCOL.get(value_text(domain), "int")
    return [domain, of_type, protocol.of(kind), *rest]


def _shape_sockopt(arguments: list[Argument]) -> list[Argument]:
    fd, level, option, *rest = arguments
    level = level.of("enum:sol")
    option = option.of(SOCKET_OPTION.get(value_text(level), "int"))
    return [fd, level, option, replace(rest[0], kind="number"), *rest[1:]]


SHAPES: Mapping[str, Callable[[list[Argument]], list[Argument]]] = {
    "fcntl": _shape_fcntl,
    "getsockopt": _shape_sockopt,
    "ioctl": _shape_ioctl,
    "mknod": partial(_shape_mknod, 1),
    "mknodat": partial(_shape_mknod, 2),
    "mq_open": partial(_shape_open, 1),
    "mremap": _shape_mremap,
    "open": partial(_shape_open, 1),
    "openat": partial(_shape_open, 2),
    "prctl": _shape_prctl,
    "setsockopt": _shape_sockopt,
    "socket": _shape_socket,
}
"""How arguments of some syscalls depend on others of the same call."""

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
