"""Five mistakes that no ordinary test meets, each found by a few lines.

WRONG=1 runs the tests on the programs that make them, else on their repaired twins.
"""

import os
from pathlib import Path

BUILD = Path(__file__).parent / "build"


def program(wrong, right):
    return BUILD / (wrong if os.environ.get("WRONG") else right)


def test_interrupted_read(pyshim):
    copy = program("01_eintr_wrong", "02_eintr_right")
    done = pyshim.run([copy], faults="read:error=EINTR:fd=0:when=1", input="text")
    assert (done.status, done.stdout) == (0, "text")


def test_interrupted_close(pyshim):
    opener = program("16_close_again", "17_close_once")
    done = pyshim.run([opener, __file__], faults="close:error=EINTR:after:path=**.py")
    assert not [call for call in done.calls if call.errno == "EBADF"]


def test_short_write(pyshim):
    copy = program("18_short_unchecked", "19_short_checked")
    done = pyshim.run([copy], faults="write:short=half:when=1", input="text")
    assert (done.status, done.stdout) == (0, "text")


def test_full_disk(pyshim, tmp_path):
    save = program("20_fclose_ignored", "21_fclose_checked")
    full = f"write:error=ENOSPC:path={tmp_path}/saved"
    done = pyshim.run([save, tmp_path / "saved"], faults=full)
    assert done.status != 0


def test_no_more_memory(pyshim):
    reader = program("22_realloc_leak", "23_realloc_kept")
    rule = "realloc:error=ENOMEM"
    done = pyshim.run([reader], faults=rule, trace="%alloc", input="x" * 100)
    (kept,) = [call.args["ptr"] for call in done.calls if call.errno]
    assert kept in [call.args["ptr"] for call in done.calls if call.name == "free"]
