"""`interrupt=`: a real signal, to a thread that waits in the call."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from reports import Done, returned, said

Target = Callable[..., str]
Pyshim = Callable[..., Done]

WAITING = {
    "read": "read",
    "sem_wait": "sem_wait",
    "pause": "pause",
    "poll": "poll",
    "nanosleep": "nanosleep",
    "accept": "accept",
    "wait": "waitpid",
}
"""Words of waits.c, and what they wait in."""
LAYERS = ["symbols", "full"]


@pytest.fixture
def waits(pyshim: Pyshim, target: Target) -> Callable[..., Done]:
    """`waits("read:interrupt=USR1", "handler", "read")`."""

    def go(
        rule: str,
        *words: str,
        layer: str = "full",
        options: tuple[str, ...] = (),
        **more: object,
    ) -> Done:
        layered = (f"--layer={layer}", *options, "-e", f"inject={rule}")
        return pyshim(*layered, target("waits"), *words, **more)

    return go


Waits = Callable[..., Done]


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("word", WAITING)
def test_a_waiting_call_is_interrupted(waits: Waits, word: str, layer: str) -> None:
    """`wait` waits a second time, for its child's end."""
    rule = f"{WAITING[word]}:interrupt=USR1"
    done = waits(rule, "handler", word, "handled", layer=layer)
    assert returned(done)[1] == f"{word}: -1 EINTR"
    assert "hit 1 time" in said(done)[0] or word == "wait"


@pytest.mark.parametrize("layer", LAYERS)
def test_a_crowd_that_waits_at_once(pyshim: Pyshim, target: Target, layer: str) -> None:
    """There are fewer chunks at first: they are waited for."""
    rule = "inject=read:interrupt=USR1:fd=pipe"
    words = (f"--layer={layer}", "-e", rule, target("crowd_waits"), "60")
    done = pyshim("--timeout=30s", *words)
    assert returned(done) == []
    assert not [line for line in said(done) if "stepped aside" in line]


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("word", ["read", "sem_wait"])
def test_with_sa_restart_it_goes_on(waits: Waits, word: str, layer: str) -> None:
    done = waits(f"{word}:interrupt=USR1", "restart", word, "handled", layer=layer)
    result = {"read": 1, "sem_wait": 0}[word]
    assert returned(done) == ["restart: 0", f"{word}: {result}", "handled: 1"]


def test_an_inline_call_too(waits: Waits) -> None:
    done = waits("read:interrupt=USR1", "handler", "inline", "handled")
    assert returned(done)[1:] == ["inline: -1 EINTR", "handled: 1"]


@pytest.mark.parametrize("layer", LAYERS)
def test_without_undefined_behaviour(waits: Waits, ubsan: Path, layer: str) -> None:
    env = {**os.environ, "PYSHIM_LIB": str(ubsan)}
    words = ("handler", "read", "jump", "threads", "handled")
    done = waits("read:interrupt=USR1", *words, layer=layer, env=env)
    assert returned(done)[1:] == [
        *("read: -1 EINTR", "jump: 7", "threads: 4", "handled: 6")
    ]


@pytest.mark.parametrize("layer", LAYERS)
def test_who_does_not_wait_gets_none(waits: Waits, layer: str) -> None:
    """Nor later, in the next call that does."""
    words = ("handler", *["ready"] * 20, "handled")
    done = waits("read:interrupt=USR1:when=1..20", *words, layer=layer)
    assert returned(done) == ["handler: 0", *["ready: 1"] * 20, "handled: 0"]


def test_the_next_call_is_not_taken_for_the_one_before(
    waits: Waits,
) -> None:
    """The second of the reads that are hit waits, and it alone is interrupted."""
    words = ("handler", "ready", "read", "handled")
    done = waits("read:interrupt=USR1:when=1..2", *words)
    assert returned(done)[1:] == ["ready: 1", "read: -1 EINTR", "handled: 1"]


def test_not_before_its_time(waits: Waits) -> None:
    words = ("handler", "start", "read", "slow")
    done = waits("read:interrupt=USR1@100ms", *words)
    assert returned(done)[2:] == ["read: -1 EINTR", "slow: 1"]


@pytest.mark.parametrize("layer", LAYERS)
def test_a_handler_that_jumps_away(waits: Waits, layer: str) -> None:
    words = ("handler", "jump", "read", "jump", "handled")
    done = waits("read:interrupt=USR1", *words, layer=layer)
    assert returned(done)[1:] == [
        *("jump: 7", "read: -1 EINTR", "jump: 7", "handled: 3")
    ]


@pytest.mark.parametrize("layer", LAYERS)
def test_nobody_gets_what_a_cancelled_thread_asked_for(
    waits: Waits, layer: str
) -> None:
    """The chunk in which it asked goes to the next thread."""
    traced = ("-e", "trace=read,poll")
    rule = "read:interrupt=USR1"
    done = waits(rule, "handler", "cancelled", options=traced, layer=layer)
    assert returned(done) == ["handler: 0", "cancelled: 0"]


@pytest.mark.parametrize("word", ["left", "nested"])
@pytest.mark.parametrize("layer", LAYERS)
def test_another_call_is_not_interrupted_in_its_place(
    waits: Waits, word: str, layer: str
) -> None:
    """Neither behind a jump out of the read, nor in a handler that came in between."""
    rule = "read:interrupt=USR1@300ms:fd=pipe"
    done = waits(rule, "handler", word, "handled", layer=layer)
    assert returned(done) == ["handler: 0", f"{word}: 0", "handled: 0"]


def test_each_thread_gets_its_own(waits: Waits) -> None:
    done = waits("read:interrupt=USR1", "handler", "threads", "handled")
    assert returned(done)[1:] == ["threads: 4", "handled: 4"]
    assert "hit 4 times" in said(done)[0]


def test_children_and_parents(waits: Waits) -> None:
    done = waits("read:interrupt=USR1", "handler", "fork", "read", "handled")
    assert done.stdout.count("read: -1 EINTR") == 2
    assert done.stdout.count("handled: 1") == 2


def test_partial_progress_is_what_is_returned(waits: Waits) -> None:
    """The pipe's 64 KiB were written before the writing thread waited."""
    done = waits("write:interrupt=USR1:if=count>65536", "handler", "partial", "handled")
    assert returned(done)[1:] == ["partial: 65536", "handled: 1"]


def test_a_deadly_signal_ends_the_program(waits: Waits) -> None:
    done = waits("read:interrupt=TERM", "read")
    assert done.returncode == -signal.SIGTERM


@pytest.mark.parametrize("layer", LAYERS)
def test_a_deadly_hit_is_recorded_and_replayed(
    waits: Waits, tmp_path: Path, layer: str
) -> None:
    """The read that found something was asked for as well, and is no hit."""
    file = tmp_path / "hits"
    recorded = ("--record", str(file))
    done = waits("read:interrupt=USR1@50ms", "ready", "read", options=recorded)
    assert done.returncode == -signal.SIGUSR1
    hit = json.loads(file.read_text())
    assert (hit["count"], hit["nth"], hit["result"]) == (2, 1, None)
    assert hit["site"].startswith("waits+")
    rule = hit["replay"].removeprefix("inject=")
    again = waits(rule, "ready", "read", layer=layer)
    assert again.returncode == -signal.SIGUSR1
    assert "hit 1 time: read at waits+" in again.stderr


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("signo", ["USR1", "TERM"])
def test_a_call_that_never_waits_is_no_hit(
    waits: Waits, tmp_path: Path, layer: str, signo: str
) -> None:
    """With a handler, and where it would be the end."""
    options = ("--require-hit", "--record", str(tmp_path / "hits"))
    rule = f"read:interrupt={signo}@60s"
    done = waits(rule, "handler", "ready", "ready", layer=layer, options=options)
    assert done.returncode == 125
    assert done.stdout.splitlines()[1:3] == ["ready: 1", "ready: 1"]
    assert said(done)[0].endswith("armed, never hit")
    assert (tmp_path / "hits").read_text() == ""


def test_it_does_not_use_up_the_times(waits: Waits) -> None:
    rule = "read:interrupt=USR1:times=1"
    done = waits(rule, "handler", "ready", "ready", "read", "ready", "handled")
    assert returned(done)[1:] == [
        *("ready: 1", "ready: 1", "read: -1 EINTR", "ready: 1", "handled: 1")
    ]
    assert "hit 1 time" in said(done)[0]


def test_a_hit_at_once_by_another_action(waits: Waits) -> None:
    done = waits("read:interrupt=USR1@60s:delay_enter=1", "handler", "ready")
    assert "hit 1 time" in said(done)[0]


def test_a_program_that_is_killed_before_the_signal_has_no_hit(
    waits: Waits, tmp_path: Path
) -> None:
    options = ("--timeout", "1", "--record", str(tmp_path / "hits"))
    done = waits("read:interrupt=USR1@60s", "read", options=options)
    assert done.returncode == 124
    assert "never hit" in done.stderr
    assert (tmp_path / "hits").read_text() == ""


@pytest.mark.parametrize(
    "rule", ["read:interrupt=USR1:times=1", "read:interrupt=USR1:when=1"]
)
def test_as_often_as_the_rule_says(waits: Waits, rule: str) -> None:
    done = waits(rule, "handler", "read", "ready", "handled")
    assert returned(done)[1:] == ["read: -1 EINTR", "ready: 1", "handled: 1"]


def test_beside_another_action(waits: Waits) -> None:
    """A call that is not made can't be interrupted."""
    done = waits("read:interrupt=USR1:error=EIO", "handler", "read", "handled")
    assert returned(done)[1:] == ["read: -1 EIO", "handled: 0"]


def test_python_sees_a_real_signal(pyshim: Pyshim) -> None:
    """PEP 475: its reads go on after a handler, unless that raises."""
    program = """
import os, signal
class Rang(Exception): pass
def ring(*_): raise Rang
signal.signal(signal.SIGUSR1, ring)
ends = os.pipe()
try:
    os.read(ends[0], 1)
except Rang:
    print("rang")
"""
    rule = "inject=read:interrupt=USR1:fd=pipe"
    done = pyshim("-e", rule, sys.executable, "-c", program)
    assert (done.returncode, done.stdout) == (0, "rang\n"), done
