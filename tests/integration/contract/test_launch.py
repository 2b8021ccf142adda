"""launch() as the host uses it: ticks, signals, threads, failures."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

from contract_jobs import run


def launching(body: str) -> subprocess.CompletedProcess[bytes]:
    """A host that is this Python text, with `go(tick, *argv)` to launch."""
    head = """
import os, signal, sys, threading, time
from pyshim.errors import PyshimError
from pyshim.launch import Outcome, end_as, launch, signals_blocked
def go(tick, *argv, **options):
    options = {"timeout": None, "interval": 0.01, **options}
    return launch(argv, os.environ, tick=tick, **options)
"""
    return run([sys.executable, "-c", head + body])


def test_ticks_while_it_runs_and_once_after() -> None:
    done = launching("""
seen = []
def tick():
    with open("/proc/self/task/%d/children" % os.getpid()) as children:
        seen.append(bool(children.read()))
assert go(tick, "sleep", "0.5") == Outcome(0, None, False)
assert seen.pop() is False, "the last one after the end"
assert all(seen) and len(seen) > 10, seen
""")
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_failing_tick_does_not_touch_the_target() -> None:
    done = launching("""
ticks = []
def tick():
    ticks.append(1)
    raise BrokenPipeError("no reader")
try:
    go(tick, "sh", "-c", "sleep 0.3; echo whole")
except BrokenPipeError:
    print(len(ticks))
""")
    assert (done.returncode, done.stdout) == (0, b"whole\n1\n")


def test_a_signal_during_a_long_tick_is_not_lost() -> None:
    done = launching("""
sent = []
def tick():
    if not sent:
        sent.append(1)
        os.posix_spawn("/bin/kill", ["kill", "-TERM", str(os.getpid())], os.environ)
        time.sleep(0.5)
print(go(tick, "sleep", "600", timeout=20))
""")
    assert done.stdout == b"Outcome(status=None, signal=15, timed_out=False)\n"


def test_a_thread_started_with_signals_blocked_takes_none() -> None:
    done = launching("""
with signals_blocked():
    for _ in range(4):
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
outcome = go(lambda: os.kill(os.getpid(), signal.SIGUSR1), "sleep", "600")
print(outcome)
""")
    assert done.returncode == 0
    assert done.stdout == b"Outcome(status=None, signal=10, timed_out=False)\n"


def test_the_outcome_taken_by_another_thread_is_an_error_not_a_guess() -> None:
    done = launching("""
def thief():
    os.waitpid(-1, 0)
def tick():
    if not started:
        started.append(1)
        thread = threading.Thread(target=thief)
        thread.start()
        thread.join()
started = []
try:
    go(tick, "true")
except PyshimError as error:
    print(error)
""")
    assert b"exit status was collected" in done.stdout


def test_no_process_to_be_had_is_pyshims_own_failure() -> None:
    done = launching("""
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
try:
    go(lambda: None, "true")
except PyshimError as error:
    print(error)
""")
    reason = os.strerror(errno.EMFILE)
    assert done.stdout.decode() == f"cannot start a process: {reason}\n"


def test_a_broken_stdout_of_the_host_keeps_the_status() -> None:
    done = launching("""
os.close(1)
os.open("/dev/full", os.O_WRONLY)
sys.stdout = open(1, "w", closefd=False)
print("lost")
end_as(Outcome(5, None, False))
""")
    assert done.returncode == 5
