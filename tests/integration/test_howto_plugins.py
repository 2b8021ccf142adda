"""The plugins of docs/howto-plugins.md, on more programs than the page shows."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest
from reports import Done, said

Pyshim = Callable[..., Done]
Under = Callable[..., Done]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "howto-plugins.md").read_text()
EXAMPLES = {each.stem[:2]: each for each in (ROOT / "examples").glob("1[1-5]_*.py")}


@pytest.fixture
def under(pyshim: Pyshim) -> Under:
    """`under("11", *command)` runs it under that example; no proxy is asked."""

    def go(number: str, *words: str | Path) -> Done:
        env = {name: text for name, text in os.environ.items() if "proxy" not in name}
        return pyshim("-p", str(EXAMPLES[number]), *map(str, words), env=env)

    return go


@pytest.mark.parametrize("number", sorted(EXAMPLES))
def test_the_page_shows_what_is_in_the_files(number: str) -> None:
    source = EXAMPLES[number].read_text()
    assert len(source.splitlines()) <= 26
    assert f"[{EXAMPLES[number].name}](../examples/{EXAMPLES[number].name})" in PAGE
    shown = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert sum(block in source for block in shown) == 1
    assert len(shown) == len(EXAMPLES) == 5


# -- wrong bytes -------------------------------------------------------------------

READS = """
import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
print(os.read(fd, 4), os.pread(fd, 4, 4), os.read(os.dup(fd), 99), os.read(fd, 9))
"""


def test_one_byte_of_each_read_of_a_database(under: Under, tmp_path: Path) -> None:
    for name in ("mine.db", "mine.txt", "db"):
        (tmp_path / name).write_bytes(b"01234567")
    python = (sys.executable, "-c", READS)
    done = under("11", *python, "mine.db")
    assert done.stdout == r"b'\xcf123' b'\xcb567' b'\xcb567' b''" + "\n"
    for name in ("mine.txt", "db"):
        assert under("11", *python, name).stdout == "b'0123' b'4567' b'4567' b''\n"
    assert (tmp_path / "mine.db").read_bytes() == b"01234567"


def test_stdio_reads_too(under: Under, tmp_path: Path) -> None:
    """`fread` of libc, which reads by itself."""
    (tmp_path / "mine.db").write_text("\xb1a\n", encoding="latin-1")
    assert under("11", "paste", "mine.db").stdout == "Na\n"


def test_sqlite_notices(under: Under, tmp_path: Path) -> None:
    subprocess.run(
        ["sqlite3", tmp_path / "a.db", "create table t(a); insert into t values(7)"],
        check=True,
        timeout=30,
    )
    done = under("11", "sqlite3", "a.db", "select * from t")
    assert done.returncode != 0
    assert "file is not a database" in done.stdout + done.stderr
    again = under("13", "sqlite3", "a.db", "select * from t")
    assert (again.returncode, again.stdout) == (0, "7\n")


# -- no network --------------------------------------------------------------------

TALK = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET
with socket.socket(family, getattr(socket, sys.argv[1])) as s:
    s.settimeout(5)
    try:
        if sys.argv[4] == "sendto":
            s.sendto(b"hello", (sys.argv[2], int(sys.argv[3])))
        elif sys.argv[4] == "sendmsg":
            s.sendmsg([b"hello"], [], 0, (sys.argv[2], int(sys.argv[3])))
        else:
            s.connect((sys.argv[2], int(sys.argv[3])))
            s.send(b"hello")
        print("talked")
    except OSError as error:
        print(type(error).__name__)
"""
WAYS = [
    ("SOCK_STREAM", "connect"),
    ("SOCK_DGRAM", "connect"),
    ("SOCK_DGRAM", "sendto"),
    ("SOCK_DGRAM", "sendmsg"),
]


def has(address: str) -> bool:
    """Whether this machine can talk to itself there."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


@pytest.fixture
def listening(request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of a server on the address that is the test's parameter."""
    address: str = request.getfixturevalue("address")
    if not has(address):
        pytest.skip(f"no {address} here")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with closing(socket.socket(family)) as server:
        server.bind((address, 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_loopback_works(under: Under, address: str, listening: int) -> None:
    for kind, how in WAYS:
        words = [sys.executable, "-c", TALK, kind, address, str(listening), how]
        done = under("12", *words)
        assert (done.stdout, said(done)) == ("talked\n", [])


@pytest.mark.parametrize(("kind", "how"), WAYS)
@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"])
def test_nobody_else_is_talked_to(
    under: Under, address: str, kind: str, how: str
) -> None:
    """By addresses that are kept for documentation."""
    if ":" in address and not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    done = under("12", sys.executable, "-c", TALK, kind, address, "9", how)
    assert (done.stdout, said(done)) == ("PermissionError\n", [])


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
@pytest.mark.parametrize("address", ["127.0.0.1"])
def test_curl(under: Under, address: str, listening: int) -> None:
    done = under("12", "curl", "-sS", "-m", "20", "http://192.0.2.1/")
    assert done.returncode == 7
    assert "connect to 192.0.2.1" in done.stderr
    assert said(done) == []
    with socket.socket() as server:
        server.bind((address, 0))
        server.listen()
        Thread(target=answer, args=(server,), daemon=True).start()
        port = server.getsockname()[1]
        done = under("12", "curl", "-sS", "-m", "20", f"http://{address}:{port}/")
    assert (done.returncode, done.stdout) == (0, "hello")


def answer(server: socket.socket) -> None:
    """One request, and a page of five bytes."""
    connection, _ = server.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello")


# -- counting ----------------------------------------------------------------------

SYNCS = """
import os, sys
fd = os.open("synced", os.O_CREAT | os.O_WRONLY)
for _ in range(4):
    pid = os.fork()
    if not pid:
        for _ in range(25):
            os.fdatasync(fd)
        os._exit(0)
for _ in range(4):
    os.wait()
os.fsync(fd)
"""


def test_syncs_of_all_processes_are_counted(under: Under) -> None:
    """Not one is lost of those that happen at the same time."""
    assert said(under("13", sys.executable, "-c", SYNCS)) == ["synced 101 times"]
    assert said(under("13", "true")) == ["synced 0 times"]


# -- slow --------------------------------------------------------------------------

HOURS = "10000"


def test_only_what_is_below_the_folder_is_slow(under: Under, tmp_path: Path) -> None:
    """Nobody would live to see the end of a call that is slowed down by mistake."""
    for name in ("nfs", "nfs2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    slow = ["--slow", "nfs", "--slow-by", HOURS]
    done = under("14", *slow, "cat", "nfs2/file")
    assert (done.returncode, done.stdout) == (0, "nfs2")
    for script in (
        "cat nfs/file",
        "cd nfs2; cat ../nfs/file",
        "paste nfs/file",
        "ls nfs",
        f"test -e {tmp_path}/nfs/none",
    ):
        done = under("14", *slow, "--timeout", "1s", "sh", "-c", script)
        assert (done.returncode, done.stdout) == (124, ""), script
    done = under("14", "--slow", "nfs", "--slow-by", "0.01", "cat", "nfs/file")
    assert (done.returncode, done.stdout) == (0, "nfs")


def test_threads_wait_at_the_same_time(under: Under, tmp_path: Path) -> None:
    """One that waits keeps no other thread's calls waiting."""
    (tmp_path / "nfs").mkdir()
    source = """
import os, threading
begun = threading.Event()
def ask():
    begun.set()
    os.stat("nfs")
    print("came back", flush=True)
threading.Thread(target=ask, daemon=True).start()
begun.wait()
for _ in range(1000):
    os.stat(".")
print("done", flush=True)
os._exit(0)
"""
    slow = ["--slow", "nfs", "--slow-by", HOURS]
    done = under("14", *slow, sys.executable, "-c", source)
    assert (done.returncode, done.stdout) == (0, "done\n")


# -- a device ----------------------------------------------------------------------

DEVICE = "/dev/mydevice"


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("cat {}", "21.5 C\n"),
        ("dd if={} bs=2 skip=1 count=1 status=none", ".5"),
        ("paste {} {}", "21.5 C\t21.5 C\n"),
        ("grep -c C {}", "1\n"),
        ("cat < {}", "21.5 C\n"),
        ("exec 3< {}; read a b <&3; echo $b", "C\n"),
        ("stat -c %F {}", "character special file\n"),
        ("test -c {} && test -r {} && echo yes", "yes\n"),
        ("cd /dev; head -c 4 mydevice; cat ./mydevice", "21.521.5 C\n"),
        ("ls {}", DEVICE + "\n"),
        ("ls -l {} | cut -c 1", "c\n"),
        ("python3 -c 'import os; print(os.path.exists(\"{}\"))'", "True\n"),
        ("python3 -c 'print(open(\"{}\").readlines())'", "['21.5 C\\n']\n"),
        ("python3 -c 'import os; print(os.open(\"{}\", 0) > 2)'", "True\n"),
    ],
)
def test_the_device_is_there(under: Under, command: str, shown: str) -> None:
    done = under("15", "sh", "-c", command.replace("{}", DEVICE))
    assert (done.returncode, done.stdout) == (0, shown)
    assert [line for line in done.stderr.splitlines() if "pyshim" not in line] == []


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDONLY | os.O_CLOEXEC])
def test_its_descriptor_is_kept_over_exec_or_not(under: Under, flags: int) -> None:
    source = f"""
import ctypes, os
fd = ctypes.CDLL(None).open(b"{DEVICE}", {flags})
os.execvp("sh", ["sh", "-c", f"cat <&{{fd}}"])
"""
    done = under("15", sys.executable, "-c", source)
    assert done.stdout == ("" if flags & os.O_CLOEXEC else "21.5 C\n")


def test_it_is_not_there_without(pyshim: Pyshim) -> None:
    assert "No such file" in pyshim("cat", DEVICE, env={**os.environ}).stderr
