"""Copies stdin to stdout by libc's read, as a C extension might: nobody asks again."""

import ctypes
import os
import sys

libc = ctypes.CDLL(None, use_errno=True)
buf = ctypes.create_string_buffer(4096)
while (got := libc.read(0, buf, len(buf))) > 0:
    os.write(1, buf.raw[:got])
if got < 0:
    sys.exit(f"read: {os.strerror(ctypes.get_errno())}")
