"""The target's side of the bridge: runs inside the program, in its own interpreter.

shim/embed.c starts the interpreter and calls `hooks_setup` once. For each call that a
hook wants it then calls the hook itself, and what is in hooks.py only with what that
returned or raised. One hook runs at a time in a process (bridge.c holds a mutex), on a
stack of its own, in whatever thread made the call. An exception never reaches the
program: the host is told (failures.py), and the call goes through.

Imports nothing that is not already in a bare interpreter: each module here is paid for
by every process that reaches a hook.
"""

from __future__ import annotations

import marshal
import sys

from pyshim import run_options, shared
from pyshim.inside.hooks import Hooks, Told
from pyshim.inside.memory import Memory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def install(ffi: Any, lib: Any) -> None:
    """Give the C side its function. Called once, by the embedding's own start."""

    def setup(plan: Any) -> int:
        """Import the plugins; -1 when one can't be, after telling that."""
        path, size, _ = ffi.string(plan).split(b"\n", 2)
        start = len(path) + len(size) + 2
        data = ffi.buffer(plan + start, int(size))
        try:
            wanted = marshal.loads(data)
            run_options.give(wanted["options"])
            Hooks.here = Hooks(wanted, Memory(ffi, lib))
        except Told:
            return -1
        except BaseException:
            sys.__excepthook__(*sys.exc_info())
            return -1
        return 0

    shared.attach(ffi, lib)
    ffi.def_extern("hooks_setup")(setup)
