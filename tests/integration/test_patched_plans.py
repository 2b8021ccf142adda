"""Plans to patch libc: from the host's cache to the run, and those that do not fit."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from patched import LOG, NEVER, full
from shimmed import PYSHIM, SECONDS, run, without_ours

from pyshim._host import ffi, lib
from pyshim.objects import LIBC
from pyshim.patches import own_libraries, provide_plans

Target = Callable[..., str]

# -- plans that do not fit ---------------------------------------------------------

HEADER = ffi.sizeof("struct patch_plan")
SITE = ffi.sizeof("struct patch_site")
DAMAGE = """
import os, pathlib, struct, sys
for path in pathlib.Path(os.environ["PYSHIM_RUN"]).glob("*-*.plan"):
    plan = bytearray(path.read_bytes())
    {change}
    path.write_bytes(plan)
os.execv(sys.argv[1], sys.argv[1:])
"""
COUNT = ffi.offsetof("struct patch_plan", "count")
BYTES = HEADER + ffi.offsetof("struct patch_site", "bytes")
BEFORE = HEADER + ffi.offsetof("struct patch_site", "before")
AFTER = HEADER + ffi.offsetof("struct patch_site", "after")
LENGTH = HEADER + ffi.offsetof("struct patch_site", "length")
FIXUP = HEADER + ffi.offsetof("struct patch_site", "fixup_at")


def each(at: int, value: str) -> str:
    """Do something to one byte of every site."""
    return f"plan[{at}::{SITE}] = [{value} for each in plan[{at}::{SITE}]]"


USELESS = {
    "empty": "del plan[:]",
    "cut in the header": "del plan[50:]",
    "cut in a site": "del plan[-5:]",
    "cut between sites": f"del plan[-{SITE}:]",
    "longer": f"plan += bytes({SITE})",
    "without sites": f"del plan[{HEADER}:]",
    "so many sites": f'plan[{COUNT}:{COUNT + 4}] = b"\\xff" * 4',
    "another magic": "plan[0] ^= 1",
    "another version": "plan[4] += 1",
    "another build": "plan[8] ^= 1",
    "zeros": "plan[:] = bytes(len(plan))",
    "zeros for sites": f"plan[{HEADER}:] = bytes(len(plan) - {HEADER})",
    "ones for sites": f'plan[{HEADER}:] = b"\\xff" * (len(plan) - {HEADER})',
    "other bytes": each(BYTES, "each ^ 1"),
    "bytes of the past": each(BYTES + 2, "each ^ 0x80"),
    "windows elsewhere": each(HEADER, "each ^ 8"),
    "windows far away": each(HEADER + 3, "0xff"),
    "windows in the headers": f"{each(HEADER + 1, '0')}; {each(HEADER + 2, '0')}",
    "no length": each(LENGTH, "0"),
    "a length without end": each(LENGTH, "0xff"),
    "more before": each(BEFORE, "each + 1"),
    "much before": each(BEFORE, "0xff"),
    "more behind": each(AFTER, "each + 1"),
    "much behind": each(AFTER, "0xfd"),
    "fixed up far away": each(FIXUP, "0xfe"),
}


@pytest.mark.parametrize("change", USELESS.values(), ids=USELESS.keys())
def test_a_plan_that_does_not_fit(tmp_path: Path, target: Target, change: str) -> None:
    """The host would not have let it through: it is changed in the run's folder, by a
    program that is patched itself."""
    command = [
        PYSHIM[0],
        "-c",
        DAMAGE.format(change=change),
        target("printf_variadics"),
    ]
    got = full(tmp_path, LOG, *command)
    assert without_ours(got.done) == run([target("printf_variadics")])
    assert got.processes == 1


def test_one_site_that_is_not_as_it_was(tmp_path: Path, target: Target) -> None:
    change = f"plan[{BYTES}] ^= 1"
    command = [
        PYSHIM[0],
        "-c",
        DAMAGE.format(change=change),
        target("printf_variadics"),
    ]
    one = full(tmp_path, LOG, target("printf_variadics"))
    got = full(tmp_path, LOG, *command)
    assert got.done.stdout == one.done.stdout
    # One in libc, one in the loader.
    assert (got.processes, got.sites) == (2, 2 * one.sites - 2)


# -- the host's part ---------------------------------------------------------------


def cached(folder: Path) -> dict[str, int]:
    """The plans in a cache, and when they were made."""
    return {each.name: each.stat().st_mtime_ns for each in folder.rglob("*.plan")}


def test_plans_are_made_once(tmp_path: Path) -> None:
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    first = full(tmp_path, NEVER, "true", **cache)
    made = cached(tmp_path / "cache" / "pyshim" / "patches")
    assert len(made) == 2
    assert full(tmp_path, NEVER, "true", **cache).sites == first.sites > 500
    assert cached(tmp_path / "cache") == made


def test_a_damaged_one_is_made_anew(tmp_path: Path) -> None:
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    first = full(tmp_path, NEVER, "true", **cache)
    for each in (tmp_path / "cache").rglob("*.plan"):
        each.write_bytes(each.read_bytes()[:-7] + b"garbage")
    assert full(tmp_path, NEVER, "true", **cache).sites == first.sites > 500


def test_no_place_for_the_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    got = full(tmp_path, NEVER, "true", XDG_CACHE_HOME=str(tmp_path / "file"))
    assert got.sites > 500


def with_another_build_id(library: Path, copy: Path) -> Path:
    """The same code under another name, as if it were another build."""
    content = bytearray(library.read_bytes())
    note = struct.pack("<III4s", 4, lib.PATCH_BUILD_ID, 3, b"GNU\0")
    content[content.index(note) + len(note)] ^= 0xFF
    copy.write_bytes(content)
    copy.chmod(0o755)
    return copy


def test_a_program_with_a_libc_of_its_own(tmp_path: Path, target: Target) -> None:
    libc, loader = sorted(own_libraries(), key=lambda each: each.name != LIBC)
    folder = tmp_path / "lib"
    folder.mkdir()
    with_another_build_id(libc, folder / LIBC)
    own = with_another_build_id(loader, folder / loader.name)
    program = tmp_path / "program"
    source = Path(__file__).parents[1] / "targets" / "printf_variadics.c"
    flags = [f"-Wl,--dynamic-linker={own}", f"-Wl,-rpath,{folder}", "-pthread"]
    subprocess.run(
        ["gcc", str(source), "-o", str(program), *flags], check=True, timeout=SECONDS
    )
    bare = run([str(program)], cwd=tmp_path)
    got = full(tmp_path, LOG, str(program))
    assert without_ours(got.done) == bare
    assert got.processes == 1
    assert got.sites > 500


def test_what_is_no_program_has_no_plans(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"\x7fELF and nothing more")
    (tmp_path / "text").chmod(0o755)
    for program in (str(tmp_path / "text"), "no-such-program", ""):
        provide_plans(program, tmp_path, None)
    names = {each.name for each in tmp_path.glob("*.plan")}
    assert all(re.fullmatch(r"[0-9a-f]{40}-\d+\.plan", each) for each in names)
    assert len(names) == 2
