"""What tests import: the types behind the fixture `pyshim`, and parametrize_faults.

And, early, what a failure is told by: a test may leave Python unable to import.
"""

from pyshim.hit_record import Hit
from pyshim.testing import sections as _sections  # noqa: F401
from pyshim.testing.files import Files
from pyshim.testing.fixture import Pyshim
from pyshim.testing.result import MadeCall, NeverHit, Result, TimedOut
from pyshim.testing.sites import Fault, parametrize_faults

__all__ = [
    "Fault",
    "Files",
    "Hit",
    "MadeCall",
    "NeverHit",
    "Pyshim",
    "Result",
    "TimedOut",
    "parametrize_faults",
]
