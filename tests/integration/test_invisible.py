"""With nobody interested, a process under the shim is the bare process.

strace is the judge. After the library is loaded and the plan is mapped a program makes
the same syscalls with the same arguments and results as bare, to its end, in every
process and thread of it. What is left is named here: START, and before each exec LOOK.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from shimmed import BY_SYMBOLS, PYSHIM, run

Target = Callable[..., str]

START = [
    *("openat", "lseek", "mmap", "close"),  # the plan
    *("openat", "pread64", "mmap", "close"),  # the arena
    *("mmap", "madvise", "getpid", "newfstatat", "gettid"),  # who we are
    *("readlink", "getppid"),  # and what to tell of us
]
"""All that the constructor does."""
START_HEARD = [*START, "mremap", "munmap"]
"""Where events are listened to, the first is put into a chunk of the thread's own."""
LOADING = {"openat", "read", "newfstatat", "mmap", "close", "mprotect"}
"""What ld.so does for one library more."""
WHO = (
    r"(?<!MADV_WIPEONFORK\) = 0\n)"  # not the constructor's
    r"getpid\(\) = P\n"
    r'newfstatat\(AT_FDCWD, "/proc/self/ns/pid", .*\) = 0\n'
    r"gettid\(\) = P\n"
    r'(?:readlink\("/proc/self/exe", .*\ngetppid\(.*\n)?'
    r"(?:mremap\(.*\nmunmap\(.*\n)?"
)
LOOK = re.compile(
    rf"(?:{WHO}|getpid\(\) = P\n|rt_sigprocmask\(0x63 .*\n)*"
    r"(?:openat\(.*, O_RDONLY\|O_NONBLOCK\|O_CLOEXEC\) = \d+\n"
    r"(?:(?:read|fstat|pread64)\(.*\n)*close\(\d+\) = 0\n)?"
    r"(?:(?:rt_sigprocmask\(0x63 |faccessat2?\(|getpid\().*\n)*"
    r"(?=execve\(|clone3?\(.*CLONE_VFORK)"
)
"""Before an exec: what to tell of it, where events are listened to; and will the shim
be able to live in that file, with this environment?"""
FAILED = re.compile(
    r"(execve\(.*\) = -1 .*\n)(?:getpid\(\) = P\n)?(?:rt_sigprocmask\(0x63 .*\n)*"
)
"""Where events are listened to all execs are told of, also that one came back."""
ENDING = re.compile(rf"(?:{WHO}|getpid\(\) = P\n)(?=exit_group\()")
"""Where events are listened to a process tells of its end: the first that is told of a
fork's child; and one that called vfork asks whether it is itself or the child."""

PROGRAMS = {
    "target": ["{target}"],
    "ls": ["/bin/ls", "-lR", "/usr/include/linux"],
    "sort": ["/usr/bin/sort", "-r", "/etc/services"],
    "threads": ["{threads}", "20"],
    "shell": ["/bin/sh", "-c", "ls /usr | sort; (echo x); cd /; exec /bin/echo y"],
    "python": [
        *("/usr/bin/python3", "-S", "-c"),
        "import json, subprocess, threading\n"
        "t = threading.Thread(target=print); t.start(); t.join()\n"
        "subprocess.run(['/bin/true'], check=True)\n",
    ],
}
MODES = {
    "none": (),
    "rule": ("-e", "inject=mknod:error=EIO"),
    "log": ("--plugin", "log", "-o", "{tmp}/events", "-e", "trace=mknod"),
}
"""mknod: what none of the programs does."""

LINE = re.compile(r"(\w+)\((.*)\) += (.*)")
BEGETS = re.compile(r"(?:clone3?|v?fork)\(.* = (\d+)")
VOLATILE = {"getrandom", "sysinfo", "clock_gettime", "getrusage", "times", "getppid"}
WITH_PIDS = {
    *("clone", "clone3", "fork", "vfork", "getpid", "gettid", "getppid", "wait4"),
    *("waitid", "kill", "tgkill", "set_tid_address", "setpgid", "prlimit64"),
}
ADDRESSED = re.compile(r"brk\(|munmap\(|mmap\(.*MAP_ANONYMOUS")
"""Python's sets are ordered by addresses, and so is when it needs memory."""
# When they run, and so which of them waits, is the scheduler's choice.
TIMING = re.compile(r"futex\(|restart_syscall\(|---|rt_sigreturn\(|sched_yield\(")


@dataclass
class Task:
    """A process or a thread: its syscalls, and what it started, in order."""

    calls: list[str] = field(default_factory=list)
    children: list[Task] = field(default_factory=list)

    def images(self) -> list[list[str]]:
        """The calls of each program it was, from the execve that began it on."""
        images: list[list[str]] = [[]]
        for call in self.calls:
            if call.startswith("execve(") and call.endswith("= 0"):
                images.append([])
            images[-1].append(call)
        return images

    def tasks(self) -> list[Task]:
        """Itself and everything below, in an order that does not depend on timing."""
        return [self, *(task for each in self.children for task in each.tasks())]


def normal(line: str, pids: str) -> str:
    """Without what differs between two bare runs: addresses, ids, time, chance.

    How large a piece of memory is depends on where the piece before it came to lie.
    """
    match = LINE.fullmatch(line)
    if not match:
        return line
    name, args, result = match.groups()
    if name in VOLATILE:
        return f"{name}(...) = ..."
    args = re.sub(r"parent_tid=\[\d+\]", "parent_tid=...", args)
    text = re.sub(r"0x[0-9a-f]{5,}", "A", f"{name}({args}) = {result}")
    if name in ("mmap", "munmap"):
        text = re.sub(r"\b\d{5,}\b", "N", text)
    return re.sub(rf"\b(?:{pids})\b", "P", text) if name in WITH_PIDS else text


def judged(folder: Path) -> Task:
    """The tree of what `strace -ff` has written there."""
    files = {int(path.suffix[1:]): path for path in folder.glob("judge.*")}
    pids = "|".join(map(str, files))
    tasks = {pid: Task() for pid in files}
    roots = set(files)
    for pid, path in files.items():
        for line in path.read_text(errors="replace").splitlines():
            if TIMING.match(line):
                continue
            if (child := BEGETS.match(line)) and int(child[1]) in files:
                tasks[pid].children.append(tasks[int(child[1])])
                roots.discard(int(child[1]))
            tasks[pid].calls.append(normal(line, pids))
    (root,) = roots
    return tasks[root]


def trace(prefix: Sequence[str], command: list[str], folder: Path) -> Task:
    """Run it under strace; the shim is in strace, too, and goes on from there."""
    folder.mkdir()
    work = folder.with_name("work")
    work.mkdir(exist_ok=True)
    judge = ["strace", "-ff", "-qq", "-o", str(folder / "judge")]
    done = run([*prefix, *judge, *command], cwd=work, env=environment(prefix))
    assert done.status == 0, done.stderr
    return judged(folder)


BUILD = ("PYSHIM_LIB", "PYTHONPATH")
"""Another pyshim than the installed one may be under test."""


def environment(prefix: Sequence[str]) -> dict[str, str]:
    """As large bare as with the shim's two entries: programs copy it."""
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "PYTHONHASHSEED": "0"}
    # How often an arena for a thread is cut to size depends on where it comes to lie.
    env["GLIBC_TUNABLES"] = "glibc.malloc.arena_max=1"
    env |= {key: os.environ[key] for key in BUILD if key in os.environ}
    if prefix:
        return env
    library = Path(os.environ.get("PYSHIM_LIB") or ROOT / "pyshim" / "_lib")
    return env | {
        "NO_PRELOAD": str(library / "libpyshim.so"),
        "PYNOTH_RUN": f"/dev/shm/pyshim-{os.getpid()}-abcdefgh",
    }


ROOT = Path(__file__).parents[2]


def split(image: list[str]) -> tuple[list[str], list[str]]:
    """What ld.so did, and the rest. The first unmaps what it knows of libraries."""
    end = next(n for n, call in enumerate(image) if call.startswith("munmap("))
    return image[: end + 1], image[end + 1 :]


def names(calls: Sequence[str]) -> list[str]:
    return [call.partition("(")[0] for call in calls]


def check_image(bare: list[str], shimmed: list[str], heard: bool) -> None:
    """One program's calls, from its execve to its end."""
    loaded, expected = split(bare)
    loading, rest = split(shimmed)
    more = Counter(names(loading)) - Counter(names(loaded))
    assert set(more) <= LOADING
    assert not Counter(names(loaded)) - Counter(names(loading))
    start = START_HEARD if heard else START
    assert names(rest[: len(start)]) == start
    assert steady(rest[len(start) :], bare[0]) == steady(expected, bare[0])


def steady(calls: list[str], execve: str) -> list[str]:
    """Without what may come earlier or later in the next bare run of this program."""
    if "python" not in execve:
        return calls
    return [call for call in calls if not ADDRESSED.match(call)]


def without(found: list[str], pattern: re.Pattern[str], instead: str = "") -> list[str]:
    return pattern.sub(instead, "".join(f"{each}\n" for each in found)).splitlines()


def check_task(bare: Task, shimmed: Task, heard: bool) -> None:
    calls = without(shimmed.calls, LOOK)
    if heard:
        calls = without(without(calls, ENDING), FAILED, r"\1")
    shimmed.calls = calls
    (first, *rest), (own, *others) = bare.images(), shimmed.images()
    assert own == first
    assert len(others) == len(rest)
    for one, other in zip(rest, others, strict=True):
        check_image(one, other, heard)


@pytest.fixture(scope="module")
def commands(target: Target) -> dict[str, list[str]]:
    programs = {
        "target": target("invisible"),
        "threads": target("short_threads"),
    }
    return {
        name: [word.format(**programs) for word in command]
        for name, command in PROGRAMS.items()
    }


@pytest.mark.parametrize("options", [*MODES.values(), ("--plugin", "log")])
def test_a_process_finds_no_trace_of_it(
    commands: dict[str, list[str]], tmp_path: Path, options: tuple[str, ...]
) -> None:
    """Its descriptors, its heap, its signals, its threads; even if all is logged, save
    that it gets the second key for thread variables then, and not the first."""
    words = [word.format(tmp=tmp_path) for word in options]
    env = {"SHOW_KEY": "yes"}
    bare = run(commands["target"], env=environment(()) | env)
    shimmed = run([*PYSHIM, *words, *commands["target"]], env=environment(PYSHIM) | env)
    assert b"EXIT-SUCCESS\n" in bare.stdout
    key = b"first key 1" if options else b"first key 0"
    assert bare.stdout.startswith(b"first key 0\n")
    assert shimmed.status == 0
    assert shimmed.stdout == bare.stdout.replace(b"first key 0", key)


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_syscall_is_added(
    commands: dict[str, list[str]], tmp_path: Path, name: str
) -> None:
    bare = trace((), commands[name], tmp_path / "bare")
    for mode, options in MODES.items():
        words = [word.format(tmp=tmp_path) for word in options]
        prefix = [*BY_SYMBOLS, *words, "--"]
        shimmed = trace(prefix, commands[name], tmp_path / mode)
        assert len(shimmed.tasks()) == len(bare.tasks())
        for one, other in zip(bare.tasks(), shimmed.tasks(), strict=True):
            check_task(one, other, heard=mode != "none")
