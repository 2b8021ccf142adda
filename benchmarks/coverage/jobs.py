"""The commands whose coverage is measured, and the files they find.

Each is one command line, run by no shell of ours; a script is a file in SCRIPTS.
All start in a folder that was made afresh (stage.py), which is also TMPDIR.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

SCRIPTS = Path(__file__).with_name("scripts")
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
PACKAGES = {
    "gawk": "gawk",
    "gcc": "gcc",
    "g++": "g++",
    "go": "golang-go",
    "java": "default-jdk-headless",
    "node": "nodejs",
    "python3": "python3",
    "redis-server": "redis-server",
    "redis-cli": "redis-tools",
    "xz": "xz-utils",
    "awk": "mawk",
    "find": "findutils",
    "xargs": "findutils",
    "ar": "binutils",
    "objdump": "binutils",
}
"""Of Debian, where the package is not named like the program."""


@dataclass(frozen=True, slots=True)
class Job:
    """One command."""

    command: str
    """Words, quoted as for a shell; $URL is a server on the loopback."""
    needs: tuple[str, ...] = ()
    """Programs besides coreutils, grep, sed, sh."""
    files: tuple[str, ...] = ()
    """Of SCRIPTS, to be there, too."""
    prepare: str = ""
    """A command for sh that makes what is needed; bare, once, and not measured."""
    name: str = ""
    """For the table; the command itself, where that is short."""

    def __str__(self) -> str:
        return self.name or self.command

    @property
    def missing(self) -> list[str]:
        """The Debian packages of the programs that are not here."""
        absent = [each for each in self.needs if not shutil.which(each, path=PATH)]
        return sorted({PACKAGES.get(each, each) for each in absent})


def _script(program: str, file: str, title: str, *needs: str) -> Job:
    """A program that is given a script."""
    called = program.split(maxsplit=1)[0]
    return Job(
        f"{program} {file}", (called, *needs), (file,), name=f"{called}: {title}"
    )


def _compiled(file: str, title: str, *options: str) -> Job:
    """A small program of C."""
    build = " ".join(["gcc -O1 -o program", file, *options])
    return Job("./program", ("gcc",), (file,), build, f"C: {title}")


_PROJECT = ("main.c", "part.c", "part.h")

JOBS = (
    # coreutils
    Job("ls -lR tree"),
    Job("cp -r tree copy"),
    Job("cat notes tree/f1 big"),
    Job("sort -S 64K -T . numbers -o sorted"),
    Job("wc notes numbers big"),
    Job("du -a --apparent-size tree"),
    Job("sha256sum notes numbers big"),
    Job("split -b 4096 big part."),
    Job("dd if=big of=copied bs=512 status=none"),
    Job("install -D -m 640 notes made/deep/notes"),
    Job("timeout 20 sleep 0.05"),
    _script("sh", "pipes.sh", "coreutils in pipes"),
    _script("sh", "files.sh", "files made, moved, linked, removed"),
    Job("getent passwd root", ("getent",)),
    # findutils, text
    Job("find tree -type f -size -9k -printf '%p %s %m\\n'", ("find",)),
    Job("find tree -type f -exec cat {} +", ("find",)),
    Job("xargs -a names -n 2 wc -c", ("xargs",)),
    Job("grep -rn line tree notes"),
    Job("sed -i -e s/line/row/ notes tree/f1"),
    Job("awk '{ s += $1 } END { print s, NR }' numbers", ("awk",)),
    Job("gawk '{ print | \"sort -n | tail -1\" } END { print NR }' numbers", ("gawk",)),
    Job("diff -ru tree tree2"),
    # archives and compressors
    Job("tar -cf tree.tar --mtime=@0 --sort=name tree notes", ("tar",)),
    Job(
        "tar -xzf tree.tar.gz -C made",
        ("tar", "gzip"),
        prepare="mkdir made; tar -czf tree.tar.gz tree",
    ),
    Job("gzip -nk big", ("gzip",)),
    Job("bzip2 -k big", ("bzip2",)),
    Job("xz -k -T2 --block-size=20000 big", ("xz",)),
    Job("zstd -q -T2 -k big", ("zstd",)),
    Job("lz4 -q -k big big.lz4", ("lz4",)),
    Job("zip -qrX tree.zip tree", ("zip",)),
    Job(
        "unzip -q -d made tree.zip",
        ("unzip", "zip"),
        prepare="zip -qrX tree.zip tree",
    ),
    Job("rsync -a tree/ copy", ("rsync",)),
    # compilers
    Job("gcc -O1 main.c part.c -o program", ("gcc",), _PROJECT),
    Job("g++ -O1 iostream.cc -o program", ("g++",), ("iostream.cc",)),
    Job(
        "make -s -j2 run",
        ("make", "gcc"),
        (*_PROJECT, "Makefile"),
    ),
    Job(
        "objdump -d program",
        ("gcc", "objdump"),
        _PROJECT,
        "gcc main.c part.c -o program",
    ),
    # git
    _script("sh", "git.sh", "init, add, commit, status, log", "git"),
    _script("sh", "git_clone.sh", "clone, gc, fsck", "git"),
    # interpreters
    _script("perl", "files.pl", "File::Find, fork, backquotes"),
    _script("python3 -B", "imports.py", "imports, files"),
    _script("python3 -B", "children.py", "subprocess, multiprocessing"),
    _script("python3 -B", "threads.py", "threads"),
    _script("python3 -B", "loopback.py", "asyncio over the loopback"),
    _script("bash", "pipes.bash", "pipelines, substitutions"),
    _script("bash", "signals.bash", "traps, jobs, signals"),
    _script("node", "files.js", "fs, crypto, child_process"),
    _script("node", "workers.js", "worker threads"),
    _script("ruby", "threads.rb", "threads, IO.popen"),
    Job(
        "java -XX:-UsePerfData Hello",
        ("java", "javac"),
        ("Hello.java",),
        "javac Hello.java",
    ),
    Job(
        "./program",
        ("go", "gcc"),
        ("cgo.go",),
        "GO111MODULE=off go build -o program cgo.go",
        "Go with cgo: goroutines, files, C",
    ),
    # others
    Job("curl -sS -o got $URL/big -w '%{http_code} %{size_download}'", ("curl",)),
    Job("curl -sS $URL/none -w %{http_code} -o none", ("curl",)),
    Job("sqlite3 t.db '.read inserts.sql'", ("sqlite3",), ("inserts.sql",)),
    _script(
        "sh", "redis.sh", "redis-server and redis-cli", "redis-server", "redis-cli"
    ),
    Job("openssl dgst -sha512 notes numbers big", ("openssl",)),
    Job(
        "openssl enc -aes-128-cbc -pbkdf2 -nosalt -k a -in big -out made", ("openssl",)
    ),
    Job("file notes numbers big tree", ("file",)),
    Job("jq -s 'map(. * 2) | add' numbers", ("jq",)),
    _compiled("inline.c", "syscall instructions, clone, unknown numbers"),
    _compiled("timer.c", "threads, a timer signal each millisecond", "-pthread"),
    _compiled("waits.c", "threads that still wait as it ends", "-pthread"),
)
