"""Children in the ways that Python has."""

from __future__ import annotations

import multiprocessing
import os
import subprocess

print(subprocess.check_output(["cat", "notes"], text=True), end="")
print(subprocess.run("exit 3", shell=True, check=False).returncode)
with subprocess.Popen(
    ["sort"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False
) as sort:
    print(sort.communicate(b"b\na\n")[0])
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.map(abs, range(-3, 3)))
if not os.fork():
    os._exit(4)
print(os.wait()[1])
