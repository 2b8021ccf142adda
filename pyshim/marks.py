"""`hookimpl`: marks a function of a plugin as an implementation of a hookspec.

It leaves on the function what pluggy's own marker leaves, and what pyshim's hooks in the
target add: which calls and paths they want. Plain enough to be imported in the target,
where pluggy itself would cost each process 16 ms.
"""

from __future__ import annotations

_UNSET = ("hookwrapper", "wrapper", "optionalhook", "tryfirst", "trylast")


def hookimpl(function=None, /, *, calls=(), paths=(), **options):  # type: ignore[no-untyped-def]
    """Mark `function` as a hookimpl.

    `calls` (strace sets: "openat", "%file") and `paths` (globs) say which calls a hook
    in the target wants; no other call pays for it. `tryfirst` and `trylast` are pluggy's.
    """

    def mark(target):  # type: ignore[no-untyped-def]
        unknown = set(options) - set(_UNSET) - {"specname"}
        if unknown:
            raise TypeError(f"hookimpl: unknown options {sorted(unknown)}")
        settings = dict.fromkeys(_UNSET, False)
        settings.update(specname=None, **options)
        target.pyshim_impl = settings
        target.pyshim_calls = (calls,) if isinstance(calls, str) else tuple(calls)
        target.pyshim_paths = (paths,) if isinstance(paths, str) else tuple(paths)
        return target

    return mark if function is None else mark(function)
