"""What tests import: the types behind the fixture `pyshim`, and parametrize_faults."""

from pyshim.hit_record import Hit
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
