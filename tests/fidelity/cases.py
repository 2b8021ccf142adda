"""All cases."""

from __future__ import annotations

from itertools import chain

import cases_descriptors
import cases_interrupt
import cases_limits
import cases_names
import cases_peers
import cases_ready
import cases_short
import cases_space
from case import Case

CASES: tuple[Case, ...] = tuple(
    chain.from_iterable(
        module.CASES
        for module in (
            cases_space, cases_limits, cases_descriptors, cases_peers,
            cases_interrupt, cases_ready, cases_short, cases_names,
        )
    )
)  # fmt: skip
