"""`quota=SIZE`: files that may take no more, beside a tmpfs of that size."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from disks import both, can_mount, on_quota
from reports import Done, said
from shimmed import in_turn

Target = Callable[..., str]
Pyshim = Callable[..., Done]

needs_mount = pytest.mark.skipif(not can_mount(), reason="needs to mount a tmpfs")


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A folder for what the commands write."""
    made = tmp_path / "disk"
    made.mkdir()
    return made


# -- beside a tmpfs ----------------------------------------------------------------


@needs_mount
@pytest.mark.parametrize("holes", ["", "holes"])
@pytest.mark.parametrize(
    ("layer", "size"), [("symbols", "200k"), ("full", "301k"), ("full", "1M")]
)
def test_calls_return_what_they_return_on_a_tmpfs(
    target: Target, disk: Path, size: str, holes: str, layer: str
) -> None:
    program = target("disk_ops")
    for seed in range(1, 4):
        script = f"{program} {seed} 400 {holes}"
        real, ours = both(script, disk, size, f"--layer={layer}")
        assert ours == real, seed
        assert real.status == 0


@needs_mount
@pytest.mark.parametrize("layer", ["symbols", "full"])
def test_what_the_kernel_refuses_before_it_looks_for_room(
    target: Target, disk: Path, layer: str
) -> None:
    real, ours = both(target("disk_full"), disk, "200k", f"--layer={layer}")
    assert ours == real
    assert real.status == 0


PROGRAMS = {
    "dd": "dd if=/dev/zero of=a bs=10000 count=30 status=none",
    "dd in place": "dd if=/dev/zero of=a bs=90k count=1 status=none;"
    " dd if=/dev/zero of=a bs=1000 count=50 conv=notrunc status=none; echo $?;"
    " dd if=/dev/zero of=a bs=4096 seek=20 count=50 conv=notrunc status=none",
    "cp": "seq 12000 > a; cp a b; cp a c; rm a; cp b c; cp b d",
    "cat": "seq 12000 | cat > a; cat a a > b; cat b >> c",
    "echo": "seq 30000 > a; echo one > b; echo two > c; echo again; rm a; echo two > c",
    "truncate": "truncate -s 10M a; seq 30000 > b; truncate -s 0 b; seq 9 > b",
    "fallocate": "fallocate -l 50000 a; fallocate -l 80000 b; fallocate -l 40k b",
    "sort": "seq 30000 | sort -r -o a",
    "sort in pieces": "seq 90000 | sort -r -S 100k -T . -o a",
    "tar": "tar cf a.tar -C /usr/share/doc/dpkg . 2>&1 | head -n 1;"
    " tar cf b.tar -C / etc/ssl",
    "tar out": "tar cf - -C / etc/default | tar xf -; tar cf - -C /etc ssl | tar xf -",
    "gzip": "seq 20000 > a; gzip -k a; seq 90000 | gzip > b; gzip -d < b > c",
    "sed": "seq 9000 > a; seq 9000 > b; sed -i s/1/111/ a; sed -i s/1/1/ b",
    "mv": "seq 9000 > a; seq 9000 > b; mv a b; seq 9000 > a; mv b c; rm c;"
    " seq 9000 > c",
    "mktemp": "f=$(mktemp -p .); seq 20000 > $f; rm $f; mktemp -d -p . > /dev/null;"
    " echo x > x",
    "python": """python3 -c '
import os, shutil
def tries(f):
    try: print(f())
    except OSError as e: print(e)
tries(lambda: open("a", "w").write("x" * 50000))
tries(lambda: open("b", "wb", buffering=0).write(b"x" * 70000))
tries(lambda: open("c", "w").write("x"))
tries(lambda: shutil.copyfile("a", "d"))
os.remove("a")
tries(lambda: shutil.copyfile("b", "d"))
'""",
    "python that does not close": """python3 -c '
f = open("a", "w"); f.write("x" * 200000); f.flush()'""",
    "sqlite": """python3 -c '
import sqlite3
db = sqlite3.connect("a.db")
db.execute("create table t (x)")
db.commit()
try:
    for i in range(1000):
        db.execute("insert into t values (?)", ("x" * 500,))
        db.commit()
except sqlite3.Error as error: print(error, i)
try: print(db.execute("select count(*) from t").fetchone())
except sqlite3.Error as error: print(error)
try: print(db.execute("pragma integrity_check").fetchone())
except sqlite3.Error as error: print(error)
'""",
    "git": "export HOME=/nonexistent GIT_CONFIG_NOSYSTEM=1; git init -q --template= . ;"
    " git config user.name n; git config user.email n@n;"
    " seq 9000 > a; git add a; seq 20000 | sed s/1/77/ > b; git add b;"
    # The index has times and inodes in it.
    " git commit -qm a; status=$?; rm .git/index; (exit $status)",
    "gcc": "printf 'int a[30000] = {1};' > a.c; gcc -c a.c -o a.o",
}


@needs_mount
@pytest.mark.parametrize("name", in_turn(PROGRAMS, 2))
def test_programs_end_as_on_a_full_tmpfs(disk: Path, name: str) -> None:
    script = PROGRAMS[name]
    if name in ("git", "gcc") and not shutil.which(name):
        pytest.skip(f"no {name}")
    real, ours = both(script, disk, "100k")
    assert ours == real


# -- what is its own ---------------------------------------------------------------


def test_it_is_hit_when_room_is_short_and_told(pyshim: Pyshim, disk: Path) -> None:
    rule = f"inject=%desc,%file:path={disk}/**:quota=10000"
    command = ["dd", "if=/dev/zero", f"of={disk}/a", "bs=1000", "status=none"]
    done = pyshim("-e", rule, *command)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    # Whole pages: three of them are 12288 bytes, the thirteenth write is short.
    assert (disk / "a").stat().st_size == 3 * 4096
    assert re.match(r".*: armed, hit 2 times: write at dd\+0x\w+", said(done)[0])


@pytest.mark.parametrize(
    "rule",
    ["inject=quota=8k:path={}/**", "inject=fds=3", "inject=fsync:error=EIO:lose"],
)
def test_a_record_of_it_is_replayed(pyshim: Pyshim, disk: Path, rule: str) -> None:
    dd = ["dd", "if=/dev/zero", f"of={disk}/a", "bs=1000", "count=9", "conv=fsync"]
    record = str(disk.parent / "record")
    first = pyshim("-e", rule.format(disk), "--record", record, *dd)
    assert first.returncode == 1
    (disk / "a").unlink(missing_ok=True)
    again = pyshim("--replay", record, *dd)
    assert again.returncode == 1
    said_by_dd = [line for line in first.stderr.splitlines() if line.startswith("dd: ")]
    assert said_by_dd and set(said_by_dd) <= set(again.stderr.splitlines())
    assert "did not come" not in again.stderr


def test_files_elsewhere_are_not_counted(pyshim: Pyshim, disk: Path) -> None:
    script = f"seq 90000 > {disk}/../elsewhere; echo x > {disk}/a"
    done = pyshim("-e", f"inject=quota=0:path={disk}/**", "sh", "-c", script)
    assert done.returncode == 1
    assert (disk / "a").stat().st_size == 0


def test_what_was_there_before_the_run_takes_nothing(disk: Path) -> None:
    (disk / "old").write_bytes(b"x" * 40960)
    script = "seq 20000 > a; rm old; seq 20000 > b; stat -c %s a b; echo y > c"
    seen = on_quota(script, disk, "20k")
    # What it leaves is room for others, twice as much as there was before.
    assert seen.stdout.split() == ["20480", "40960"]
    assert seen.status == 1


@pytest.mark.parametrize("first", ["short", "quota"])
def test_writes_that_are_short_besides(pyshim: Pyshim, disk: Path, first: str) -> None:
    """They count as well, and no byte more fits."""
    rules = ["inject=write:short=1000", f"inject=quota=10k:path={disk}/**"]
    words = [word for rule in rules[:: 1 if first == "short" else -1]
             for word in ("-e", rule)]  # fmt: skip
    command = [
        "dd",
        "if=/dev/zero",
        f"of={disk}/a",
        "bs=4000",
        "count=9",
        "status=none",
    ]
    done = pyshim("--layer=symbols", *words, *command)
    assert "No space left on device" in done.stderr
    assert (disk / "a").stat().st_size == 3 * 4096


def test_what_is_freed_by_a_mapped_name(pyshim: Pyshim, disk: Path) -> None:
    """The disk is where the files really are."""
    script = """
    seq 3000 > /mapped/a; rm /mapped/a
    seq 3000 > /mapped/b; : > /mapped/b
    seq 3000 > /mapped/c; mv /mapped/c /mapped/d && stat -c %s /mapped/d
    """
    words = ["--map", f"/mapped={disk}", "-e", f"inject=quota=16k:path={disk}/**"]
    done = pyshim(*words, "sh", "-c", script)
    assert (done.returncode, done.stdout) == (0, "13893\n"), done.stderr
    assert "never hit" in said(done)[0]


def test_two_disks_of_one_run(pyshim: Pyshim, disk: Path) -> None:
    for name in ("small", "large"):
        (disk / name).mkdir()
    rules = [
        f"inject=quota={s}:path={disk}/{n}/*"
        for s, n in (("8k", "small"), ("16k", "large"))
    ]
    script = "seq 9000 > small/a; seq 9000 > large/a; stat -c %s small/a large/a"
    done = pyshim("-e", rules[0], "-e", rules[1], "sh", "-c", script, cwd=disk)
    assert done.stdout.split() == ["8192", "16384"]


def test_moving_in_and_out(disk: Path) -> None:
    script = """
    seq 3000 > ../other; mv ../other a && stat -c %s a
    seq 3000 > b; stat -c %s b
    mv a ../other; seq 3000 > b; stat -c %s b
    seq 9000 > ../larger; mv ../larger c
    rm b; mv ../other b && echo back
    """
    seen = on_quota(script, disk, "20k")
    assert seen.stdout.split() == ["13893", "4096", "13893", "back"]
    assert "No space left on device" in seen.stderr


def test_a_file_without_a_name_is_counted_until_it_is_closed(disk: Path) -> None:
    program = """python3 -c '
import os
def tries(fd, size):
    try: print(os.write(fd, b"x" * size))
    except OSError as e: print(e.strerror)
fd, other = os.open("a", os.O_RDWR | os.O_CREAT), os.open("b", os.O_RDWR | os.O_CREAT)
os.unlink("a")
tries(fd, 16384)
tries(other, 16384)
os.close(fd)
tries(other, 16384)
'"""
    assert on_quota(program, disk, "20k").stdout.split() == ["16384", "4096", "16384"]


def test_it_is_freed_when_who_had_it_open_is_killed(disk: Path) -> None:
    program = """
    python3 -c '
import os, signal
fd = os.open("a", os.O_RDWR | os.O_CREAT)
os.unlink("a")
os.write(fd, b"x" * 16384)
os.kill(os.getpid(), signal.SIGKILL)
'
    dd if=/dev/zero of=b bs=16384 count=1 status=none && echo fits"""
    assert on_quota(program, disk, "20k").stdout.split() == ["fits"]


def test_processes_share_it_and_none_is_lost_by_a_kill(
    target: Target, disk: Path
) -> None:
    program = target("disk_crowd")
    seen = on_quota(f"{program} 4", disk, "1M")
    sizes = sum(each.stat().st_size for each in disk.iterdir())
    # Each of four may have found the last room free at the same moment.
    assert 1024 * 1024 <= sizes <= 1024 * 1024 + 3 * 8192
    assert seen.stdout.splitlines()[-1:] == ["EXIT-SUCCESS"]
    assert "freed: 1048576" in seen.stdout


SOURCES = {
    "a pipe that waits": "splice pipe 0",
    "a slow pipe": "splice pipe 0.2",
    "a pipe at its end": "splice end 0",
    "a device": "sendfile zero 0",
    "a socket": "splice socket 0.2",
    "a file at its end": "sendfile file 0",
}


@needs_mount
@pytest.mark.parametrize("name", SOURCES)
def test_copies_from_what_has_no_length(disk: Path, name: str) -> None:
    script = f"python3 {Path(__file__).parent / 'disk_source.py'} {SOURCES[name]}"
    real, ours = both(script, disk, "8k")
    assert ours == real
    assert real.status == 0, real
