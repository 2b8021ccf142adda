"""The hooks a plugin may implement. This is the plugin manual.

A plugin is a module (or any object) registered under the entry-point group `pyshim`, or
a local file given as `--plugin ./file.py`. It marks its functions with
`pyshim.hookimpl`. Hooks run in two places, and one plugin may have hooks in both.

In the target: called inside the program, in the thread and the place that makes the
call. Only there can a plugin decide in Python what one call returns; it is told of the
beginnings and ends of processes there, too. The module is
imported a second time there, in each process that reaches a hook: keep the imports at
its top few, and don't rely on globals set in the host: `pyshim.Counter` and
`pyshim.Shared` are what all processes and the host have in common, and
`pyshim.options()` is the command line. Such a hook is a function of the module, with
the parameters below; anything else (a method, an `async def`, a generator) is refused
before the start. An exception is told once, with the traceback, and the call goes
through. A file that a hook keeps open takes a descriptor number that the program would
have had: it sees other numbers than bare. Where Python can't be inside, a process of
the host's [stands in](howto-where-hooks-run.md) for it, and hooks see and do the same.

In the host: called in the pyshim process, on its main thread, once a run or once an
event; may import and do anything, and takes only those parameters it needs. An
exception stops the run: before the target starts it never starts (exit status 125);
later it is reported when the target has ended, and the status becomes 125.

A hook that is never called? Calls are those made through the dynamic linker: the
`openat` that libc makes by itself, for `fopen`, is asked about only with `--layer=full`
or `run.needs_full` ([layers](howto-layers.md)). `pyshim --plugin log COMMAND` shows all
calls there are, `pyshim --explain --plugin ./file.py COMMAND` which of them are wrapped
for the plugin.
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
    from pyshim.inside.process import Process
    from pyshim.rules import Rule
    from pyshim.run import Run
    from pyshim.verdicts import Args, Errno, Return
    from pyshim.wants import Map

hookspec = pluggy.HookspecMarker("pyshim")

# ---- in the host ----


@hookspec
def pyshim_addoption(parser: argparse._ArgumentGroup) -> None:
    """Add command-line options: `parser` is a group with the plugin's name.

    Called at each start of pyshim, of every installed plugin, on or not: be quick.

    A plugin is switched on by `--plugin NAME` or by using one of its options. The
    values are in `run.options`, and in `pyshim.options()`.
    """


@hookspec
def pyshim_qualifiers() -> Sequence[str]:
    """Name the words before `=` in `-e WORD=...` that belong to this plugin.

    Called once, of every installed plugin, on or not.

    Using one switches the plugin on.
    """
    return ()


@hookspec
def pyshim_configure(run: Run) -> None:
    """Read `run.options` and `run.expressions`, refuse what can't be meant.

    Called once, before the target starts.

    A plugin that needs to see what comes through no symbol, whatever it asks for, sets
    `run.needs_full` to the reason. With `run.options.explain` nothing is started
    afterwards: don't write anything then.

    Raise `pyshim.errors.UsageError` for anything not understood: the run stops with 125
    and the message as one line.
    """


@hookspec
def pyshim_rules(run: Run) -> Sequence[Rule]:
    """Give rules to be decided in C inside the target, without Python.

    Called once, after `pyshim_configure`.

    `pyshim.rules.parse("inject", "read:error=EIO", run.table)` makes one. They are
    tried in the order of the list, first match wins; of several plugins, the one given
    last on the command line comes first, as pluggy orders calls. One that names a
    syscall makes the run full under `--layer=auto`; with `caught=False` it is for calls
    through symbols alone, and does not.
    """
    return ()


@hookspec
def pyshim_trace(run: Run) -> frozenset[Call]:
    """Name the calls whose every event this plugin wants in `pyshim_event`.

    Called once, after `pyshim_configure`.

    `run.table.select("%file,read")` gives them. What no plugin asks for is not
    recorded. Calls decided by a rule are told anyway. A syscall among them makes the
    run full under `--layer=auto`.
    """
    return frozenset()


@hookspec
def pyshim_maps(run: Run) -> Sequence[Map]:
    """Give paths to be rewritten in C inside the target.

    Called once, after `pyshim_configure`.

    `pyshim.wants.Map("/etc/app", "/tmp/app")` makes one; the longest `source` wins.
    """
    return ()


@hookspec
def pyshim_event(event: Event, run: Run) -> None:
    """Look at one event: a call that was made, a process that started or ended.

    Called for each event, in the order of time (of completion), while the target runs.

    Comes later than the call itself: nothing can be decided here. The target never
    waits; what did not fit is counted in `run.dropped`.
    """


@hookspec
def pyshim_report(run: Run) -> None:
    """Say what there is to say: the target has ended.

    Called once, when all events were handed out.

    Say on stderr what is to be said with `run.say`. Setting `run.failure` to a text
    prints it and turns the exit status into 125.
    """


# ---- in the target ----


@hookspec(firstresult=True)
def pyshim_call_enter(call: TargetCall) -> Errno | Return | Args | None:
    """Decide about a call that is about to be made.

    Called before each call that the marker declares.

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
    """


@hookspec
def pyshim_call_exit(call: TargetCall) -> Errno | Return | None:
    """Look at a call that has been made, `call.ret` and `call.errno`, or change these.

    Called after each call that the marker declares.

    Return `Errno` or `Return` to change what the program sees. Runs and fails as
    `pyshim_call_enter` does. Of calls that are left by a jump (vfork, setjmp, dlopen,
    exit: `enter only` in the table) no exit is seen.
    """


@hookspec
def pyshim_process_start(process: Process) -> None:
    """A program of the run starts: the first one, and each after an exec.

    Called before any code of the program's own, its libraries' included; the program's
    thread is the only one. A fork starts no program.

    This hook and the next three, marked by a plain `@hookimpl`, are about the process.
    What they return must be None. They run under the same rules as `pyshim_call_enter`:
    the same lock, the same reasons not to be called, the same way to fail. With any of
    them Python is started in each program of the run, when it starts: that takes some
    8 ms of each, also where nothing else is asked. A fork's child has its parent's.
    """


@hookspec
def pyshim_process_fork(process: Process) -> None:
    """A fork, in the child; `process.parent` made it.

    Called once in each child, before the fork returns there.

    Globals of the plugin are as they were in the parent. Of fork(3), forkpty(3) and
    daemon(3). Not of a vfork, nor in children that have no Python: of _Fork(3), and of
    a raw clone(2). Those are counted as skipped when they come to a hook.
    """


@hookspec
def pyshim_process_exec(process: Process) -> None:
    """The process is about to become another program, and to lose this interpreter.

    Called before each exec of a file that can be executed.

    `process.program`, `argv` and `environ` are those of the new program, after all
    changes that rules, maps and other hooks made. Nothing can be changed here:
    `pyshim_call_enter` of `execve` can. The exec may still fail, and be tried again; a
    file that is not there, or may not be executed, is not asked about.

    Not in the child of a vfork, which has no interpreter of its own to lose, and so not
    for posix_spawn(3), popen(3) and system(3), whose children are such: each is counted
    as skipped, where the shim sees it. What the child became says
    `pyshim_process_start`.
    """


@hookspec
def pyshim_process_exit(process: Process) -> None:
    """The process ends, with `process.status`: the last place to write something.

    Called once in a process that ends by itself.

    The interpreter is never finalised: no atexit handler, no destructor, no flush at
    the end. By return from main, exit(3) and the end of the last thread: after all that
    the program does then, but that its stdio buffers may not be written out yet. By
    _exit(2), also as a syscall: at once. By quick_exit(3): before its handlers. Where
    libc calls _exit by itself, as in the first process of daemon(3), or the program has
    a `syscall` instruction of its own: with `--layer=full`.

    Not when a signal ends it, abort(3) included, nor when its last
    thread ends by a syscall of its own. Where another thread is in a hook that does not
    come back, this one is not asked after two seconds, and that is counted.
    """
