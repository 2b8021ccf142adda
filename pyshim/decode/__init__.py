"""Calls as the lines strace prints for them.

A line shows what the kernel got (`open()` is an `openat`), not what the program wrote.
Structs are printed as addresses: their memory is not in the trace.
"""

from __future__ import annotations

import re
from dataclasses import replace

from pyshim.decode._pointed import POINTED, quote
from pyshim.decode._results import result_text
from pyshim.decode._shapes import KINDS, SHAPES
from pyshim.decode._values import Argument, value_text
from pyshim.event import Event, Kind

__all__ = ["format_arguments", "format_call", "quote"]

_FILLED = ("cwd", "fds", "out", "random")
_WORD = re.compile(r"(-?)\b([A-Za-z_]\w*)\b(?!=)")


def format_call(event: Event, *, strsize: int = 32, column: int = 40) -> str:
    """The line of one call, without the pid that may stand before it.

    `strsize` is strace's -s, in bytes; paths are never cut. `column` is strace's -a:
    where the `=` goes; strace counts its pid prefix, so subtract its length to write
    it. Raises ValueError for an event that is not about a call.
    """
    if event.call is None:
        raise ValueError(f"no call in an event of kind {event.kind}")
    arguments = ", ".join(text for _, text in format_arguments(event, strsize=strsize))
    unfinished = " <unfinished ...>" if event.kind is Kind.UNFINISHED else ""
    left = f"{event.call.syscall}({arguments}{unfinished}) "
    return f"{left:{column}}= {result_text(event)}"


def format_arguments(event: Event, *, strsize: int = 32) -> list[tuple[str, str]]:
    """Name and text of each argument the kernel got; a literal has no name."""
    return [
        (argument.name, _text(argument, event, strsize))
        for argument in _arguments(event, strsize)
    ]


def _arguments(event: Event, strsize: int) -> list[Argument]:
    call = event.call
    assert call is not None
    arguments = [
        _argument(event, word, f"{call.syscall}:{position}", strsize)
        for position, word in enumerate(call.kernel)
    ]
    shape = SHAPES.get(call.syscall)
    return shape(arguments) if shape else arguments


def _argument(event: Event, word: str, place: str, strsize: int) -> Argument:
    """One argument as the row writes it: a parameter, or text around parameters.

    `S_IFIFO|mode` and `-pgrp` say what libc makes of what the program gave.
    """
    assert event.call is not None
    at = {param.name: index for index, param in enumerate(event.call.params)}
    if word in at:
        return _fetch(event, at[word], place)

    def fill(match: re.Match[str]) -> str:
        minus, name = match.groups()
        if name not in at:
            return match[0]
        argument = _fetch(event, at[name], place)
        if minus:
            argument = replace(argument, value=-argument.value)
        return _text(argument, event, strsize)

    quoted = word.startswith('"')
    return Argument("", "literal", literal=word if quoted else _WORD.sub(fill, word))


def _fetch(event: Event, index: int, place: str) -> Argument:
    assert event.call is not None
    param = event.call.params[index]
    value = event.args[index] if index < len(event.args) else 0
    kind = KINDS.get(place, param.kind)
    return Argument(param.name, kind, value, event.memory.get(index), param.ctype)


def _text(argument: Argument, event: Event, strsize: int) -> str:
    kind = argument.kind.partition("[")[0]
    filled = kind not in _FILLED or (event.kind is Kind.CALL and not event.err)
    read = POINTED.get(kind)
    if read and filled and argument.memory and "struct" not in argument.ctype:
        return read(argument, argument.memory, strsize)
    return value_text(argument)
