"""Ticks as times: right, and never going back while the rate becomes better known."""

from __future__ import annotations

import time

from pyshim._host import lib
from pyshim.clock import Clock, clock_is_tsc

CLOSE = 10_000_000


def test_a_later_moment_never_gets_a_smaller_number() -> None:
    clock = Clock(clock_is_tsc())
    clock.start()
    last = 0
    for _ in range(2000):
        early, late = (int(lib.host_ticks(clock.tsc)) for _ in range(2))
        clock.adjust()
        assert last <= clock.when(early) <= clock.when(late)
        last = clock.when(late)
        clock.keep(late)


def test_times_are_those_of_the_wall() -> None:
    clock = Clock(clock_is_tsc())
    clock.start()
    for _ in range(100):
        clock.adjust()
        before = time.time_ns()
        now = clock.when(int(lib.host_ticks(clock.tsc)))
        assert before - CLOSE <= now <= time.time_ns() + CLOSE
        clock.keep(int(lib.host_ticks(clock.tsc)))
