"""What the bridge is told: the hooks in the target, and the calls they want."""

from __future__ import annotations

from collections.abc import Sequence

from pyshim.wants import TargetHook, Wants


def hook_mask(hooks: Sequence[TargetHook], function: str) -> int:
    """One bit for each hook of this name."""
    return sum(1 << n for n, hook in enumerate(hooks) if hook.function == function)


def bridge_plan(wants: Wants) -> bytes:
    """For bridge_side.py: sys.path on the first line, then a Python literal."""
    calls = {
        call.id: (
            call.name,
            call.syscall,
            tuple((param.name, param.kind) for param in call.params),
            dict(call.codes),
        )
        for hook in wants.hooks
        for call in hook.calls
    }
    hooks = [
        (number, hook.plugin, hook.module, hook.file, hook.function)
        for number, hook in enumerate(wants.hooks)
    ]
    masks = [
        hook_mask(wants.hooks, name)
        for name in ("pyshim_call_enter", "pyshim_call_exit")
    ]
    literal = repr({"calls": calls, "hooks": hooks, "masks": masks})
    return f"{':'.join(wants.search_path)}\n{literal}".encode(
        "utf-8", "surrogateescape"
    )
