"""The spool gives every record back, once, in order, without holding them all."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyshim.spool import NEVER, RECORD, Record, Spool, nameless_file

SMALL = 80
FIELDS_BEHIND_LEFT = (0, 0, -1, 0, 0, 0, 0, 0, 0)


def record(left: int, size: int = SMALL) -> bytes:
    """As the drain thread would write it: `entered` tells records of one time apart."""
    header = RECORD.pack(1, size, 1, 0, 1, 1, 0, left, *FIELDS_BEHIND_LEFT)
    return header.ljust(size, b"\0")


@pytest.fixture
def file() -> Iterator[BinaryIO]:
    with nameless_file() as made:
        yield made


def write(file: BinaryIO, *records: bytes) -> int:
    """Append; returns the size of the file."""
    file.seek(0, io.SEEK_END)
    file.write(b"".join(records))
    file.flush()
    return file.tell()


def rounds(spool: Spool) -> Iterator[list[Record]]:
    while (found := spool.read()) is not None:
        yield found


def times(spool: Spool) -> list[int]:
    return [left for found in rounds(spool) for left, *_ in found]


def test_nothing_comes_before_a_mark_says_that_none_can_be_earlier(
    file: BinaryIO,
) -> None:
    spool = Spool(file)
    write(file, record(30), record(50))
    assert times(spool) == []
    spool.mark(40, write(file, record(20)))
    assert times(spool) == [20, 30]
    spool.mark(60, write(file, record(45)))
    assert times(spool) == [45, 50]
    spool.mark(NEVER, spool.size)
    assert times(spool) == []


def test_a_mark_counts_when_all_it_speaks_of_was_read(file: BinaryIO) -> None:
    spool = Spool(file)
    write(file, *(record(100 + at) for at in range(1000)))
    spool.mark(NEVER, write(file, record(1)))
    assert times(spool) == [1, *range(100, 1100)]


def test_a_record_that_is_half_there_is_waited_for(file: BinaryIO) -> None:
    spool = Spool(file)
    whole = record(2, 4096)
    spool.mark(2, write(file, record(1), whole[:1000]))
    assert times(spool) == [1]
    spool.mark(NEVER, write(file, whole[1000:]))
    assert times(spool) == [2]


def test_a_record_says_where_it_stands(file: BinaryIO) -> None:
    spool = Spool(file)
    sizes = [SMALL, 40000, 96, 20000, SMALL]
    spool.mark(NEVER, write(file, *(record(at, size) for at, size in enumerate(sizes))))
    for found in rounds(spool):
        for left, header, at, data in found:
            assert header == RECORD.unpack_from(data, at)
            assert len(data) - at >= sizes[left] == header[1]


def test_records_of_one_time_stay_as_they_were_written(file: BinaryIO) -> None:
    spool = Spool(file)
    sizes = [80, 96, 112, 128]
    spool.mark(NEVER, write(file, *(record(7, size) for size in sizes)))
    assert [header[1] for found in rounds(spool) for _, header, *_ in found] == sizes


@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.integers(1, 2000)), min_size=1, max_size=200
    )
)
def test_whatever_the_disorder_they_come_sorted(bursts: list[tuple[int, int]]) -> None:
    """Each burst is one chunk's records; the clock goes on by less than they span."""
    now, written = 0, []
    with nameless_file() as file:
        spool = Spool(file)
        for span, size in bursts:
            burst = [now + step for step in range(0, span, 7)]
            written += burst
            write(file, *(record(left, SMALL + size // 16 * 16) for left in burst))
            now += span // 2
        spool.mark(NEVER, spool.size)
        assert times(spool) == sorted(written)


def test_the_whole_trace_is_never_in_memory(file: BinaryIO) -> None:
    """Marked only at the end, which is far away: as after a burst nobody watched."""
    many, behind = 100_000, 700
    disorder = (at - behind if at % 97 == 0 else at for at in range(many))
    spool = Spool(file)
    spool.mark(NEVER, write(file, *(record(behind + left) for left in disorder)))
    given_back, held = 0, 0
    for found in rounds(spool):
        given_back += len(found)
        held = max(held, len(spool._held))
    assert given_back == many
    assert held < many / 10


def test_a_slow_plugin_gets_few_at_a_time_and_they_are_counted(file: BinaryIO) -> None:
    """Also when a mark sets many free at once."""
    many = 3000
    spool = Spool(file)
    write(file, *(record(at) for at in range(1, many)))
    spool.mark(NEVER, write(file, record(0)))
    shares = [0.0]
    for found in rounds(spool):
        assert len(found) < many / 5
        shares.append(spool.share)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_late_record_is_waited_for_however_late(file: BinaryIO) -> None:
    many = 50_000
    spool = Spool(file)
    write(file, *(record(at) for at in range(1, many)))
    spool.mark(NEVER, write(file, record(0)))
    assert times(spool) == list(range(many))


def test_the_file_has_no_name(file: BinaryIO) -> None:
    assert "(deleted)" in str(Path(f"/proc/self/fd/{file.fileno()}").readlink())
