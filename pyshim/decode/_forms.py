"""A call's row, compiled once into functions that write what an event says of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyshim.calls import Call
from pyshim.decode._pointed import FILLED, POINTED
from pyshim.decode._results import result_of
from pyshim.decode._shapes import KINDS, SHAPES, Argument
from pyshim.decode._values import Text, Texts, pointer_text, text_of
from pyshim.event import Event, Memory

Values = tuple[int, ...]
Reader = Callable[[Values, Mapping[int, Memory]], str]
"""The text of one argument, from the values of all parameters and their memory."""

_WORD = re.compile(r"(-?)\b([A-Za-z_]\w*)\b(?!=)")
_MOST_SHAPES = 256


@dataclass(frozen=True, slots=True)
class Shaped:
    """The arguments of a call, the ones it has when the one that decides is known."""

    names: tuple[str, ...]
    readers: tuple[Reader, ...]
    all: Reader
    """The readers' texts with commas between them."""


@dataclass(frozen=True, slots=True)
class Form:
    """How the line of a call is made."""

    call: Call
    arity: int
    """How many parameters it has."""
    head: str
    """The syscall and a parenthesis."""
    shape: Callable[[Values], Shaped]
    filled: frozenset[int]
    """Parameters whose memory says nothing unless the call succeeded."""
    result: Callable[[Event], str]


def compile_form(call: Call, strsize: int) -> Form:
    """Once a call and run: afterwards nothing of it is looked up again."""
    arguments = [_argument(call, place) for place in range(len(call.kernel))]
    return Form(
        call=call,
        arity=len(call.params),
        head=f"{call.syscall}(",
        shape=_shape(call, arguments, strsize),
        filled=frozenset(each.index for each in arguments if _base(each) in FILLED),
        result=result_of(call),
    )


def _argument(call: Call, place: int) -> Argument:
    """As the row writes it: a parameter, or text around parameters."""
    word = call.kernel[place]
    for index, param in enumerate(call.params):
        if param.name == word:
            return _parameter(call, place, index)
    return Argument("", "literal", literal=word)


def _parameter(call: Call, place: int, index: int) -> Argument:
    param = call.params[index]
    kind = KINDS.get(f"{call.syscall}:{place}", param.kind)
    return Argument(param.name, kind, param.ctype, index)


def _base(argument: Argument) -> str:
    """Its kind without the length."""
    return argument.kind.partition("[")[0]


# ---- the shape: which arguments there are ----


def _shape(
    call: Call, arguments: list[Argument], strsize: int
) -> Callable[[Values], Shaped]:
    def shaped(arguments: list[Argument]) -> Shaped:
        readers = tuple(_reader(call, each, strsize) for each in arguments)
        names = tuple(each.name for each in arguments)
        return Shaped(names, readers, _with_commas(readers))

    place, shape = SHAPES.get(call.syscall, (0, None))
    if shape is None or arguments[place].literal:
        always = shaped(shape(arguments, 0) if shape else arguments)
        return lambda _: always
    index = arguments[place].index
    known = _Shapes(lambda value: shaped(shape(arguments, value)))
    return lambda values: known[values[index]]


class _Shapes(dict[int, Shaped]):
    """By the value that decides; made at the first use, and never too many."""

    def __init__(self, make: Callable[[int], Shaped]) -> None:
        self._make = make

    def __missing__(self, value: int) -> Shaped:
        if len(self) >= _MOST_SHAPES:
            self.clear()
        made = self[value] = self._make(value)
        return made


def _with_commas(readers: tuple[Reader, ...]) -> Reader:
    """Without a loop for the usual numbers: it takes half as long."""
    if len(readers) in _COMMAS:
        return _COMMAS[len(readers)](*readers)
    return lambda v, m: ", ".join([read(v, m) for read in readers])


_COMMAS: Mapping[int, Callable[..., Reader]] = {
    1: lambda a: a,
    2: lambda a, b: lambda v, m: f"{a(v, m)}, {b(v, m)}",
    3: lambda a, b, c: lambda v, m: f"{a(v, m)}, {b(v, m)}, {c(v, m)}",
    4: lambda a, b, c, d: lambda v, m: f"{a(v, m)}, {b(v, m)}, {c(v, m)}, {d(v, m)}",
}


# ---- one argument ----


def _reader(call: Call, argument: Argument, strsize: int) -> Reader:
    if argument.literal:
        return _template(call, argument.literal, strsize)
    if _base(argument) in POINTED and "struct" not in argument.ctype:
        return _by_memory(argument, strsize)
    return _by_value(argument.index, text_of(argument.kind, argument.ctype))


def _by_value(index: int, text: Text) -> Reader:
    if text is pointer_text:
        return lambda values, _: pointer_text(values[index])
    texts = Texts(text)
    return lambda values, _: texts[values[index]]


def _by_memory(argument: Argument, strsize: int) -> Reader:
    index, read = argument.index, POINTED[_base(argument)]

    def reader(values: Values, memory: Mapping[int, Memory]) -> str:
        if index in memory:
            return read(values[index], memory[index], strsize)
        return pointer_text(values[index])

    return reader


# ---- text around parameters ----


def _template(call: Call, word: str, strsize: int) -> Reader:
    """`S_IFIFO|mode` and `-pgrp` say what libc makes of what the program gave."""
    at = {param.name: index for index, param in enumerate(call.params)}
    place = call.kernel.index(word)
    parts: list[Reader] = []
    end = 0
    for match in () if word.startswith('"') else _WORD.finditer(word):
        minus, name = match.groups()
        if name in at:
            argument = _parameter(call, place, at[name])
            inside = _negated(argument) if minus else _reader(call, argument, strsize)
            parts += [_constant(word[end : match.start()]), inside]
            end = match.end()
    last = _constant(word[end:])
    return _joined([*parts, last]) if parts else last


def _negated(argument: Argument) -> Reader:
    text, index = text_of(argument.kind, argument.ctype), argument.index
    return lambda values, _: text(-values[index])


def _constant(text: str) -> Reader:
    return lambda *_: text


def _joined(parts: list[Reader]) -> Reader:
    return lambda values, memory: "".join([part(values, memory) for part in parts])
