"""Every cancellation point of the table is one: in the target `cancel_points`, by name.

That the shim changes nothing of what it says is as_bare(cancel_points)'s to test; here,
that it says it of all of them.
"""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from gen_rows import Row, read_rows

ROWS = read_rows(Path(__file__).parents[2] / "shim" / "calls")
PTHREADS = Path("/usr/share/man/man7/pthreads.7.gz")
NO_STREAMS = ("getmsg", "getpmsg", "putmsg", "putpmsg")
NOT_OURS = {
    "pthread_testcancel": "makes no syscall and waits for nothing",
    **dict.fromkeys(NO_STREAMS, "STREAMS, which Linux has not"),
}

Said = dict[str, str]


@pytest.fixture(scope="module")
def said(
    target: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """What the target says of each name, with all that have a wrapper wrapped."""
    options = ("-e", "inject=all:error=EIO:when=60000")
    command = ["pyshim", *options, target("cancel_points")]
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=tmp_path_factory.mktemp("cancellation"),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = done.stdout.splitlines()
    return dict(line.split(": ", 1) for line in lines if ": " in line)


def direct(row: Row) -> bool:
    """Whether it is a call of one syscall, and not something made of others."""
    return bool(row.facts.get("cancel")) and "composite" not in row.facts["sets"]


def test_each_ends_the_thread(said: Said) -> None:
    assert set(said.values()) == {"blocked, pending", "pending"}


def test_each_direct_one_of_the_table_is_tried(said: Said) -> None:
    named = {row.name for row in ROWS if direct(row)}
    assert {name for name in named if not name.startswith("SYS_")} - set(said) == set()


@pytest.mark.skipif(not PTHREADS.exists(), reason="no man pages")
def test_each_that_must_be_one_is_tried(said: Said) -> None:
    """Those that pthreads(7) requires, and the composite ones among them."""
    page = gzip.decompress(PTHREADS.read_bytes()).decode()
    listed = page.partition("required to be cancelation points")[2].partition(".EE")[0]
    names = set(re.findall(r"^(\w+)\(\)", listed, re.MULTILINE))
    assert len(names) > 40
    assert names - set(said) == set(NOT_OURS)
