"""`pyshim.options()` in the target and in the host."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from reports import said

Done = subprocess.CompletedProcess[str]
Hooked = Callable[..., Done]
Target = Callable[..., str]


def test_both_sides_see_the_same(hooked: Hooked, target: Target) -> None:
    """Also bytes of a file name that are no UTF-8, in a process that was exec'd."""
    source = """
        import pyshim

        OPTIONS = pyshim.options()

        @hookimpl(calls=["getppid"])
        def pyshim_call_enter(call):
            os.write(2, f"pyshim: {ascii(OPTIONS)}\\n".encode())

        @hookimpl
        def pyshim_report(run):
            run.say(ascii(pyshim.options()))
            run.say(ascii(pyshim.options().o))
    """
    name = b"o\xff\n'".decode(errors="surrogateescape")
    done = hooked(source, "-o", name, "-s", "7", target("shared_lives"), "exec")
    lines = said(done)

    assert len(lines) == 4, done
    assert len(set(lines[:3])) == 1
    assert "s=7" in lines[0]
    assert lines[3] == ascii(name)


def test_what_configure_sets_and_what_has_no_literal(
    hooked: Hooked, target: Target
) -> None:
    source = """
        from pathlib import Path
        import pyshim

        @hookimpl
        def pyshim_configure(run):
            assert pyshim.options().s == 32
            run.options.most = float("inf")
            run.options.place = Path("/x")

        @hookimpl(calls=["getppid"])
        def pyshim_call_enter(call):
            assert pyshim.options().most == float("inf")
            pyshim.options().place

        @hookimpl
        def pyshim_report(run):
            run.say(str(pyshim.options().most))
    """
    done = hooked(source, target("shared_lives"))

    assert "option 'place' is a PosixPath: only in the host" in done.stderr
    assert said(done)[-1] == "inf"
