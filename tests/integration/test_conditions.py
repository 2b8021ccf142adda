"""The conditions of a rule: which calls count, and so which are hit."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from reports import Done, returned, said

from pyshim.rules import chance_hits, threshold

Target = Callable[..., str]
Library = Callable[..., str]
Pyshim = Callable[..., Done]


def hit(done: Done) -> list[str]:
    """The words whose call failed, in their order."""
    return [line.split(":")[0] for line in returned(done) if ": -1" in line]


# -- path= -------------------------------------------------------------------------


@pytest.mark.parametrize("layer", ["symbols", "full"])
@pytest.mark.parametrize("way", ["path=", "-P"])
def test_the_path_of_what_has_no_name(
    pyshim: Pyshim, target: Target, tmp_path: Path, layer: str, way: str
) -> None:
    """Of a file that was unlinked, and of an empty name with AT_EMPTY_PATH."""
    path = tmp_path / "file"
    rule = "inject=fsync,newfstatat,statx:error=EXDEV"
    words = (
        ["-P", str(path), "-e", rule] if way == "-P" else ["-e", f"{rule}:path={path}"]
    )
    done = pyshim(f"--layer={layer}", *words, target("no_name"), str(path))
    assert returned(done) == [
        "named: EXDEV",
        "fstatat: EXDEV",
        "statx: EXDEV",
        "inside: EXDEV",
        "nothing: ENOENT",
        "unlinked: EXDEV",
    ]


# -- fd= and port= -----------------------------------------------------------------

KINDS = ["file", "dir", "pipe", "socket", "tty", "device"]


@pytest.mark.parametrize("layer", ["symbols", "full"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_descriptor_is(
    pyshim: Pyshim, target: Target, kind: str, layer: str
) -> None:
    rule = f"inject=fsync:error=EXDEV:fd={kind}"
    done = pyshim(f"--layer={layer}", "-e", rule, target("fd_kinds"))
    assert [line for line in returned(done) if "EXDEV" in line] == [f"{kind}: EXDEV"]


def test_a_descriptor_by_its_number(pyshim: Pyshim, target: Target) -> None:
    words = ["read", "read_pipe", "syscall_read"]
    for number, expected in ((3, ["read", "syscall_read"]), (2, [])):
        rule = f"inject=read:error=EIO:fd={number}"
        done = pyshim("-e", rule, target("calls_by_name"), *words)
        assert hit(done) == expected


CALLS_OF_PORTS = [
    "bind",
    "listen",
    "connect",
    "accept",
    "send",
    "recv",
    "write",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "__connect",
]
LOOPBACK = "127.77.3.4"


@pytest.mark.parametrize("call", CALLS_OF_PORTS)
def test_one_port_and_not_the_other(pyshim: Pyshim, target: Target, call: str) -> None:
    one, two = "47123", "47124"
    program = target("ports")
    rule = f"inject={call}:error=EXDEV:port={two}"
    done = pyshim("--layer=symbols", "-e", rule, program, LOOPBACK, one, two)
    lines = returned(done)
    failed = [line for line in lines if line.endswith("EXDEV")]
    # A syscall's name means all its functions.
    hits = {"sendto": ["send", "sendto"], "connect": ["connect", "__connect"]}
    assert failed == [f"{each} two: EXDEV" for each in hits.get(call, [call])]


@pytest.fixture
def ports() -> tuple[str, str]:
    """Two of ::1 that nobody has."""
    found = []
    for _ in range(2):
        try:
            with socket.socket(socket.AF_INET6) as end:
                end.bind(("::1", 0))
                found.append(str(end.getsockname()[1]))
        except OSError as error:
            pytest.skip(f"no IPv6 loopback: {error}")
    return found[0], found[1]


@pytest.mark.parametrize("call", ["bind", "connect", "accept", "send", "recv"])
def test_ports_of_ipv6(
    pyshim: Pyshim, target: Target, call: str, ports: tuple[str, str]
) -> None:
    rule = f"inject={call}:error=EXDEV:port={ports[0]}"
    done = pyshim("--layer=symbols", "-e", rule, target("ports"), "::1", *ports)
    failed = [line for line in returned(done) if line.endswith("EXDEV")]
    hits = ["connect", "__connect"] if call == "connect" else [call]
    assert failed == [f"{each} one: EXDEV" for each in hits]


def test_unix_sockets_and_bad_addresses_have_no_port(
    pyshim: Pyshim, target: Target
) -> None:
    words = (target("ports"), LOOPBACK, "47123", "47124")
    rule = "inject=connect,send:error=EXDEV:port=47123"
    lines = returned(pyshim("--layer=symbols", "-e", rule, *words))
    assert [line for line in lines if not line.endswith(" ok")] == [
        *("connect one: EXDEV", "send one: EXDEV", "__connect one: EXDEV"),
        "connect unix: EINVAL",
        *("send closed: EBADF", "connect bad: EFAULT", "connect short: EINVAL"),
    ]


@pytest.mark.parametrize("layer", ["symbols", "full"])
def test_the_path_of_a_descriptor_of_this_thread(
    pyshim: Pyshim, target: Target, tmp_path: Path, layer: str
) -> None:
    """Whatever became of the first one."""
    rule = f"inject=write:error=EIO:path={tmp_path}/made"
    for way in ("exited", "unshared"):
        done = pyshim(f"--layer={layer}", "-e", rule, target("led_by_none"), way)
        assert returned(done) == ["write: EIO"]


# -- if= ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("openat:error=EIO:if=flags & O_RDWR", ["open", "openat"]),
        ("openat:error=EIO:if=flags == O_RDWR or 0", ["open", "openat"]),
        ("open:error=EIO:if=not flags & O_ACCMODE", ["open_zero"]),
        ("open:error=EIO:if=!(flags&3)&&1", ["open_zero"]),
        ("read:error=EIO:if=count==1 and fd>2", ["read"]),
        ("read:error=EIO:if=arg2>1", []),
        ("read,openat:error=EIO:if=count==1", ["read"]),
    ],
)
def test_what_the_arguments_are(
    pyshim: Pyshim, target: Target, rule: str, expected: list[str]
) -> None:
    every = ["open", "open_zero", "read", "openat"]
    words = ["--layer=symbols", "-e", f"inject={rule}", target("calls_by_name")]
    assert hit(pyshim(*words, *every)) == expected


def test_mode_of_unsigned_bits(pyshim: Pyshim, tmp_path: Path) -> None:
    """mode_t has 32 of them."""
    rule = "inject=chmod,fchmodat:error=EXDEV:if=mode & 0o222 == 0 and mode"
    (tmp_path / "file").touch()
    for mode, status in (("444", 1), ("644", 0)):
        assert pyshim("-e", rule, "chmod", mode, "file").returncode == status


def test_flags_behind_an_offset_in_two_words(pyshim: Pyshim, target: Target) -> None:
    """The kernel has one argument more than the function."""
    rule = "inject=pwritev2:error=EXDEV:if=flags & RWF_DSYNC"
    done = pyshim("--layer=full", "-e", rule, target("in_two_words"))
    assert returned(done) == [
        *(f"{way}: EXDEV" for way in ("function", "number", "inline")),
        "inline, without: ok",
    ]


def test_the_upper_half_of_an_int_is_not_looked_at(
    pyshim: Pyshim, target: Target
) -> None:
    done = pyshim(
        *("--layer=full", "-e", "inject=close:error=EXDEV:if=fd == -1"),
        target("wide_ints"),
    )
    assert returned(done) == ["close 0xffffffff: EXDEV", "close garbage: EXDEV",
                              "close 99: EBADF"]  # fmt: skip


# -- caller= and site= -------------------------------------------------------------

PLACES = ["one", "two", "three", "one"]


@pytest.mark.parametrize("flags", [(), ("-no-pie",), ("-O2",)])
def test_a_function_of_the_program(
    pyshim: Pyshim, target: Target, flags: tuple[str, ...]
) -> None:
    program = target("callers", *flags)
    rule = "inject=getppid:error=EXDEV:caller=in_one"
    done = pyshim("-e", rule, program, *PLACES)
    assert hit(done) == ["one", "one"]


def test_a_function_that_the_compiler_renamed(pyshim: Pyshim, target: Target) -> None:
    program = target("callers", "-O2")
    nm = ["nm", program]
    names = subprocess.run(nm, capture_output=True, timeout=30, check=True).stdout
    if b" in_part.constprop.0\n" not in names:
        pytest.skip("this compiler keeps its name")
    for caller, words in (("in_part", ["part"]), ("in_part.constprop.0", ["part"])):
        rule = f"inject=getppid:error=EXDEV:caller={caller}"
        assert hit(pyshim("-e", rule, program, "one", "part", "two")) == words


def test_an_inline_syscall_has_a_caller(pyshim: Pyshim, target: Target) -> None:
    rule = "inject=getppid:error=EXDEV:caller=in_syscall"
    done = pyshim("--layer=full", "-e", rule, target("callers"), "one", "inline")
    assert hit(done) == ["inline"]


@pytest.fixture
def plugin(library: Library, tmp_path: Path) -> Path:
    """A library by its usual kind of name."""
    return Path(shutil.copy(library("callers"), tmp_path / "libplugin.so"))


@pytest.mark.parametrize(
    ("caller", "words"),
    [
        ("{name}", ["from_libr", "from_deep"]),
        ("{path}", ["from_libr", "from_deep"]),
        ("{path}!from_library", ["from_libr"]),
        ("{path}!deep_inside", ["from_deep"]),
        ("{folder}/{name}", ["from_libr", "from_deep"]),
        ("libc.so.6", []),
        ("x{name}", []),
        ("{program}", ["one"]),
        ("in_one", ["one"]),
    ],
)
def test_a_library_that_is_opened_later(
    pyshim: Pyshim, target: Target, plugin: Path, caller: str, words: list[str]
) -> None:
    path, program = plugin, target("callers")
    caller = caller.format(
        path=path, name=path.name, folder=path.parent.name, program=program
    )
    rule = f"inject=getppid:error=EXDEV:caller={caller}"
    calls = ["one", f"load={path}", "from_library", "from_deep"]
    assert hit(pyshim("-e", rule, program, *calls)) == words


@pytest.mark.parametrize("caller", ["from_library", "{name}!from_library"])
def test_a_library_that_is_there_from_the_start(
    pyshim: Pyshim, target: Target, tmp_path: Path, library: Library, caller: str
) -> None:
    linked = tmp_path / "libcallers.so"
    linked.symlink_to(library("callers"))
    needs = ("-Wl,--no-as-needed", str(linked), f"-Wl,-rpath,{tmp_path}")
    program = target("callers", *needs)
    rule = f"inject=getppid:error=EXDEV:caller={caller.format(name=linked.name)}"
    calls = ["one", f"load={linked}", "from_library", "from_deep"]
    assert hit(pyshim("-e", rule, program, *calls)) == ["from_libr"]


@pytest.mark.parametrize("word", ["fork", "exec=self"])
def test_a_caller_after_fork_and_exec(
    pyshim: Pyshim, target: Target, word: str
) -> None:
    rule = "inject=getppid:error=EXDEV:caller=in_one"
    done = pyshim("-e", rule, target("callers"), "two", word, "one", "two")
    lines = done.stdout.splitlines()
    assert set(lines) - {"fork: 0", "fork: 1"} == {"two: 0", "one: -1", "EXIT-SUCCESS"}


@pytest.mark.parametrize("flags", [(), ("-no-pie",)])
def test_a_site_as_a_report_shows_it_is_hit_alone(
    pyshim: Pyshim, target: Target, flags: tuple[str, ...]
) -> None:
    program, calls = (
        target("callers", *flags),
        ["one", "three", "two", "three", "inline"],
    )
    first = pyshim("--layer=full", "-e", "inject=getppid:error=EXDEV", program, *calls)
    sites = re.findall(r"getppid at (\S+\+0x[0-9a-f]+)", said(first)[0])
    assert len(sites) == 5
    for site in sites:
        rule = f"inject=getppid:error=EXDEV:site={site}"
        report = said(pyshim("--layer=full", "-e", rule, program, *calls))[0]
        assert re.findall(r"getppid at (\S+)", report) == [site]
        times = 2 if report.endswith("times)") else 1
        assert f"hit {times} time" in report


def test_a_site_of_a_library(pyshim: Pyshim, target: Target, library: Library) -> None:
    calls = [
        target("callers"),
        f"load={library('callers')}",
        "from_library",
        "from_deep",
    ]
    first = pyshim("-e", "inject=getppid:error=EXDEV", *calls)
    sites = re.findall(r"getppid at (\S+\+0x[0-9a-f]+)", said(first)[0])
    rule = f"inject=getppid:error=EXDEV:site={sites[1]}"
    assert len(hit(pyshim("-e", rule, *calls))) == 1


# -- thread=, process=, during=, since= ---------------------------------------------


@pytest.mark.parametrize(
    ("glob", "words"),
    [
        ("work-*", ["thread=wo", "thread=wo"]),
        ("work-2", ["thread=wo"]),
        ("callers*", ["one"]),
        ("nobody", []),
        ("*", ["one", "thread=wo", "thread=wo", "thread=x"]),
    ],
)
def test_the_name_of_a_thread(
    pyshim: Pyshim, target: Target, glob: str, words: list[str]
) -> None:
    rule = f"inject=getppid:error=EXDEV:thread={glob}"
    calls = ["one", "thread=work-1", "thread=work-2", "thread=x"]
    assert hit(pyshim("-e", rule, target("callers"), *calls)) == words


@pytest.fixture
def chain(target: Target, tmp_path: Path) -> list[str]:
    """A program that becomes another one, by a link, and that one a shell's."""
    program = Path(target("callers"))
    (tmp_path / "link").symlink_to(program)
    (tmp_path / "second").write_bytes(program.read_bytes())
    (tmp_path / "second").chmod(0o755)
    (tmp_path / "script").write_text('#!/bin/sh\nexec ./link "$@"\n')
    (tmp_path / "script").chmod(0o755)
    return ["./script", "one", "exec=./second", "two", "exec=./link", "three"]


@pytest.mark.parametrize(
    ("glob", "words"),
    [
        ("callers", ["one: -1", "three: -3"]),
        ("second", ["two: -1"]),
        ("**/second", ["two: -1"]),
        ("*/second", []),
        ("/no/where/second", []),
        ("link", []),
        ("script", []),
        ("**", ["one: -1", "two: -1", "three: -3"]),
    ],
)
def test_the_file_of_a_process(
    pyshim: Pyshim, chain: list[str], glob: str, words: list[str]
) -> None:
    """As the kernel has it: behind links, and of a script the interpreter."""
    rule = f"inject=getppid:error=EXDEV:process={glob}"
    done = pyshim("-e", rule, *chain)
    lines = done.stdout.splitlines()
    assert lines[-1] == "EXIT-SUCCESS"
    assert [line for line in lines if ": -" in line] == words


def test_a_program_that_was_deleted(pyshim: Pyshim, tmp_path: Path) -> None:
    """As when it is replaced by a newer one while it runs."""
    gone = tmp_path / "gone"
    shutil.copy("/bin/sh", gone)
    rule = "inject=chdir:error=EXDEV:process=gone"
    done = pyshim("-e", rule, str(gone), "-c", f"rm {gone}; cd / || echo refused")
    assert done.stdout == "refused\n"


def test_a_scripts_process_is_its_interpreter(pyshim: Pyshim, chain: list[str]) -> None:
    shell = Path("/bin/sh").resolve().name
    rule = f"inject=execve:error=EACCES:process={shell}"
    done = pyshim("-e", rule, *chain)
    assert done.returncode == 126 and "hit 1 time" in done.stderr


@pytest.mark.parametrize(
    ("span", "words"),
    [
        ("0..", ["one", "two"]),
        ("..60s", ["one", "two"]),
        ("50s..60s", []),
        ("300ms..", ["two"]),
    ],
)
def test_a_time_of_the_run(
    pyshim: Pyshim, target: Target, span: str, words: list[str]
) -> None:
    """It waits for 300 ms between the two."""
    rule = f"inject=getppid:error=EXDEV:during={span}"
    if span == "300ms..":  # on a busy machine the first may come that late, too
        found = hit(pyshim("-e", rule, target("callers"), "one", "wait", "two"))
        assert found[-1:] == words
        return
    assert hit(pyshim("-e", rule, target("callers"), "one", "wait", "two")) == words


@pytest.mark.parametrize("call", ["getppid", "open"])
def test_since_a_path_was_opened(pyshim: Pyshim, target: Target, call: str) -> None:
    rule = f"inject={call}:error=EXDEV:since=/dev/zer*"
    calls = ["one", "open=/dev/null", "open=/dev/zeroo", "one", "open=/dev/zero", "one",
             "open=/dev/null"]  # fmt: skip
    lines = returned(pyshim("-e", rule, target("callers"), *calls))
    failed = [i for i, line in enumerate(lines) if line.endswith("-1")]
    # The third is no file: that it was tried does not count.
    assert failed == {"getppid": [2, 5], "open": [2, 6]}[call]


def test_since_counts_for_the_whole_run(pyshim: Pyshim, target: Target) -> None:
    """What a child opens its parent knows."""
    rule = "inject=getppid:error=EXDEV:since=/dev/zero"
    done = pyshim("-e", rule, "sh", "-c", '"$0" one; : < /dev/zero; "$0" one',
                  target("callers"))  # fmt: skip
    assert done.stdout.split("\n")[0] == "one: 0" and "one: -1" in done.stdout


def test_what_is_off_never_hits(pyshim: Pyshim, target: Target) -> None:
    done = pyshim(
        "-e", "inject=getppid:error=EXDEV:name=x:off", target("callers"), "one"
    )
    assert hit(done) == []
    assert "never hit" in said(done)[0]


# -- counting ----------------------------------------------------------------------


def test_when_counts_the_calls_that_meet_all_conditions(
    pyshim: Pyshim, target: Target
) -> None:
    rule = "inject=getppid:error=EXDEV:caller=in_one:when=2"
    calls = ["one", "two", "two", "one", "one"]
    lines = returned(pyshim("-e", rule, target("callers"), *calls))
    assert [line.split()[1] for line in lines] == ["0", "0", "0", "-1", "0"]


def test_each_process_counts_for_itself(pyshim: Pyshim, target: Target) -> None:
    rule = "inject=getppid:error=EXDEV:caller=in_one:when=2:times=1"
    calls = ["one", "fork", "one", "one"]
    lines = pyshim("-e", rule, target("callers"), *calls).stdout.splitlines()
    child, parent = lines[2:4], lines[-3:-1]
    assert (child, parent) == (["one: 0", "one: -1"], ["one: -1", "one: 0"])


OF_VFORK = [
    *("its program", "its program", "parent", "parent", "child", "parent", "parent")
]


@pytest.mark.parametrize("layer", ["symbols", "full"])
@pytest.mark.parametrize(
    ("words", "marks"), [("when=3", "oxoooxo"), ("when=2+:times=2", "xxoxoxo")]
)
def test_the_child_of_a_vfork_counts_for_itself(
    pyshim: Pyshim, target: Target, layer: str, words: str, marks: str
) -> None:
    """And the program that it becomes from there on: as in strace."""
    rule = f"inject=fsync:error=EXDEV:{words}"
    done = pyshim(f"--layer={layer}", "-e", rule, target("vfork_counts"))
    errors = ["EXDEV" if mark == "x" else "EBADF" for mark in marks]
    expected = [f"{who}: {e}" for who, e in zip(OF_VFORK, errors, strict=True)]
    assert returned(done) == expected


def test_times_are_of_a_process(pyshim: Pyshim, target: Target) -> None:
    done = pyshim("-e", "inject=read:error=EIO:times=2", target("eintr_count"), "5")
    assert [line.split()[-1] for line in done.stdout.splitlines()[:-1]] == [
        *("EIO", "EIO", "ok", "ok", "ok")
    ]


def test_times_count_hits_and_not_calls(pyshim: Pyshim, target: Target) -> None:
    rule = "inject=read:error=EIO:when=2+2:times=2"
    done = pyshim("-e", rule, target("eintr_count"), "9")
    hits = [line for line in done.stdout.splitlines() if line.endswith("EIO")]
    assert hits == ["2 read: EIO", "4 read: EIO"]


def test_times_go_on_after_exec(pyshim: Pyshim, target: Target) -> None:
    rule = "inject=getppid:error=EXDEV:times=2"
    calls = ["one", "exec=self", "one", "one"]
    done = pyshim("-e", rule, target("callers"), *calls)
    assert done.stdout.splitlines() == ["one: -1", "one: -1", "one: 0", "EXIT-SUCCESS"]


@pytest.mark.parametrize("more", ["", ":thread=*:if=count==1:path=/dev/zero"])
def test_chance_is_of_the_calls_that_count(
    pyshim: Pyshim, target: Target, more: str
) -> None:
    """So many hits, whichever of the eight threads makes the calls."""
    rule = f"inject=read:error=EIO:p=0.3:seed=7{more}"
    done = pyshim("--layer=symbols", "-e", rule, target("threads_read"), "200")
    limit = threshold(0.3)
    hits = sum(chance_hits(7, count, limit) for count in range(1, 1601))
    assert done.stdout == f"{1600 - hits}\n"
    assert f"hit {hits} times" in said(done)[0]
