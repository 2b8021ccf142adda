"""pyshim: see, fail and redirect what an unmodified program asks of the kernel.

This is all that a plugin imports. It is also imported inside target processes, so it
pulls in nothing heavy.
"""

from pyshim.marks import hookimpl
from pyshim.run_options import options
from pyshim.shared import Counter, Shared
from pyshim.verdicts import Args, Delay, Errno, Return, Short

__all__ = [
    "Args",
    "Counter",
    "Delay",
    "Errno",
    "Return",
    "Shared",
    "Short",
    "__version__",
    "hookimpl",
    "options",
]

__version__ = "0.1.0"
