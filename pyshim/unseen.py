"""The last lines of a run: what was not seen of it, and how much was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyshim import layers

if TYPE_CHECKING:
    from pyshim.run import Run


def report_coverage(run: Run) -> None:
    """Say what was not seen, and at last how much was, if anybody listened.

    That a run without the shim looked like one with it is the worst that can happen: if
    nothing foretold it, it is a failure of pyshim's.
    """
    if not run.processes and not run.bypassed:
        run.failure = (
            f"{run.argv[0]}: the shim was never loaded; nothing was seen or changed"
        )
    for each in dict.fromkeys(run.bypassed):
        if each in run.told:
            continue
        run.say(f"bypass: {each}; what it did was not seen")
    if run.dropped:
        run.say(f"dropped {run.dropped} events: they came faster than they were read")
    if run.torn:
        run.say(
            f"lost {run.torn} events: while they were written a thread was killed, or a"
            " signal handler jumped away"
        )
    if run.lost:
        run.say(f"lost {run.lost} bytes of events: no room for them in TMPDIR")
    for reason, count in run.skipped.items():
        if reason == UNARMED[0]:
            run.say(_unarmed(count))
        else:
            run.say(f"stepped aside {count} times: {SKIPS.get(reason, reason)}")
    if run.coverage:
        run.say(run.coverage.line())


def _unarmed(count: int) -> str:
    """An old kernel, valgrind, or who forbids prctl(2), to us or to a child alone."""
    programs = "1 program" if count == 1 else f"{count} programs"
    why = (
        layers.refusal()
        or "a seccomp filter refuses prctl there, or it is under valgrind"
    )
    return f"layer full could not be armed in {programs}, only symbols: {why}"


UNARMED = ("unarmed", "child")
"""In the constructor of a program, and later in a thread or a fork's child."""
SKIPS = {
    "hook_reentered": "call inside a Python hook, or in a handler that interrupted one",
    "hook_starting": "another thread was just starting Python",
    "hook_busy": "another thread's Python hook went on for two seconds and more",
    "hook_hung": "a Python hook of that process had taken too long",
    "hook_stacks": "too many Python hooks were left by a jump out of call.real()",
    "hook_gone": "Python hooks run in the host, and what ran them had ended",
    "hook_vfork": "Python hook in a vfork child",
    "hook_forked": "Python hook after a fork that bypassed fork(3)",
    "hook_broken": "Python could not be started in the target",
    "seccomp": "the program entered seccomp",
    "sight": "a path could not be read",
    "interrupt": "no signal could be asked for: more threads than chunks",
    "quota": "more files under a quota= than can be told apart",
    "unsynced": "what a write replaced could not be kept, or not be given back",
    "sites": "more call sites than can be told apart",
    "poke": "memory of the program that poke_enter= or poke_exit= could not write",
    "exec": "an environment too large to be copied",
    "child": "the full layer could not be armed in a thread or a process",
    "native": "a thread gave its stack away, or used int $0x80: symbols only since",
    "hook_memory": "Python hook on memory and locks that libc asked for by itself",
    "alloc_own": "the program's own file defines what %alloc asks for; not seen there",
    "alloc_sizes": "an allocator without malloc_usable_size: a budget= of all it gives "
    "is not known there, and only one block larger than that fails",
    "alloc_checked": "a sanitizer's malloc: no rule or log for %alloc there",
    "alloc_valgrind": "valgrind shows %alloc to nobody, unless it is told "
    "--soname-synonyms=somalloc=nouserintercepts",
    "memory": "a limit of the program's left no memory for the shim",
}
