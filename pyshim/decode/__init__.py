"""Calls as the lines strace prints for them.

A line shows what the kernel got (`open()` is an `openat`), not what the program wrote.
Structs are printed as addresses: their memory is not in the trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from pyshim.decode._forms import Form, Values, compile_form
from pyshim.decode._pointed import quote
from pyshim.event import Event, Kind, Memory

__all__ = ["Formatter", "format_arguments", "format_call", "quote"]

_CALL = Kind.CALL


class Formatter:
    """Writes calls. Each call's row is compiled when its first event comes.

    `strsize` is strace's -s, in bytes; paths are never cut.
    """

    def __init__(self, strsize: int = 32) -> None:
        self._strsize = strsize
        self._forms: dict[int, Form] = {}

    def line(self, event: Event, column: int = 40) -> str:
        """The line of one call, without the pid that may stand before it.

        `column` is strace's -a: where the `=` goes; strace counts its pid prefix, so
        subtract its length to write it. Raises ValueError for an event that is not
        about a call.
        """
        form, values, memory = self._given(event)
        arguments = form.shape(values).all(values, memory)
        if event.kind is _CALL:
            left = f"{form.head}{arguments}) "
            return f"{left.ljust(column)}= {form.result(event)}"
        left = f"{form.head}{arguments} <unfinished ...>) "
        return f"{left.ljust(column)}= ?"

    def arguments(self, event: Event) -> list[tuple[str, str]]:
        """Name and text of each argument the kernel got; a literal has no name."""
        form, values, memory = self._given(event)
        shaped = form.shape(values)
        texts = [read(values, memory) for read in shaped.readers]
        return list(zip(shaped.names, texts, strict=True))

    def _given(self, event: Event) -> tuple[Form, Values, Mapping[int, Memory]]:
        """Form, a value for each parameter, and the memory that counts."""
        call, values, memory = event.call, event.args, event.memory
        if call is None:
            raise ValueError(f"no call in an event of kind {event.kind}")
        form = self._forms.get(call.id)
        if form is None or form.call is not call:
            form = self._forms[call.id] = compile_form(call, self._strsize)
        if len(values) < form.arity:
            values += (0,) * (form.arity - len(values))
        if form.filled and (event.err or event.kind is not _CALL):
            memory = {at: memory[at] for at in memory if at not in form.filled}
        return form, values, memory


_formatter = lru_cache(maxsize=8)(Formatter)


def format_call(event: Event, *, strsize: int = 32, column: int = 40) -> str:
    """`Formatter.line` of one event."""
    return _formatter(strsize).line(event, column)


def format_arguments(event: Event, *, strsize: int = 32) -> list[tuple[str, str]]:
    """`Formatter.arguments` of one event."""
    return _formatter(strsize).arguments(event)
