"""The signals of the host while the target runs: held, told apart, passed on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from pyshim._proctree import sent_from_below, state
from pyshim._start import Inherited

_S = signal.Signals
_OWN = {
    # A fault of the host's own must kill it at once, with Python's faulthandler.
    *(_S.SIGILL, _S.SIGTRAP, _S.SIGBUS, _S.SIGFPE, _S.SIGSEGV, _S.SIGSYS),
    # About the host's own writes and CPU time.
    *(_S.SIGPIPE, _S.SIGXFSZ, _S.SIGXCPU),
    # Sent to the whole group; the host may stop with it. KILL and STOP can't be held.
    *(_S.SIGTTIN, _S.SIGTTOU, _S.SIGKILL, _S.SIGSTOP),
}
_HELD = frozenset(signal.valid_signals()) - _OWN
_SI_KERNEL = 0x80


@contextmanager
def signals_held() -> Iterator[Inherited]:
    """Hold all signals for the loop to fetch, give back what was found.

    What is left over at the end was meant for a target that is gone: were it delivered,
    the Ctrl-C that ended the target would be a KeyboardInterrupt here.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)
    # With an inherited SIG_IGN the kernel would throw the target's status away.
    sigchld = signal.signal(_S.SIGCHLD, signal.SIG_DFL)
    try:
        yield Inherited(mask, sigchld)
    finally:
        while signal.sigtimedwait(_HELD, 0) is not None:
            pass
        if sigchld is not None:
            signal.signal(_S.SIGCHLD, sigchld)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def pass_on_all(pid: int) -> None:
    while (received := signal.sigtimedwait(_HELD, 0)) is not None:
        _pass_on(received, pid)


def _pass_on(received: signal.struct_siginfo, pid: int) -> None:
    number = received.si_signo
    if number == _S.SIGCHLD:
        return
    if received.si_code == _SI_KERNEL:
        wanted = _only_ours(number)
    elif number == _S.SIGCONT:
        # `fg` sends it to the group: a target that runs again has had it.
        wanted = state(pid) == "T"
    else:
        # From below it was for the whole group (`kill 0`): the target has had it.
        wanted = not sent_from_below(received.si_pid, pid)
    if wanted:
        # Not reaped yet, so the pid can't be another's. Forbidden: then to the sender
        # of the signal it would have been, too.
        with suppress(PermissionError):
            os.kill(pid, number)


def _only_ours(number: int) -> bool:
    """Whether a signal of the kernel's has come to the host alone.

    An alarm set before pyshim's exec was meant for what runs now; a hang-up of the
    terminal, HUP and CONT, goes to the session's leader and to nobody else.
    """
    if number in (_S.SIGHUP, _S.SIGCONT):
        return os.getsid(0) == os.getpid()
    return number == _S.SIGALRM


def stop_along(pid: int, number: int) -> None:
    """Stop with the signal that stopped the target; returns when continued.

    The SIGCONT that continues us waits to be passed on. One that is here already, or a
    target that runs again, means that we are late: stopping now would be for ever.
    """
    if _S.SIGCONT in signal.sigpending() or state(pid) != "T":
        return
    if number != _S.SIGSTOP:
        signal.signal(number, signal.SIG_DFL)
    # In this order: while blocked, the terminal's SIGTSTP and this one are one.
    os.kill(os.getpid(), number)
    mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
