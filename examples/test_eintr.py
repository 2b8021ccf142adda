"""Does it survive EINTR? One test for programs in four languages.

WRONG=1 runs it on the programs that don't.
"""

import os
import shutil
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
RIGHT = {
    "C": [HERE / "build/02_eintr_right"],
    "C++": [HERE / "build/25_eintr_right"],
    "Rust": [HERE / "build/27_eintr_right"],
    "Python": [sys.executable, HERE / "29_eintr_right.py"],
}
WRONG = {
    "C": [HERE / "build/01_eintr_wrong"],
    "C++": [HERE / "build/24_eintr_wrong"],
    "Rust": [HERE / "build/26_eintr_wrong"],
    "Python": [sys.executable, HERE / "28_eintr_wrong.py"],
}
COMMANDS = WRONG if os.environ.get("WRONG") else RIGHT


@pytest.mark.parametrize("language", COMMANDS)
def test_an_interrupted_read_is_made_again(pyshim, language):
    if language == "Rust" and not shutil.which("rustc"):
        pytest.skip("rustc is not installed")
    text = "x" * 9000
    rule = "read:error=EINTR:fd=0:when=2"
    done = pyshim.run(COMMANDS[language], faults=rule, input=text)
    assert (done.status, done.stdout) == (0, text)
