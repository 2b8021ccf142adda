"""How the values in a rule are written: strace's numbers, errnos, signals and times.

Every function returns None for text it refuses; `pyshim.rules` words the message.
strace reads its numbers with strtol(3), strtoull(3) and strtod(3), and what these let
through (blanks and `+` in front, octal) is part of its grammar.
"""

from __future__ import annotations

import errno
import re
import signal
import sys
from decimal import Decimal

from pyshim.calls import table
from pyshim.errors import nearest
from pyshim.strace_names import PURE

ERRNO_MAX = 4095
SIGNAL_MAX = 64
DELAY_MAX = 2**63 - 1
"""Nanoseconds. Longer delays are cut to this, which is 292 years."""
WORD_MAX = 2**64 - 1
POKE_MAX = 1024
"""Bytes."""
_BLANKS = " \t\n\v\f\r"

# The C library has further names for three numbers; strace refuses those.
_ERRNO_ALIASES = {
    "EWOULDBLOCK": "EAGAIN",
    "EDEADLOCK": "EDEADLK",
    "ENOTSUP": "EOPNOTSUPP",
}
# The kernel's own, which errno(3) has not.
_ERRNOS_OF_KERNEL = {
    "ERESTARTSYS": 512,
    "ERESTARTNOINTR": 513,
    "ERESTARTNOHAND": 514,
    "ENOIOCTLCMD": 515,
    "ERESTART_RESTARTBLOCK": 516,
    "EPROBE_DEFER": 517,
    "EOPENSTALE": 518,
    "EBADHANDLE": 521,
    "ENOTSYNC": 522,
    "EBADCOOKIE": 523,
    "ENOTSUPP": 524,
    "ETOOSMALL": 525,
    "ESERVERFAULT": 526,
    "EBADTYPE": 527,
    "EJUKEBOX": 528,
    "EIOCBQUEUED": 529,
    "ERECALLCONFLICT": 530,
}
_ERRNOS = _ERRNOS_OF_KERNEL | {
    name: number
    for name, number in vars(errno).items()
    if name.startswith("E") and name not in _ERRNO_ALIASES
}

_SIGNAL_ALIASES = {"SIGIOT": "SIGABRT", "SIGCLD": "SIGCHLD", "SIGPOLL": "SIGIO"}
# SIGRTMIN of the C library starts after the two that it keeps; strace counts from 32.
_SIGNALS = {
    **{each.name: int(each) for each in signal.Signals if each < SIGNAL_MAX // 2},
    "SIGRTMIN": 32,
    **{f"SIGRT_{number}": 32 + number for number in range(1, 33)},
}

FD_KINDS = ("file", "dir", "pipe", "socket", "tty", "device")
"""enum fd_kind of shim/wire.h, in its order."""
_UNITS = {"": 1_000, "s": 10**9, "ms": 10**6, "us": 1_000, "ns": 1}


def parse_errno(text: str) -> int | None:
    """A name in upper or lower case, or a number."""
    return _ERRNOS.get(text.upper()) or _positive(text, ERRNO_MAX)


def parse_error(text: str) -> int | str | None:
    """An errno, or the name of a failure that is none: EAI_AGAIN, GLOB_NOSPACE."""
    number = parse_errno(text)
    return text if number is None and text in table().codes else number


def nearest_errno(text: str) -> str:
    """The name that was most likely meant, or ""."""
    word = text.upper()
    return _ERRNO_ALIASES.get(word) or nearest(word, _ERRNOS)


def parse_signal(text: str) -> int | None:
    """A name with or without SIG, in upper or lower case, or a number."""
    if re.match("[0-9]", text):
        return _positive(text, SIGNAL_MAX)
    return _SIGNALS.get("SIG" + text.upper().removeprefix("SIG"))


def nearest_signal(text: str) -> str:
    """The name that was most likely meant, or ""."""
    word = "SIG" + text.upper().removeprefix("SIG")
    return _SIGNAL_ALIASES.get(word) or nearest(word, _SIGNALS)


def parse_word(text: str) -> int | None:
    """What strtoull(3) makes of `text` with base 0: negative ones wrap to 64 bits."""
    number = r"\s*([+-]?)(?:0x([0-9a-f]+)|0([0-7]+)|(0|[1-9]\d{0,20}))"
    match = re.fullmatch(number, text, re.ASCII | re.IGNORECASE)
    if not match:
        return None
    sign, hexadecimal, octal, decimal = match.groups()
    base = 16 if hexadecimal else 8 if octal else 10
    value = int(hexadecimal or octal or decimal, base)
    if value > WORD_MAX:
        return None
    return -value & WORD_MAX if sign == "-" else value


def parse_retval(text: str) -> int | None:
    """A number of 64 bits, as signed: 18446744073709551615 is -1."""
    value = parse_word(text)
    return value - 2**64 if value is not None and value >= 2**63 else value


def parse_delay(text: str) -> int | None:
    """Nanoseconds. A bare number is microseconds."""
    split = re.fullmatch(r"(.*?)([mun]?s|)", text, re.DOTALL)
    assert split  # the second group may be empty, the first anything
    number, unit = split.groups()
    whole = _integer(re.sub(r"^(\s*)-(0+)$", r"\1\2", number), 2**63 - 1)
    value = _float(number) if whole is None else Decimal(whole)
    return None if value is None else int(min(value * _UNITS[unit], Decimal(DELAY_MAX)))


def parse_pokes(text: str) -> tuple[tuple[int, bytes], ...] | None:
    """`@argN=HEX[,@argM=HEX]`: argument number and bytes, each argument once."""
    found: dict[int, bytes] = {}
    for part in filter(None, text.split(",")):
        match = re.fullmatch("@arg([1-7])=(.*)", part, re.DOTALL)
        data = _poked(match[2]) if match else None
        if match is None or data is None or int(match[1]) in found:
            return None
        found[int(match[1])] = data
    return tuple(found.items()) if text else None


def _poked(text: str) -> bytes | None:
    if not 0 < len(text) <= 2 * POKE_MAX or len(text) % 2:
        return None
    data = [_poked_byte(text[at:]) for at in range(0, len(text), 2)]
    return None if None in data else bytes(each or 0 for each in data)


def _poked_byte(text: str) -> int | None:
    """What sscanf(3) reads with `%2hhx`: one digit will do; blanks, a sign."""
    match = re.match(r"([+-]?)([0-9a-fA-F]{1,2})", text.lstrip(_BLANKS)[:2])
    if not match:
        return None
    value = int(match[2], 16)
    return -value & 0xFF if match[1] == "-" else value


def parse_pure(text: str) -> str | None:
    """The name of a syscall that has no effect."""
    return text if text in PURE else None


def parse_when(text: str) -> tuple[int, int | None, int] | None:
    """First, last and step of `first[..last][+[step]]`; a last of None is no end."""
    number = r"\s*\+?\d+"
    match = re.fullmatch(
        rf"({number})(?:\.\.({number}))?(?:(\+)({number})?)?", text, re.ASCII
    )
    if not match:
        return None
    first = _positive(match[1], 65535)
    last = _positive(match[2] or match[1], 65534 if match[2] else 65535)
    step = _positive(match[4] or "1", 65535)
    if not first or not last or not step or first > last:
        return None
    endless = match[3] and not match[2]
    return first, None if endless else last, step


def parse_probability(text: str) -> float | None:
    """A share of 0..1; one that rounds to no call at all would never fire: refused."""
    value = float(_integer(text, 1) or 0) if text in ("0", "1") else _float(text)
    if value is None or value > 1 or 0 < value < 2**-32:
        return None
    return float(value)


def parse_seed(text: str) -> int | None:
    """A number of 64 bits, 0 or more."""
    return parse_word(text) if re.match("[0-9]", text) else None


def parse_times(text: str) -> int | None:
    """A number of 32 bits, from 1 on."""
    return _positive(text, 2**32 - 1)


def parse_short(text: str) -> int | None:
    """Bytes; a percentage is negative."""
    if text == "half":
        return -50
    if text.endswith("%"):
        share = _positive(text[:-1], 99)
        return -share if share else None
    return _positive(text, 2**63 - 1)


def parse_size(text: str) -> int | None:
    """Bytes, or with k, M, G, T or KiB, MiB...: powers of 1024."""
    match = re.fullmatch(r"(\d{1,18})(?:([kKMGT])(?:iB)?)?", text, re.ASCII)
    if not match:
        return None
    power = " kMGT".index((match[2] or " ").replace("K", "k"))
    size = int(match[1]) << 10 * power
    return size if size < 2**62 else None


def parse_budget(text: str) -> int | None:
    """Bytes, from 1 on."""
    return parse_size(text) or None


def parse_interrupt(text: str) -> tuple[int, int] | None:
    """Signal and microseconds, a millisecond by default."""
    name, at, time = text.partition("@")
    number, delay = parse_signal(name), parse_delay(time if at else "1ms")
    if number is None or delay is None or delay // 1000 >= 2**32:
        return None
    return number, delay // 1000


def parse_fd(text: str) -> int | str | None:
    """A descriptor's number, or what kind of file it is open on."""
    if text in FD_KINDS:
        return text
    return _integer(text, 2**31 - 1)


def parse_fds(text: str) -> int | None:
    """A limit of descriptors: the first number that is none."""
    return _integer(text, 2**31 - 1)


def parse_port(text: str) -> int | None:
    """TCP's and UDP's."""
    return _positive(text, 65535)


def parse_site(text: str) -> tuple[str, int] | None:
    """`libfoo.so+0x11ed` as file and offset."""
    match = re.fullmatch(r"(.+)\+0x([0-9a-f]{1,16})", text, re.DOTALL)
    return (match[1], int(match[2], 16)) if match else None


def parse_during(text: str) -> tuple[int, int] | None:
    """Nanoseconds from and to; either may be left out."""
    first, dots, last = text.partition("..")
    begin = parse_delay(first or "0")
    end = parse_delay(last) if last else DELAY_MAX
    if not dots or begin is None or end is None or begin >= end:
        return None
    return begin, end


def parse_name(text: str) -> str | None:
    """What `pyshim ctl` calls a rule; `all` is its word for each of them."""
    named = re.fullmatch(r"[\w-]+", text, re.ASCII) and text != "all"
    return text if named else None


def _integer(text: str, limit: int) -> int | None:
    """What strtoll(3) makes of `text` when it takes all of it, if in 0..limit."""
    match = re.fullmatch(r"\s*\+?0*(\d{1,20})", text, re.ASCII)
    return int(match[1]) if match and int(match[1]) <= limit else None


def _positive(text: str, limit: int) -> int | None:
    return _integer(text, limit) or None


def _float(text: str) -> Decimal | None:
    """What strtod(3) reads without a range error, if 0 or more and no mere integer.

    Integers are not for this: strace reads those with strtoll(3) and its limits.
    """
    number = r"[+-]?((\d+\.\d*|\.\d+|\d+(?=e))(?:e[+-]?\d+)?)"
    match = re.fullmatch(number, text, re.ASCII | re.IGNORECASE)
    if not match:
        return None
    if not re.search("[1-9]", match[2]):
        return Decimal(0)
    in_range = sys.float_info.min <= float(text) <= sys.float_info.max
    return Decimal(match[1]) if in_range else None
