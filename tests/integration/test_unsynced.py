"""`lose`: a sync that fails, and what it was to sync is gone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from reports import Done, returned, said

Target = Callable[..., str]
Pyshim = Callable[..., Done]

RULE = "inject=fsync,fdatasync:error=EIO:lose"

LOST = {
    "what was written": (
        "open old fsync new show fsync show",
        # The descriptor's place is what it was: lseek(2), behind the end.
        ["EIO", "file: ...new|", "EIO", "file: |"],
    ),
    "once": ("open new fsync fsync fsync show", ["EIO", "ok", "ok", "file: |"]),
    "again after another write": (
        "open new fsync fsync new fsync fsync",
        ["EIO", "ok", "EIO", "ok"],
    ),
    "nothing was written": ("open fsync fdatasync", ["ok", "ok"]),
    "fdatasync as well": ("open new fdatasync show", ["EIO", "file: |"]),
    "an empty write": ("open start fsync", ["ok"]),
    "a write that failed": ("open refused fsync", ["refused: EFAULT", "ok"]),
    "a cut that failed": (
        "open new fsync fsync read shrink fsync",
        ["EIO", "ok", "shrink: EINVAL", "ok"],
    ),
    "a write that is synchronous": (
        "open durable fsync show",
        ["durable: ok", "ok", "file: abc|"],
    ),
}
KEPT = {
    "what was overwritten": "open start ab fsync show",
    "twice": "open start abc start xy fsync show",
    "behind its end": "open 0123456789ABCDEF fsync show",
    "by a vector": "open vector fsync show",
    "by sendfile": "open start copy fsync show",
    "by a child": "open child fsync show",
    "appended": "append more and fsync show",
    "cut": "open shrink fsync show",
    "cut and written": "open shrink start xxxxx fsync show",
    "made longer": "open grow fsync show",
    "room": "open room fsync show",
    "under another name meanwhile": "open start ab exchange fsync show",
    "by another descriptor": "open start ab open fsync show",
}


def outcome(done: Done) -> list[str]:
    """Without what came before the syncs."""
    return [line for line in returned(done) if not line.startswith("open")]


@pytest.mark.parametrize("name", LOST)
@pytest.mark.parametrize("layer", ["symbols", "full"])
def test_a_failed_sync_loses(
    pyshim: Pyshim, target: Target, name: str, layer: str
) -> None:
    words, expected = LOST[name]
    done = pyshim(f"--layer={layer}", "-e", RULE, target("unsynced"), *words.split())
    seen = outcome(done)
    assert [line.split(": ", 1)[1] if "sync" in line else line for line in seen] == (
        expected
    )


@pytest.mark.parametrize("name", KEPT)
def test_the_file_is_what_it_was_at_the_last_sync(
    pyshim: Pyshim, target: Target, tmp_path: Path, name: str
) -> None:
    (tmp_path / "file").write_text("0123456789")
    words = KEPT[name].split()
    done = pyshim("-e", RULE, target("unsynced"), *words)
    assert outcome(done)[-2:] == ["fsync: EIO", "file: 0123456789|"]
    assert (tmp_path / "file").read_text() == "0123456789"
    assert len(said(done)) == 1


def test_an_appending_descriptor_that_is_told_not_to(
    pyshim: Pyshim, target: Target, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("0123456789")
    done = pyshim(
        "-e", RULE, target("unsynced"), *["append", "placed", "fsync", "show"]
    )
    if "placed: EOPNOTSUPP" in outcome(done):
        pytest.skip("RWF_NOAPPEND is Linux 6.9's")
    assert outcome(done) == ["placed: ok", "fsync: EIO", "file: 0123456789|"]


def test_a_sync_that_is_made_lets_go(pyshim: Pyshim, target: Target) -> None:
    for sync in ("fsync", "fdatasync", "syncfs"):
        when = ":when=2" if sync == "fsync" else ""
        rule = f"inject=fsync:error=EIO:lose{when}"
        words = ["truncating", "one", sync, "two", "fsync", "show"]
        done = pyshim("-e", rule, target("unsynced"), *words)
        assert outcome(done) == [f"{sync}: ok", "fsync: EIO", "file: one|"]


def test_of_the_paths_that_are_named(
    pyshim: Pyshim, target: Target, tmp_path: Path
) -> None:
    words = ["open", "new", "fsync", "show"]
    for glob, end in (("file", ["fsync: EIO", "file: |"]), ("other", ["fsync: ok"])):
        rule = f"{RULE}:path={tmp_path}/{glob}"
        done = pyshim("-e", rule, target("unsynced"), *words)
        assert outcome(done)[: len(end)] == end
        (tmp_path / "file").unlink()


def test_what_was_emptied_or_replaced_stays_so(
    pyshim: Pyshim, target: Target, tmp_path: Path
) -> None:
    for words in ("open old truncating new fsync", "open old unlink open new fsync"):
        done = pyshim("-e", RULE, target("unsynced"), *words.split(), "show")
        assert outcome(done)[-2:] == ["fsync: EIO", "file: |"]
        (tmp_path / "file").unlink()


def test_what_is_synchronous_is_never_lost(pyshim: Pyshim, target: Target) -> None:
    done = pyshim("-e", RULE, target("unsynced"), "synchronous", "new", "fsync", "show")
    assert outcome(done) == ["fsync: ok", "file: new|"]


def test_what_could_not_be_read_before_is_told(
    pyshim: Pyshim, target: Target, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("0123456789")
    done = pyshim("-e", RULE, target("unsynced"), "only", "ab", "fsync", "show")
    assert outcome(done) == ["fsync: EIO", "file: ab23456789|"]
    assert any("could not be kept" in line for line in said(done))


def test_it_is_a_hit_of_the_rule(pyshim: Pyshim, target: Target) -> None:
    done = pyshim("-e", RULE, target("unsynced"), "open", "new", "fsync", "fsync")
    assert re.fullmatch(
        r".*:lose: armed, hit 1 time: fsync at unsynced\+0x\w+ .*", said(done)[0]
    )


def test_sqlite_finds_its_file_as_it_was(pyshim: Pyshim, tmp_path: Path) -> None:
    """The transaction whose sync failed is gone, and the ones before are there."""
    program = """
import sqlite3, sys
db = sqlite3.connect("a.db", isolation_level=None)
if sys.argv[1] == "make":
    db.execute("create table t (x)")
    db.execute("insert into t values (1)")
else:
    try:
        db.execute("insert into t values (2)")
    except sqlite3.Error as error:
        print(error)
    db.close()
    db = sqlite3.connect("a.db")
print(db.execute("select x from t").fetchall(),
      db.execute("pragma integrity_check").fetchone())
"""
    (tmp_path / "go.py").write_text(program)
    bare = pyshim("python3", "go.py", "make")
    assert bare.stdout == "[(1,)] ('ok',)\n"
    rule = f"{RULE}:times=1:path={tmp_path}/a.db"
    done = pyshim("-e", rule, "python3", "go.py", "add")
    assert done.stdout.splitlines() == ["disk I/O error", "[(1,)] ('ok',)"]


def test_threads_and_processes_each_find_their_own(
    pyshim: Pyshim, target: Target
) -> None:
    rule = f"{RULE}:p=0.3:seed=1"
    done = pyshim("-e", rule, target("unsynced_threads"), "fails")
    assert returned(done) == []
    assert len(said(done)) == 1, "nothing was skipped"
