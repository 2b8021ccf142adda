"""pyshim: see, fail and redirect what an unmodified program asks of the kernel.

This is all that a plugin imports. It is also imported inside target processes, so it
pulls in nothing heavy.
"""

from pyshim.marks import hookimpl
from pyshim.run_options import options
from pyshim.shared import Counter, Shared
from pyshim.verdicts import Args, Delay, Errno, Return, Short

TYPE_CHECKING = False
if TYPE_CHECKING:  # for annotations: nothing of it is loaded
    from pyshim.event import Event as Event
    from pyshim.inside.call import Call
    from pyshim.inside.process import Process
    from pyshim.rules import Rule as Rule
    from pyshim.run import Run as Run
    from pyshim.run_options import Options as Options
    from pyshim.wants import Map as Map

    TargetCall = Call
    TargetProcess = Process

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
