"""What the shim's clock ticks mean in nanoseconds."""

from __future__ import annotations

import time
from dataclasses import dataclass

from pyshim._host import lib


@dataclass(slots=True)
class Clock:
    """Turns ticks into nanoseconds since the epoch, from two readings of both."""

    tsc: bool
    ticks0: int = 0
    ns0: int = 0
    rate: float = 1.0
    """Nanoseconds a tick."""

    def start(self) -> None:
        """Take the first reading."""
        self.ticks0, self.ns0 = self._both()

    def adjust(self) -> None:
        """Measure the rate over the time since `start`."""
        ticks, ns = self._both()
        if self.tsc and ticks > self.ticks0:
            self.rate = (ns - self.ns0) / (ticks - self.ticks0)

    def _both(self) -> tuple[int, int]:
        return int(lib.host_ticks(self.tsc)), time.time_ns()

    def when(self, ticks: int) -> int:
        """The time of day of one reading."""
        return self.ns0 + round((ticks - self.ticks0) * self.rate)

    def took(self, ticks: int) -> int:
        """How long a number of ticks is."""
        return round(ticks * self.rate)


def clock_is_tsc() -> bool:
    """Whether the kernel itself trusts the time-stamp counter of this machine."""
    source = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
    try:
        with open(source, encoding="ascii") as file:
            return file.read().strip() == "tsc"
    except OSError:
        return False
