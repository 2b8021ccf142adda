"""Which of the syscalls that strace saw were seen here, and where the others came from.

Both watched the same run. A call of ours spans some time in one thread; a syscall that
strace saw in that thread at that time was made by it: by the innermost, for calls nest
(`fopen` in a signal handler that interrupted `read`). If the call is that very syscall,
it was seen; else libc made it on the way, past us: `inside fopen`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from pyshim.calls import Call
from pyshim.event import Event, Kind
from pyshim.strace import SHIM, Image, Syscall, Thread

FOREVER = 1 << 63
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
    used: bool = False
    """Whether its syscall was found."""


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
        elif event.kind is Kind.START and event.memory and event.memory[0].data:
            self.hellos.setdefault(event.pid, []).append(event.start)
        elif event.call is not None and not _no_syscall(event, event.call):
            self.spans.setdefault(event.tid, []).append(_span(event, event.call))


def _no_syscall(event: Event, call: Call) -> bool:
    return call.hot and event.duration < _TOO_SHORT and event.kind is Kind.CALL


def _span(event: Event, call: Call) -> Span:
    end = event.start + event.duration
    reach = Reach.INNER if "composite" in call.sets else Reach.WHOLE
    if call.jump and call.noreturn:
        end = FOREVER
    elif call.jump or _execs(event, call) or event.kind is Kind.UNFINISHED:
        reach = Reach.FIRST
    return Span(event.start, end, call.name, call.syscall, reach)


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
    extra: Counter[str] = field(default_factory=Counter)
    """Seen by us and not by strace: libc answered by itself."""

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
    for syscall, span in _inside(thread.syscalls, spans):
        image = thread.image(syscall.time)
        origin = image.origin(syscall.address)
        if image.hello is None:
            found.add(syscall.name, f"{image.path or '?'}, without the shim")
        elif origin in SHIM:
            found.ours[syscall.name] += 1
        elif syscall.time < image.hello:
            found.before[syscall.name] += 1
        elif syscall.name == "exit_group" and thread.tid in heard.ends:
            found.add(syscall.name, "")
        else:
            found.add(syscall.name, _source(syscall, span, image))
    for span in spans:
        if span.reach is Reach.WHOLE and not span.used:
            found.extra[span.syscall] += 1


def _inside(
    syscalls: Iterable[Syscall], spans: Sequence[Span]
) -> Iterator[tuple[Syscall, Span | None]]:
    """Each with the innermost span around it."""
    at, around = 0, list[Span]()
    for syscall in syscalls:
        while at < len(spans) and spans[at].start <= syscall.time:
            around = [each for each in around if _goes_on(each, spans[at].start)]
            around.append(spans[at])
            at += 1
        around = [
            each
            for each in around
            if each.end >= syscall.time or each.reach is Reach.FIRST
        ]
        yield syscall, around[-1] if around else None


def _goes_on(span: Span, time: int) -> bool:
    """Whether another call that begins then is inside of it."""
    return span.reach is not Reach.FIRST and span.end > time


def _source(syscall: Syscall, span: Span | None, image: Image) -> str:
    """Where it was missed; "" when it was seen."""
    if span and _is_of(syscall, span):
        span.used = not syscall.restarts
        return ""
    if span and span.reach is not Reach.FIRST:
        return f"inside {span.name}"
    origin = image.origin(syscall.address)
    if not origin:
        return "the program's own instruction"
    return "libc by itself" if origin.startswith("libc.so") else origin


def _is_of(syscall: Syscall, span: Span) -> bool:
    """Whether the span is that of this very syscall."""
    if span.reach is Reach.INNER or span.used:
        return False
    return syscall.name in (span.syscall, "restart_syscall")
