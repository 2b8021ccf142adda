"""What the bridge is told: the hooks in the target, and the calls they want."""

from __future__ import annotations

import marshal
from collections.abc import Sequence

from pyshim.calls import Call
from pyshim.run_options import literal
from pyshim.wants import TargetHook, Wants


def hook_mask(hooks: Sequence[TargetHook], function: str) -> int:
    """One bit for each hook of this name."""
    return sum(1 << n for n, hook in enumerate(hooks) if hook.function == function)


def bridge_plan(wants: Wants) -> bytes:
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
    parts = {"calls": facts, "codes": codes, "hooks": hooks}
    data = marshal.dumps(parts | {"options": literal(wants.options)})
    path = ":".join(wants.search_path).encode("utf-8", "surrogateescape")
    return b"%s\n%d\n%s" % (path, len(data), data)


def _facts(call: Call) -> tuple[str, str, str, tuple[tuple[str, str, str], ...]]:
    """What inside/call.py's Facts is made of."""
    params = tuple((each.name, each.kind, each.ctype) for each in call.params)
    return call.name, call.syscall, call.fails, params
