"""The hooks a plugin may implement. This is the plugin manual.

A plugin is a module (or any object) registered under the entry-point group `pyshim`, or
a local file given as `--plugin ./file.py`. It marks its functions with
`pyshim.hookimpl`. Hooks come in two sections.

In the host: called in the pyshim process, on its main thread, once a run or once an
event; may import and do anything. An exception stops the run: before the target starts
it never starts (exit status 125); later it is reported when the target has ended, and
the status becomes 125.

In the target: called inside the program, in the thread and the place that makes the
call. Only there can a plugin decide in Python what one call returns. Such a hook is a
function of the plugin's module, with the arguments below; anything else (a method, an
`async def`, a generator) is refused before the start.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from pyshim.calls import Call
    from pyshim.event import Event
    from pyshim.inside.call import Call as TargetCall
    from pyshim.rules import Rule
    from pyshim.session import Run
    from pyshim.verdicts import Args, Errno, Return
    from pyshim.wants import Map

hookspec = pluggy.HookspecMarker("pyshim")

# ---- in the host, in this order ----


@hookspec
def pyshim_addoption(parser: argparse._ArgumentGroup) -> None:
    """Add command-line options: `parser` is a group with the plugin's name.

    Called for every installed plugin, so be quick. A plugin is switched on by `--plugin
    NAME` or by using one of its options.
    """


@hookspec
def pyshim_qualifiers() -> Sequence[str]:
    """The words before `=` in `-e WORD=...` that belong to this plugin.

    Using one switches the plugin on.
    """
    return ()


@hookspec
def pyshim_configure(run: Run) -> None:
    """Read `run.options` and `run.expressions`; the target has not started.

    A plugin that needs to see what comes through no symbol, whatever it asks for, sets
    `run.needs_full` to the reason. With `run.options.explain` nothing is started
    afterwards: don't write anything then.

    Raise `pyshim.errors.UsageError` for anything not understood: the run stops with 125
    and the message as one line.
    """


@hookspec
def pyshim_rules(run: Run) -> Sequence[Rule]:
    """Rules to be decided in C inside the target, without Python.

    They are tried in the order of the list, first match wins; of several plugins, the
    one given last on the command line comes first, as pluggy orders calls. One that
    names a syscall makes the run full under `--layer=auto`; with `caught=False` it is
    for calls through symbols alone, and does not.
    """
    return ()


@hookspec
def pyshim_trace(run: Run) -> frozenset[Call]:
    """The calls whose every event this plugin wants in `pyshim_event`.

    What no plugin asks for is not recorded. Calls decided by a rule are told anyway.
    A syscall among them makes the run full under `--layer=auto`.
    """
    return frozenset()


@hookspec
def pyshim_maps(run: Run) -> Sequence[Map]:
    """Paths to be rewritten in C inside the target; the longest `source` wins."""
    return ()


@hookspec
def pyshim_event(event: Event, run: Run) -> None:
    """One event, in the order of time (of completion), while the target runs.

    Comes later than the call itself: nothing can be decided here. The target never
    waits; what did not fit is counted in `run.dropped`.
    """


@hookspec
def pyshim_report(run: Run) -> None:
    """The target has ended and all events were handed out.

    Say on stderr what is to be said with `run.say`. Setting `run.failure` to a text
    prints it and turns the exit status into 125.
    """


# ---- in the target ----


@hookspec(firstresult=True)
def pyshim_call_enter(call: TargetCall) -> Errno | Return | Args | None:
    """A call that this hook wants is about to be made.

    The marker declares what it wants, `@hookimpl(calls=["openat"], paths=["/etc/*"])`;
    no other call pays. Return `Errno("EACCES")` to fail it, `Return(n)` to answer it,
    `Args(path=...)` to change arguments, None to let the next hook or the kernel
    decide; the first that is not None counts. C rules come first: what they answer is
    not asked. What libc asks of the kernel by itself comes here only with
    `--layer=full` or `run.needs_full`, and then in each program of the run; its calls
    for memory and locks do not.

    Runs in the thread that makes the call, with all other hooks of the process waiting:
    don't block. `call` is valid until the function returns. The hook's own files,
    prints and imports are not seen by any plugin. It is not called, and that is
    counted, inside another hook, in a vfork child, after a fork that bypassed fork(3),
    and after the program entered seccomp.

    After an exception, or a verdict that is none, the call goes through. pyshim says so
    on its own stderr, with the traceback: once for each type of exception and place,
    and at the end how many more there were in how many processes. A module that can't
    be imported there is told in the same way, and so is a hook that runs for longer
    than `--hook-limit`; no hook is asked in that process then. With `--strict-plugins`
    the first such error ends the run: the call is not made, and the status is 125. The
    program's stderr gets a traceback only where nothing else can be reached, by another
    user or in another root.

    The module is imported a second time, inside each process that reaches a hook: keep
    imports at its top few, and don't rely on globals set in the host: `pyshim.Counter`
    and `pyshim.Shared` are what all processes and the host have in common, and
    `pyshim.options()` is the command line.
    """


@hookspec
def pyshim_call_exit(call: TargetCall) -> Errno | Return | None:
    """The call has been made: `call.ret`, `call.errno`.

    Return `Errno` or `Return` to change what the program sees. Runs and fails as
    `pyshim_call_enter` does. Of calls that are left by a jump (vfork, setjmp, dlopen,
    exit: `enter only` in the table) no exit is seen.
    """
