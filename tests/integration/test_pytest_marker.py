"""`@pytest.mark.faults`: the calls of a test itself, and of what it starts, fail."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pytests import PYTEST, WRITES, check, pytest_on


def test_faults_are_on_during_their_test_alone(tmp_path: Path) -> None:
    source = f"""
{WRITES}
def test_before(tmp_path):
    assert write(tmp_path / "x") == 1

@pytest.mark.faults("write:error=ENOSPC")
def test_with(tmp_path):
    with pytest.raises(OSError) as error:
        write(tmp_path / "x")
    assert error.value.errno == errno.ENOSPC

def test_behind(tmp_path):
    assert write(tmp_path / "x") == 1
"""
    session = pytest_on(tmp_path, source)
    check(session, passed=3)
    assert (session.status, session.starts) == (0, 1)
    assert session.stderr == "pyshim: coverage: 1 of 1 process, layer full\n"
    assert not list(tmp_path.glob("pyshim-*"))


@pytest.mark.long
def test_fixtures_are_not_hit(tmp_path: Path) -> None:
    source = f"""
{WRITES}
@pytest.fixture
def wrote(tmp_path):
    assert write(tmp_path / "before") == 1
    yield tmp_path
    assert write(tmp_path / "behind") == 1

@pytest.mark.faults("write:error=EIO")
def test_it(wrote):
    with pytest.raises(OSError):
        write(wrote / "x")
"""
    check(pytest_on(tmp_path, source), passed=1)


def test_calls_of_c_and_of_children(tmp_path: Path) -> None:
    source = """
@pytest.mark.faults("read:error=EIO:fd=0")
def test_c():
    assert libc.read(0, ctypes.create_string_buffer(1), 1) == -1
    assert ctypes.get_errno() == errno.EIO

@pytest.mark.faults("openat:error=EMFILE:path=**/wanted")
def test_child(tmp_path):
    done = subprocess.run(["cat", tmp_path / "wanted"], stderr=-1, text=True)
    assert "Too many open files" in done.stderr
"""
    check(pytest_on(tmp_path, source), passed=2)


def test_each_test_counts_from_one(tmp_path: Path) -> None:
    source = f"""
{WRITES}
@pytest.mark.parametrize("again", range(3))
@pytest.mark.faults("write:error=EIO:when=2:path=**/x*")
def test_it(tmp_path, again):
    assert write(tmp_path / "x1") == 1
    with pytest.raises(OSError):
        write(tmp_path / "x2")
    assert write(tmp_path / "x3") == 1
"""
    check(pytest_on(tmp_path, source), passed=3)


@pytest.mark.long
def test_several_rules_of_class_and_function(tmp_path: Path) -> None:
    source = f"""
{WRITES}
@pytest.mark.faults("write:error=EIO:path=**/x")
class TestIt:
    @pytest.mark.faults("mkdir:error=EROFS", "fault=rmdir:error=EBUSY")
    def test_all(self, tmp_path):
        for call in (lambda: write(tmp_path / "x"), lambda: os.mkdir("d"),
                     lambda: os.rmdir("/none")):
            with pytest.raises(OSError):
                call()

    def test_one(self, tmp_path):
        os.mkdir(tmp_path / "d")
        with pytest.raises(OSError):
            write(tmp_path / "x")
"""
    check(pytest_on(tmp_path, source), passed=2)


def test_the_hits_of_a_test(tmp_path: Path) -> None:
    source = f"""
{WRITES}
@pytest.mark.faults("write:error=EIO:path=**/x", "mkdir:error=EROFS")
def test_it(tmp_path, pyshim):
    assert pyshim.hits == ()
    with pytest.raises(OSError):
        write(tmp_path / "x")
    with pytest.raises(OSError):
        os.mkdir("d")
    assert [(hit.call, hit.errno) for hit in pyshim.hits] == [
        ("write", "EIO"), ("mkdir", "EROFS")]

@pytest.mark.faults("mkdir:error=EROFS")
def test_another(pyshim):
    with pytest.raises(OSError):
        os.mkdir("d")
    assert [hit.call for hit in pyshim.hits] == ["mkdir"]
"""
    check(pytest_on(tmp_path, source), passed=2)


@pytest.mark.long
def test_a_pytest_that_is_a_script(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("pytest")
    session = pytest_on(tmp_path, MARKED, command=(str(script), *PYTEST[3:]))
    check(session, failed=1)
    assert session.starts == 1


@pytest.mark.long
def test_in_a_child_by_fork(tmp_path: Path) -> None:
    """As plugins do that run each test in a process of its own."""
    (tmp_path / "conftest.py").write_text(FORKS)
    check(pytest_on(tmp_path, MANY), passed=12)


@pytest.mark.long
def test_unittest_functions(tmp_path: Path) -> None:
    source = """
import unittest

class TestIt(unittest.TestCase):
    @pytest.mark.faults("mkdir:error=EROFS")
    def test_marked(self):
        with self.assertRaises(OSError):
            os.mkdir("d")

    def test_plain(self):
        os.mkdir("d")
"""
    check(pytest_on(tmp_path, source), passed=2)


# -- never a silent pass -----------------------------------------------------------


def test_a_fault_that_never_fired_fails_the_test(tmp_path: Path) -> None:
    source = """
@pytest.mark.faults("mkdir:error=EIO", "rmdir:error=EIO")
def test_it():
    with pytest.raises(OSError):
        os.mkdir("d")

@pytest.mark.faults("mkdir:error=EIO", require_hit=False)
def test_allowed():
    pass
"""
    session = pytest_on(tmp_path, source)
    check(session, failed=1, passed=1)
    assert "never fired: inject=rmdir:error=EIO; the test proves" in session.stdout
    assert "(require_hit=False allows it)" in session.stdout


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ('"mkdri:error=EIO"', "unknown call 'mkdri'; did you mean 'mkdir'?"),
        ('"mkdir:error=EIO:name=x"', "'inject=mkdir:error=EIO:name=x': names"),
        ("", "the marker faults needs rules"),
        ("3", "the marker faults needs rules"),
        ('"mkdir:error=EIO", requires=1', "the marker faults knows no requires="),
    ],
)
def test_a_marker_that_cannot_be_meant(tmp_path: Path, mark: str, message: str) -> None:
    source = f"""
@pytest.mark.faults({mark})
def test_it():
    pass

def test_plain():
    pass
"""
    session = pytest_on(tmp_path, source)
    check(session, error=1, passed=1)
    assert f"faults can't be armed: {message}" in session.stdout


def test_pytest_called_by_a_program(tmp_path: Path) -> None:
    """That program can't be run again by a plugin."""
    (tmp_path / "own.py").write_text(
        "import pytest, sys\nprint('once')\nsys.exit(pytest.main(sys.argv[1:]))\n"
    )
    source = """
@pytest.mark.faults("mkdir:error=EIO", require_hit=False)
def test_marked():
    pass

def test_plain():
    pass
"""
    command = (sys.executable, "own.py", *PYTEST[3:])
    session = pytest_on(tmp_path, source, command=command)
    check(session, error=1, passed=1)
    assert (session.starts, session.stdout.count("once")) == (0, 1)
    assert "can't be armed: pytest.main() was called in a process" in session.stdout


def test_a_marker_that_comes_too_late(tmp_path: Path) -> None:
    source = """
@pytest.mark.faults("rmdir:error=EIO", require_hit=False)
def test_known():
    pass

@pytest.fixture(autouse=True)
def later(request):
    if request.node.name == "test_late":
        request.node.add_marker(pytest.mark.faults("mkdir:error=EIO"))

def test_late():
    assert 0, "ran"
"""
    session = pytest_on(tmp_path, source)
    check(session, failed=1, passed=1)
    assert "faults can't be armed: a marker that came too late" in session.stdout
    assert "AssertionError" not in session.stdout


@pytest.mark.long
def test_run_in_a_marked_test(tmp_path: Path) -> None:
    source = """
@pytest.mark.faults("mkdir:error=EIO", require_hit=False)
def test_marked(pyshim):
    pyshim.run("true")

def test_plain(pyshim):
    done = pyshim.run("mkdir d", faults="mkdir:error=EROFS")
    assert "Read-only file system" in done.stderr
"""
    session = pytest_on(tmp_path, source)
    check(session, failed=1, passed=1)
    assert "pyshim.run in a test that is marked with faults" in session.stdout


# -- when nobody asked -------------------------------------------------------------


FORKS = """
import os, pytest
from _pytest.runner import runtestprotocol

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    child = os.fork()
    if not child:
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        os._exit(sum(report.failed for report in reports))
    outcome = "failed" if os.waitpid(child, 0)[1] else "passed"
    report = pytest.TestReport(item.nodeid, item.location, {}, outcome, None, "call")
    item.ihook.pytest_runtest_logreport(report=report)
    return True
"""
PLAIN = "def test_plain():\n    assert 'PYSHIM_RUN' not in os.environ\n"
MARKED = '@pytest.mark.faults("mkdir:error=EIO")\ndef test_marked():\n    pass\n'


def test_nothing_happens_without_marked_tests(tmp_path: Path) -> None:
    session = pytest_on(tmp_path, PLAIN)
    check(session, passed=1)
    assert (session.starts, session.stderr) == (0, "")
    deselected = pytest_on(tmp_path, PLAIN + MARKED, "-k", "plain")
    assert (deselected.status, deselected.starts) == (0, 0)
    listed = pytest_on(tmp_path, PLAIN + MARKED, "--collect-only")
    assert (listed.status, listed.starts) == (0, 0)
    broken = pytest_on(tmp_path, MARKED + "raise SystemError\n")
    assert (broken.status, broken.starts) == (2, 0)


def test_nothing_heavy_is_loaded(tmp_path: Path) -> None:
    source = """
def test_it():
    heavy = {"pyshim.testing", "pyshim.calls", "cffi", "elftools", "_cffi_backend"}
    assert not heavy & set(sys.modules)
"""
    check(pytest_on(tmp_path, source), passed=1)


def test_the_marker_is_known(tmp_path: Path) -> None:
    session = pytest_on(tmp_path, PLAIN, "--strict-markers", "--markers")
    assert "@pytest.mark.faults(*rules, require_hit=True): " in session.stdout


@pytest.mark.long
@pytest.mark.parametrize("options", [["-s"], ["--capture=sys"], ["-x", "-v"]], ids=str)
def test_with_other_options(tmp_path: Path, options: list[str]) -> None:
    source = """
@pytest.mark.faults("mkdir:error=EROFS")
def test_it(capfd):
    with pytest.raises(OSError):
        os.mkdir("d")
"""
    check(pytest_on(tmp_path, source, *options), passed=1)


def test_the_exit_status_is_pytests(tmp_path: Path) -> None:
    assert pytest_on(tmp_path, MARKED).status == 1
    assert pytest_on(tmp_path, MARKED, "--maxfail=x").status == 4


# -- pytest-xdist ------------------------------------------------------------------


MANY = f"""
{WRITES}
@pytest.mark.parametrize("number", range(6))
@pytest.mark.faults("write:error=ENOSPC:path=**/x")
def test_marked(tmp_path, number, pyshim):
    with pytest.raises(OSError):
        write(tmp_path / "x")
    assert len(pyshim.hits) == 1

@pytest.mark.parametrize("number", range(6))
def test_plain(tmp_path, number):
    for _ in range(200):
        assert write(tmp_path / "x") == 1
"""


def test_workers_have_a_shim_each(tmp_path: Path) -> None:
    """One's faults don't hit the other's tests."""
    session = pytest_on(tmp_path, MANY, "-n", "2")
    check(session, passed=12)
    assert (session.status, session.starts) == (0, 1)
    assert not list(tmp_path.glob("pyshim-*"))


@pytest.mark.long
def test_workers_without_marked_tests(tmp_path: Path) -> None:
    session = pytest_on(tmp_path, PLAIN, "-n", "2")
    check(session, passed=1)
    assert session.starts == 0


@pytest.mark.long
def test_a_worker_that_dies_is_replaced_under_a_shim(tmp_path: Path) -> None:
    source = """
@pytest.mark.faults("mkdir:error=EROFS")
@pytest.mark.parametrize("number", range(4))
def test_marked(number):
    with pytest.raises(OSError):
        os.mkdir("d")
    if number == 1:
        os._exit(3)
"""
    check(pytest_on(tmp_path, source, "-n", "1"), failed=1, passed=3)


@pytest.mark.long
def test_workers_of_a_pytest_that_a_program_called(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "import pytest, sys\nsys.exit(pytest.main(sys.argv[1:]))\n"
    )
    command = (sys.executable, "own.py", *PYTEST[3:])
    session = pytest_on(tmp_path, PLAIN + MARKED, "-n", "2", command=command)
    check(session, error=1, passed=1)
    assert "can't be armed: pytest was not started again" in session.stdout
