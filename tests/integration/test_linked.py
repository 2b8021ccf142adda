"""However calls come to libc, they do what they do bare; which are seen, is known.

Libraries in scopes of their own, calls found by name, programs linked in other ways.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from beside import beside

Target = Callable[..., str]
Library = Callable[..., str]


# -- other scopes ------------------------------------------------------------------


def test_deepbind_and_dlmopen(target: Target, library: Library, tmp_path: Path) -> None:
    """Their calls are libc's own, as the README says; the rest are seen."""
    copies = [str(tmp_path / f"{number}.so") for number in range(4)]
    for copy in copies:
        shutil.copy(library("deepbind"), copy)
    seen = beside(tmp_path, target("deepbind"), *copies)
    ways = ["local", "global", "deepbind", "dlmopen"]
    assert seen.lines == [*(f"{way}: 16" for way in ways), "EXIT-SUCCESS"]
    assert seen.logged('"/dev/zero"') == 2
    readme = Path(__file__).parents[2] / "README.md"
    (line,) = [each for each in readme.read_text().splitlines() if "DEEPBIND" in each]
    assert line.endswith("calls: not seen |") and "dlmopen" in line


def test_a_library_with_its_own_open(
    target: Target, library: Library, tmp_path: Path
) -> None:
    """Bound to itself it is not seen, nor what it passes on: the next one is libc's."""
    own = library("own_open", "-Wl,-Bsymbolic", "-Wl,-soname,libown_open.so")
    shutil.copy(own, tmp_path / "libown_open.so")
    seen = beside(
        tmp_path, target("own_open", own), env={"LD_LIBRARY_PATH": str(tmp_path)}
    )
    assert seen.lines == ["library: 1", "program and library: 3", "EXIT-SUCCESS"]
    assert (seen.logged('"/dev/zero"'), seen.logged('"/dev/null"')) == (0, 1)


# -- calls found by name, and other ways to link ----------------------------------


def test_calls_found_with_dlsym(target: Target, tmp_path: Path) -> None:
    """All but what is asked of libc's own handle."""
    seen = beside(tmp_path, target("by_dlsym"), modes=["all"])
    assert len(seen.lines) == 7
    assert seen.logged('"/dev/zero"') == 5


CTYPES = """
import ctypes
for name in (None, "libc.so.6"):
    libc = ctypes.CDLL(name, use_errno=True)
    fd = libc.open(b"/dev/zero", 0)
    text = ctypes.create_string_buffer(4)
    print(fd >= 0, libc.read(fd, text, 4), libc.close(fd), libc.open(b"none", 0))
    print(ctypes.get_errno(), libc.fcntl(99, 1, 0), ctypes.get_errno())
"""


def test_ctypes(tmp_path: Path) -> None:
    seen = beside(tmp_path, sys.executable, "-Sc", CTYPES)
    assert seen.lines == ["True 4 0 -1", "2 -1 9"] * 2
    assert seen.logged('"/dev/zero"') == 1


LINKED = {
    "no plt": ["-fno-plt", "-O2"],
    "at once": ["-Wl,-z,now"],
    "static libgcc": ["-static-libgcc"],
    "lto": ["-flto", "-O2"],
    "no pie": ["-no-pie", "-fno-pie"],
    "fortified": ["-O2", "-D_FORTIFY_SOURCE=2"],
}
CALLS = (
    "open",
    "openat",
    "read",
    "poll",
    "getcwd",
    "write",
    "close",
    "fork",
    "getppid",
)


def test_however_it_was_linked(target: Target, tmp_path: Path) -> None:
    """The same is seen of it; fortified too, where the calls have other names."""
    plain = beside(tmp_path / "plain", target("calls_by_name"), *CALLS, modes=["all"])
    assert plain.logged(r"getppid\(") == 2
    for how, flags in LINKED.items():
        program = target("calls_by_name", *flags)
        seen = beside(tmp_path / how, program, *CALLS, modes=["all"])
        assert (how, seen.bare) == (how, plain.bare)
        assert (how, _names(seen.log)) == (how, _names(plain.log))


def _names(log: str) -> Counter[str]:
    return Counter(re.findall(r"^\d+ (\w+)\(", log, re.MULTILINE))
