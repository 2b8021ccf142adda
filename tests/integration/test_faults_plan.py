"""The plugin `faults` as users meet it: its default plan, its labels, its report."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from reports import Done, returned, said
from shimmed import PYSHIM

Target = Callable[..., str]
Pyshim = Callable[..., Done]

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Target:
    """`example("01_eintr_wrong")` compiles examples/01_eintr_wrong.c."""
    folder = tmp_path_factory.mktemp("examples")

    def build(name: str) -> str:
        out = folder / name
        source = EXAMPLES / f"{name}.c"
        if not out.exists():
            subprocess.run(["gcc", "-O2", source, "-o", out], check=True, timeout=60)
        return str(out)

    return build


# -- the default plan --------------------------------------------------------------


def test_a_wrong_loop_is_found_and_a_right_one_survives(
    pyshim: Pyshim, example: Target
) -> None:
    wrong = pyshim("-p", "faults", example("01_eintr_wrong"), stdin=None, input="data")
    right = pyshim("-p", "faults", example("02_eintr_right"), stdin=None, input="data")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert (right.returncode, right.stdout) == (0, "data")
    assert "armed, hit 2 times: " in said(right)[0]
    for call in ("read", "write"):
        assert re.search(rf"{call} at 02_eintr_right\+0x[0-9a-f]+", said(right)[0])


def test_a_file_writer_survives(
    pyshim: Pyshim, example: Target, tmp_path: Path
) -> None:
    (tmp_path / "saved").write_text("old")
    command = ["-p", "faults", example("08_file_writer"), "saved"]
    done = pyshim(*command, stdin=None, input="new")
    assert (done.returncode, (tmp_path / "saved").read_text()) == (0, "new")
    for call in ("open", "read", "write", "fsync", "close"):
        assert f"{call} at 08_file_writer+" in said(done)[0]


def test_a_full_disk_leaves_the_old_file(
    pyshim: Pyshim, example: Target, tmp_path: Path
) -> None:
    (tmp_path / "saved").write_text("old")
    rule = "inject=write:error=ENOSPC:path=**/saved*"
    done = pyshim(
        "-e", rule, example("08_file_writer"), "saved", stdin=None, input="new"
    )
    assert done.returncode == 1
    assert "not written: No space left on device" in done.stderr
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {
        "saved": "old"
    }


def test_a_server_survives(example: Target, tmp_path: Path) -> None:
    command = [*PYSHIM, "-p", "faults", example("09_tcp_server"), "2"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=-1, stderr=-1, text=True
    ) as server:
        assert server.stdout and server.stderr
        port = int(server.stdout.readline())
        for text in (b"hello", b"x" * 100_000):
            assert _echoed(port, text) == text
        assert server.wait(30) == 0
        report = server.stderr.read()
    for call in ("accept4", "recv", "send", "close"):
        assert f"{call} at 09_tcp_server+" in report


def _echoed(port: int, text: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 30) as client:
        client.sendall(text)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_mmap_without_memory(pyshim: Pyshim, example: Target) -> None:
    rule = ["-e", "inject=mmap:error=ENOMEM"]
    assert pyshim(*rule, example("03_mmap_unchecked")).returncode == -signal.SIGSEGV
    checked = pyshim(*rule, example("04_mmap_checked"))
    assert (checked.returncode, "smaller table" in checked.stderr) == (0, True)


def test_once_at_each_site(pyshim: Pyshim, target: Target) -> None:
    words = ["read", "read_file"] * 2
    done = pyshim("-p", "faults", target("calls_by_name"), *words)
    assert returned(done) == [
        *("read: -1 EINTR", "read_file: -1 EINTR", "read: 1", "read_file: 1")
    ]
    assert said(done)[0].count("read at calls_by_name+") == 2


def test_once_at_each_site_of_each_process(pyshim: Pyshim, target: Target) -> None:
    words = ["read", "fork", "read", "read"]
    seen = returned(pyshim("-p", "faults", target("calls_by_name"), *words))
    child = ["fork: 0", "read: -1 EINTR", "read: 1"]
    assert seen[:4] == ["read: -1 EINTR", *child]
    assert seen[-3:] == ["fork: 1", "read: 1", "read: 1"]


def test_an_interrupted_close_has_closed(pyshim: Pyshim, target: Target) -> None:
    words = ["fds", "open", "open", "close", "fds"]
    seen = returned(pyshim("-p", "faults", target("calls_by_name"), *words))
    assert seen[3] == "close: -1 EINTR"
    assert seen[0] == seen[4]


# -- fair and unusual --------------------------------------------------------------

EACH = ["read", "read_file", "read_pipe", "poll", "nanosleep"]
FAIR = [
    # what comes before one call of each, and which of these are then fair
    ([], ["poll", "nanosleep"]),
    (["handler"], ["read", "read_pipe", "poll", "nanosleep"]),
    (["handler_restart"], ["poll", "nanosleep"]),
    (["handler_restart", "handler"], ["read", "read_pipe", "poll", "nanosleep"]),
    (["handler", "handler_restart"], ["poll", "nanosleep"]),
]


@pytest.mark.parametrize(("before", "fair"), FAIR, ids=str)
def test_each_hit_is_labelled(
    pyshim: Pyshim, target: Target, before: list[str], fair: list[str]
) -> None:
    done = pyshim("-p", "faults", target("calls_by_name"), *before, *EACH)
    report = said(done)[0]
    for word in EACH:
        call = word.partition("_")[0]
        label = "fair" if word in fair else "unusual"
        place = rf"\b{call} at calls_by_name\+0x[0-9a-f]+ \(by_{word}\) {label}(;|$)"
        assert re.search(place, report), (place, report)


@pytest.mark.parametrize(("before", "fair"), FAIR[:2], ids=str)
def test_fair_keeps_to_the_fair(
    pyshim: Pyshim, target: Target, before: list[str], fair: list[str]
) -> None:
    done = pyshim("-p", "faults", "--fair", target("calls_by_name"), *before, *EACH)
    failed = [line.split(":")[0] for line in returned(done) if "EINTR" in line]
    assert failed == fair


def test_a_child_knows_its_parents_handlers(pyshim: Pyshim, target: Target) -> None:
    words = ["handler", "fork", "read"]
    seen = returned(pyshim("-p", "faults", "--fair", target("calls_by_name"), *words))
    assert seen.count("read: -1 EINTR") == 2


def test_what_never_fails_with_eintr_is_unusual(pyshim: Pyshim, target: Target) -> None:
    done = pyshim("-e", "inject=mmap:error=EINTR", target("calls_by_name"), "mmap")
    assert said(done)[0].endswith("unusual")


def test_fair_in_a_rule(pyshim: Pyshim, target: Target) -> None:
    words = ["read", "handler", "read", "handler_restart", "read"]
    rule = "inject=read:error=EINTR:fair"
    seen = returned(pyshim("-e", rule, target("calls_by_name"), *words))
    assert [line for line in seen if line.startswith("read")] == [
        *("read: 1", "read: -1 EINTR", "read: 1")
    ]


# -- the report --------------------------------------------------------------------


def test_one_line_a_rule(pyshim: Pyshim, target: Target) -> None:
    rules = ["inject=read:error=EIO:when=2+", "inject=mknod:error=EIO"]
    words = [word for rule in rules for word in ("-e", rule)]
    done = pyshim(*words, target("eintr_count"), "4")
    hit, never = said(done)
    pattern = re.escape(f"{rules[0]}: armed, hit 3 times: read at eintr_count+0x")
    assert re.fullmatch(rf"{pattern}[0-9a-f]+( \(\w+\))? \(3 times\)", hit)
    assert never == f"{rules[1]}: armed, never hit"


@pytest.mark.parametrize("status", [0, 3])
def test_require_hit(pyshim: Pyshim, target: Target, status: int) -> None:
    command = [target("contract_end"), "exit", str(status)]
    rule = "inject=read:error=EIO"
    assert pyshim("-e", rule, *command).returncode == status
    done = pyshim("-e", rule, "--require-hit", *command)
    assert done.returncode == 125
    assert said(done)[-1] == f"--require-hit: never fired: {rule}"


def test_require_hit_of_one_that_hit(pyshim: Pyshim, target: Target) -> None:
    rule = "inject=read:error=EIO"
    done = pyshim("-e", rule, "--require-hit", target("calls_by_name"), "read")
    assert returned(done) == ["read: -1 EIO"]


def test_hits_of_many_processes(pyshim: Pyshim, target: Target) -> None:
    """200 children one after the other read 20 times; their parent does, each time."""
    rule = "inject=read:delay_enter=1ns:when=5..10"
    done = pyshim("-e", rule, target("fork_loop"))
    assert done.returncode == 0, done
    assert "hit 1206 times" in said(done)[0]


def test_hits_of_threads(pyshim: Pyshim, target: Target) -> None:
    done = pyshim("-e", "inject=read:delay_exit=1ns:when=1+8", target("threads_read"))
    assert done.returncode == 0, done
    assert "hit 20000 times" in said(done)[0]


def test_hits_at_sigkill(pyshim: Pyshim, target: Target, tmp_path: Path) -> None:
    rule = "inject=write:delay_enter=1ns"
    done = pyshim("-e", rule, target("abort_midway"), "out")
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "out").stat().st_size == 1000
    assert re.search(r"hit 1000 times: write at abort_midway\+\S+.* \(1000 times\)",
                     said(done)[0])  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [
        ["-e", "inject=read,open,close:delay_enter=1ns:path=/dev/z*"],
        ["-e", "inject=all:delay_enter=1ns", "--map", "/dev/zero=/dev/zero"],
    ],
    ids=str,
)
def test_the_shim_fits_a_small_stack(
    pyshim: Pyshim, target: Target, options: list[str]
) -> None:
    done = pyshim(*options, target("small_stack"))
    assert (done.returncode, done.stdout) == (0, "EXIT-SUCCESS\n"), done
