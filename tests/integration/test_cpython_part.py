"""CPython's own tests end under the shim as they do bare: the part with time for it.

`make cpython` compares all of them. Whether the comparison notices anything is tested
here too, with a module whose tests do see the shim, crash, hang, or change their minds.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
COMPARE = [sys.executable, str(HERE.parent / "cpython" / "compare.py")]
IN_TIME = ["timeout", "-k", "30", "800"]
"""Asks first: compare.py then ends what it has started."""
PYTHON = getattr(sys, "_base_executable", sys.executable)
OWN = """
import os, signal, time, unittest
from pathlib import Path

class Own(unittest.TestCase):
    def test_a_passes(self): pass
    def test_b_fails(self): self.fail("always")
    def test_c_skips(self): self.skipTest("why not")
    def test_d_subtests(self):
        for number in range(3):
            with self.subTest(number): self.assertLess(number, 2)
    def test_e_crashes(self): os.kill(os.getpid(), signal.SIGSEGV)
    def test_f_sees_the_shim(self): self.assertNotIn("LD_PRELOAD", os.environ)
    def test_g_is_flaky(self):
        seen = Path(__file__).with_name("seen")
        seen.write_text(str(turn := int(seen.read_text()) + 1 if seen.exists() else 0))
        self.assertNotIn(turn, (1, 3))  # the first mode of pyshim's, and bare alone
    def test_h_skips_where_preloaded(self):
        self.skipTest("preloaded" if "LD_PRELOAD" in os.environ else "bare")
    def test_i_forks(self):
        if not (child := os.fork()):
            raise SystemExit(0)  # out of the test, but not of the runner
        os.waitpid(child, 0)
    @unittest.expectedFailure
    def test_j_is_expected(self): self.fail()
"""
HANGS = """
import os, signal, subprocess, unittest
from pathlib import Path

class Hangs(unittest.TestCase):
    def test_a(self):
        child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        Path(__file__).with_name(f"pid{child.pid}").touch()
        os.read(os.pipe()[0], 1)
    def test_b(self): pass
"""


@pytest.fixture(scope="module", autouse=True)
def has_tests() -> None:
    """Debian's python3 comes without them, for one."""
    found = run(PYTHON, "-c", "import test.support", timeout=30)
    if found.returncode:
        pytest.skip(f"{PYTHON} has no test package: {found.stderr.splitlines()[-1]}")


def run(*words: str, timeout: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, capture_output=True, text=True, timeout=timeout, check=False
    )


def compare(
    tmp_path: Path, *words: str, before: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    module = str(tmp_path / "own.py")
    return run(*before, *COMPARE, "--modules", module, *words, timeout=150)


def runs(pid: str) -> bool:
    """One that is dead, and only not waited for yet, does not."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False


@pytest.mark.timeout(900)
def test_part() -> None:
    done = run(*IN_TIME, *COMPARE, "--part", "--jobs", "2", timeout=860)
    assert done.returncode == 0, done.stdout + done.stderr
    *_, sums = done.stdout.splitlines()
    assert int(sums.split()[1]) > 1000, done.stdout


@pytest.mark.timeout(180)
def test_what_differs_is_named_and_told_from_what_is_flaky(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    done = compare(tmp_path, "--modes", "no plugin,full")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "own: 10 tests, 7 same, 1 flaky, 2 DIFFER" in done.stdout
    differs = "own.Own.test_f_sees_the_shim: differs ({}): bare ok [4x]; shimmed fail"
    for mode in ("no plugin", "full"):
        assert differs.format(mode) in done.stdout
    assert "'LD_PRELOAD' unexpectedly found in" in done.stdout
    assert "bare skip: bare [4x]; shimmed skip: preloaded [4x]" in done.stdout
    assert "own.Own.test_g_is_flaky: flaky (no plugin): bare ok [1x]" in done.stdout


@pytest.mark.timeout(180)
def test_a_hang_is_an_outcome_and_nothing_of_it_stays(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(HANGS)
    done = compare(tmp_path, "--timeout", "5", "--modes", "log,full")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "own: 2 tests, 2 same" in done.stdout
    pids = [each.name.removeprefix("pid") for each in tmp_path.glob("pid*")]
    assert len(pids) == 3
    assert not [pid for pid in pids if runs(pid)]


def test_what_can_not_be_compared_is_no_success(tmp_path: Path) -> None:
    done = compare(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "compare: " in done.stderr and "own.py" in done.stderr


def test_symbols_do_not_pass_for_the_full_layer(
    tmp_path: Path, target: Callable[..., str]
) -> None:
    (tmp_path / "own.py").write_text("")
    refused = (target("refuses_prctl"),)
    done = compare(tmp_path, "--modes", "log,full", before=refused)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "compare: full: the shim in it: symbols" in done.stderr
