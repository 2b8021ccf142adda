"""Patch plans are made once, and one that does not fit is made anew."""

from __future__ import annotations

import hashlib
import mmap
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from patch_plans import SITES, header, quiet, sites
from programs_for_tests import SECONDS, Build

import pyshim
from pyshim._host import ffi, lib
from pyshim.objects import DamagedError
from pyshim.patch_layout import fits, make_plan
from pyshim.patches import plan_file

NOBODY = 65534
FORMS = ("-shared", "-nostdlib", "-Wl,-Bsymbolic")
ENVIRON = {**os.environ, "PYTHONPATH": str(Path(pyshim.__file__).parent.parent)}
HASH = ffi.offsetof("struct patch_plan", "hash")
PRINT_PLAN_FILE = (
    "import sys; from pathlib import Path; from pyshim.patches import plan_file\n"
    "print(plan_file(*map(Path, sys.argv[1:]), lambda share: None))\n"
)
AS_OTHERS = ("setpriv", "--bounding-set=-dac_override") if os.geteuid() == 0 else ()
"""Root may write anywhere, as long as it has that capability."""
Change = Callable[[bytes], bytes]


def run(
    code: str, *places: Path, prefix: tuple[str, ...] = (), **environ: str
) -> subprocess.CompletedProcess[str]:
    """Another pyshim."""
    return subprocess.run(
        [*prefix, sys.executable, "-c", code, *map(str, places)],
        check=True,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env={**ENVIRON, **environ},
    )


@pytest.fixture
def library(build: Build) -> Path:
    return build("forms.so", SITES, *FORMS, "-Wl,--build-id")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "patches"


@pytest.fixture
def rundir(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


def test_a_plan_is_made_once(library: Path, cache: Path, rundir: Path) -> None:
    shares: list[float] = []
    first = plan_file(library, rundir, cache, shares.append)
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] <= 1
    made = first.stat()
    shares.clear()
    assert plan_file(library, rundir, cache, shares.append) == first
    assert (first.stat().st_ino, shares) == (made.st_ino, [])


def test_it_is_named_after_the_build_and_the_version(
    library: Path, cache: Path, rundir: Path
) -> None:
    path = plan_file(library, rundir, cache, quiet)
    plan = path.read_bytes()
    name = bytes(header(plan).build_id).hex()
    assert path == cache / f"{name}-{lib.PATCH_VERSION}.plan"
    notes = ["readelf", "-n", str(library)]
    assert f"Build ID: {name}\n" in subprocess.check_output(
        notes, text=True, timeout=SECONDS
    )
    assert header(plan).magic.to_bytes(4, "little") == b"ptch"
    assert list(cache.iterdir()) == [path]
    assert list(rundir.iterdir()) == []


def test_it_tells_the_file_it_is_for(library: Path, cache: Path, rundir: Path) -> None:
    plan = plan_file(library, rundir, cache, quiet).read_bytes()
    content = library.read_bytes()
    assert header(plan).object_size == len(content)
    assert bytes(header(plan).object_hash) == hashlib.sha256(content).digest()
    assert fits(plan, content)
    assert len(sites(plan)) > 10


# -- what does not fit -------------------------------------------------------------


def with_hash(plan: bytes) -> bytes:
    """Whole again after a change."""
    behind = HASH + hashlib.sha256().digest_size
    zeroed = plan[:HASH] + bytes(behind - HASH) + plan[behind:]
    return plan[:HASH] + hashlib.sha256(zeroed).digest() + plan[behind:]


def of_another_version(plan: bytes) -> bytes:
    at = ffi.offsetof("struct patch_plan", "version")
    version = (lib.PATCH_VERSION + 1).to_bytes(4, "little")
    return with_hash(plan[:at] + version + plan[at + 4 :])


def for_another_file(plan: bytes) -> bytes:
    at = ffi.offsetof("struct patch_plan", "object_hash")
    return with_hash(plan[:at] + bytes(32) + plan[at + 32 :])


CHANGES: dict[str, Change] = {
    "empty": lambda _: b"",
    "cut in the header": lambda plan: plan[:50],
    "cut between sites": lambda plan: plan[:-32],
    "cut in a site": lambda plan: plan[:-5],
    "longer": lambda plan: plan + bytes(32),
    "one bit of a site": lambda plan: plan[:-9] + bytes([plan[-9] ^ 1]) + plan[-8:],
    "one bit of the magic": lambda plan: bytes([plan[0] ^ 1]) + plan[1:],
    "zeros": lambda plan: bytes(len(plan)),
    "something else": lambda _: b"#!/bin/sh\n" * 100,
    "another version": of_another_version,
    "another file": for_another_file,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_file_that_does_not_fit_is_replaced(
    library: Path, cache: Path, rundir: Path, change: Change
) -> None:
    path = plan_file(library, rundir, cache, quiet)
    whole = path.read_bytes()
    path.write_bytes(change(whole))
    assert plan_file(library, rundir, cache, quiet) == path
    assert path.read_bytes() == whole
    assert list(cache.iterdir()) == [path]


def test_a_changed_library_of_the_same_build_gets_its_own(
    library: Path, cache: Path, rundir: Path
) -> None:
    path = plan_file(library, rundir, cache, quiet)
    before = path.read_bytes()
    library.write_bytes(library.read_bytes() + b"appended")
    assert plan_file(library, rundir, cache, quiet) == path
    assert fits(path.read_bytes(), library.read_bytes())
    assert not fits(before, library.read_bytes())


def test_a_run_that_has_the_old_file_mapped_keeps_it(
    library: Path, cache: Path, rundir: Path
) -> None:
    path = plan_file(library, rundir, cache, quiet)
    whole = path.read_bytes()
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
    ):
        library.write_bytes(library.read_bytes() + b"appended")
        plan_file(library, rundir, cache, quiet)
        assert mapped[:] == whole != path.read_bytes()


def test_many_runs_at_once_do_not_disturb_each_other(
    library: Path, cache: Path, rundir: Path
) -> None:
    code = (
        "import sys; from pathlib import Path; from pyshim.patches import plan_file\n"
        "places = list(map(Path, sys.argv[1:]))\n"
        "for _ in range(10):\n"
        "    path = plan_file(*places, lambda share: None)\n"
        "    print(path, len(path.read_bytes()), flush=True)\n"
        "    path.write_bytes(b'broken')\n"
    )
    places = [str(each) for each in (library, rundir, cache)]
    command = [sys.executable, "-c", code, *places]
    runs = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRON)
        for _ in range(4)
    ]
    outputs = [each.communicate(timeout=SECONDS)[0] for each in runs]
    assert [each.returncode for each in runs] == [0] * 4
    path = plan_file(library, rundir, cache, quiet)
    lines = "".join(outputs).splitlines()
    assert len(lines) == 40
    assert {line.split()[0] for line in lines} == {str(path)}
    assert fits(path.read_bytes(), library.read_bytes())
    assert list(cache.iterdir()) == [path]


# -- where it can't be kept --------------------------------------------------------


def test_without_a_place_for_the_cache_it_is_in_the_folder_of_the_run(
    library: Path, tmp_path: Path, rundir: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    path = plan_file(library, rundir, tmp_path / "file" / "patches", quiet)
    assert path.parent == rundir
    assert fits(path.read_bytes(), library.read_bytes())
    shares: list[float] = []
    again = plan_file(library, rundir, tmp_path / "file" / "patches", shares.append)
    assert (again, shares) == (path, [])


def test_a_folder_in_the_way_is_left_alone(
    library: Path, cache: Path, rundir: Path
) -> None:
    path = plan_file(library, rundir, cache, quiet)
    path.unlink()
    path.mkdir()
    assert plan_file(library, rundir, cache, quiet) == rundir / path.name
    assert list(cache.iterdir()) == [path]


def test_a_read_only_cache_is_read(library: Path, cache: Path, rundir: Path) -> None:
    path = plan_file(library, rundir, cache, quiet)
    cache.chmod(0o500)
    assert plan_file(library, rundir, cache, quiet) == path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
def test_the_cache_of_another_user_is_neither_believed_nor_used(
    library: Path, cache: Path, rundir: Path
) -> None:
    kept = plan_file(library, rundir, cache, quiet)
    os.chown(cache, NOBODY, NOBODY)
    assert plan_file(library, rundir, cache, quiet) == rundir / kept.name
    os.chown(cache.parent, NOBODY, NOBODY)
    kept.unlink()
    cache.rmdir()
    assert plan_file(library, rundir, cache, quiet).parent == rundir
    assert list(cache.parent.iterdir()) == []


def test_where_the_cache_can_not_be_written_it_is_in_the_folder_of_the_run(
    library: Path, cache: Path, rundir: Path
) -> None:
    cache.mkdir(parents=True)
    cache.chmod(0o500)
    done = run(PRINT_PLAN_FILE, library, rundir, cache, prefix=AS_OTHERS)
    assert Path(done.stdout.strip()).parent == rundir
    assert list(cache.iterdir()) == []


def test_the_cache_is_where_caches_are(tmp_path: Path) -> None:
    code = "from pyshim.patches import cache_folder; print(cache_folder())"
    done = run(code, XDG_CACHE_HOME=str(tmp_path))
    assert done.stdout.strip() == str(tmp_path / "pyshim" / "patches")
    assert list(tmp_path.iterdir()) == []


# -- files that no plan can be made for --------------------------------------------


def test_without_a_build_id_there_is_none(
    build: Build, cache: Path, rundir: Path
) -> None:
    library = build("forms.so", SITES, *FORMS, "-Wl,--build-id=none")
    with pytest.raises(DamagedError, match="no build-id of 20 bytes"):
        plan_file(library, rundir, cache, quiet)


@pytest.mark.parametrize("size", [0, 3, 40, 100, 600, 5000])
def test_a_library_that_is_cut_off_is_damaged(
    library: Path, cache: Path, rundir: Path, size: int
) -> None:
    library.write_bytes(library.read_bytes()[:size])
    with pytest.raises(DamagedError):
        plan_file(library, rundir, cache, quiet)
    assert not cache.exists()


def test_a_plan_is_found_without_loading_what_makes_plans(
    library: Path, cache: Path, rundir: Path
) -> None:
    plan_file(library, rundir, cache, quiet)
    code = PRINT_PLAN_FILE + "print({'capstone', 'elftools'} & set(sys.modules))\n"
    done = run(code, library, rundir, cache)
    assert done.stdout.splitlines() == [str(next(cache.iterdir())), "set()"]


def test_the_same_file_gives_the_same_plan(library: Path) -> None:
    content = library.read_bytes()
    assert make_plan(content, quiet) == make_plan(content, quiet)
