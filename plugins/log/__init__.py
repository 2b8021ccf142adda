"""Write each call as a line in strace's format."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, TextIO

from pyshim import hookimpl
from pyshim.calls import Call
from pyshim.errors import UsageError
from pyshim.event import Event, Kind
from pyshim.run import Run

if TYPE_CHECKING:
    from pyshim.decode import Formatter

_COLUMN = 40


class _Log:
    """Where the lines go. One a run; set by `pyshim_configure`."""

    formatter: Formatter
    out: TextIO | None = None
    to_file = False
    failure = ""
    many = False
    """Whether more than one process has been seen."""
    first = 0
    exits = True
    """Whether exit_group is among the calls to be shown."""


_log = _Log()


@hookimpl
def pyshim_addoption(parser: argparse._ArgumentGroup) -> None:
    """Add -o."""
    parser.add_argument("-o", metavar="FILE", help="write the log to FILE, not stderr")
    parser.add_argument(
        "-s",
        metavar="BYTES",
        type=int,
        default=32,
        help="how much of a buffer to show (default 32)",
    )


@hookimpl
def pyshim_qualifiers() -> tuple[str, ...]:
    """-e trace=SET."""
    return ("trace",)


@hookimpl
def pyshim_configure(run: Run) -> None:
    """Open the file before the target starts."""
    if not 0 <= run.options.s <= 65535:
        raise UsageError(f"-s {run.options.s}: out of range", allowed="0 to 65535")
    from pyshim.decode import Formatter

    _log.formatter = Formatter(run.options.s)
    _log.to_file = bool(run.options.o)
    run.tells_events = not _log.to_file
    _log.many, _log.first, _log.failure = False, 0, ""
    _log.out = run.stderr
    if run.options.o and not run.options.explain:
        try:
            _log.out = open(run.options.o, "w", errors="surrogateescape")  # noqa: SIM115
        except OSError as error:
            raise UsageError(f"-o {run.options.o}: {error.strerror}") from None


@hookimpl
def pyshim_trace(run: Run) -> frozenset[Call]:
    """What `-e trace=` names (the last one counts, as in strace); else everything."""
    wanted = run.table.select(
        next((text for word, text in run.expressions[::-1] if word == "trace"), "all")
    )
    _log.exits = any(call.syscall == "exit_group" for call in wanted)
    return wanted


@hookimpl
def pyshim_event(event: Event) -> None:
    """Write its line."""
    if _log.out is None:
        return
    prefix = f"{event.tid} " if _log.to_file else _prefix(event)
    if event.call is not None:
        text = _log.formatter.line(event, _COLUMN - len(prefix))
        _write(f"{prefix}{text}\n")
    else:
        _write("".join(f"{prefix}{line}\n" for line in _of_process(event, prefix)))


def _prefix(event: Event) -> str:
    """On stderr the pid is of interest only when there are several."""
    _log.first = _log.first or event.pid
    _log.many = _log.many or event.pid != _log.first
    return f"[pid {event.tid:5}] " if _log.many else ""


def _of_process(event: Event, prefix: str) -> list[str]:
    """What is about no call."""
    if event.kind is Kind.EXIT:
        call = f"exit_group({event.ret})".ljust(_COLUMN - len(prefix) - 1)
        lines = [f"{call} = ?"] if _log.exits else []
        return [*lines, f"+++ exited with {event.ret} +++"]
    if event.kind is Kind.BYPASS:
        return [f"--- bypass {event.note} ---"]
    return []


def _write(text: str) -> None:
    """A part of a file's buffer, or of a batch: Run.flush."""
    assert _log.out is not None
    try:
        _log.out.write(text)
    except OSError as error:
        _stop(error)


def _stop(error: OSError) -> None:
    """Write no more. Of a stderr that nobody reads there is nobody to tell."""
    _log.out = None
    _log.failure = str(error.strerror) if _log.to_file else ""


@hookimpl
def pyshim_report(run: Run) -> None:
    """Nothing is lost: the file is complete before pyshim ends."""
    try:
        if _log.out is not None:
            _log.out.flush()
    except OSError as error:
        _stop(error)
    if _log.failure:
        run.failure = f"-o {run.options.o}: {_log.failure}; the log is not complete"
