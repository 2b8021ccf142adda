"""The hooks of this process: found, asked by embed_hooks.c, and what they said applied.

A hook's function is called by embed_hooks.c itself; what is here only when one has
returned something or raised, or when a call is asked about for the first time.
"""

from __future__ import annotations

import marshal
import sys
from _frozen_importlib_external import SourceFileLoader

from pyshim.inside.call import Call, Facts, change
from pyshim.inside.process import Process
from pyshim.verdicts import Args, Delay, Errno, Return, Short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pyshim.inside.failures import Failures
    from pyshim.inside.memory import Memory

_ANSWERED, _INJECTED, _ASKED = 1, 4, 8  # enum call_flag of shim/call.h
LOCAL = "pyshim_local_"
"""How the module of a plugin that is a local file is called (plugins.py)."""


class Told(Exception):
    """A plugin can't be imported, and that was told."""


class Hooks:
    """All hooks of a process. `here` is found by the C side, with what it calls.

    Raises Told when a plugin can't be imported.
    """

    here: Hooks

    def __init__(self, wanted: Any, memory: Memory) -> None:
        self._memory = memory
        self._facts: dict[int, bytes] = wanted["calls"]
        self._codes: dict[str, int] = wanted["codes"]
        self._wanted = wanted
        self._failures: Failures | None = None
        self.functions: list[Callable[[Any], object]] = []
        """By the number of the hook, in the host's order."""
        self.calls = 1 + max(self._facts, default=-1)
        """Ids of calls are below it."""
        for _, module, file, name in wanted["hooks"]:
            self._add(module, file, name)
        self.release = memory.release
        self.forget = memory.forget

    def _add(self, module: str, file: str, name: str) -> None:
        try:
            self.functions.append(getattr(_module(module, file), name))
        except BaseException as error:
            self._tell().unloaded(len(self.functions), error)
            raise Told from error

    def make(self, number: int) -> Call:
        """A call is asked about for the first time."""
        facts = Facts(*marshal.loads(self._facts[number]))
        self._memory.narrow(number, *facts.narrow())
        return Call(facts, self._memory)

    def process(self, *moment: int) -> Process:
        """What process hooks get, of the moment that they are told of."""
        return Process(self._memory, moment)

    def tell_process(self, number: int, process: Process) -> None:
        """Call one process hook."""
        try:
            verdict = self.functions[number](process)
            if verdict is not None:
                raise TypeError(f"a process hook returns nothing, not {verdict!r}")
        except BaseException as error:
            self.failed(number, process, error)

    def decide(self, call: Call, verdict: object) -> None:
        """Apply what a hook returned. Raises what is wrong with it."""
        if isinstance(verdict, Delay):
            self._memory.wait(verdict.nanoseconds)
            verdict = verdict.then
        if isinstance(verdict, (Args, Short)):
            self._change(call, verdict)
        elif isinstance(verdict, (Errno, Return)):
            self._answer(call._facts, verdict)
        elif verdict is not None:
            allowed = "Errno, Return, Args, Short, Delay or None"
            raise TypeError(f"a hook returns {allowed}, not {verdict!r}")

    def _answer(self, facts: Facts, verdict: Errno | Return) -> None:
        now = self._memory.now
        if isinstance(verdict, Errno):
            now.err = self._number(facts, verdict)
        else:
            now.ret = verdict.value
            now.err = 0
        now.flags |= _ANSWERED | _INJECTED | _ASKED

    def _number(self, facts: Facts, verdict: Errno) -> int:
        """What the shim turns into the function's own way of failing (failure.c)."""
        if not verdict.code:
            return verdict.number
        code = self._codes.get(f"{facts.name} {verdict.code}")
        if code is None:
            raise ValueError(f"{facts.name} does not fail with {verdict.code}")
        return code

    def _change(self, call: Call, verdict: Args | Short) -> None:
        if call.is_made():
            name = type(verdict).__name__
            raise TypeError(f"the call has been made: too late for {name}")
        changes = verdict.changes if isinstance(verdict, Args) else _less(call, verdict)
        change(self._memory, call._facts, changes)
        self._memory.now.flags |= _ASKED

    def failed(self, number: int, call: Call | Process, error: BaseException) -> None:
        """A hook raised, or what it returned could not be applied."""
        self._tell().raised(number, call.name, error)

    def _tell(self) -> Failures:
        """Made when something goes wrong: most processes never pay for it."""
        if self._failures is None:
            names: dict[str, Any] = {"__name__": "pyshim.inside.failures"}
            exec(marshal.loads(self._wanted["failures"]), names)
            self._failures = names["Failures"](self._wanted, self._memory)
        return self._failures


def _less(call: Call, verdict: Short) -> dict[str, Any]:
    """The argument that says how long the buffer is, lowered."""
    facts = call._facts
    for place, kind in enumerate(facts.kinds):
        name = kind[kind.find("[") + 1 : -1]
        if kind == "out[ret]" and place + 1 < len(facts.kinds):
            name = list(facts.index)[place + 1]
        if kind.startswith(("in[", "out[")) and name in facts.index:
            return {name: min(verdict.count, getattr(call.args, name))}
    raise TypeError(f"{facts.name} has no buffer with a length")


def _module(name: str, file: str) -> Any:
    """By its name, with the package around it; a local file, or one that only the
    host's own finders know (an editable install), by its file."""
    if not name.startswith(LOCAL):
        try:
            __import__(name)
        except ModuleNotFoundError as error:
            if error.name != name.partition(".")[0]:
                raise
    if name not in sys.modules:
        loader = SourceFileLoader(name, file)
        module = type(sys)(name)
        module.__file__ = file
        sys.modules[name] = module
        loader.exec_module(module)
    return sys.modules[name]
