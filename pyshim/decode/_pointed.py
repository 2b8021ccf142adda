"""Arguments that point to memory, where the trace has that memory."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from pyshim.decode._values import Argument, pointer_text
from pyshim.event import Memory

_ONE_INT, _TWO_INTS = struct.Struct("<i"), struct.Struct("<2i")
_ESCAPES = {
    ord("\n"): r"\n",
    ord("\t"): r"\t",
    ord("\r"): r"\r",
    ord("\v"): r"\v",
    ord("\f"): r"\f",
    ord('"'): r"\"",
    ord("\\"): r"\\",
}


def quote(memory: bytes, cut: bool) -> str:
    """Bytes between double quotes, escaped as strace does; `...` follows if `cut`."""
    following = memory[1:] + b'"'
    inside = "".join(map(_escape, memory, following))
    return f'"{inside}"{"..." if cut else ""}'


def _escape(byte: int, after: int) -> str:
    if byte in _ESCAPES:
        return _ESCAPES[byte]
    if 0x20 <= byte < 0x7F:
        return chr(byte)
    # A short escape would swallow an octal digit behind it.
    return f"\\{byte:03o}" if after in b"01234567" else f"\\{byte:o}"


def _path(_: Argument, memory: Memory, __: int) -> str:
    return quote(memory.data, memory.cut)


def _cwd(_: Argument, memory: Memory, __: int) -> str:
    """strace cuts no path; the NUL counts in the result only."""
    return quote(memory.data.removesuffix(b"\0"), memory.cut)


def _string(_: Argument, memory: Memory, strsize: int) -> str:
    return quote(memory.data[:strsize], memory.size > strsize or memory.cut)


def _queue(argument: Argument, memory: Memory, strsize: int) -> str:
    """libc takes the slash away that a queue's name begins with."""
    data = memory.data.removeprefix(b"/")
    size = memory.size - len(memory.data) + len(data)
    return _string(argument, Memory(data, size), strsize)


def _random(_: Argument, memory: Memory, strsize: int) -> str:
    """strace writes all of what getrandom gives in hex."""
    inside = "".join(f"\\x{byte:02x}" for byte in memory.data[:strsize])
    return f'"{inside}"{"..." if memory.size > strsize or memory.cut else ""}'


def _fds(argument: Argument, memory: Memory, _: int) -> str:
    if len(memory.data) != _TWO_INTS.size:
        return pointer_text(argument)
    return "[{}, {}]".format(*_TWO_INTS.unpack(memory.data))


def _strings(_: Argument, memory: Memory, strsize: int) -> str:
    *whole, last = memory.data.split(b"\0")
    parts = [*whole, last] if last else whole
    shown = [quote(part[:strsize], len(part) > strsize) for part in parts[:strsize]]
    more = ["..."] if memory.cut or len(parts) > strsize else []
    return f"[{', '.join(shown + more)}]"


def _environment(argument: Argument, memory: Memory, _: int) -> str:
    count = int.from_bytes(memory.data, "little")
    return f"{pointer_text(argument)} /* {count} var{'' if count == 1 else 's'} */"


def _number(argument: Argument, memory: Memory, _: int) -> str:
    if len(memory.data) != _ONE_INT.size or memory.cut:
        return pointer_text(argument)
    return "[{}]".format(*_ONE_INT.unpack(memory.data))


POINTED: Mapping[str, Callable[[Argument, Memory, int], str]] = {
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
}
"""Kinds of which the memory is shown, where the trace has it."""
