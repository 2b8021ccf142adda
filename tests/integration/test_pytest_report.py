"""What pytest shows of a test with faults that failed; and parametrize_faults."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from pytests import pytest_on

COPY = """
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static int flush(int fd, const char *buf, int size)
{
	return write(fd, buf, size);
}

int main(void)
{
	char buf[64];
	int got = read(0, buf, sizeof(buf));

	if (got < 0 && errno == EINTR)
		got = read(0, buf, sizeof(buf));
	return got < 0 || flush(1, buf, got) < 0;
}
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A program with debug information; line 8 writes, lines 14 and 17 read."""
    source = tmp_path / "copy.c"
    source.write_text(COPY.lstrip())
    words = ["gcc", "-g", "-O0", source, "-o", tmp_path / "copy"]
    subprocess.run(words, check=True, timeout=60)
    return tmp_path / "copy"


def line_of(text: str) -> int:
    lines = COPY.lstrip().splitlines()
    return next(n for n, line in enumerate(lines, 1) if text in line)


def test_the_rule_the_hit_and_its_caller(tmp_path: Path, copy: Path) -> None:
    source = """
def test_it(pyshim):
    done = pyshim.run(["./copy"], faults="write:error=ENOSPC", input="x")
    assert done.status == 0
"""
    lines = pytest_on(tmp_path, source).stdout.splitlines()
    assert "command: ./copy" in lines
    assert "ended: status 1" in lines
    assert "rule: inject=write:error=ENOSPC" in lines
    (hit,) = (line for line in lines if line.startswith("hit: "))
    assert hit.startswith("hit: write = -1 ENOSPC (call 1) in flush")
    if shutil.which("addr2line"):
        assert f" at {copy}.c:{line_of('return write')} [copy+0x" in hit
    assert hit.endswith("], process 1 copy")


def test_the_line_of_a_python_program(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import os\n\nos.mkdir('d')\n")
    source = """
def test_it(pyshim):
    done = pyshim.run([sys.executable, "app.py"], faults="mkdir:error=EROFS")
    assert done.status == 0
"""
    session = pytest_on(tmp_path, source)
    assert f"hit: seen by Python at {tmp_path}/app.py:3" in session.stdout


def test_the_line_of_a_marked_test(tmp_path: Path) -> None:
    source = """
def make():
    os.mkdir("d")

@pytest.mark.faults("mkdir:error=EROFS")
def test_it():
    make()
"""
    session = pytest_on(tmp_path, source)
    assert session.outcomes == {"failed": 1}
    assert "pyshim faults" in session.stdout
    assert "rule: inject=mkdir:error=EROFS" in session.stdout
    assert "hit: mkdir = -1 EROFS (call 1) in " in session.stdout
    lines = (tmp_path / "test_it.py").read_text().splitlines()
    number = lines.index('    os.mkdir("d")') + 1
    assert f"hit: seen by Python at {tmp_path}/test_it.py:{number}" in session.stdout


def test_nothing_is_shown_of_a_test_that_passed(tmp_path: Path) -> None:
    source = """
def test_it(pyshim):
    pyshim.run("true")
"""
    assert "command:" not in pytest_on(tmp_path, source, "-rA").stdout


# -- parametrize_faults ------------------------------------------------------------

SITES = """
from pyshim.testing import parametrize_faults

@parametrize_faults("./copy", calls="read,write", errors=["EINTR", "ENOSPC"], input="x")
def test_copy(pyshim, fault):
    done = pyshim.run("./copy", faults=fault.rule, input="x")
    assert [hit.site for hit in done.hits] == [fault.site]
    assert (done.status, done.stdout) == (0, "x")
"""


def test_one_test_for_each_site(tmp_path: Path, copy: Path) -> None:
    """The second read is reached only after a first one that failed."""
    session = pytest_on(tmp_path, SITES, "-v")
    assert session.outcomes == {"passed": 1, "failed": 2}, session.stdout
    results = [line for line in session.stdout.splitlines() if "::test_copy" in line]
    assert len([line for line in results if "[read at copy+0x" in line]) >= 1
    for fault, result in (
        *(("read at copy+", "EINTR] PASSED"), ("write at copy+", "EINTR] FAILED")),
        ("write at copy+", "ENOSPC] FAILED"),
    ):
        assert any(fault in line and result in line for line in results), results


LOOPS = """
import os
zero = os.open("/dev/zero", os.O_RDONLY)
for _ in range(100100):
    os.lseek(zero, 0, 1)
os.fsync(1)
"""


def test_a_long_loop_hides_no_site_behind_it(tmp_path: Path) -> None:
    """More calls at one place than hits are kept."""
    (tmp_path / "loops.py").write_text(LOOPS)
    source = """
from pyshim.testing import parametrize_faults

LOOPS = [sys.executable, "-S", "loops.py"]
@parametrize_faults(LOOPS, calls="lseek,fsync", errors=["EIO", "EINVAL"])
def test_it(pyshim, fault):
    pass
"""
    listed = pytest_on(tmp_path, source, "--collect-only", "-q").stdout
    assert "[lseek" in listed
    assert "[fsync at " in listed


def test_sites_with_workers(tmp_path: Path, copy: Path) -> None:
    session = pytest_on(tmp_path, SITES, "-n", "2")
    assert session.outcomes == {"passed": 1, "failed": 2}, session.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ('"./none"', "parametrize_faults: ./none: ./none: No such file or directory"),
        ('"./copy", calls="raed"', "parametrize_faults: ./copy: unknown call 'raed'"),
        ('"./copy", errors="EXDEV"', "no call of ./copy can fail with EXDEV"),
        ('"./copy", errors=["EIO", "ENOSPCE"]', "fails with 'ENOSPCE'; did you mean"),
        ('"./copy")\n@parametrize_faults("true"', "given twice for one test"),
        ('"sleep 600", timeout=1', "parametrize_faults: sleep 600: sleep 600: ended"),
    ],
)
def test_what_can_not_be_discovered_fails_the_collection(
    tmp_path: Path, copy: Path, arguments: str, message: str
) -> None:
    source = f"""
from pyshim.testing import parametrize_faults

@parametrize_faults({arguments})
def test_copy(pyshim, fault):
    pass
"""
    session = pytest_on(tmp_path, source)
    assert session.status in (2, 4)
    assert message in session.stdout + session.stderr
