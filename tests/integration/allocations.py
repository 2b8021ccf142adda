"""What tests of malloc and its kin share: the names, allocators, what a target said."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

TARGETS = Path(__file__).parents[1] / "targets"
LIBRARIES = Path("/usr/lib/x86_64-linux-gnu")
ALLOCATORS = {
    "glibc": "",
    "jemalloc": str(LIBRARIES / "libjemalloc.so.2"),
    "tcmalloc": str(LIBRARIES / "libtcmalloc_minimal.so.4"),
}
NEVER = "error=ENOMEM:p=0"
FAMILY = (
    *("malloc", "calloc", "realloc", "reallocarray", "aligned_alloc"),
    *("posix_memalign", "memalign", "valloc", "pvalloc", "strdup", "strndup", "wcsdup"),
)


def allocator(name: str) -> str:
    """Its library."""
    path = ALLOCATORS[name]
    if path and not Path(path).exists():
        pytest.skip(f"{name} is not installed")
    return path


def environment(name: str) -> dict[str, str]:
    """One in which that allocator comes before libc's."""
    path = allocator(name)
    return {**os.environ, **({"LD_PRELOAD": path} if path else {})}


def outcomes(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What an `alloc_` target says of each allocation, once it has come to its end."""
    assert done.returncode == 0, done
    *lines, last = done.stdout.splitlines()
    assert last == "EXIT-SUCCESS"
    return lines
