"""`Counter` and `Shared` as a plugin uses them, in the host and apart from any run."""

from __future__ import annotations

import mmap
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyshim import Counter, Shared
from pyshim._host import ffi
from pyshim.arena import Arena

SECONDS = 30


@pytest.fixture
def arena(tmp_path: Path) -> Iterator[Path]:
    """The path of one that the host shares with its target."""
    path = tmp_path / "arena"
    with Arena(path, 0, shared=True).sharing():
        yield path


# -- counters ----------------------------------------------------------------------


def test_a_counter_counts() -> None:
    counter = Counter("counts")

    assert (counter.value, counter.add(), counter.add(5), counter.add(-7)) == (
        0, 1, 6, -1,
    )  # fmt: skip
    counter.value = 40
    assert (counter.add(2), counter.value) == (42, 42)
    assert repr(counter) == "<Counter 'counts': 42>"


def test_a_counter_wraps() -> None:
    counter = Counter("wraps")
    counter.value = 2**63 - 1

    assert counter.add() == -(2**63)
    assert counter.add(-1) == 2**63 - 1


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_what_has_no_room_in_a_counter_changes_nothing(number: int) -> None:
    counter = Counter("no room")
    with pytest.raises(OverflowError):
        counter.value = number
    with pytest.raises(OverflowError):
        counter.add(number)
    assert counter.value == 0


def test_threads_of_the_host_count_exactly() -> None:
    counter = Counter("threads")

    def count() -> None:
        for _ in range(5000):
            counter.add()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(SECONDS)
    assert counter.value == 20000


# -- values ------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 239, 240])
def test_a_value_is_what_was_set(size: int) -> None:
    value = Shared("sizes")
    other = bytes(range(16)) * 15
    for each in (other, other[:size], b"\0" * size, other[:size]):
        value.set(each)
        assert value.get() == each


def test_a_value_is_empty_at_first() -> None:
    assert Shared("empty").get() == b""
    assert repr(Shared("empty")) == "<Shared 'empty': b''>"


def test_a_value_that_is_too_long_changes_nothing() -> None:
    value = Shared("long")
    value.set(b"before")
    with pytest.raises(OSError, match="at most 240 bytes: 'long'"):
        value.set(bytes(241))
    assert value.get() == b"before"


@pytest.mark.parametrize("wrong", ["text", bytearray(b"x"), None, 1])
def test_a_value_is_bytes(wrong: bytes) -> None:
    with pytest.raises(TypeError, match="a shared value is bytes, not "):
        Shared("type").set(wrong)


def test_an_update_sees_what_was_set_meanwhile() -> None:
    """It is asked again: nothing that another has put there is lost."""
    value = Shared("update")
    value.set(b"a")
    seen = []

    def function(old: bytes) -> bytes:
        seen.append(old)
        if len(seen) < 3:
            value.set(old + b"!")
        return old + b"b"

    assert value.update(function) == b"a!!b"
    assert value.get() == b"a!!b"
    assert seen == [b"a", b"a!", b"a!!"]


def test_an_update_to_the_same_is_no_change_of_nothing() -> None:
    """What was set to the same bytes meanwhile was set all the same."""
    value = Shared("same")
    asked = []

    def function(old: bytes) -> bytes:
        asked.append(old)
        if len(asked) == 1:
            value.set(old)
        return b"x"

    value.update(function)
    assert len(asked) == 2


def test_an_update_that_raises_holds_nothing() -> None:
    value = Shared("raises")
    value.set(b"before")
    with pytest.raises(ZeroDivisionError):
        value.update(lambda _: bytes([1 // 0]))
    value.set(value.get() + b" and after")
    assert value.get() == b"before and after"


def test_a_reader_never_gets_a_mixed_value() -> None:
    value = Shared("mixed")
    values = [bytes([n]) * n for n in (240, 3, 111, 8)]
    value.set(values[0])
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for each in values:
                value.set(each)

    writers = [threading.Thread(target=write) for _ in range(2)]
    for each in writers:
        each.start()
    try:
        assert {value.get() for _ in range(20000)} <= set(values)
    finally:
        stop.set()
        for each in writers:
            each.join(SECONDS)


# -- names -------------------------------------------------------------------------


def test_the_same_name_is_the_same_state() -> None:
    Counter("same name").add(3)
    Shared("same name").set(b"apart")

    assert Counter("same name").value == 3
    assert Shared("same name").get() == b"apart"


@pytest.mark.parametrize("kind", [Counter, Shared])
@pytest.mark.parametrize("name", ["", "x" * 56, "é" * 28, "nul\0"])
def test_names_that_are_refused(kind: type[Counter | Shared], name: str) -> None:
    with pytest.raises(ValueError, match="a name has 1 to 55 bytes and no NUL"):
        kind(name)


def test_the_longest_name() -> None:
    first, second = Counter("x" * 54 + "1"), Counter("x" * 54 + "2")
    first.add()

    assert (first.value, second.value) == (1, 0)
    assert first.name == "x" * 54 + "1"


def test_the_last_name_and_one_more() -> None:
    source = """
from pyshim import Counter, Shared
for n in range(255):
    Counter(f"c{n}")
Shared("last").set(b"there")
try:
    Counter("more")
except OSError as error:
    print(error)
Counter("c254").add()
print(Counter("c254").value, Shared("last").get())
"""
    done = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.stdout.splitlines() == [
        "[Errno 28] a run has room for 256 names: 'more'",
        "1 b'there'",
    ], done.stderr


# -- the arena ---------------------------------------------------------------------


def test_values_come_into_the_arena_and_out_again(tmp_path: Path) -> None:
    counter, value = Counter("moved"), Shared("moved")
    counter.value = 2**40
    value.set(b"before")
    with Arena(tmp_path / "arena", 3, shared=True).sharing():
        assert (counter.value, value.get()) == (2**40, b"before")
        counter.add()
        value.set(b"meanwhile, and longer")
        assert Counter("made meanwhile").add() == 1
    assert (counter.value, value.get()) == (2**40 + 1, b"meanwhile, and longer")
    assert Counter("made meanwhile").add() == 2


def test_an_arena_without_hooks_has_no_room_for_it(tmp_path: Path) -> None:
    counter = Counter("no hooks")
    bare, shared = (
        Arena(tmp_path / str(wanted), 0, shared=wanted) for wanted in (False, True)
    )
    with bare.sharing():
        assert counter.add() == 1
    assert bare.head.shared_at == 0
    assert shared.head.shared_at % mmap.PAGESIZE == 0
    assert 0 < shared.head.chunks_at - bare.head.chunks_at < 160 << 10


HOLDER = """
import ctypes, mmap, sys
with open(sys.argv[1], "r+b") as file:
    memory = mmap.mmap(file.fileno(), 0)
at = ctypes.addressof(ctypes.c_char.from_buffer(memory)) + int(sys.argv[2])
assert ctypes.CDLL(None).pthread_mutex_lock(ctypes.c_void_p(at)) == 0
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(arena: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that was stopped in the middle of `set`. New names wait for it, too."""
    Shared("held").set(b"before")
    with arena.open("rb") as file:
        head = ffi.from_buffer("struct arena *", file.read(4096))
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(arena), str(head.shared_at)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def test_the_mutex_of_a_dead_process_is_free(holder: subprocess.Popen[str]) -> None:
    value = Shared("held")
    holder.kill()
    holder.wait(SECONDS)
    for word in (b"one", b"two"):
        value.set(word)
        assert value.get() == word


def test_who_waits_is_let_in_by_the_death_of_the_holder(
    holder: subprocess.Popen[str],
) -> None:
    value = Shared("held")
    writer = threading.Thread(target=value.set, args=(b"later",))
    writer.start()
    assert value.get() == b"before"
    holder.kill()
    writer.join(SECONDS)
    assert value.get() == b"later"


def test_a_stopped_process_is_not_waited_for_without_end(
    holder: subprocess.Popen[str],
) -> None:
    """Who reads or counts does not even notice."""
    value, counter = Shared("held"), Counter("counts")
    begun = time.monotonic()
    with pytest.raises(TimeoutError, match="a stopped process is just writing"):
        value.set(b"never")
    assert time.monotonic() - begun > 1
    assert value.get() == b"before"
    assert counter.add() == counter.value


# -- what it costs to import -------------------------------------------------------


def test_importing_pyshim_imports_nothing_else() -> None:
    """Every process that reaches a hook pays for it."""
    root = Path(__file__).parents[2]
    source = (
        f"import sys; sys.path.insert(0, {str(root)!r}); before = set(sys.modules)\n"
        "import pyshim\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", source],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    assert set(done.stdout.split()) <= {
        "errno", "__future__", "pyshim", "pyshim.marks", "pyshim.run_options",
        "pyshim.shared", "pyshim.verdicts",
    }  # fmt: skip
