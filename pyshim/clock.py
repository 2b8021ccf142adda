"""What the shim's clock ticks mean in nanoseconds."""

from __future__ import annotations

import time
from dataclasses import dataclass

from pyshim._host import lib

_TRIES = 8


@dataclass(frozen=True, slots=True)
class _Reading:
    """Both clocks at one moment; `doubt` is how many ticks long that took."""

    ticks: int
    ns: int
    doubt: int


@dataclass(slots=True)
class Clock:
    """Turns ticks into nanoseconds since the epoch, by comparing both now and then.

    Of two moments the later one never gets the smaller number, though the rate becomes
    better known with time: `keep` pins down what was given out.
    """

    tsc: bool
    _start: _Reading = _Reading(0, 0, 0)
    _kept: tuple[int, int] = (0, 0)
    _rate: float = 1.0
    """Nanoseconds a tick."""

    def start(self) -> None:
        """Take the first reading."""
        self._start = self._read()
        self._kept = self._start.ticks, self._start.ns

    def adjust(self) -> None:
        """Measure the rate over the time since `start`."""
        now = self._read()
        if self.tsc and now.ticks > self._start.ticks:
            self._rate = (now.ns - self._start.ns) / (now.ticks - self._start.ticks)

    def keep(self, ticks: int) -> None:
        """Leave all moments before this one as they are from now on."""
        if ticks > self._kept[0]:
            self._kept = ticks, self.when(ticks)

    def when(self, ticks: int) -> int:
        """Nanoseconds since the epoch."""
        return self._kept[1] + round((ticks - self._kept[0]) * self._rate)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """`when` of the first, and how long after it is that of the second."""
        ticks, ns = self._kept
        began = ns + round((start - ticks) * self._rate)
        return began, ns + round((end - ticks) * self._rate) - began

    def _read(self) -> _Reading:
        """The best of a few: we may lose the processor between the two clocks."""
        return min((self._read_once() for _ in range(_TRIES)), key=lambda r: r.doubt)

    def _read_once(self) -> _Reading:
        before = int(lib.host_ticks(self.tsc))
        ns = time.time_ns()
        after = int(lib.host_ticks(self.tsc))
        return _Reading((before + after) // 2, ns, after - before)


def clock_is_tsc() -> bool:
    """Whether the kernel itself trusts the time-stamp counter of this machine."""
    source = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
    try:
        with open(source, encoding="ascii") as file:
            return file.read().strip() == "tsc"
    except OSError:
        return False
