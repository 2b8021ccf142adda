"""`short=`: so many bytes really move, and what the program passed is as it was.

`moves.c` looks at every byte, and keeps its vectors where nobody may write to them.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from reports import Done, returned, said
from shimmed import in_turn

Target = Callable[..., str]
Pyshim = Callable[..., Done]

ONE = [
    "read",
    "pread",
    "recv",
    "recvfrom",
    "write",
    "pwrite",
    "send",
    "sendto",
    "sendfile",
]
ONE += ["copy_file_range", "splice", "getrandom"]
VECTORS = [
    "readv",
    "preadv",
    "preadv2",
    "recvmsg",
    "writev",
    "pwritev",
    "pwritev2",
    "sendmsg",
]
WAYS = [*ONE, *VECTORS]


@pytest.fixture
def moves(pyshim: Pyshim, target: Target) -> Callable[..., str]:
    """`moves("half", "readv", "3,0,5")`: what the call returned, and all was well."""

    def go(short: str, way: str, sizes: str, *options: str, **more: object) -> str:
        name = way.rpartition(":")[2]
        rule = f"inject={name}:short={short}"
        done = pyshim(*options, "-e", rule, target("moves"), way, sizes, **more)
        (line,) = returned(done)
        word, _, result = line.partition(": ")
        assert word == name
        return result

    return go


Moves = Callable[..., str]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("short", "moved"), [("7", 7), ("33%", 33), ("99", 99)])
def test_so_many_bytes_move(moves: Moves, way: str, short: str, moved: int) -> None:
    sizes = "40,0,20,40" if way in VECTORS else "100"
    assert moves(short, way, sizes) == str(moved)


@pytest.mark.parametrize("way", in_turn(WAYS, 3))
@pytest.mark.parametrize("how", ["inline", "number"])
def test_of_a_syscall_too(moves: Moves, way: str, how: str) -> None:
    if way in ("recv", "send"):  # the kernel has none of that name
        way = {"recv": "recvfrom", "send": "sendto"}[way]
    assert moves("5", f"{how}:{way}", "3,0,6", "--layer=full") == "5"


@pytest.mark.parametrize("way", ["readv", "sendmsg", "write"])
def test_in_both_layers(moves: Moves, way: str) -> None:
    for layer in ("symbols", "full"):
        assert moves("5", way, "3,0,6", f"--layer={layer}") == "5"


@pytest.mark.parametrize("way", ["preadv2", "writev", "recvmsg", "sendmsg"])
@pytest.mark.parametrize(
    ("sizes", "short", "moved"),
    [
        ("3,5", "3", 3),  # at a border
        ("3,5", "4", 4),  # inside a piece
        ("0,0,3,0,5", "3", 3),  # empty ones before and behind it
        ("0,3,0,5", "4", 4),
        ("1,1,1", "2", 2),
        ("3,5", "8", 8),  # no fewer than there are: not hit
        ("3,5", "9", 8),
        ("1", "half", 1),  # of one byte no part can move
        ("2", "half", 1),
        ("3", "1%", 1),
        (",".join(["1"] * 1024), "half", 512),
        (",".join(["3"] * 1024), "1025", 1025),
        (",".join(["1"] * 1023), "1022", 1022),
    ],
)
def test_vectors_are_cut(
    moves: Moves, way: str, sizes: str, short: str, moved: int
) -> None:
    assert moves(short, way, sizes) == str(moved)


REFUSED = [
    *((f"bad:{way}", "3,5") for way in ("readv", "writev", "recvmsg", "sendmsg")),
    *(
        (way, ",".join(["1"] * 1025))
        for way in ("readv", "writev", "recvmsg", "sendmsg")
    ),
    ("fixed:recvmsg", "3,5"),
]


@pytest.mark.parametrize("words", REFUSED, ids=lambda words: words[0])
def test_what_the_kernel_refuses_it_refuses(
    moves: Moves, words: tuple[str, str], target: Target, tmp_path: Path
) -> None:
    bare = subprocess.run(
        [target("moves"), *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    way = words[0].rpartition(":")[2]
    assert bare.stdout == f"{way}: {moves('1', *words)}\nEXIT-SUCCESS\n"


@pytest.mark.parametrize("way", in_turn(WAYS, 3))
@pytest.mark.parametrize("layer", ["symbols", "full"])
def test_without_undefined_behaviour(
    moves: Moves, way: str, layer: str, ubsan: Path
) -> None:
    env = {**os.environ, "PYSHIM_LIB": str(ubsan)}
    assert moves("half", way, "3,0,6", f"--layer={layer}", env=env) == "4"


def test_the_last_bytes_of_a_loop_come_as_they_are(
    pyshim: Pyshim, target: Target
) -> None:
    """when= counts what can be short; a read of one byte never is."""
    rule = "inject=read:short=1"
    done = pyshim("-e", rule, target("calls_by_name"), "read", "read")
    assert returned(done) == ["read: 1", "read: 1"]
    assert "never hit" in said(done)[0]


def test_of_a_set_those_that_move(pyshim: Pyshim, target: Target) -> None:
    done = pyshim("-e", "inject=%desc:short=1", target("moves"), "writev", "3,5")
    assert returned(done) == ["writev: 1"]


@pytest.mark.parametrize("way", ["read", "pread", "write", "pwrite", "sendfile"])
def test_a_negative_size_is_refused(pyshim: Pyshim, target: Target, way: str) -> None:
    """As by the kernel: not cut to one that it takes."""
    done = pyshim("-e", f"inject={way}:short=5", target("moves"), f"huge:{way}", "9")
    (line,) = returned(done)
    assert line in (f"{way}: -1 EFAULT", f"{way}: -1 EINVAL")


def test_copies_whole_files_all_the_same(pyshim: Pyshim, tmp_path: Path) -> None:
    """Programs that loop are not harmed."""
    text = bytes(range(256)) * 40
    (tmp_path / "from").write_bytes(text)
    rule = "inject=read,write,copy_file_range,sendfile:short=half"
    done = pyshim("-e", rule, "cp", "from", "to")
    assert done.returncode == 0 and (tmp_path / "to").read_bytes() == text
    assert " hit " in said(done)[0]
