"""One warm pyshim for all cases of a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from both_runs import Warm


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    warm = Warm()
    yield warm
    warm.stop()
