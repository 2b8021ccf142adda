"""The target's side of the bridge: runs inside the program, in its own interpreter.

shim/embed.c starts the interpreter and calls `hooks_setup` once, then `hooks_enter` and
`hooks_exit` for each call that a hook wants. Only one of them runs at a time in a
process (bridge.c holds a mutex), on a stack of its own, in whatever thread made the
call. An exception never reaches the program: it is printed once for each hook, and the
call goes through.

Imports nothing that is not already in a bare interpreter: each module here is paid for
by every process that reaches a hook.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import SourceFileLoader

from pyshim.verdicts import Args, Errno, Return

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_ANSWERED, _INJECTED, _ASKED = 1, 4, 8
LOCAL = "pyshim_local_"
"""How the module of a plugin that is a local file is called (plugins.py)."""
_KEPT = 4
"""Strings given by `Args` live until this many more were given in the same thread: the
call they belong to, and calls of signal handlers that interrupt it."""


class Facts:
    """What the table says of one call."""

    __slots__ = ("codes", "index", "kinds", "name", "syscall")

    def __init__(self, name: str, syscall: str, params: Any, codes: Any) -> None:
        self.name = name
        self.syscall = syscall
        self.kinds = tuple(kind for _, kind in params)
        self.index = {param: place for place, (param, _) in enumerate(params)}
        self.codes = codes


class Arguments:
    """The arguments of a call by the names the man page gives them."""

    __slots__ = ("_call",)

    def __init__(self, call: Call) -> None:
        self._call = call

    def __getattr__(self, name: str) -> int | str | None:
        facts = self._call._facts
        place = facts.index.get(name)
        if place is None:
            raise AttributeError(
                f"{facts.name} has no argument {name!r}, but {', '.join(facts.index)}"
            )
        value: int = self._call._c.args[place]
        if facts.kinds[place] in ("path", "str", "template"):
            return self._call._text(value)
        return value

    def __iter__(self) -> Any:
        return (getattr(self, name) for name in self._call._facts.index)

    def __repr__(self) -> str:
        pairs = (f"{name}={getattr(self, name)!r}" for name in self._call._facts.index)
        return f"Arguments({', '.join(pairs)})"


class Call:
    """One call, as a hook sees it. Valid only while the hook runs.

    There is one object for each call of the table: only one hook runs at a time, and
    making a new one would cost as much as the rest of the way here.
    """

    __slots__ = ("_c", "_facts")

    _c: Any

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    @property
    def name(self) -> str:
        """The libc function the program called."""
        return self._facts.name

    @property
    def syscall(self) -> str:
        """The kernel's name of it."""
        return self._facts.syscall

    @property
    def args(self) -> Arguments:
        """Its arguments: numbers, and text for paths and strings."""
        return Arguments(self)

    @property
    def path(self) -> str | None:
        """The first path among the arguments, as the program wrote it.

        None when there is none, or when it can't be read.
        """
        for place, kind in enumerate(self._facts.kinds):
            if kind == "path":
                return self._text(self._c.args[place])
        return None

    @property
    def pid(self) -> int:
        """Process id."""
        return int(self._c.pid)

    @property
    def tid(self) -> int:
        """Kernel thread id."""
        return int(self._c.tid)

    @property
    def ret(self) -> int:
        """What the call returned; in `pyshim_call_exit` only."""
        return int(self._c.ret)

    @property
    def errno(self) -> int:
        """The errno it failed with, or 0; in `pyshim_call_exit` only."""
        return int(self._c.err)

    @staticmethod
    def _text(address: int) -> str | None:
        """None for NULL, and for what the kernel will refuse with EFAULT."""
        text = _ffi.cast("char *", address)
        length = _lib.text_length(text) if address else -1
        return None if length < 0 else os.fsdecode(_ffi.buffer(text, length)[:])

    def __repr__(self) -> str:
        return f"<Call {self.name} of {self.pid}>"


class Hook:
    """One hookimpl of a plugin, found and ready to be called."""

    __slots__ = ("broken", "function", "name", "plugin")

    def __init__(self, plugin: str, name: str, function: Callable[..., Any]) -> None:
        self.plugin = plugin
        self.name = name
        self.function = function
        self.broken = False


_ffi: Any = None
_lib: Any = None
_calls: dict[int, Call] = {}
_hooks: dict[int, Hook] = {}
_kept: dict[int, list[Any]] = {}


def install(ffi: Any, lib: Any) -> None:
    """Give the C side its functions. Called once, by the embedding's own start."""
    global _ffi, _lib
    _ffi, _lib = ffi, lib
    ffi.def_extern("hooks_setup")(_setup)
    ffi.def_extern("hooks_enter")(_enter)
    ffi.def_extern("hooks_exit")(_exit)


def _setup(plan: Any) -> int:
    """Import the plugins; -1 when one can't be, after saying so."""
    text = _ffi.string(plan).decode("utf-8", "surrogateescape")
    wanted = eval(text.split("\n", 1)[1], {"__builtins__": {}}, {})
    for number, facts in wanted["calls"].items():
        _calls[number] = Call(Facts(*facts))
    _entering.mask, _exiting.mask = wanted["masks"]
    for number, plugin, module, file, name in wanted["hooks"]:
        try:
            function = getattr(_module(module, file), name)
        except BaseException:
            _say(f"plugin {plugin}: can't be imported in the target")
            sys.__excepthook__(*sys.exc_info())
            return -1
        _hooks[number] = Hook(plugin, name, function)
    return 0


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


def _say(text: str) -> None:
    os.write(2, f"pyshim: {text}\n".encode())


class _Asked(dict[int, "tuple[Call, tuple[Hook, ...]]"]):
    """By embed.c's key: the call, and the hooks to ask of it, in the host's order."""

    mask = 0

    def __missing__(self, key: int) -> tuple[Call, tuple[Hook, ...]]:
        bits = key >> 16 & self.mask
        hooks = tuple(hook for number, hook in _hooks.items() if bits >> number & 1)
        found = self[key] = _calls[key & 0xFFFF], hooks
        return found


_entering = _Asked()
_exiting = _Asked()


def _enter(c: Any, key: int) -> None:
    """Ask each hook; the first verdict that is not None counts."""
    call, hooks = _entering[key]
    call._c = c
    for hook in hooks:
        try:
            verdict = hook.function(call)
            if verdict is not None:
                _apply(c, call._facts, verdict)
                return
        except BaseException:
            _complain(hook, call)


def _exit(c: Any, key: int) -> None:
    """As `_enter`, on the other side. Twice the same, for a shared function costs."""
    call, hooks = _exiting[key]
    call._c = c
    for hook in hooks:
        try:
            verdict = hook.function(call)
            if verdict is not None:
                if isinstance(verdict, Args):
                    raise TypeError("the call has been made: too late for Args")
                _apply(c, call._facts, verdict)
                return
        except BaseException:
            _complain(hook, call)


def _complain(hook: Hook, call: Call) -> None:
    if hook.broken:
        return
    hook.broken = True
    _say(
        f"plugin {hook.plugin}: {hook.name} raised for {call.name} in process "
        f"{call.pid}; the call goes through (further errors are not shown)"
    )
    sys.__excepthook__(*sys.exc_info())


def _apply(c: Any, facts: Facts, verdict: Any) -> None:
    if isinstance(verdict, Errno):
        c.err = _number(facts, verdict)
    elif isinstance(verdict, Return):
        c.ret = verdict.value
        c.err = 0
    elif isinstance(verdict, Args):
        _change(c, facts, verdict)
        c.flags |= _ASKED
        return
    else:
        raise TypeError(f"a hook returns Errno, Return, Args or None, not {verdict!r}")
    c.flags |= _ANSWERED | _INJECTED | _ASKED


def _number(facts: Facts, verdict: Errno) -> int:
    """What the shim turns into the function's own way of failing (failure.c)."""
    if not verdict.code:
        return verdict.number
    if verdict.code not in facts.codes:
        raise ValueError(f"{facts.name} does not fail with {verdict.code}")
    code: int = facts.codes[verdict.code]
    return code


def _change(c: Any, facts: Facts, verdict: Args) -> None:
    """All of them or, when one is wrong, none."""
    values = {}
    for name, value in verdict.changes.items():
        if name not in facts.index:
            raise TypeError(f"{facts.name} has no argument {name!r}")
        number = value if isinstance(value, int) else _keep(c.tid, os.fsencode(value))
        values[facts.index[name]] = _ffi.new("int64_t *", number)[0]
    for place, number in values.items():
        c.args[place] = number


def _keep(tid: int, text: bytes) -> int:
    memory = _ffi.new("char[]", text)
    kept = _kept.setdefault(tid, [])
    kept.append(memory)
    del kept[:-_KEPT]
    return int(_ffi.cast("intptr_t", memory))
