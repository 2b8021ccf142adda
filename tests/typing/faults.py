"""A test file that uses all that pyshim.testing offers one, for mypy to read."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from pyshim.testing import Fault, NeverHit, Pyshim, TimedOut, parametrize_faults

COPY: list[str | Path] = ["./copy", Path("in")]


def test_run(pyshim: Pyshim, tmp_path: Path) -> None:
    done = pyshim.run(
        COPY, faults=["read:error=EIO"], maps={"/etc/app": tmp_path}, timeout=3
    )
    assert done.status == 1 or done.signal == signal.SIGSEGV
    assert done.stdout.splitlines() == [done.stderr_bytes.decode()]
    assert [hit.errno.lower() for hit in done.hits] == ["eio"]
    assert [call.args["fd"] + call.result for call in done.calls] == [3]
    assert tmp_path / "x" not in done.files
    assert done.files.written | done.files["/x"] == {"/x"}


def test_errors(pyshim: Pyshim) -> None:
    with pytest.raises(NeverHit) as never:
        pyshim.run("./copy in", faults="read:error=EIO", input=b"bytes", env={})
    assert never.value.result.coverage
    with pytest.raises(TimedOut) as late:
        pyshim.run("./copy in", trace=None, require_hit=False)
    assert late.value.result.last


@parametrize_faults(COPY, errors="EINTR", input="text", libc=True)
def test_sites(pyshim: Pyshim, fault: Fault) -> None:
    assert pyshim.run(COPY, faults=fault.rule).hits[0].site == fault.site


@pytest.mark.faults("mkdir:error=EROFS", require_hit=False)
def test_marked(pyshim: Pyshim) -> None:
    assert pyshim.hits[0].count == 1
