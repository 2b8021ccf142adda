"""Real programs do under the shim what they do bare: output, status, files.

Each runs once bare and once in each way to be shimmed, in the same folder, which is
made afresh. Nothing outside of tmp_path is written.
"""

from __future__ import annotations

import http.server
import os
import shutil
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from shimmed import PYSHIM, Done, ours, run, without_ours

PLUGIN = """
from pathlib import Path
from pyshim import hookimpl

asked = []

@hookimpl(calls=["all"])
def pyshim_call_enter(call):
    if not asked:
        Path(__file__).with_name("asked").touch()
    asked.append(call.name)
    return None
"""
PROJECT = {
    "main.c": '#include <stdio.h>\n#include "part.h"\n'
    'int main(void) { printf("%d\\n", part(20)); return 3; }\n',
    "part.c": '#include "part.h"\nint part(int n) { return 2 * n + 2; }\n',
    "part.h": "int part(int n);\n",
    "Makefile": "CFLAGS = -O1\nprogram: main.o part.o\n\t$(CC) -o $@ $^\n"
    "main.o part.o: part.h\nrun: program\n\t@./program || echo ended $$?\n"
    "broken:\n\tfalse\n",
}
GIT = """
git init -q -b main . && git add -A && git commit -q -m 'the first' &&
echo more >> notes && git status --short && git diff --stat &&
git commit -q -am 'the second' && git log --oneline --stat &&
git -c pack.threads=1 gc -q && git fsck &&
git checkout -q -b side HEAD~1 && git merge-base main side; git show no-such-thing
"""
SQL = """
create table t(a integer primary key, b text); begin;
with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000)
insert into t select i, 'row ' || i from n; commit; create index of_b on t(b);
update t set b = 'none' where a % 7 = 0; delete from t where a > 1500; vacuum;
select count(*), sum(a), min(b) from t; select wrong from t;
"""
SCRIPT = """
set -u; n=0
for i in 1 2 3; do n=$((n + i)); echo "$i" | cat; done | sort -r | tee sorted
echo "$n" > count; (cd dir && pwd -P > ../where); cat < notes >> count
echo "sum of $(wc -l < notes) lines" ; false | true; echo "${PIPESTATUS[@]}"
trap 'echo trapped' TERM; kill -TERM $$; cat no-such-file; exec 5<notes; read -u 5 x
echo "$x"; sleep 0 & wait $!; cat <<< here; diff <(echo a) <(echo b); exit 9
"""
PYTHON = """
import json, os, pathlib, subprocess, sys, tempfile, threading
pathlib.Path("out.json").write_text(json.dumps(sorted(os.listdir("."))))
os.mkdir("made", 0o750); os.link("notes", "made/linked"); os.chmod("out.json", 0o604)
with tempfile.NamedTemporaryFile("w", dir=".") as file:
    file.write("x" * 100000); file.flush(); print(os.stat(file.name).st_size)
print(subprocess.check_output(["cat", "notes"]))
threads = [threading.Thread(target=os.stat, args=(".",)) for _ in range(5)]
[each.start() for each in threads]; [each.join() for each in threads]
if not os.fork():
    os._exit(4)
print(os.wait()[1], sys.argv)
try:
    open("no-such-file")
except OSError as error:
    print(error.errno, file=sys.stderr)
sys.exit(5)
"""
PERL = """
open my $f, '>', 'perl.out' or die; print $f "$_\\n" for 1 .. 9; close $f;
print scalar(`cat notes`); my $p = fork // die; exit 6 unless $p; waitpid $p, 0;
print $? >> 8, "\\n"; mkdir 'made', 0711; warn "careful\\n"; exit 7
"""
NODE = """
const fs = require('fs'); fs.writeFileSync('node.out', 'x'.repeat(70000));
fs.mkdirSync('made/deep', {recursive: true});
console.log(fs.readdirSync('.').sort().join());
fs.promises.readFile('notes', 'utf8').then(t => { console.log(t.length);
  console.log(require('child_process').execFileSync('cat', ['notes']).length);
  process.exitCode = 8; });
"""
JAVA = """
import java.nio.file.*;
class Hello {
    public static void main(String[] args) throws Exception {
        Files.writeString(Path.of("java.out"), "x".repeat(70000));
        Path notes = Path.of("notes");
        Thread t = new Thread(() -> System.out.println(notes.toFile().length()));
        t.start(); t.join();
        System.err.println("careful");
        System.exit(8);
    }
}
"""
COPY = "cp -rp dir copy && cp -a dir/deep/soft copy/again && cp no-such-file x"
TAR = """
tar --sort=name --mtime=@0 --owner=0 --group=0 -cf a.tar dir notes && tar tf a.tar &&
mkdir out && tar xf a.tar -C out && tar czf - dir | tar tz | sort && tar xf notes
"""
GCC = "gcc -Wall -O1 main.c part.c -o program; ./program; echo $?; gcc none.c"
MAKE = "make --no-print-directory run && make -s -j2 -B program; make -s broken"
FIND = """
find . -name 'f*' -size -9k -printf '%p %s %m\\n' | sort
find dir -type f -exec cat {} + ; find dir -name f2 -delete ; find no-such-file
"""
GREP = "grep -rn line . | sort; grep -c . dir/* ; grep -q nothing notes"
SORT = "seq 5000 | sort -R --random-source=notes2 | sort -n -S 16k -T . | cksum"
GZIP = "gzip -nk notes2 && gzip -l notes2.gz && zcat notes2.gz | cksum; gzip -d notes"
LS = "ls -lA --time-style=+%s . dir; ls --color=always -R; ls no-such-file"
CAT = "cat notes notes2 dir/f1; cat < notes | cat - notes; cat . no-such-file"


@dataclass(frozen=True, slots=True)
class Job:
    """A script for sh and what must be there to run it."""

    script: str
    needs: tuple[str, ...]
    files: tuple[tuple[str, str], ...] = ()
    shell: str = "/bin/sh"


def _inline(program: str, *options: str, text: str) -> Job:
    """A script that gives `program` a script of its own."""
    words = " ".join(options)
    return Job(f"{program} {words} ./inline; echo $?", (program,), (("inline", text),))


JOBS = {
    "ls": Job(LS, ("ls",)),
    "cat": Job(CAT, ("cat",)),
    "cp": Job(COPY, ("cp",)),
    "tar": Job(TAR, ("tar", "gzip")),
    "git": Job(GIT, ("git",)),
    "sqlite3": Job("sqlite3 t.db < inline", ("sqlite3",), (("inline", SQL),)),
    "python3 of the tests": _inline(sys.executable, "-B", text=PYTHON),
    "python3 of the system": _inline("/usr/bin/python3", "-B", text=PYTHON),
    "bash": Job(SCRIPT, ("bash",), shell="bash"),
    "gcc": Job(GCC, ("gcc",), tuple(PROJECT.items())),
    "make": Job(MAKE, ("make", "gcc"), tuple(PROJECT.items())),
    "perl": _inline("perl", text=PERL),
    "node": _inline("node", text=NODE),
    "java": Job(
        "java -XX:-UsePerfData -XX:TieredStopAtLevel=1 Hello.java; echo $?",
        ("java", "javac"),
        (("Hello.java", JAVA),),
    ),
    "gzip": Job(GZIP, ("gzip",)),
    "find": Job(FIND, ("find",)),
    "grep": Job(GREP, ("grep",)),
    "sort": Job(SORT, ("sort",)),
    "curl": Job(
        'curl -s -o got "$URL/notes2" -w "%{http_code} %{size_download}\\n"; cksum got;'
        'curl -sS "$URL/none" -w "%{http_code}\\n" -o none; curl -sS "$URL:1/"',
        ("curl",),
    ),
}
WAYS = {
    "log": ["--plugin", "log", "-o", "../log"],
    "rule that never matches": ["-e", "inject=all:error=EIO:when=60000"],
    "Python plugin": ["--plugin", "../through.py"],
}


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        """Keep the test's own stderr clean."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on the loopback, in this process: it is not what is tested."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "notes2").write_bytes(bytes(range(256)) * 2000)
    handler = partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@dataclass(frozen=True, slots=True)
class Seen:
    """All that a job leaves behind."""

    done: Done
    files: dict[str, tuple[str, bytes]]


def _fresh(work: Path, job: Job) -> None:
    """The folder a job starts in, the same each time; times are of 1970."""
    shutil.rmtree(work, ignore_errors=True)
    (work / "dir/deep").mkdir(parents=True)
    for name, text in job.files:
        (work / name).write_text(text)
    (work / "notes").write_text("a line\nanother line\n")
    (work / "notes2").write_bytes(bytes(range(256)) * 100)
    (work / "dir/f1").write_text("one\n")
    (work / "dir/f2").write_bytes(b"\0" * 10000)
    (work / "dir/deep/soft").symlink_to("../f1")
    (work / "dir/deep/run").write_text("#!/bin/sh\n")
    (work / "dir/deep/run").chmod(0o751)
    for path in sorted(work.rglob("*"), reverse=True):
        os.utime(path, (1000, 1000), follow_symlinks=False)


def _files(work: Path) -> dict[str, tuple[str, bytes]]:
    """Mode and content of everything in a folder, by name."""
    found = {}
    for path in sorted(work.rglob("*")):
        mode = path.lstat().st_mode
        content = b""
        if stat.S_ISLNK(mode):
            content = os.fsencode(path.readlink())
        elif stat.S_ISREG(mode) and path.name != "index":
            content = path.read_bytes()
        found[str(path.relative_to(work))] = (stat.filemode(mode), content)
    return found


def _environment(home: Path, url: str) -> dict[str, str]:
    return {
        "PATH": f"{home}/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(home),
        "LC_ALL": "C.UTF-8",
        "URL": url,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_PAGER": "cat",
        **dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "Somebody"),
        **dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "a@b.invalid"),
        **dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), "@1000 +0000"),
    }


class Stage:
    """Where one job is run again and again, and what it did bare."""

    def __init__(self, home: Path, job: Job, url: str) -> None:
        self.home, self.job = home, job
        self.env = _environment(home, url)
        (home / "through.py").write_text(PLUGIN)
        self.bare = self.run()

    def run(self, *prefix: str) -> Seen:
        work = self.home / "work"
        _fresh(work, self.job)
        command = [*prefix, self.job.shell, "-c", self.job.script]
        return Seen(run(command, cwd=work, env=self.env), _files(work))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, url: str) -> Callable[[str], Stage]:
    """`stage("git")`: each job is run bare once."""
    made: dict[str, Stage] = {}

    def get(name: str) -> Stage:
        missing = [each for each in JOBS[name].needs if not shutil.which(each)]
        if missing:
            pytest.skip(f"not installed: {', '.join(missing)}")
        if name not in made:
            made[name] = Stage(tmp_path_factory.mktemp("job"), JOBS[name], url)
        return made[name]

    return get


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", JOBS)
def test_does_what_it_does_bare(
    name: str, way: str, stage: Callable[[str], Stage]
) -> None:
    there = stage(name)
    seen = there.run(*PYSHIM, *WAYS[way], "--")
    assert without_ours(seen.done) == there.bare.done
    assert seen.files == there.bare.files
    assert not [line for line in ours(seen.done) if "never loaded" in line]
    if way == "Python plugin":
        (there.home / "asked").unlink()
    if way == "log":
        assert "exit_group(" in (there.home / "log").read_text(errors="replace")
