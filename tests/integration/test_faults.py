"""Rules, decided in C inside the program: what it sees, against what was asked for."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from shimmed import PYSHIM

Target = Callable[..., str]
Done = subprocess.CompletedProcess[str]
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


def said(done: Done) -> list[str]:
    """The report: pyshim's lines on stderr without their beginning."""
    lines = done.stderr.splitlines()
    return [line[8:] for line in lines if line.startswith("pyshim: ")]


def returned(done: Done) -> list[str]:
    """What the calls of `calls_by_name` returned, once it has come to its end."""
    assert done.returncode == 0, done
    *lines, last = done.stdout.splitlines()
    assert last == "EXIT-SUCCESS"
    return lines


# -- actions -----------------------------------------------------------------------


@pytest.mark.parametrize("word", ["read", "open", "write", "getppid", "mmap", "getcwd"])
def test_error_is_returned_as_this_function_does(
    pyshim: Pyshim, target: Target, word: str
) -> None:
    done = pyshim("-e", f"inject={word}:error=EXDEV", target("calls_by_name"), word)
    assert returned(done) == [f"{word}: -1 EXDEV"]


@pytest.mark.parametrize("word", ["posix_fallocate", "clock_nanosleep"])
def test_functions_that_return_the_errno_leave_errno_alone(
    pyshim: Pyshim, target: Target, word: str
) -> None:
    done = pyshim("-e", f"inject={word}:error=ENOMEM", target("calls_by_name"), word)
    assert returned(done) == [f"{word}: -1 ENOMEM"]


@pytest.mark.parametrize(("value", "seen"), [("7", "7"), ("0", "0"), ("-5", "-1 EIO")])
def test_retval_is_the_kernels_answer(
    pyshim: Pyshim, target: Target, value: str, seen: str
) -> None:
    done = pyshim("-e", f"inject=read:retval={value}", target("calls_by_name"), "read")
    assert returned(done) == [f"read: {seen}"]


@pytest.mark.parametrize("when", ["delay_enter", "delay_exit"])
def test_delay_takes_at_least_its_time(
    pyshim: Pyshim, target: Target, when: str
) -> None:
    words = ["start", "getppid", "slow", "start", "read", "slow"]
    rule = f"inject=getppid:{when}=50ms"
    seen = returned(pyshim("-e", rule, target("calls_by_name"), *words))
    assert seen[:3] == ["start: 0", "getppid: 0", "slow: 1"]


def test_signal_comes_to_the_thread_and_the_call_goes_on(
    pyshim: Pyshim, target: Target
) -> None:
    rule = "inject=read:signal=USR1:when=2"
    words = ["handler", "read", "handled", "read", "handled", "read", "handled"]
    seen = returned(pyshim("-e", rule, target("calls_by_name"), *words))
    assert seen == [
        *("handler: 0", "read: 1", "handled: 0"),
        *("read: 1", "handled: 1", "read: 1", "handled: 1"),
    ]


def test_signal_without_a_handler_ends_the_program(
    pyshim: Pyshim, target: Target
) -> None:
    done = pyshim("-e", "inject=read:signal=TERM", target("calls_by_name"), "read")
    assert done.returncode == -signal.SIGTERM
    assert "hit 1 time" in said(done)[0]


def test_several_actions_at_once(pyshim: Pyshim, target: Target) -> None:
    rule = "inject=getppid:error=EIO:signal=USR1:delay_enter=50ms"
    words = ["handler", "start", "getppid", "slow", "handled"]
    seen = returned(pyshim("-e", rule, target("calls_by_name"), *words))
    assert seen[2:] == ["getppid: -1 EIO", "slow: 1", "handled: 1"]


def test_fault_fails_with_enosys_by_itself(pyshim: Pyshim, target: Target) -> None:
    done = pyshim("-e", "fault=read:when=1", target("calls_by_name"), "read", "read")
    assert returned(done) == ["read: -1 ENOSYS", "read: 1"]


def test_an_exit_is_not_stopped_by_an_error(pyshim: Pyshim, target: Target) -> None:
    """What follows _exit in the program is whatever the compiler put there."""
    for rule in ("inject=exit_group:error=EPERM", "inject=_exit:retval=0"):
        assert pyshim("-e", rule, target("calls_by_name"), "leave").returncode == 3


# -- which calls: strace is the oracle ---------------------------------------------

WHENS = ["1", "3", "2..4", "2+", "1+2", "3+2", "2..6+2", "4..4", "10", "1..3+5"]


def strace(rule: str, *command: str, cwd: Path) -> list[str]:
    """What a static build prints under strace: it makes the same calls and no other."""
    done = subprocess.run(
        ["strace", "-f", "-o", "/dev/null", "-e", rule, *command],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done
    return done.stdout.splitlines()


@pytest.mark.parametrize("when", WHENS)
def test_when_hits_the_calls_that_strace_hits(
    pyshim: Pyshim, target: Target, tmp_path: Path, when: str
) -> None:
    rule = f"inject=read:error=EINTR:when={when}"
    done = pyshim("-e", rule, target("eintr_count"), "9")
    oracle = strace(rule, target("eintr_count", "-static"), "9", cwd=tmp_path)
    assert done.stdout.splitlines() == oracle
    hits = sum("EINTR" in line for line in oracle)
    assert f"hit {hits} time" in said(done)[0] or not hits


ORACLE = {
    "sites do not matter": ("read:error=EIO:when=2+3", "site_loop", []),
    "open and openat count together": (
        "openat:error=EPERM:when=3+2",
        "calls_by_name",
        ["open", "openat", "open", "open64", "syscall_openat", "open"],
    ),
    "openat named alone means open too": (
        "openat:error=EPERM:when=2",
        "calls_by_name",
        ["open", "open"],
    ),
    "a child starts anew": (
        "read:error=EIO:when=2",
        "calls_by_name",
        ["read", "fork", "read", "read", "read"],
    ),
    "an exec goes on": (
        "read:error=EIO:when=3",
        "calls_by_name",
        ["read", "read", "exec", "read", "read"],
    ),
    "by number": (
        "read:error=EIO:when=2+2",
        "calls_by_name",
        ["syscall_read", "syscall_read", "read", "read"],
    ),
    "each name of a set counts for itself": (
        "read,poll:error=EIO:when=2",
        "calls_by_name",
        ["read", "poll", "poll", "read", "read"],
    ),
    "a value": ("read:retval=5:when=2", "calls_by_name", ["read", "read", "read"]),
    "a signal": (
        "getppid:signal=USR1:when=2+",
        "calls_by_name",
        ["handler", "getppid", "getppid", "handled", "getppid", "handled"],
    ),
}


@pytest.mark.parametrize("name", ORACLE)
def test_the_program_sees_what_it_sees_under_strace(
    pyshim: Pyshim, target: Target, tmp_path: Path, name: str
) -> None:
    rule, program, words = ORACLE[name]
    oracle = strace(f"inject={rule}", target(program, "-static"), *words, cwd=tmp_path)
    done = pyshim("-e", f"inject={rule}", target(program), *words)
    assert (done.returncode, done.stdout.splitlines()) == (0, oracle)


def test_first_match_wins_and_all_count(pyshim: Pyshim, target: Target) -> None:
    done = pyshim(
        *("-e", "inject=read:error=EIO:when=2"),
        *("-e", "inject=read:error=EPERM:when=2+2"),
        *("-e", "fault=read:error=EXDEV:when=5"),
        target("calls_by_name"),
        *(["read"] * 5),
    )
    assert returned(done) == [
        *("read: 1", "read: -1 EIO", "read: 1", "read: -1 EPERM", "read: -1 EXDEV")
    ]


def test_the_order_is_that_of_the_command_line(pyshim: Pyshim, target: Target) -> None:
    rules = ["fault=read:error=EXDEV", "inject=read:error=EIO"]
    words = [word for rule in rules for word in ("-e", rule)]
    done = pyshim(*words, target("calls_by_name"), "read")
    assert returned(done) == ["read: -1 EXDEV"]
    assert [line.split(":")[0] for line in said(done)] == ["fault=read", "inject=read"]


# -- chance ------------------------------------------------------------------------


def test_chance_is_the_seeds(pyshim: Pyshim, target: Target) -> None:
    def hit(seed: int) -> list[str]:
        rule = f"inject=read:error=EIO:p=0.5:seed={seed}"
        return pyshim("-e", rule, target("eintr_count"), "200").stdout.splitlines()

    first = hit(1)
    assert first == hit(1) != hit(2)
    assert 60 < sum("EIO" in line for line in first) < 140


@pytest.mark.parametrize(("p", "hits"), [("0", 0), ("1", 9), ("1.0", 9)])
def test_chance_of_nothing_and_all(
    pyshim: Pyshim, target: Target, p: str, hits: int
) -> None:
    done = pyshim("-e", f"inject=read:error=EIO:p={p}", target("eintr_count"), "9")
    assert done.stdout.count("EIO") == hits


# -- names -------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["openat", "open", "open64", "%file", "/^open"])
def test_a_name_of_libc_or_of_the_kernel(
    pyshim: Pyshim, target: Target, rule: str
) -> None:
    words = ["open", "open64", "openat"]
    done = pyshim("-e", f"inject={rule}:error=EIO", target("calls_by_name"), *words)
    hit = {"open": words[:2], "open64": words[1:2]}.get(rule, words)
    assert returned(done) == [
        f"{word}: {'-1 EIO' if word in hit else '0'}" for word in words
    ]


def test_fortified_names(pyshim: Pyshim, target: Target) -> None:
    program = target("calls_by_name", "-O2", "-D_FORTIFY_SOURCE=2")
    nm = ["nm", "-D", program]
    imports = subprocess.run(nm, capture_output=True, timeout=30, check=True).stdout
    for name in (b"__read_chk", b"__open_2", b"__poll_chk"):
        assert name in imports
    words = ["read", "open", "poll"]
    done = pyshim("-e", "inject=read,openat,poll:error=EIO", program, *words)
    assert returned(done) == [f"{word}: -1 EIO" for word in words]


# -- paths -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("glob", "hit"),
    [("/dev/zero", "open_zero"), ("/dev/n*", "open"), ("/proc/**", "open_self")],
)
def test_path_of_a_path(pyshim: Pyshim, target: Target, glob: str, hit: str) -> None:
    words = ["open", "open_zero", "open_self"]
    rule = f"inject=open:error=EACCES:path={glob}"
    done = pyshim("-e", rule, target("calls_by_name"), *words)
    assert returned(done) == [
        f"{word}: {'-1 EACCES' if word == hit else '0'}" for word in words
    ]


def test_path_of_an_fd(pyshim: Pyshim, target: Target) -> None:
    rule = "inject=read:error=EIO:path=/dev/zero"
    words = ["read", "read_file", "read_pipe"]
    done = pyshim("-e", rule, target("calls_by_name"), *words)
    assert returned(done) == ["read: -1 EIO", "read_file: 1", "read_pipe: 1"]


def test_only_calls_on_the_path_count(pyshim: Pyshim, target: Target) -> None:
    rule = "inject=read:error=EIO:path=/dev/zero:when=2"
    words = ["read_file", "read", "read_pipe", "read", "read"]
    done = pyshim("-e", rule, target("calls_by_name"), *words)
    assert returned(done) == [
        *("read_file: 1", "read: 1", "read_pipe: 1", "read: -1 EIO", "read: 1")
    ]


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
    command = ["-e", "inject=write:error=ENOSPC", example("08_file_writer"), "saved"]
    done = pyshim(*command, stdin=None, input="new")
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

FAIR = [
    (["read"], "unusual"),
    (["handler", "read"], "fair"),
    (["handler_restart", "read"], "unusual"),
    (["handler_restart", "read", "handler", "read_pipe"], "fair"),
    (["handler", "read_pipe", "handler_restart", "read"], "unusual"),
    (["poll"], "fair"),
    (["nanosleep"], "fair"),
    (["handler_restart", "poll"], "fair"),
    (["handler", "read_file"], "unusual"),
    (["handler", "read_pipe"], "fair"),
    (["handler_restart", "read_pipe"], "unusual"),
    (["handler", "fork", "read"], "fair"),
]


@pytest.mark.parametrize(("words", "label"), FAIR, ids=str)
def test_each_hit_is_labelled_and_fair_keeps_to_the_fair(
    pyshim: Pyshim, target: Target, words: list[str], label: str
) -> None:
    command = [target("calls_by_name"), *words]
    call = words[-1].partition("_")[0]
    report = said(pyshim("-p", "faults", *command))[0]
    place = rf"\b{call} at \S+( \(\w+\))? {label}"
    assert re.search(place + r"(;|$| \(\d times\))", report), report
    last = returned(pyshim("-p", "faults", "--fair", *command))[-1]
    assert last.endswith("EINTR") == (label == "fair"), last


def test_what_never_fails_with_eintr_is_unusual(pyshim: Pyshim, target: Target) -> None:
    done = pyshim("-e", "inject=mmap:error=EINTR", target("calls_by_name"), "mmap")
    assert said(done)[0].endswith("unusual")


@pytest.mark.parametrize("error", ["EINTR", "EAGAIN"])
def test_fair_in_a_rule(pyshim: Pyshim, target: Target, error: str) -> None:
    words = ["read", "handler", "read", "handler_restart", "read"]
    rule = f"inject=read:error={error}:fair"
    seen = returned(pyshim("-e", rule, target("calls_by_name"), *words))
    assert [line for line in seen if line.startswith("read")] == [
        *("read: 1", f"read: -1 {error}", "read: 1")
    ]


# -- the report --------------------------------------------------------------------


def test_one_line_a_rule(pyshim: Pyshim, target: Target) -> None:
    rules = ["inject=read:error=EIO:when=2+", "inject=write:error=EIO"]
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
