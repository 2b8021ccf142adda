"""The programs of the matrix: what each needs, how it is built, how it is started.

Every program works in its own runtime as programs do (threads, children, files, memory,
exceptions), prints the same at every run, and what it reads from the file `note`, and
ends with STATUS.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = Path(__file__).with_name("programs")
STATUS = 7
SECONDS_TO_BUILD = 120
LIBRARIES = Path("/usr/lib/x86_64-linux-gnu")
JEMALLOC = str(LIBRARIES / "libjemalloc.so.2")
TCMALLOC = str(LIBRARIES / "libtcmalloc_minimal.so.4")
CFLAGS = ("-Wall", "-Wextra", "-Werror", "-O1", "-g", "-pthread")
VERSIONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")


@dataclass(frozen=True, slots=True)
class Host:
    """`command` and `build` have {programs}, {out}, where it is built, and {built}, a
    file of this host's own there."""

    name: str
    command: tuple[str, ...]
    build: tuple[str, ...] = ()
    preload: str = ""
    """A library that is preloaded for it."""
    needs: tuple[str, ...] = ()
    """Files, besides what the commands begin with."""

    @property
    def missing(self) -> str:
        """The first thing that is not installed; empty when all is."""
        words = [self.command[0], *self.build[:1], *self.needs, self.preload]
        wanted = [each for each in words if each and "{" not in each]
        return next((each for each in wanted if not shutil.which(each, os.F_OK)), "")

    def built(self, out: Path) -> tuple[str, ...]:
        """Build it, if it is to be, and say how it is started."""
        places = {"programs": PROGRAMS, "out": out, "built": out / self._file}
        if self.build:
            environment = {**os.environ, "GOCACHE": str(out / "go-cache")}
            subprocess.run(
                [word.format(**places) for word in self.build],
                env=environment,
                check=True,
                timeout=SECONDS_TO_BUILD,
            )
        return tuple(word.format(**places) for word in self.command)

    @property
    def _file(self) -> str:
        return self.name.replace(" ", "_").replace("+", "x").replace(",", "")


def _in_c(
    name: str, *flags: str, preload: str = "", needs: tuple[str, ...] = ()
) -> Host:
    compiler, source = (
        ("g++", "work.cc") if name.startswith("c++") else ("gcc", "work.c")
    )
    build = (compiler, *CFLAGS, *flags, f"{{programs}}/{source}", "-o", "{built}")
    linked = ("-Wl,--no-as-needed", *needs)
    return Host(
        name, ("{built}",), (*build, *(linked if needs else ())), preload, needs
    )


def _script(name: str, source: str, *interpreter: str, preload: str = "") -> Host:
    return Host(name, (*interpreter, f"{{programs}}/{source}"), preload=preload)


def pythons() -> Iterator[tuple[str, str]]:
    """Name and path of each Python: those that are installed beside each other by
    version (pyenv's are), and the system's own; a path that is none where one lacks."""
    beside = Path(os.path.realpath(sys.executable)).parents[2]
    for version in VERSIONS:
        found = sorted(beside.glob(f"{version}.*/bin/python{version}"))
        path = str(found[-1]) if found else shutil.which(f"python{version}")
        yield f"python {version}", path or f"python{version}"
    yield "python of the system", "/usr/bin/python3"


def hosts() -> list[Host]:
    """All of them, installed or not."""
    java = ("javac", "-d", "{out}", "{programs}/Work.java")
    go = ("go", "build", "-o", "{built}", "{programs}/work.go")
    allocators = (("jemalloc", JEMALLOC), ("tcmalloc", TCMALLOC))
    return [
        _in_c("c"),
        _in_c("c++"),
        _script("bash", "work.sh", "bash"),
        _script("perl", "work.pl", "perl"),
        _script("ruby", "work.rb", "ruby"),
        _script("node", "work.js", "node", "--expose-gc"),
        Host("java", ("java", "-cp", "{out}", "Work"), java),
        Host("go", ("{built}",), go),
        *(_script(name, "work.py", path) for name, path in pythons()),
        *(_in_c(f"c, {name} linked", needs=(path,)) for name, path in allocators),
        *(_in_c(f"c++, {name} linked", needs=(path,)) for name, path in allocators),
        *(_in_c(f"c, {name} preloaded", preload=path) for name, path in allocators),
        *(
            _script(f"ruby, {name} preloaded", "work.rb", "ruby", preload=path)
            for name, path in allocators
        ),
        *(
            _script(
                f"python, {name} preloaded", "work.py", "/usr/bin/python3", preload=path
            )
            for name, path in allocators
        ),
        _in_c("c, address sanitizer", "-fsanitize=address"),
        _in_c("c++, address sanitizer", "-fsanitize=address"),
    ]
