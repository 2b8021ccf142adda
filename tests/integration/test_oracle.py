"""strace is the oracle: what the log says of a call is what the kernel saw of it.

The shim is preloaded into strace and into the program that strace runs, so both logs
tell of the very same calls. Every line of ours must be found in strace's, in order,
thread by thread: same name, result, error and arguments. The reverse does not hold:
what libc does by itself never passes a wrapper.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from shimmed import BY_SYMBOLS, run

from pyshim.calls import Call, table

Target = Callable[..., str]
STRSIZE = "64"
JUMPS = {call.syscall for call in table().calls if call.jump}

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="no strace here")


# -- the lines ---------------------------------------------------------------------

LINE = re.compile(
    r"(?P<tid>\d+) +(?P<name>\w+)\((?P<args>.*)\) += (?P<result>-?\w+|\?)(?P<more>.*)"
)
UNFINISHED = re.compile(r"(?P<tid>\d+) +(?P<text>.*) <unfinished \.\.\.>$")
RESUMED = re.compile(r"(?P<tid>\d+) +<\.\.\. \w+ resumed>(?P<text>.*)")


@dataclass(frozen=True, slots=True)
class Line:
    """A call as a log tells it."""

    name: str
    args: tuple[str, ...]
    result: str
    more: str
    """What stands behind the result: the errno's text, flags by name."""
    text: str


def parse(text: str) -> dict[int, list[Line]]:
    """The calls in a log, by thread."""
    found: dict[int, list[Line]] = {}
    for line in whole_lines(text):
        if match := LINE.fullmatch(line):
            tid, name, args, result, more = match.groups()
            call = Line(name, tuple(split(args)), result, more.strip(), line)
            found.setdefault(int(tid), []).append(call)
    return found


def whole_lines(text: str) -> Iterator[str]:
    """Lines with their second half, where another thread's came in between."""
    begun: dict[str, str] = {}
    for line in text.splitlines():
        if match := UNFINISHED.match(line):
            begun[match["tid"]] = match["text"]
        elif match := RESUMED.match(line):
            yield f"{match['tid']} {begun.pop(match['tid'], '')}{match['text']}"
        else:
            yield line


def split(args: str) -> list[str]:
    """Arguments at the commas outside of strings, structs and lists."""
    parts, depth, quoted, begin, at = [], 0, False, 0, 0
    while at < len(args):
        char = args[at]
        if char == "\\" and quoted:
            at += 1
        elif char == '"':
            quoted = not quoted
        elif not quoted:
            depth += (char in "{[(") - (char in "}])")
            if char == "," and depth == 0:
                parts.append(args[begin:at].strip())
                begin = at + 1
        at += 1
    rest = args[begin:].strip()
    return [*parts, rest] if rest or parts else []


# -- what may differ ---------------------------------------------------------------

ADDRESS = re.compile(r"0x[0-9a-f]+")
DECODED = re.compile(r'[\[{"~]')
"""How text begins that strace made of the memory behind a pointer."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A way in which our line is not strace's, and why that is as it should be."""

    why: str
    name: str
    """Pattern of our syscall's name."""
    ours: str = ""
    """Pattern of our whole line; default: any."""
    theirs: str = ""
    """Pattern of theirs that is to be taken for ours; %1, %2 are the groups of `ours`.
    Empty: there is no such line."""


DIFFERENCES = (
    Difference(
        "sbrk(0) and the like are answered by libc, which says brk to the kernel",
        name="brk",
        ours=r"brk\(\.\.\.\)",
    ),
    Difference(
        "posix_madvise(POSIX_MADV_DONTNEED) does nothing in glibc",
        name="madvise",
        ours="MADV_DONTNEED",
    ),
    Difference(
        "getcwd(NULL): libc finds the room, which the call does not name",
        name="getcwd",
        ours=r"getcwd\(NULL, \d+\) += 0x",
        theirs=r'getcwd\("/.*", \d+\) += \d+',
    ),
    Difference(
        "usleep is counted in microseconds, and the kernel's struct in two parts",
        name="clock_nanosleep",
        ours=r"\{tv_nsec=1\*1000, \.\.\.\}",
        theirs=r"\{tv_sec=0, tv_nsec=1000\}",
    ),
    Difference(
        "strace shows a buffer of size 0 as if the result had been written to it",
        name="l?getxattr|fgetxattr",
        ours=r'"", 0\) += 7',
        theirs=r"value.*, 0\) += 7",
    ),
    Difference(
        "libc asks F_GETOWN_EX, which has no owner that looks like an error",
        name="fcntl",
        ours=r"F_GETOWN\)",
        theirs=r"F_GETOWN_EX, \{",
    ),
    Difference(
        "eventfd_write is given a number, the kernel its bytes",
        name="write",
        ours=r"write\(\d+, 258, 8\) += 8",
        theirs=r'write\(\d+, "\\2\\1\\0\\0\\0\\0\\0\\0", 8\) += 8',
    ),
    Difference(
        "the kernel returns the size of its mask, libc 0",
        name="sched_getaffinity",
        ours="= 0$",
        theirs=r"= \d+$",
    ),
    Difference(
        "strace sees the kernel's own error of a call that a signal interrupts",
        name="rt_sigsuspend|pause",
        ours="= -1 EINTR",
        theirs=r"= \? ERESTARTNOHAND",
    ),
    Difference(
        "two signals are libc's own, and the kernel is not asked",
        name="rt_sigaction",
        ours=r"\((SIGRTMIN|SIGRT_1), .* = -1 EINVAL",
    ),
    Difference(
        "klogctl is decoded by strace only",
        name="syslog",
        ours=r"syslog\(10, NULL, 0\)",
        theirs=r"syslog\(10 .*\)",
    ),
    Difference(
        "execvp: libc tries the folders of PATH, our line has what it was given",
        name="execve",
        ours=r'execve\("([^/"]+)", (\[.*\]), .*\) += 0',
        theirs=r'execve\("/[^"]*/%1", %2, .*\) += 0',
    ),
    Difference(
        "the environment a program gives its child is handed on with the shim in it",
        name="execve|execveat",
        ours=r"(execve.*), (?:NULL|0x\w+ /\* \d+ vars? \*/)((?:, \w+)?\)) += (.*)",
        theirs=r"%1, 0x\w+ /\* \d+ vars? \*/%2 += %3$",
    ),
)


def same_argument(ours: str, theirs: str) -> bool:
    """Structs are addresses in our log, and `...` is what libc hides from us."""
    if ours == theirs:
        return True
    if ours == "environ":
        return bool(re.fullmatch(r"0x[0-9a-f]+ /\* \d+ vars? \*/", theirs))
    if ADDRESS.fullmatch(ours):
        return bool(DECODED.match(theirs)) or theirs.startswith(f"{ours} /*")
    if ours.startswith("{") and theirs.startswith("{"):
        return same_struct(split(ours[1:-1]), split(theirs[1:-1]))
    if "=" in ours and ours.partition("=")[0] == theirs.partition("=")[0]:
        return same_argument(ours.partition("=")[2], theirs.partition("=")[2])
    return ours == "..." and theirs != ""


def same_struct(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    """Ours may end early with `...`."""
    if ours[-1:] == ["..."]:
        ours, theirs = ours[:-1], theirs[: len(ours) - 1]
    return len(ours) == len(theirs) and all(map(same_argument, ours, theirs))


def same_arguments(ours: Line, theirs: Line) -> bool:
    if len(ours.args) != len(theirs.args):
        return False
    return all(map(same_argument, ours.args, theirs.args))


def same_result(ours: Line, theirs: Line) -> bool:
    """strace adds to some results what it found in memory; an errno's text counts."""
    if ours.result != theirs.result:
        return False
    return ours.more == theirs.more or (not ours.more and ours.result != "-1")


def same(ours: Line, theirs: Line) -> bool:
    return (
        ours.name == theirs.name
        and same_arguments(ours, theirs)
        and same_result(ours, theirs)
    )


def difference(ours: Line) -> tuple[Difference, str] | None:
    """The documented difference that this line is a case of, and theirs for it."""
    for each in DIFFERENCES:
        match = re.fullmatch(each.name, ours.name) and re.search(each.ours, ours.text)
        if match:
            theirs = each.theirs
            for number, group in enumerate(match.groups(), 1):
                theirs = theirs.replace(f"%{number}", re.escape(group))
            return each, theirs
    return None


@dataclass(slots=True)
class Verdict:
    """How many of our lines were strace's, and those that were not."""

    same: int = 0
    excused: list[Difference] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    """The syscalls that were the same."""


def find(lines: Sequence[Line], fits: Callable[[Line], object], at: int) -> int:
    """Where the first line that fits is, from `at` on; -1: nowhere."""
    return next((i for i in range(at, len(lines)) if fits(lines[i])), -1)


def compare(ours: Sequence[Line], theirs: Sequence[Line], verdict: Verdict) -> None:
    """One thread: each of our lines in its turn must be among the rest of theirs."""
    at = 0
    for line in ours:
        excuse, wanted = difference(line) or (None, "")
        if excuse and not wanted:
            verdict.excused.append(excuse)
            continue
        fits = partial(says, wanted) if excuse else partial(same, line)
        found = find(theirs, fits, at)
        if found < 0:
            near = [each.text for each in theirs[at:] if each.name == line.name]
            verdict.wrong.append(f"ours   {line.text}\ntheirs {(near or ['none'])[0]}")
            continue
        at = found + 1
        if excuse and not same(line, theirs[found]):
            verdict.excused.append(excuse)
        else:
            verdict.same += 1
            verdict.names.add(line.name)


def says(wanted: str, line: Line) -> object:
    return re.search(wanted, line.text)


# -- running -----------------------------------------------------------------------


def both_logs(tmp_path: Path, command: Sequence[str]) -> tuple[str, str]:
    """What pyshim and strace wrote of one and the same run."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    # strace's own work is ptrace, by the ten thousands: without it this takes half.
    log = ["-e", "trace=!ptrace,%composite", "-s", STRSIZE, "-o", str(ours), "--"]
    strace = ["strace", "-f", "-s", STRSIZE, "-o", str(theirs), "--"]
    run([*BY_SYMBOLS, *log, *strace, *command], cwd=tmp_path)
    read = [file.read_text(errors="surrogateescape") for file in (ours, theirs)]
    return read[0], read[1]


def after_exec(lines: Sequence[Line]) -> Sequence[Line]:
    """What strace's child did before it became the program, strace does not tell."""
    execs = (i for i, each in enumerate(lines) if each.name == "execve")
    return lines[next(execs) :]


def seen_to_end(line: Line) -> bool:
    """Of vfork only the beginning is seen."""
    return line.result != "?" or line.name not in JUMPS


def judge(tmp_path: Path, command: Sequence[str]) -> Verdict:
    ours, theirs = map(parse, both_logs(tmp_path, command))
    first = next(iter(theirs))
    ours[first] = list(after_exec(ours[first]))
    verdict = Verdict()
    for tid, lines in theirs.items():
        compare(list(filter(seen_to_end, ours.get(tid, []))), lines, verdict)
    return verdict


PROGRAMS: dict[str, tuple[int, list[str]]] = {
    "ls": (20, ["ls", "-lR", "tree"]),
    "cat": (15, ["cat", "tree/f1", "tree/f2", "missing", "tree"]),
    "cp": (60, ["cp", "-rp", "tree", "copy"]),
    "tar": (80, ["tar", "czf", "tree.tar.gz", "tree"]),
    "git init": (80, ["git", "init", "-q", "tree"]),
    "git status": (20, ["git", "-C", "repository", "status"]),
    "git commit": (150, ["git", "-C", "repository", "commit", "-qam", "all"]),
    "python3": (200, [sys.executable, "-c", "import json; print(json.dumps([1]))"]),
    "python3 with children": (
        200,
        [
            sys.executable,
            "-c",
            "import subprocess as s; s.run(['ls']); s.run(['/bin/cat'])",
        ],
    ),
    "sqlite3": (30, ["sqlite3", "t.db", "create table t(a); select * from t"]),
    "gcc": (80, ["gcc", "-c", "main.c", "-o", "main.o"]),
    "find": (40, ["find", "tree", "-type", "f", "-exec", "wc", "{}", "+"]),
    "sh": (10, ["sh", "-c", "cat < tree/f1 | wc -l; exec env -i /bin/echo end"]),
    "env": (1, ["env", "-i", "PATH=/nowhere:/bin", "true"]),
}
"""A command, and how many of our lines it gives at least."""

TARGETS: dict[str, tuple[int, list[str]]] = {
    "oracle_files": (250, []),
    "oracle_network": (110, []),
    "oracle_privileged": (20, []),
    "oracle_processes": (120, ["/bin/true"]),
    "path_calls": (30, ["/proc/self/cwd/top"]),
    "open_modes": (5, []),
    "threads_read": (10, ["5"]),
    "variadics": (5, []),
    "spawn_env": (10, ["/bin/true", "word"]),
    "vfork_exec": (5, []),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with something for the programs to work on."""
    top = tmp_path_factory.mktemp("oracle")
    (top / "tree/deep").mkdir(parents=True)
    (top / "tree/f1").write_text("one\ntwo\n")
    (top / "tree/f2").write_bytes(bytes(range(256)) * 100)
    (top / "tree/deep/soft").symlink_to("../f1")
    (top / "main.c").write_text("int main(void) { return 0; }\n")
    (top / "top").mkdir()
    if shutil.which("git"):
        git = ["git", "-C", str(top / "repository")]
        shutil.copytree(top / "tree", top / "repository")
        subprocess.run([*git, "init", "-q"], check=True, timeout=30)
        subprocess.run([*git, "add", "."], check=True, timeout=30)
        for key, value in ("name", "Somebody"), ("email", "a@b.invalid"):
            config = [*git, "config", f"user.{key}", value]
            subprocess.run(config, check=True, timeout=30)
    return top


@pytest.fixture(scope="module")
def judged(place: Path, target: Target) -> Callable[[str], Verdict]:
    """`judged("ls")`: each is run once."""
    verdicts: dict[str, Verdict] = {}
    works = subprocess.run(
        ["strace", "-o", "/dev/null", "true"],
        capture_output=True,
        timeout=30,
        check=False,
    )

    def get(name: str) -> Verdict:
        if works.returncode:
            pytest.skip(f"strace can't trace here: {works.stderr.decode()}")
        _, words = PROGRAMS.get(name) or TARGETS[name]
        command = words if name in PROGRAMS else [target(name), *words]
        if not shutil.which(command[0]):
            pytest.skip(f"no {command[0]} here")
        if name not in verdicts:
            verdicts[name] = judge(place, command)
        return verdicts[name]

    return get


@pytest.mark.parametrize("name", [*PROGRAMS, *TARGETS])
def test_our_log_is_straces(
    name: str,
    judged: Callable[[str], Verdict],
    record_property: Callable[[str, object], None],
) -> None:
    least, _ = PROGRAMS.get(name) or TARGETS[name]
    verdict = judged(name)
    all_lines = verdict.same + len(verdict.excused) + len(verdict.wrong)
    record_property("share of lines that are strace's", verdict.same / all_lines)
    assert verdict.wrong == []
    assert verdict.same >= least
    assert len(verdict.excused) <= 0.25 * all_lines + 1


def test_each_difference_still_is_one(judged: Callable[[str], Verdict]) -> None:
    seen = {each.why for name in TARGETS for each in judged(name).excused}
    seen |= {each.why for each in judged("env").excused}
    assert {each.why for each in DIFFERENCES} - seen == set()


_GONE = "no kernel of today has it, and strace guesses at its arguments"
_NUMBERS = "its flags are numbers in our lines"
UNTRIED = {
    **dict.fromkeys(("create_module", "get_kernel_syms", "nfsservctl"), _GONE),
    "query_module": _GONE,
    **dict.fromkeys(("fsconfig", "fsopen", "quotactl"), _NUMBERS),
    "modify_ldt": "its result has 32 bits in the kernel; strace loses its sign",
    "pause": "nothing but a signal at the right time ends it; rt_sigsuspend is like it",
    "ptrace": "strace's own calls would be compared",
    "rt_sigsuspend": "is among the differences",
    "sched_getaffinity": "is among the differences",
    "sync": "waits for every disk of the machine",
    "syscall": "is logged by the name of what it calls",
    "vhangup": "hangs up the terminal the tests run on",
    "syslog": "is among the differences",
}


def is_thin(call: Call) -> bool:
    """Made by a function of libc's that does nothing else; test_numbers.py has those
    that are made by number."""
    special = call.stub or call.hot or call.jump or call.number
    return not special and not call.sets & {"composite", "alloc"}


def test_every_syscall_of_the_table_is_compared(
    judged: Callable[[str], Verdict],
) -> None:
    compared = set().union(*(judged(name).names for name in TARGETS))
    wrapped = {call.syscall for call in table().calls if is_thin(call)}
    assert wrapped - compared == set(UNTRIED)
