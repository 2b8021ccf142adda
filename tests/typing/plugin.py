"""A plugin that uses all that pyshim offers one, for mypy to read."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pyshim import Args, Counter, Errno, Return, Shared, hookimpl, options
from pyshim.calls import Call
from pyshim.errors import UsageError
from pyshim.event import Event
from pyshim.inside.call import Call as TargetCall
from pyshim.inside.process import Process
from pyshim.rules import Rule, parse
from pyshim.run import Run
from pyshim.wants import Map

OPENS = Counter("typed.opens")
LAST = Shared("typed.last")


@hookimpl
def pyshim_addoption(parser: argparse._ArgumentGroup) -> None:
    parser.add_argument("--prefix", help="what to show")


@hookimpl(tryfirst=True)
def pyshim_configure(run: Run) -> None:
    if run.options.prefix == "":
        raise UsageError("--prefix is empty", allowed="a path")


@hookimpl
def pyshim_rules(run: Run) -> Sequence[Rule]:
    return [parse("inject", "read:error=EINTR:when=1", run.table)]


@hookimpl(trylast=True)
def pyshim_trace(run: Run) -> frozenset[Call]:
    return run.table.select("%file,!read")


@hookimpl
def pyshim_maps(run: Run) -> Sequence[Map]:
    return [Map("/etc/app", str(run.options.prefix))]


@hookimpl
def pyshim_event(event: Event, run: Run) -> None:
    if event.call is not None and event.err:
        names = [param.name for param in event.call.params]
        run.say(f"{event.call.name}({', '.join(names)}) in {event.pid}")


@hookimpl
def pyshim_report(run: Run) -> None:
    run.failure = "dropped" if run.dropped else ""
    opens: int = OPENS.value
    run.say(f"{opens} files, the last {LAST.get().decode()}")


@hookimpl(calls=["openat"], paths=["/etc/*"])
def pyshim_call_enter(call: TargetCall) -> Errno | Return | Args | None:
    if call.path is None:
        return Return(-1)
    if OPENS.add() > 100 and options().prefix:
        OPENS.value = 0
    LAST.update(lambda old: old + b"!")
    LAST.set(call.path.encode())
    if call.path.endswith(".secret"):
        return Errno("EACCES")
    return Args(path=call.path + ".copy", flags=0)


@hookimpl(calls="%file")
def pyshim_call_exit(call: TargetCall) -> Errno | Return | None:
    return Return(call.ret) if call.errno == 0 else None


@hookimpl
def pyshim_process_exit(process: Process) -> None:
    words: list[str] = process.argv or [process.program or "?"]
    LAST.set(f"{process.pid} of {process.parent}: {words[0]}".encode())
    OPENS.add(process.status or 0)
