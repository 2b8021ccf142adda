"""One stand-in: asks the hooks of one process of the target's: embed_hooks.c here."""

from __future__ import annotations

import _thread
import os
import signal
import sys
from contextlib import suppress

from pyshim._host import ffi, lib
from pyshim.inside.hooks import Hooks
from pyshim.outside.memory import FarMemory
from pyshim.outside.place import be_in, follow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyshim.inside.call import Call

WHERE = signal.SIGUSR1
"""The nursery's word that a hook has taken too long."""
_getpid = os.getpid


class StandIn:
    """Serves one process of the target's, until the nursery ends it."""

    def __init__(self, remote: Any, channel: Any, nursery: int, rundir: str) -> None:
        self.remote, self.channel, self.nursery = remote, channel, nursery
        self._rundir = rundir
        self._hook = -1
        self._thread = _thread.get_ident()
        self.memory = FarMemory(self)
        self._counts: dict[int, int] = {}
        self._asked: dict[int, tuple[int, ...]] = {}
        self._calls: dict[int, Call | None] = {}
        self._waiting: dict[int, Any] = {}
        self._tokens = 0
        self._half: list[int] = []
        """Children that only make the one that stays, and end: remote_detach()."""

    def set_up(self, wanted: Any) -> None:
        """Import the plugins. Raises Told when one can't be."""
        signal.signal(WHERE, self._say_where)
        be_in(self.channel)
        Hooks.here = self._hooks = Hooks(wanted, self.memory)  # type: ignore[arg-type]
        self._ready()

    def _ready(self) -> None:
        self.channel.stand_in = _getpid()
        self.channel.turn = lib.TURN_TARGET
        lost = lib.remote_take(ffi.addressof(self.channel, "alive"))
        state = lib.REMOTE_BROKEN if lost else lib.REMOTE_RUNNING
        lib.remote_set_state(self.channel, state)

    def serve(self) -> None:
        """Do what the target says, until this thread is no longer the one to do it."""
        while True:
            channel = self.channel
            word = lib.remote_next(self.remote, channel, self.memory.now)
            if word == lib.SAY_FORK:
                self._fork()
            elif word == lib.SAY_MOMENT:
                self._tell_moment()
            elif word == lib.SAY_MADE:
                self._waiting.pop(channel.token).release()
                return
            else:
                self._answer(word == lib.SAY_ENTER)

    def _answer(self, entering: bool) -> None:
        memory = self.memory
        lib.remote_follow(self.channel.pid)
        memory.entering, memory.delay = entering, 0
        try:
            self._ask_all(memory.now.id, self.channel.hooks)
        finally:
            self.channel.delay = memory.delay
            lib.remote_answer(self.channel, memory.now, lib.WANT_NOTHING)

    def _tell_moment(self) -> None:
        """As moment() of embed_hooks.c."""
        lib.remote_follow(self.channel.pid)
        try:
            process = self._hooks.process(*map(int, self.channel.moment))
            for hook in self._each(self.channel.hooks):
                self._hook, self._thread = hook, _thread.get_ident()
                self._hooks.tell_process(hook, process)
        finally:
            lib.remote_give(self.channel, lib.WANT_NOTHING)

    def _ask_all(self, number: int, bits: int) -> None:
        """As ask_all() of embed_hooks.c."""
        memory = self.memory
        call = self._calls[number] if number in self._calls else self._make(number)
        if call is None:
            return
        count = self._counts.get(number, 0) + memory.entering
        self._counts[number] = memory.count = count
        if memory.now.flags & lib.CALL_CAUGHT:
            _cut(memory.now, *memory.narrowed[number])
        for hook in self._each(bits):
            if self._ask_one(hook, call):
                break

    def _make(self, number: int) -> Call | None:
        """None, and said why: such a call is not asked about."""
        self._calls[number] = None
        try:
            self._calls[number] = self._hooks.make(number)
        except Exception:
            sys.__excepthook__(*sys.exc_info())
        return self._calls[number]

    def _each(self, bits: int) -> tuple[int, ...]:
        if bits in self._asked:
            return self._asked[bits]
        found = tuple(n for n in range(len(self._hooks.functions)) if bits >> n & 1)
        self._asked[bits] = found
        return found

    def _ask_one(self, hook: int, call: Call) -> bool:
        self._hook, self._thread = hook, _thread.get_ident()
        decided = False
        try:
            verdict = self._hooks.functions[hook](call)
            if verdict is not None:
                self._hooks.decide(call, verdict)
                decided = True
        except BaseException as error:
            self._hooks.failed(hook, call, error)
        try:
            self.memory.release()
        except BaseException as error:
            self._hooks.failed(hook, call, error)
        return decided

    def _say_where(self, _number: int, frame: Any) -> None:
        """We are given up: for hook_limit.py, as embed_hooks.c writes it."""
        if self._thread != _thread.get_ident():
            frame = sys._current_frames().get(self._thread)
        lines = [
            f"{self._hook} {self.memory.now.id}",
            "Stack (most recent call first):",
        ]
        while frame is not None and frame.f_code.co_filename != __file__:
            code = frame.f_code
            lines.append(
                f'  File "{code.co_filename}", line {frame.f_lineno} in {code.co_name}'
            )
            frame = frame.f_back
        write_whole(f"{self._rundir}/gave-up.{self.channel.pid}", "\n".join(lines))
        os._exit(1)

    def real(self) -> bool:
        """Let the thread make the call; another of ours serves meanwhile.

        The other one hands the turn back and ends: this one must go on where it is.
        """
        memory, channel = self.memory, self.channel
        memory.release()
        count, hook = memory.count, self._hook
        gate, go = _thread.allocate_lock(), _thread.allocate_lock()
        gate.acquire()
        go.acquire()
        _thread.start_new_thread(self._serve_after, (go,))
        self._tokens += 1
        self._waiting[self._tokens] = gate
        channel.token = self._tokens
        lib.remote_answer(channel, memory.now, lib.WANT_REAL)
        go.release()
        gate.acquire()
        memory.entering, memory.count, memory.delay = True, count, 0
        self._hook, self._thread = hook, _thread.get_ident()
        return bool(channel.size)

    def _serve_after(self, go: Any) -> None:
        go.acquire()
        self.serve()

    def _fork(self) -> None:
        """For the child of the fork(3) that is about to be: a copy of all this."""
        channel = self.channel
        while self._half:
            with suppress(ChildProcessError):
                os.waitpid(self._half.pop(), 0)
        child = lib.remote_channel(self.remote, channel.size)
        try:
            pid = os.fork()
        except OSError:
            lib.remote_set_state(child, lib.REMOTE_BROKEN)
            pid = -1
        if pid == 0:
            if lib.remote_detach(child, self.nursery):
                os._exit(1)
            self._waiting.clear()
            self._half.clear()
            self.channel = child
            follow(child)
            self._ready()
            return
        if pid > 0:
            self._half.append(pid)
        lib.remote_give(channel, lib.WANT_NOTHING)


def write_whole(path: str, text: str) -> None:
    """Seen by others when all of it is there."""
    folder, _, name = path.rpartition("/")
    with open(f"{folder}/.{name}", "w") as file:
        file.write(text)
    os.rename(file.name, path)  # noqa: PTH104


def _cut(now: Any, signed: int, unsigned: int) -> None:
    """A syscall that came through no function has whatever was in the upper halves."""
    for place in range(6):
        if signed >> place & 1:
            now.args[place] = ffi.cast("int32_t", now.args[place])
        elif unsigned >> place & 1:
            now.args[place] &= 0xFFFFFFFF
