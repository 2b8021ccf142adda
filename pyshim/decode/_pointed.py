"""Arguments that point to memory, where the trace has that memory."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from pyshim.decode._values import pointer_text
from pyshim.event import Memory

_ONE_INT, _TWO_INTS = struct.Struct("<i"), struct.Struct("<2i")
_NAMED = {"\n": "n", "\t": "t", "\r": "r", "\v": "v", "\f": "f", '"': '"', "\\": "\\"}
_PLAIN = bytes(byte for byte in range(0x20, 0x7F) if chr(byte) not in _NAMED)
_TEXT = _PLAIN + "".join(_NAMED).encode()
"""Bytes that are never written as a number."""
_OCTAL_DIGITS = b"01234567"


def _escapes(number: str) -> dict[int, str]:
    """By byte: itself, its C escape, or its number in this format."""
    numbers = {byte: number.format(byte) for byte in range(256)}
    plain = {byte: chr(byte) for byte in _PLAIN}
    named = {ord(byte): f"\\{letter}" for byte, letter in _NAMED.items()}
    return numbers | plain | named


_SHORT, _LONG = _escapes("\\{:o}"), _escapes("\\{:03o}")
# A short escape would swallow an octal digit behind it.
_BEFORE = tuple(_LONG if byte in _OCTAL_DIGITS else _SHORT for byte in range(256))


def quote(memory: bytes, cut: bool) -> str:
    """Bytes between double quotes, escaped as strace does; `...` follows if `cut`."""
    no_digits = memory.translate(None, _OCTAL_DIGITS) == memory
    if no_digits or not memory.translate(None, _TEXT):
        inside = memory.decode("latin-1").translate(_SHORT)
    else:
        pairs = zip(memory, memory[1:] + b'"', strict=True)
        inside = "".join([_BEFORE[after][byte] for byte, after in pairs])
    return f'"{inside}"...' if cut else f'"{inside}"'


def _path(_: int, memory: Memory, __: int) -> str:
    if memory.data.translate(None, _PLAIN):
        return quote(memory.data, memory.cut)
    return f'"{memory.data.decode("ascii")}"{"..." if memory.cut else ""}'


def _string(_: int, memory: Memory, strsize: int) -> str:
    data = memory.data[:strsize]
    return quote(data, memory.size > len(data))


def _cwd(_: int, memory: Memory, __: int) -> str:
    """strace cuts no path; the NUL counts in the result only."""
    return quote(memory.data.removesuffix(b"\0"), memory.cut)


def _queue(address: int, memory: Memory, strsize: int) -> str:
    """libc takes the slash away that a queue's name begins with."""
    data = memory.data.removeprefix(b"/")
    size = memory.size - len(memory.data) + len(data)
    return _string(address, Memory(data, size), strsize)


def _random(_: int, memory: Memory, strsize: int) -> str:
    """strace writes all of what getrandom gives in hex."""
    inside = "".join(f"\\x{byte:02x}" for byte in memory.data[:strsize])
    return f'"{inside}"{"..." if memory.size > strsize or memory.cut else ""}'


def _fds(address: int, memory: Memory, _: int) -> str:
    if len(memory.data) != _TWO_INTS.size:
        return pointer_text(address)
    return "[{}, {}]".format(*_TWO_INTS.unpack(memory.data))


def _strings(_: int, memory: Memory, strsize: int) -> str:
    *whole, last = memory.data.split(b"\0")
    parts = [*whole, last] if last else whole
    shown = [quote(part[:strsize], len(part) > strsize) for part in parts[:strsize]]
    more = ["..."] if memory.cut or len(parts) > strsize else []
    return f"[{', '.join(shown + more)}]"


def _environment(address: int, memory: Memory, _: int) -> str:
    count = int.from_bytes(memory.data, "little")
    return f"{pointer_text(address)} /* {count} var{'' if count == 1 else 's'} */"


def _number(address: int, memory: Memory, _: int) -> str:
    if len(memory.data) != _ONE_INT.size or memory.cut:
        return pointer_text(address)
    return "[{}]".format(*_ONE_INT.unpack(memory.data))


POINTED: Mapping[str, Callable[[int, Memory, int], str]] = {
    "argv": _strings,
    "cwd": _cwd,
    "envp": _environment,
    "fds": _fds,
    "in": _string,
    "number": _number,
    "out": _string,
    "path": _path,
    "queue": _queue,
    "random": _random,
    "str": _string,
    "template": _path,
}
"""Kinds of which the memory is shown, where the trace has it: by the address, what was
there, and how many bytes of a string to show."""
FILLED = ("cwd", "fds", "out", "random")
"""Those that the call itself fills, when it succeeds."""
