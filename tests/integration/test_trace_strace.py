"""strace, run in the same processes, is the judge of what the trace tells of calls."""

from __future__ import annotations

import errno
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from traces import Trace

Collect = Callable[..., Trace]
Calls = list[tuple[str, object]]
LINE = re.compile(
    r"(\w+)\((.*)\) += (-?\d+|0x[0-9a-f]+|\?)(?: (E[A-Z0-9]+))?(?: \(.*\))?"
)


def strace_calls(path: Path) -> dict[int, Calls]:
    """By thread: each syscall's name and its result, an int or the errno's name."""
    calls: dict[int, Calls] = defaultdict(list)
    begun: dict[str, str] = {}
    for line in path.read_text(errors="replace").splitlines():
        tid, text = line.split(maxsplit=1)
        if text.endswith("<unfinished ...>"):
            begun[tid] = text.removesuffix("<unfinished ...>")
            continue
        if text.startswith("<... "):
            text = begun.pop(tid) + text.partition(" resumed>")[2]
        if match := LINE.fullmatch(text):
            name, _, result, failed = match.groups()
            calls[int(tid)].append((name, failed or number(result)))
    return calls


def number(text: str) -> object:
    """strace writes addresses and flags in hex, masks of permissions in octal."""
    if text == "?":
        return text
    octal = text.startswith("0") and text[1:].isdigit()
    return int(text, 8 if octal else 0)


def logged_calls(trace: Trace) -> dict[int, Calls]:
    """The same of the trace; what a process did before strace's exec is left out."""
    calls: dict[int, Calls] = defaultdict(list)
    programs: dict[int, str] = {}
    for each in trace.events:
        if each.kind == "start":
            if programs.get(each.pid, "").endswith("/strace"):
                calls.pop(each.pid, None)
            programs[each.pid] = each.note
        elif each.kind == "call" and not each.name.startswith("posix_spawn"):
            result = errno.errorcode[each.err] if each.err else each.ret
            calls[each.tid].append((each.syscall, result))
    return calls


def made_by_libc(judged: Calls, logged: Calls) -> set[str]:
    """What strace saw in between; fails when it has not seen what was logged, in order.

    From the end, because the loader's calls look like the program's own.
    """
    between: list[str] = []
    rest = iter(reversed(judged))
    for call in reversed(logged):
        for other in rest:
            if other == call:
                break
            between.append(other[0])
        else:
            pytest.fail(f"strace has not seen {call}")
    return set(between)


def compare(collect: Collect, folder: Path, name: str, *args: str) -> set[str]:
    """Run a target under both; what only strace saw between logged calls."""
    judge = ("strace", "-f", "-o", str(folder / "strace"))
    trace = collect(name, *args, before=judge)
    assert trace.status == 0
    assert trace.whole
    judged, logged = strace_calls(folder / "strace"), logged_calls(trace)
    assert sum(len(logged[tid]) for tid in judged) > 5
    return {
        name
        for tid in judged
        if logged[tid]
        for name in made_by_libc(judged[tid], logged[tid])
    }


@pytest.mark.parametrize(
    ("name", "args"),
    [("errno_untouched", ("20",)), ("fork_loop", ("20",)), ("variadics", ())],
)
def test_strace_sees_these_calls_and_no_others(
    collect: Collect, tmp_path: Path, name: str, args: tuple[str, ...]
) -> None:
    by_libc = {"brk", "getrandom", "newfstatat", "write", "exit_group", "getpid"}
    assert compare(collect, tmp_path, name, *args) <= by_libc


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("bad_pointers", ()),
        ("cancel_read", ()),
        ("ctor_atexit", ()),
        ("open_modes", ()),
        ("path_calls", ("{tmp}",)),
        ("spawn_env", ("/usr/bin/printenv", "WAY")),
        ("vfork_exec", ()),
    ],
)
def test_strace_sees_the_same_results(
    collect: Collect, tmp_path: Path, name: str, args: tuple[str, ...]
) -> None:
    compare(collect, tmp_path, name, *(word.format(tmp=tmp_path) for word in args))
