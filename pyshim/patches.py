"""Patch plans: made once for each build of a library, and kept in the user's cache.

What a plan says is in shim/patch_wire.h, how it comes about in patch_windows.py. Making
one for libc takes a second or two, finding it made a few milliseconds. The shim looks
for it in the run's folder (shim/patch.c), and nowhere else.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from pyshim._host import lib
from pyshim.objects import LIBC, DamagedError, own_header, read_header
from pyshim.patch_layout import Done, build_id, fits, make_plan
from pyshim.programs import find_program, follow
from pyshim.progress import Progress


def provide_plans(program: str, rundir: Path, out: TextIO | None) -> None:
    """Put the plans into the run's folder that `program` may need, and others after it.

    `out`: a terminal for the progress, or None. Where a plan can't be had, syscalls are
    caught by the dispatch: that takes longer, and sees the same.
    """
    progress = Progress(out, "pyshim: looking at libc's code")
    for library in dict.fromkeys([*own_libraries(), *libraries_of(program)]):
        with suppress(OSError, DamagedError):
            kept = plan_file(library, rundir, cache_folder(), progress.at)
            if kept.parent != rundir:
                (rundir / kept.name).write_bytes(kept.read_bytes())
    progress.end()


def own_libraries() -> Iterator[Path]:
    """The libc and the loader of this process, which most programs have as well."""
    loader = os.path.realpath(own_header().interp or "/")
    mapped = Path("/proc/self/maps").read_text(errors="surrogateescape").splitlines()
    for path in dict.fromkeys(line[line.find("/") :] for line in mapped if "/" in line):
        if path == loader or Path(path).name == LIBC:
            yield Path(path)


def libraries_of(program: str) -> Iterator[Path]:
    """The loader that the kernel starts with `program`, and the libc beside it."""
    path = os.environ.get("PATH")
    with suppress(OSError, DamagedError):
        image = follow(str(find_program(program, path)), path)
        if interp := read_header(image.path).interp:
            loader = Path(os.path.realpath(interp))
            yield from filter(Path.is_file, (loader.with_name(LIBC), loader))


def cache_folder() -> Path:
    """Where plans are kept from run to run."""
    from platformdirs import user_cache_path

    return user_cache_path("pyshim", appauthor=False) / "patches"


def plan_file(library: Path, rundir: Path, cache: Path, done: Done) -> Path:
    """The file with the plan for `library`: in `cache`, else in the run's folder.

    Raises DamagedError for a file that no plan can be made for, OSError for one that
    can't be read, and when there is no room in the run's folder.
    """
    content = library.read_bytes()
    name = f"{build_id(content).hex()}-{lib.PATCH_VERSION}.plan"
    folders = [*filter(_is_ours, [cache]), rundir]
    for folder in folders:
        with suppress(OSError):
            if fits((folder / name).read_bytes(), content):
                return folder / name
    plan = make_plan(content, done)
    for folder in folders[:-1]:
        with suppress(OSError):
            return _write(folder / name, plan)
    return _write(rundir / name, plan)


def _is_ours(folder: Path) -> bool:
    """Whether nobody else decides what is in there.

    With sudo, HOME may still be that of a user whom root should not believe, and who
    would find files of root's there later.
    """
    for each in (folder, *folder.parents):
        with suppress(OSError):
            return each.stat().st_uid == os.geteuid()
    return False


def _write(path: Path, plan: bytes) -> Path:
    """All of it or nothing, whoever else is writing the same or has it mapped."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)
    try:
        with open(handle, "wb") as file:
            file.write(plan)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return path
