"""What processes with Python hooks in them go through, and how a run of it is judged.

A scene is a target of tests/targets/ that forks, takes signals, cancels threads, ends
and so on while threads of it are in calls. Under pyshim, whatever the hooks do, it has
to do what it does bare, leave nobody behind, and end.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.append(str(Path(__file__).parent / "integration"))

from marked import end, marked, threads_of
from shimmed import PYSHIM, TRIVIAL

SECONDS = 60
"""After which a run is taken to hang; it takes one or two of them."""
INPUT_OUTPUT = """
import logging
from pyshim import hookimpl

LOG = logging.getLogger("life")
LOG.addHandler(logging.FileHandler({log!r}))

@hookimpl(calls=["all"])
def pyshim_call_enter(call):
    LOG.warning("%s in %d", call.name, call.tid)

@hookimpl(calls=["all"])
def pyshim_call_exit(call):
    with open("/dev/null", "w") as null:
        print(call.name, call.ret, file=null, flush=True)
"""
HOOKS = {"none": "", "nothing": TRIVIAL, "io": INPUT_OUTPUT}
LAYERS = ("symbols", "full")
MODES = [(layer, hooks) for layer in LAYERS for hooks in HOOKS]
BYPASSED = "Python hook after a fork that bypassed fork"
KNOWN = re.compile(
    r"pyshim: (coverage: .*|dropped .*|lost .* a signal handler jumped away"
    r"|stepped aside \d+ times?: (call inside a Python hook|Python hook (on memory|in a"
    r" vfork|after a fork)|another thread was starting|the full layer could not be).*)"
)
"""What pyshim may say of such runs: where it can't see, and where Python can't be."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A target, and what is known of it."""

    target: str
    args: tuple[str, ...] = ()
    counted: str = ""
    """A reason that pyshim has to count when there are hooks."""
    short: bool = False
    """Whether `make test` has it, too."""

    def __str__(self) -> str:
        return " ".join((self.target, *self.args))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run ended with; `faults` is what it should not have done, line by line."""

    status: int
    stdout: bytes
    faults: list[str] = field(default_factory=list)


def _child(*args: str, counted: str = "") -> Scene:
    return Scene("child_ways", args, counted)


def _ending(*ways: str) -> tuple[Scene, ...]:
    return tuple(Scene("end_threads", (way,), short=way == "kill") for way in ways)


SCENES = (
    Scene("child_ways", ("1",), BYPASSED, short=True),
    *(_child("5", way) for way in ("fork", "forkpty", "exec", "at_once")),
    *(_child("3", way) for way in ("vfork", "spawn", "shell", "daemon")),
    *(_child("5", way, counted=BYPASSED) for way in ("_Fork", "clone")),
    *(_child("5", way, counted=BYPASSED) for way in ("sys_fork", "sys_clone")),
    Scene("fork_threads", ("20",)),
    Scene("fork_raw", counted=BYPASSED),
    Scene("fork_in_handler", short=True),
    Scene("pty_children"),
    Scene("vfork_exec"),
    Scene("exec_again", ("5",)),
    Scene("exec_in_thread", short=True),
    Scene("short_threads", ("500", "1")),
    Scene("short_threads", ("500", "50"), short=True),
    Scene("handler_in_malloc", ("300",), short=True),
    Scene("signal_handler_calls", ("50",)),
    Scene("sigchld_handler"),
    Scene("jump_threads", ("100",), short=True),
    Scene("longjmp_handler", ("100",)),
    Scene("jumps"),
    Scene("context_switches", ("100",), short=True),
    Scene("coroutines"),
    Scene("overflow_threads", ("32",), short=True),
    Scene("small_altstack"),
    Scene("small_stack"),
    Scene("end_threads", short=True),
    *_ending("return", "exit", "_exit", "quick_exit", "abort", "pthread_exit"),
    *_ending("thread", "kill", "term", "handler"),
    Scene("exit_ways"),
    Scene("cancel_threads", ("20",), short=True),
    Scene("cancel_loop", ("20",)),
)


def _options(folder: Path, layer: str, hooks: str) -> list[str]:
    """With no hook every call is logged, so that the shim has all to do but Python."""
    if hooks == "none":
        return [f"--layer={layer}", "-p", "log", "-o", str(folder / "log")]
    plugin = folder / "life_hooks.py"
    plugin.write_text(HOOKS[hooks].format(log=str(folder / "hooks.log")))
    return [f"--layer={layer}", "-p", str(plugin)]


def _ended(command: Sequence[str], folder: Path, seconds: float) -> Outcome:
    """Run to the end. Who hangs, or is left behind, is told of, dumped and ended."""
    mark = f"LIFE_RUN={folder}"
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | dict([mark.split("=", 1)]),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            process.wait(seconds)
            faults = end(marked(mark), "left behind", patience=5)
        except subprocess.TimeoutExpired:
            faults = [f"hung, its threads: {_dump(mark)}"]
            end(marked(mark), "", patience=0)
    return Outcome(process.wait(), (folder / "out").read_bytes(), faults)


def _dump(mark: str) -> str:
    """The name of a file that says where each thread of the run is."""
    number, name = tempfile.mkstemp(prefix="life-", suffix=".threads")
    with open(number, "w") as file:
        for pid in marked(mark):
            file.write(threads_of(pid))
    return name


def bare(scene: Scene, program: str, folder: Path) -> Outcome:
    """How the scene goes without pyshim."""
    return _ended([program, *scene.args], folder, SECONDS)


def _strange(scene: Scene, hooks: str, stderr: str) -> list[str]:
    lines = [each for each in stderr.splitlines() if not KNOWN.match(each)]
    if scene.counted and hooks != "none" and scene.counted not in stderr:
        lines.append(f"not counted: {scene.counted}")
    return lines


def _unasked(folder: Path, hooks: str) -> list[str]:
    """A hook that never ran proves nothing."""
    log = folder / "hooks.log"
    if hooks != "io" or (log.exists() and log.stat().st_size):
        return []
    return ["no hook ran"]


def faults(
    scene: Scene, program: str, mode: tuple[str, str], expected: Outcome, folder: Path
) -> list[str]:
    """Run it in a new folder; what was wrong, line by line."""
    command = [*PYSHIM, *_options(folder, *mode), program, *scene.args]
    done = _ended(command, folder, SECONDS)
    found = [*done.faults]
    if (done.status, done.stdout) != (expected.status, expected.stdout):
        found.append(f"status {done.status}, stdout {done.stdout!r}")
    stderr = (folder / "err").read_text(errors="replace")
    return [*found, *_strange(scene, mode[1], stderr), *_unasked(folder, mode[1])]
