"""How much of a run was seen: which processes, by what layer, and what went past us.

A process says hello from the shim's constructor (START); whoever execs or spawns under
the shim tells that before (an exec's event, a bypass note). What both say is laid side
by side when the run is over. A process counts as seen when every program that it ran
was under the shim, as far as anybody could tell.

Two things no line can hold: a fork's child that was killed before it made any call that
was wanted (nothing of it went past us either), and a program started in a way that no
layer of the run sees.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from pyshim.event import Event, Kind

_NAMED = 5
"""Programs named in the line before the rest is only counted."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is known of a run's processes when it is over."""

    seen: int
    """Processes of which every program was under the shim."""
    processes: int
    """All that were heard of."""
    layer: str = "symbols"
    bypassed: tuple[str, ...] = ()
    """Programs that ran without the shim, once for each process, as `PATH (why)`."""
    unheard: tuple[str, ...] = ()
    """Programs that were to run under it, and from which no hello came."""
    running: int = 0
    """Processes that went on when the command had ended: nobody listens any more."""
    lost: bool = False
    """Whether events were lost: there may have been more processes, and bypasses."""

    def line(self) -> str:
        """All of it on one line."""
        noun = "process" if self.processes == 1 else "processes"
        parts = [
            f"coverage: {self.seen} of {self.processes} {noun}, layer {self.layer}",
            _listed("bypassed: ", self.bypassed),
            _listed("not heard from: ", self.unheard),
            f"{self.running} still running" if self.running else "",
            "events were lost, there may be more" if self.lost else "",
        ]
        return "; ".join(filter(None, parts))


class _Step(IntEnum):
    """What became known of a process, in the order of the same moment."""

    FORKED = 0
    """Hello, of a fork's child."""
    STARTED = 1
    """Hello, of a program that was exec'd or spawned."""
    EXEC = 2
    """It is about to be another program; the text is its path."""
    BYPASS = 3
    """That program will be out of sight; the text says which and why."""
    ENDED = 4


@dataclass(slots=True)
class _Life:
    """One process, while the steps of its pid are walked through."""

    begun: bool = False
    started: bool = False
    ended: bool = False
    program: str = ""
    """What it became without a hello; "": nothing."""
    bypass: str = ""

    @property
    def seen(self) -> bool:
        return not (self.program or self.bypass)


@dataclass(slots=True)
class Processes:
    """Collects what a run's events tell of its processes."""

    _steps: dict[int, list[tuple[int, _Step, str]]] = field(default_factory=dict)
    _execs: dict[int, int] = field(default_factory=dict)
    """By thread: the pid that its exec was of, until the bypass note behind it."""
    _spawns: dict[int, tuple[int, str]] = field(default_factory=dict)
    """By thread: a bypass note that no exec explains, so that of a spawn to come."""
    _nameless: list[str] = field(default_factory=list)
    """Bypasses of processes whose pid nobody told."""

    def note(self, event: Event) -> None:
        """An event that is about no call, or about one that execs or spawns."""
        if event.kind is Kind.START:
            self._execs.pop(event.tid, None)
            self._add(event, _Step.STARTED if _program(event) else _Step.FORKED)
        elif event.kind is Kind.EXIT:
            self._add(event, _Step.ENDED)
        elif event.kind is Kind.BYPASS:
            self._bypass(event)
        elif event.call is not None and event.call.base.startswith("posix_spawn"):
            self._spawned(event)
        elif event.kind is Kind.CALL and not event.err:
            self._execs[event.tid] = event.pid
            self._add(event, _Step.EXEC, _path(event))

    def coverage(self, command: str, told: Sequence[str] = ()) -> Coverage:
        """What there is to say; `told`: that the command itself was to bypass us."""
        lives = [life for steps in self._steps.values() for life in _lives(steps)]
        waiting = (note for _, note in self._spawns.values())
        nameless = [*told, *self._nameless, *waiting]
        if not lives and not nameless:
            return Coverage(0, 1, unheard=(command,))
        bypassed = [life.bypass for life in lives if life.bypass] + nameless
        return Coverage(
            seen=sum(life.seen for life in lives),
            processes=len(lives) + len(nameless),
            bypassed=tuple(map(short, bypassed)),
            unheard=tuple(each.program for each in lives if _is_unheard(each)),
        )

    def _add(self, event: Event, step: _Step, text: str = "", pid: int = 0) -> None:
        self._steps.setdefault(pid or event.pid, []).append((event.start, step, text))

    def _bypass(self, event: Event) -> None:
        """Behind an exec it is about this process, else about one to be spawned."""
        if self._execs.pop(event.tid, 0):
            self._add(event, _Step.BYPASS, event.note)
        else:
            self._flush(event.tid)
            self._spawns[event.tid] = event.start, event.note

    def _spawned(self, event: Event) -> None:
        """What failed ran nothing. Who gave no place for the pid can't tell it."""
        when, note = self._spawns.get(event.tid, (-1, ""))
        if when >= event.start:
            del self._spawns[event.tid]
        else:
            note = ""
        if event.ret or event.kind is not Kind.CALL:
            return
        pid = int.from_bytes(event.memory[0].data, "little") if 0 in event.memory else 0
        if pid:
            self._add(event, _Step.EXEC, _path(event), pid)
        if note and pid:
            self._add(event, _Step.BYPASS, note, pid)
        elif note:
            self._nameless.append(note)

    def _flush(self, tid: int) -> None:
        if tid in self._spawns:
            self._nameless.append(self._spawns.pop(tid)[1])


def _is_unheard(life: _Life) -> bool:
    return bool(life.program) and not life.bypass


def _program(event: Event) -> bytes:
    """The executable of a START; empty after a fork."""
    return event.memory[0].data if 0 in event.memory else b""


def _path(event: Event) -> str:
    """The file that an exec or spawn names, as far as it was kept; never empty."""
    assert event.call is not None
    for index, param in enumerate(event.call.params):
        if param.name in ("path", "pathname", "file") and index in event.memory:
            kept = event.memory[index]
            return os.fsdecode(kept.data) + "..." * kept.cut or "a program"
    return "a file by its descriptor"


def _lives(steps: Iterable[tuple[int, _Step, str]]) -> list[_Life]:
    """The processes that had one pid, one after the other.

    The kernel gives pids out again, and another pid namespace has the same ones: a
    hello that nothing announced is another process's.
    """
    lives = [_Life()]
    for _, step, text in sorted(steps, key=lambda each: each[:2]):
        if _is_another(lives[-1], step):
            lives.append(_Life())
        _live(lives[-1], step, text)
    return lives


def _is_another(life: _Life, step: _Step) -> bool:
    if not life.begun:
        return False
    if step is _Step.FORKED:
        return True
    if step is _Step.STARTED:
        return not life.program
    return life.ended


def _live(life: _Life, step: _Step, text: str) -> None:
    life.begun = True
    if step is _Step.EXEC:
        life.program, life.bypass = text, ""
    elif step is _Step.BYPASS:
        life.bypass = text
    else:
        # Who speaks is what it was: an exec in between came back after all.
        life.program = life.bypass = ""
        life.ended = step is _Step.ENDED


def short(note: str) -> str:
    """`PATH: KIND: MORE` as `PATH (KIND)`."""
    path, _, why = note.partition(": ")
    return f"{path} ({why.partition(':')[0]})" if why else path


def _listed(what: str, names: Sequence[str]) -> str:
    """Each name once, with how often; the most frequent first."""
    if not names:
        return ""
    counts = Counter(names).most_common()
    shown = [
        name + (f" {count} times" if count > 1 else "")
        for name, count in counts[:_NAMED]
    ]
    more = [f"{len(counts) - _NAMED} more"] if len(counts) > _NAMED else []
    return what + ", ".join(shown + more)
