"""Which of the syscalls that strace saw were seen here, and where the others came from.

Both watched the same run. A call of ours spans some time in one thread; a syscall that
strace saw in that thread at that time was made by it: by the innermost, for calls nest
(`fopen` in a signal handler that interrupted `read`). If the call is that very syscall,
it was seen; else libc made it on the way, past us: `inside fopen`.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from pyshim.calls import Call
from pyshim.event import Event, Kind
from pyshim.reissued import RESTART, Maker, Told, told_apart
from pyshim.strace import Syscall, Thread

FOREVER = 1 << 63
_GONE = ("exit", "rt_sigreturn")
_KEPT = {"rt_sigaction": signal.SIGSYS, "prctl": 59}
"""By their first argument: what the shim answers, for it needs the real one itself."""
_TOO_SHORT = 2000
"""Nanoseconds: under strace every syscall takes longer."""


class Reach(Enum):
    """How much of what happens during a call belongs to it."""

    WHOLE = "whole"
    """It is the syscall that it is named after, and nothing else."""
    INNER = "inner"
    """It makes syscalls that are not seen by themselves."""
    FIRST = "first"
    """A syscall of that name comes next; the call's end is not known."""


@dataclass(slots=True)
class Span:
    """One call of one thread. Times in nanoseconds since the epoch."""

    start: int
    end: int
    name: str
    syscall: str
    reach: Reach
    caught: bool = False
    """Whether it came through no function, and so must be a syscall."""
    found: bool = False
    """Whether its syscall was found."""
    used: bool = False
    """Whether it can't come once more."""


@dataclass(slots=True)
class Heard:
    """What pyshim was told of the run. `note` is for each event."""

    spans: dict[int, list[Span]] = field(default_factory=dict)
    """By thread."""
    hellos: dict[int, list[int]] = field(default_factory=dict)
    """By process: when a program's constructor had run."""
    ends: set[int] = field(default_factory=set)
    """Threads that ended their process with exit(3) or _exit(2)."""

    def note(self, event: Event) -> None:
        """Keep what can be the time of a syscall."""
        if event.kind is Kind.EXIT:
            self.ends.add(event.tid)
        elif event.kind is Kind.START and 0 in event.memory and event.memory[0].data:
            self.hellos.setdefault(event.pid, []).append(event.start)
        elif event.call is not None and not _no_syscall(event, event.call):
            self.spans.setdefault(event.tid, []).append(_span(event, event.call))


def _no_syscall(event: Event, call: Call) -> bool:
    short = event.duration < _TOO_SHORT and event.kind is Kind.CALL
    return call.hot and short and not event.caught


def _span(event: Event, call: Call) -> Span:
    end = event.start + event.duration
    inner = "composite" in call.sets and not event.caught
    reach = Reach.INNER if inner else Reach.WHOLE
    if _announced(event, call):
        reach = Reach.FIRST
    elif call.jump and call.noreturn and not event.caught:
        end = FOREVER
    elif event.kind is Kind.UNFINISHED or (call.jump and not event.caught):
        reach = Reach.FIRST
    caught = event.caught and event.args[:1] != (_KEPT.get(call.syscall),)
    return Span(event.start, end, call.name, call.syscall, reach, caught)


def _announced(event: Event, call: Call) -> bool:
    """Of what does not come back the event is written before."""
    return _execs(event, call) or (event.caught and call.syscall in _GONE)


def _execs(event: Event, call: Call) -> bool:
    """Of an exec that succeeds the event is written before it."""
    return call.syscall in ("execve", "execveat") and not event.err


@dataclass(slots=True)
class Tally:
    """One syscall: how often it was seen by both, and where strace alone saw it."""

    seen: int = 0
    missed: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """How often strace saw it."""
        return self.seen + self.missed.total()


@dataclass(slots=True)
class Comparison:
    """Of all syscalls of a run, by their names."""

    syscalls: dict[str, Tally] = field(default_factory=dict)
    before: Counter[str] = field(default_factory=Counter)
    """Made by ld.so before the shim's constructor: in no layer's reach."""
    ours: Counter[str] = field(default_factory=Counter)
    """Made by the shim for itself."""
    answered: Counter[str] = field(default_factory=Counter)
    """By function: calls without a syscall. libc had the answer, or the shim."""
    extra: Counter[str] = field(default_factory=Counter)
    """Syscalls that we saw and strace did not: there should be none."""

    @property
    def total(self) -> Tally:
        """All syscalls together."""
        whole = Tally()
        for each in self.syscalls.values():
            whole.seen += each.seen
            whole.missed += each.missed
        return whole

    def add(self, name: str, source: str) -> None:
        """A syscall: `source` says where it was missed, "" that it was seen."""
        tally = self.syscalls.setdefault(name, Tally())
        if source:
            tally.missed[source] += 1
        else:
            tally.seen += 1


def compare(threads: Sequence[Thread], heard: Heard) -> Comparison:
    """Lay both beside each other, thread by thread."""
    found = Comparison()
    for thread in threads:
        _greet(thread, heard.hellos.get(thread.pid, []))
    for thread in threads:
        _compare_thread(thread, heard, found)
    return found


def _greet(thread: Thread, hellos: Sequence[int]) -> None:
    """Give each of the images its hello, and its loader. Parents come first."""
    ends = [each.begun for each in thread.images[1:]] + [FOREVER]
    for image, end in zip(thread.images, ends, strict=True):
        if image.parent:
            image.hello = image.parent.hello
            continue
        within = (time for time in hellos if image.begun < time <= end)
        image.hello = min(within, default=None)
        if image.hello and thread.tid == thread.pid:
            begin, hello = image.begun, image.hello
            before = (s for s in thread.syscalls if begin < s.time < hello)
            image.find_loader(before)


def _compare_thread(thread: Thread, heard: Heard, found: Comparison) -> None:
    spans = sorted(
        heard.spans.get(thread.tid, []), key=lambda each: (each.start, -each.end)
    )
    unmade = Counter[str]()
    for told, span in _inside(told_apart(thread), spans):
        if told.maker is Maker.NOBODY:
            unmade[told.syscall.name] += 1
        else:
            _place(told, span, thread.tid in heard.ends, found)
    for span in spans:
        if span.found or span.reach is not Reach.WHOLE:
            continue
        if not span.caught:
            found.answered[span.name] += 1
        elif unmade[span.syscall]:
            unmade[span.syscall] -= 1
        else:
            found.extra[span.syscall] += 1


def _place(told: Told, span: Span | None, ended: bool, found: Comparison) -> None:
    """Count a syscall where it belongs."""
    syscall, image, maker = told
    if image.hello is None:
        found.add(syscall.name, f"{image.path or '?'}, without the shim")
    elif maker is Maker.SHIM:
        found.ours[syscall.name] += 1
    elif syscall.time < image.hello:
        found.before[syscall.name] += 1
    elif syscall.name == "exit_group" and ended:
        found.add(syscall.name, "")
    else:
        found.add(syscall.name, _source(told, span))


def _inside(
    all_told: Iterable[Told], spans: Sequence[Span]
) -> Iterator[tuple[Told, Span | None]]:
    """Each with the innermost span around it."""
    at, around = 0, list[Span]()
    for told in all_told:
        time = told.syscall.time
        while at < len(spans) and spans[at].start <= time:
            around = [each for each in around if _goes_on(each, spans[at].start)]
            around.append(spans[at])
            at += 1
        around = [each for each in around if _is_around(each, time)]
        yield told, around[-1] if around else None


def _is_around(span: Span, time: int) -> bool:
    return not span.used if span.reach is Reach.FIRST else span.end >= time


def _goes_on(span: Span, time: int) -> bool:
    """Whether another call that begins then is inside of it."""
    if span.reach is Reach.FIRST:
        # Cut short by a signal, and to come again behind the handler's calls.
        return span.found and not span.used
    return span.end > time


def _source(told: Told, span: Span | None) -> str:
    """Where it was missed; "" when it was seen."""
    syscall, image, maker = told
    if span and _is_of(syscall, span):
        span.found, span.used = True, not syscall.restarts
        return ""
    if syscall.result == "?" and syscall.name not in (*_GONE, "exit_group"):
        return "cut off by the end"
    if span and span.reach is not Reach.FIRST:
        return f"inside {span.name}"
    if maker is Maker.EITHER:
        return "a patched site"
    origin = image.origin(syscall.address)
    if not origin:
        return "the program's own instruction"
    return "libc by itself" if origin.startswith("libc.so") else origin


def _is_of(syscall: Syscall, span: Span) -> bool:
    """Whether the span is that of this very syscall."""
    if span.reach is Reach.INNER or span.used:
        return False
    return syscall.name in (span.syscall, RESTART)
