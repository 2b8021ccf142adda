"""Faults for the calls that a test makes itself, and for what it starts."""

import os
import subprocess

import pytest


def save(path, text):
    """Writes a temporary file and puts it in the place of the old one."""
    new = path.with_suffix(".new")
    try:
        with new.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        new.unlink()
        raise


@pytest.mark.faults("fsync:error=EIO:path=**.new")
def test_a_failed_fsync_leaves_the_old_file(tmp_path):
    (tmp_path / "saved").write_text("old")
    with pytest.raises(OSError):
        save(tmp_path / "saved", "new")
    assert os.listdir(tmp_path) == ["saved"]
    assert (tmp_path / "saved").read_text() == "old"


@pytest.mark.faults("openat:error=EMFILE:path=/etc/passwd")
def test_what_a_program_says():
    done = subprocess.run(["cat", "/etc/passwd"], check=False, stderr=subprocess.PIPE)
    assert b"Too many open files" in done.stderr
