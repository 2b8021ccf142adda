"""The line about long work: only when it is long, and gone when it is done."""

from __future__ import annotations

import io

from pyshim.progress import Progress


class Hand:
    """A clock that we turn."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def shown(*steps: tuple[float, float]) -> list[str]:
    """What a terminal is told; each step: seconds that pass, then how much is done."""
    out, clock = io.StringIO(), Hand()
    progress = Progress(out, "pyshim: writing the log", clock)
    for seconds, share in steps:
        clock.at += seconds
        progress.at(share)
    progress.end()
    return out.getvalue().split("\r")[:-1]


def test_what_is_done_in_two_seconds_is_not_talked_about() -> None:
    assert shown((0.1, 0.01), (0.2, 0.2), (0.5, 0.5), (0.8, 1.0)) == []


def test_what_takes_longer_is() -> None:
    assert shown((1.0, 0.25), (1.0, 0.43), (1.0, 0.999)) == [
        "\x1b[Kpyshim: writing the log: 25 %",
        "\x1b[Kpyshim: writing the log: 43 %",
        "\x1b[Kpyshim: writing the log: 100 %",
        "\x1b[K",
    ]


def test_once_shown_it_stays_to_the_end() -> None:
    assert len(shown((1.0, 0.1), (1.0, 0.9), (0.15, 0.99))) == 4


def test_it_is_not_written_more_often_than_one_can_read() -> None:
    assert len(shown(*((0.001, 0.1 + at / 10000) for at in range(1000)))) < 12


def test_where_there_is_no_terminal_nothing_is_shown() -> None:
    clock = Hand()
    progress = Progress(None, "pyshim: writing the log", clock)
    clock.at += 9.0
    progress.at(0.5)
    progress.end()


def test_nothing_is_said_before_anything_is_done() -> None:
    assert shown((5.0, 0.0)) == []
