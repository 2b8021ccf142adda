"""`@pytest.mark.faults`: the rules of one test are no other's, nor the session's."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from pytests import PYTEST, WRITES, check, pytest_on

REFUSED = """
@pytest.mark.faults("mkdir:error=EROFS")
def test_refused():
    with pytest.raises(OSError):
        os.mkdir("d")
"""


@pytest.mark.parametrize(
    "rule", ["quota=10000:path=**/x*", "mkdir:error=EROFS:since=**/x*"]
)
def test_quota_and_since_begin_with_the_test(tmp_path: Path, rule: str) -> None:
    source = f"""
{WRITES}
@pytest.mark.faults({rule!r})
@pytest.mark.parametrize("again", range(2))
def test_it(tmp_path, again):
    os.mkdir(tmp_path / "before")
    assert write(tmp_path / "x1", b"x" * 8000) == 8000
    with pytest.raises(OSError):
        os.mkdir(tmp_path / "behind")
        write(tmp_path / "x2", b"x" * 4096)
        write(tmp_path / "x3", b"x" * 4096)
"""
    check(pytest_on(tmp_path, source), passed=2)


@pytest.mark.long
def test_the_time_of_during_begins_with_the_test(tmp_path: Path) -> None:
    """The second test is more than the half second behind the start of the run."""
    source = f"""
{WRITES}
import time
@pytest.mark.faults("mkdir:error=EROFS:during=..500ms")
@pytest.mark.parametrize("again", range(2))
def test_it(tmp_path, again):
    with pytest.raises(OSError):
        os.mkdir(tmp_path / "d")
    end = time.monotonic() + 30
    while not (tmp_path / "d").exists():
        assert time.monotonic() < end
        try:
            os.mkdir(tmp_path / "d")
        except OSError:
            pass
"""
    check(pytest_on(tmp_path, source), passed=2)


def test_more_rules_than_a_run_can_have(tmp_path: Path) -> None:
    source = """
@pytest.mark.parametrize("number", [pytest.param(
    n, marks=pytest.mark.faults(f"mkdir:error=EROFS:path=**/d{n}")) for n in range(256)
])
def test_it(tmp_path, number):
    with pytest.raises(OSError):
        os.mkdir(tmp_path / f"d{number}")
"""
    session = pytest_on(tmp_path, source)
    check(session, passed=255, error=1)
    assert "more than a run can have: inject=mkdir:error=EROFS:path=**/d255" in (
        session.stdout
    )


@pytest.mark.long
def test_more_since_than_a_run_can_have(tmp_path: Path) -> None:
    source = """
@pytest.mark.parametrize("number", [pytest.param(n, marks=pytest.mark.faults(
    f"mkdir:error=EROFS:since=/none{n}", require_hit=False)) for n in range(65)
])
def test_it(number):
    pass
"""
    check(pytest_on(tmp_path, source), passed=64, error=1)


def test_a_function_that_is_nowhere_is_one_tests_error(tmp_path: Path) -> None:
    source = f"""
@pytest.mark.faults("mkdir:error=EROFS:caller=no_such_function")
def test_nowhere():
    pass
{REFUSED}"""
    session = pytest_on(tmp_path, source)
    check(session, passed=1, error=1)
    assert "can't be armed: caller=no_such_function: no such" in session.stdout


def test_a_hit_tells_the_rule_as_it_was_given(tmp_path: Path) -> None:
    source = """
@pytest.mark.faults("mkdir:error=EROFS")
def test_it(pyshim):
    with pytest.raises(OSError):
        os.mkdir("d")
    assert [hit.rule for hit in pyshim.hits] == ["inject=mkdir:error=EROFS"]

@pytest.mark.faults("mkdir:error=EROFS:path=/backslash\\\\\\\\", require_hit=False)
def test_of_another():
    pass
"""
    check(pytest_on(tmp_path, source), passed=2)


def test_each_marker_says_whether_its_rules_have_to_fire(tmp_path: Path) -> None:
    source = """
@pytest.mark.faults("mkdir:error=EROFS", require_hit=False)
class TestLax:
    @pytest.mark.faults("rmdir:error=EROFS")
    def test_one(self):
        with pytest.raises(OSError):
            os.rmdir("/none")

@pytest.mark.faults("mkdir:error=EROFS")
class TestStrict:
    @pytest.mark.faults("rmdir:error=EROFS", require_hit=False)
    def test_two(self):
        pass
"""
    session = pytest_on(tmp_path, source)
    check(session, passed=1, failed=1)
    assert "never fired: inject=mkdir:error=EROFS; the test" in session.stdout


# -- neither silent nor loud for nothing -------------------------------------------


def test_an_xfail_hides_nothing_that_proves_nothing(tmp_path: Path) -> None:
    source = """
@pytest.mark.xfail
@pytest.mark.faults("mkdir:error=EROFS")
def test_never():
    pass

@pytest.mark.xfail
@pytest.mark.faults("mkdri:error=EROFS")
def test_unknown():
    pass

@pytest.mark.xfail
@pytest.mark.faults("mkdir:error=EROFS")
def test_expected():
    os.mkdir("d")
"""
    session = pytest_on(tmp_path, source)
    check(session, failed=1, error=1)
    assert "1 xfailed" in session.last


@pytest.mark.long
def test_what_is_skipped_need_not_be_armed(tmp_path: Path) -> None:
    source = """
@pytest.mark.skip
@pytest.mark.faults("mkdri:error=EROFS")
def test_it():
    pass
"""
    check(pytest_on(tmp_path, source), skipped=1)


def test_a_unittests_setup_is_not_hit(tmp_path: Path) -> None:
    source = """
import tempfile, unittest

@pytest.mark.faults("mkdir:error=EROFS:when=1")
class TestIt(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=".")

    def tearDown(self):
        os.mkdir(self.folder + "/d")

    def test_it(self):
        with self.assertRaises(OSError):
            os.mkdir(self.folder + "/d")

    def test_skipped(self):
        self.skipTest("no")

class TestAsync(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.folder = tempfile.mkdtemp(dir=".")

    @pytest.mark.faults("mkdir:error=EROFS")
    async def test_it(self):
        with self.assertRaises(OSError):
            os.mkdir(self.folder + "/d")

    @pytest.mark.faults("mkdir:error=EROFS")
    async def test_never(self):
        pass
"""
    check(pytest_on(tmp_path, source), passed=2, skipped=1, failed=1)


@pytest.mark.parametrize(
    "broken",
    [
        'monkeypatch.setattr("pathlib.Path.open", refuse)',
        'monkeypatch.setattr(os, "stat", refuse)\n'
        '    monkeypatch.setattr("builtins.open", refuse)\n'
        '    monkeypatch.setattr("time.sleep", refuse)\n'
        '    monkeypatch.setattr(os, "getppid", refuse)',
    ],
)
def test_a_failure_of_a_test_that_has_broken_python(
    tmp_path: Path, broken: str
) -> None:
    """All the same it is told who was hit."""
    source = f"""
def refuse(*args, **named):
    raise OSError("broken")

@pytest.mark.faults("mkdir:error=EROFS")
def test_it(monkeypatch):
    with pytest.raises(OSError):
        os.mkdir("d")
    {broken}
    assert 0

def test_behind():
    pass
"""
    session = pytest_on(tmp_path, source)
    check(session, failed=1, passed=1)
    assert "hit: mkdir = -1 EROFS" in session.stdout


@pytest.mark.long
def test_a_failure_with_no_descriptor_left(tmp_path: Path) -> None:
    source = """
@pytest.mark.faults("mkdir:error=EROFS")
def test_it():
    with pytest.raises(OSError):
        os.mkdir("d")
    kept = []
    try:
        while True:
            kept.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    globals()["kept"] = kept
    assert 0

def test_behind():
    for each in kept:
        os.close(each)
"""
    session = pytest_on(tmp_path, source)
    check(session, failed=1, passed=1)
    assert "its hits are not known: [Errno 24]" in session.stdout


@pytest.mark.long
def test_more_hits_than_are_told_in_a_while(tmp_path: Path) -> None:
    """The next test waits for as long as pyshim goes on telling."""
    source = """
@pytest.mark.faults("lseek:delay_enter=1")
def test_many():
    for _ in range(120_000):
        libc.lseek(0, 0, 1)

@pytest.mark.faults("mkdir:error=EROFS")
def test_behind(pyshim):
    with pytest.raises(OSError):
        os.mkdir("d")
    assert len(pyshim.hits) == 1
"""
    check(pytest_on(tmp_path, source), passed=2)


def test_a_pytest_that_dies_leaves_no_folder(tmp_path: Path) -> None:
    source = """
@pytest.mark.faults("mkdir:error=EROFS")
def test_it():
    os._exit(7)
"""
    assert pytest_on(tmp_path, source).status == 7
    assert not list(tmp_path.glob("pyshim-*"))


def test_a_child_that_goes_on_to_the_end(tmp_path: Path) -> None:
    """What is its parent's stays."""
    source = """
@pytest.mark.faults("mkdir:error=EROFS")
def test_it(pyshim):
    with pytest.raises(OSError):
        os.mkdir("d")
    if not os.fork():
        return
    os.wait()
    assert len(pyshim.hits) == 1
"""
    check(pytest_on(tmp_path, source), passed=1)


@pytest.mark.long
def test_a_pytest_by_the_name_that_distributions_give_it(tmp_path: Path) -> None:
    script = shutil.copy(
        Path(sys.executable).with_name("pytest"), tmp_path / "pytest-3"
    )
    check(pytest_on(tmp_path, REFUSED, command=(str(script), *PYTEST[3:])), passed=1)
