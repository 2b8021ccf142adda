"""Each place where the copy can be interrupted, or fail: a test of its own."""

from pathlib import Path

from pyshim.testing import parametrize_faults

COPY = [Path(__file__).parent / "build/02_eintr_right", __file__]


@parametrize_faults(COPY, errors=["EINTR", "EIO"])
def test_the_copy_is_whole_or_has_failed(pyshim, fault):
    done = pyshim.run(COPY, faults=fault.rule)
    whole = done.stdout == Path(__file__).read_text()
    assert whole if fault.error == "EINTR" else done.status == 1
