"""What the bridge is told: the hooks in the target, and the calls they want."""

from __future__ import annotations

import marshal
import os
from collections.abc import Sequence
from importlib.abc import InspectLoader
from importlib.util import find_spec

from pyshim.calls import Call
from pyshim.run_options import literal
from pyshim.wants import TargetHook, Wants

ERRORS = "errors"
"""The file in the run's folder in which targets say what went wrong in hooks."""


def hook_mask(hooks: Sequence[TargetHook], function: str) -> int:
    """One bit for each hook of this name."""
    return sum(1 << n for n, hook in enumerate(hooks) if hook.function == function)


def bridge_plan(wants: Wants, rundir: str) -> bytes:
    """For pyshim.inside: a line of sys.path, one of how many bytes follow, those.

    They are marshal's: both sides are the same Python, and it is read ten times as fast
    as a literal. What is known of a call is marshalled in there again, to be read when
    it is first asked about: a hook may want a thousand calls, a process makes ten.
    """
    wanted = {call for hook in wants.hooks for call in hook.calls}
    facts = {call.id: marshal.dumps(_facts(call)) for call in wanted}
    codes = {
        f"{call.name} {name}": code
        for call in wanted
        for name, code in call.codes.items()
    }
    hooks = [
        (each.plugin, each.module, each.file, each.function) for each in wants.hooks
    ]
    data = marshal.dumps(
        {
            "calls": facts,
            "codes": codes,
            "hooks": hooks,
            "errors": os.fsencode(f"{rundir}/{ERRORS}"),
            "strict": wants.strict,
            "options": literal(wants.options),
            "failures": _code("pyshim.inside.failures"),
        }
    )
    path = ":".join(wants.search_path).encode("utf-8", "surrogateescape")
    return b"%s\n%d\n%s" % (path, len(data), data)


def _code(module: str) -> bytes:
    """For a target that may find no file of ours any more when it needs the module."""
    spec = find_spec(module)
    assert spec is not None and isinstance(spec.loader, InspectLoader)
    return marshal.dumps(spec.loader.get_code(module))


def _facts(call: Call) -> tuple[str, str, str, tuple[tuple[str, str, str], ...]]:
    """What inside/call.py's Facts is made of."""
    params = tuple((each.name, each.kind, each.ctype) for each in call.params)
    return call.name, call.syscall, call.fails, params
