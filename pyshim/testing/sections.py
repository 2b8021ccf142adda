"""What pyshim adds to the report of a test that failed."""

from __future__ import annotations

import errno
import traceback
from typing import TYPE_CHECKING

from pyshim.errors import PyshimError
from pyshim.testing.report import report, told

if TYPE_CHECKING:
    import pytest

    from pyshim.hit_record import Hit
    from pyshim.testing.fixture import Pyshim
    from pyshim.testing.marked import Marked


def sections(
    fixture: Pyshim | None, marked: Marked | None, call: pytest.CallInfo[None]
) -> list[tuple[str, str]]:
    """One for the marker, one for each run."""
    found = []
    if marked is not None:
        found.append(("pyshim faults", "\n".join(_of_marker(marked, call))))
    for result in fixture.runs if fixture else ():
        found.append(("pyshim run", report(result)))
    return found


def _of_marker(marked: Marked, call: pytest.CallInfo[None]) -> list[str]:
    lines = [f"rule: {rule}" for rule in marked.rules]
    try:
        hits = marked.hits()
    except (OSError, PyshimError) as failure:
        # A test that has used up all descriptors must not end the whole session.
        return [*lines, f"its hits are not known: {failure}"]
    lines += told(hits, marked.modules)
    error = call.excinfo.value if call.excinfo else None
    if isinstance(error, OSError) and error.errno and _explains(hits, error.errno):
        frame = traceback.extract_tb(error.__traceback__)[-1]
        lines.append(f"hit: seen by Python at {frame.filename}:{frame.lineno}")
    return lines if hits else [*lines, "no hit"]


def _explains(hits: tuple[Hit, ...], number: int) -> bool:
    return any(getattr(errno, hit.errno or "_", 0) == number for hit in hits)
