"""Runs tests/targets/stress.c many times, bare and under the full layer in turn.

    python tests/stress.py 1000

Each run under pyshim logs every call. Passed is a run that ends with the same status,
the same stdout and nothing on stderr but what pyshim knows it can't see. What a failed
one said is printed, and where its log is. Exits 1 when one failed.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

TARGET = Path(__file__).parent / "targets" / "stress.c"
FLAGS = ("-Wall", "-Wextra", "-Werror", "-pthread", "-O1", "-g", "-Wl,-z,now")
"""Bound at the start: ld.so, looking a function up in a handler, needs more than is
left of its stack of 8 KiB, and bare it then overwrites what lies below."""
SECONDS = 60
"""After which a run is taken to hang; it takes a third of one."""
EACH = 100
"""Runs after which it says how far it is."""
PYSHIM = (sys.executable, "-m", "pyshim")
KNOWN = re.compile(
    r"pyshim: (coverage: .*|stepped aside .*: the full layer could not be armed in .*"
    r"|lost .* a signal handler jumped away)"
)
"""A raw thread on its parent's thread memory is seen by symbols only; and a handler may
jump away while an event is written."""


def keep(log: Path) -> None:
    if log.exists():
        kept, name = tempfile.mkstemp(prefix="stress-", suffix=".log")
        os.close(kept)
        print("  its log:", shutil.copy(log, name))


def passed(command: Sequence[str]) -> bool:
    """Whether it did what it should. Where not, that is told, and its log kept."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        print(f"hung: {' '.join(command)}")
        return False
    strange = [each for each in done.stderr.splitlines() if not KNOWN.fullmatch(each)]
    if (done.returncode, done.stdout, strange) == (0, "EXIT-SUCCESS\n", []):
        return True
    print(f"status {done.returncode}, stdout {done.stdout!r}", *strange, sep="\n  ")
    if "-o" in command:
        keep(Path(command[command.index("-o") + 1]))
    return False


def told(counts: dict[str, int], times: int) -> None:
    for way, count in counts.items():
        print(f"{way}: {count} of {times} passed", flush=True)


def repeat(ways: dict[str, Sequence[str]], times: int) -> bool:
    """Run them in turn; whether all passed."""
    counts = dict.fromkeys(ways, 0)
    for i in range(1, times + 1):
        for way, command in ways.items():
            counts[way] += passed(command)
        if i % EACH == 0 or i == times:
            told(counts, i)
    return all(count == times for count in counts.values())


def main() -> int:
    """As the module says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("times", type=int, nargs="?", default=1000)
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as folder:
        program, log = f"{folder}/stress", f"{folder}/stress.log"
        subprocess.run(["gcc", *FLAGS, TARGET, "-o", program], check=True, timeout=60)
        pyshim = (*PYSHIM, "--layer=full", "-p", "log", "-o", log)
        ways = {"bare": (program,), "full": (*pyshim, program)}
        return int(not repeat(ways, times))


if __name__ == "__main__":
    sys.exit(main())
