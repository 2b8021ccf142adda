"""Rules of strace's do here what they do under strace: the same program, the same rule.

The rules are those that strace accepts of `tests/unit/strace_rules.txt`. There they are
about getppid; here many at once are tried, each on another call in its place.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path

import pytest
from shimmed import PYSHIM, in_turn

from pyshim.calls import table
from pyshim.excerpt import Excerpt
from pyshim.rules import Rule, parse, parse_expression
from pyshim.selection import select
from pyshim.strace_names import NAMES

Target = Callable[..., str]
pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="no strace here")


def _words(text: str) -> list[str]:
    return text.split()


LIST = Path(__file__).parent.parent / "unit" / "strace_rules.txt"
PLAIN = _words("""
    getuid geteuid getgid getegid getpgid getsid getpgrp umask alarm sched_yield
    sched_getscheduler sched_get_priority_max sched_get_priority_min getpriority fsync
    fdatasync dup fchdir flock ftruncate lseek syncfs inotify_rm_watch timer_getoverrun
    munlock mlock madvise fchmod getgroups epoll_wait readahead sync_file_range tee
    fallocate listen shutdown msync
""")
POINTING = _words("""
    chdir rmdir unlink chmod truncate rename link symlinkat getcwd getitimer renameat2
    linkat
""")
UNWRITABLE = "unlinkat"
"""Calls of tests/targets/same_calls.c. The last points to no memory at all."""
TOO_LONG, LONG = 2 * 10**9, 10**8
"""Nanoseconds of delay: such a rule is not run, or only once."""
DEADLY = (signal.SIGKILL, signal.SIGSTOP)


def accepted() -> list[str]:
    lines = LIST.read_text().splitlines()
    return [line[2:] for line in lines if line.startswith("+ ")]


def on_getppid() -> Iterator[tuple[str, Rule]]:
    """Rules for getppid alone, and what they come to."""
    for text in accepted():
        if re.match("(inject|fault)=getppid:", text):
            rule = parse(*parse_expression(text), table())
            long = max(rule.delay_enter, rule.delay_exit) > LONG
            yield f"{text}:when=2" if long else text, rule


def runnable() -> list[str]:
    return [
        text
        for text, rule in on_getppid()
        if max(rule.delay_enter, rule.delay_exit) < TOO_LONG
        and rule.signal not in DEADLY
    ]


def keys(rule: str) -> set[str]:
    """What it says besides the call."""
    return {item.partition("=")[0] for item in rule.split(":")[1:]}


def groups(calls: list[str], rules: list[str]) -> Iterator[list[tuple[str, str]]]:
    """Pairs of a call and a rule that is now for it; no call twice in a group."""
    left = iter(rules)
    while some := [*islice(left, len(calls))]:
        pairs = zip(calls, some, strict=False)
        yield [(call, rule.replace("getppid", call, 1)) for call, rule in pairs]


_TWO_POKES = [f"poke_{side}=@arg1=41,@arg2=4242" for side in ("enter", "exit")]
LOST = [rule for rule in runnable() if {"signal", "delay_enter"} <= keys(rule)]
"""strace 6.1 never sends a signal that waits for a delay. Here it comes."""
ALONE = [
    rule for rule in runnable() if {"syscall", "poke_enter", "poke_exit"} & keys(rule)
]
"""After a call with syscall=, strace makes all other errors ENOSYS; of several rules
that poke it dies."""
OTHERS = [rule for rule in runnable() if rule not in {*LOST, *ALONE}]
GROUPS = [
    *groups(PLAIN, OTHERS),
    *(
        pair
        for call, rule in zip(cycle(POINTING), ALONE, strict=False)
        for pair in groups([call], [rule])
    ),
    *([(UNWRITABLE, f"inject={UNWRITABLE}:{poke}")] for poke in _TWO_POKES),
]


def start(command: list[str], folder: Path) -> subprocess.Popen[str]:
    folder.mkdir()
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, text=True)


def both(
    options: list[str], program: list[str], tmp_path: Path
) -> tuple[subprocess.CompletedProcess[str], subprocess.CompletedProcess[str]]:
    """What came of it under strace, and here; both at the same time."""
    commands = [["strace", "-f", "-qq", "-o", "/dev/null"], [*PYSHIM, "--layer=full"]]
    started = [
        start([*command, *options, *program], tmp_path / str(number))
        for number, command in enumerate(commands)
    ]
    done = []
    try:
        for process in started:
            out, err = process.communicate(timeout=60)
            status = process.returncode
            done.append(subprocess.CompletedProcess(process.args, status, out, err))
    finally:
        for process in started:
            process.kill()
    return done[0], done[1]


def delays(stderr: str) -> dict[str, int]:
    """By call: nanoseconds, of all nine together."""
    found: dict[str, int] = {}
    for name, time in re.findall(r"^(\w+) (\d+)$", stderr, re.MULTILINE):
        found[name] = found.get(name, 0) + int(time)
    return found


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group[0][1][:40])
def test_the_program_sees_the_same(
    target: Target, tmp_path: Path, group: list[tuple[str, str]]
) -> None:
    options = [f"-e{rule}" for _, rule in group]
    program = [target("same_calls"), *(call for call, _ in group)]
    theirs, ours = both(options, program, tmp_path)
    assert (theirs.returncode, ours.returncode) == (0, 0), ours.stderr
    seen = theirs.stdout.splitlines()
    assert len(seen) == 9 * len(group)
    assert ours.stdout.splitlines() == seen
    for call, text in group:
        rule = parse(*parse_expression(text), table())
        hits = sum(map(rule.when.hits, range(1, 10)))
        least = hits * (rule.delay_enter + rule.delay_exit)
        assert delays(theirs.stderr)[call] >= least
        assert delays(ours.stderr)[call] >= least


def test_nearly_every_rule_is_run() -> None:
    """Three delays are too long to wait for, and SIGKILL has a test of its own."""
    left_out = {text for text, _ in on_getppid()} - {*runnable()}
    assert len(left_out) == 4, left_out
    assert len(runnable()) > 110
    assert len(LOST) < 4 < len(ALONE) < 50


def test_a_signal_is_not_lost_in_a_delay(target: Target, tmp_path: Path) -> None:
    rule = "inject=fsync:signal=USR1:delay_enter=1"
    theirs, ours = both(["-e", rule], [target("same_calls"), "fsync"], tmp_path)
    assert theirs.stdout.count("signal 10") == 0, "strace is better now: see LOST"
    assert ours.stdout.count("signal 10") == 9


@pytest.mark.parametrize(
    "rule",
    [
        "inject=fsync:signal=SIGKILL",
        "inject=fsync:signal=KILL:when=3",
        "inject=fsync:signal=9:error=EIO:when=2+",
    ],
)
def test_a_signal_that_ends_the_program_ends_it_there_too(
    target: Target, tmp_path: Path, rule: str
) -> None:
    theirs, ours = both(["-e", rule], [target("same_calls"), "fsync"], tmp_path)
    assert theirs.returncode == ours.returncode == -signal.SIGKILL


# -- sets --------------------------------------------------------------------------

SETS = sorted({re.split("[=:]", text)[1] for text in accepted() if "inject=" in text})
SYSCALLS = frozenset(
    call
    for call in table().reachable
    if call.caught or call.passed or call.name == call.syscall
    if "composite" not in call.sets
)
"""The calls that stand for what the kernel is asked."""
HOT = {call.syscall for call in SYSCALLS if call.hot and call.caught}
"""Reached by their names alone, for they cost nothing: clock_gettime."""
MARK, REST = "ENOLINK", "EDOM"
LINE = re.compile(r"(\w+)\(.*INJECTED", re.DOTALL)


def members(program: str, chosen: str, log: Path) -> frozenset[str]:
    """The syscalls of 64 bits that a set holds for strace, without its two exits.

    None is made: all but those fail, the chosen ones with an error of their own.
    """
    rules = [f"inject=all:error={REST}", f"inject={chosen}:error={MARK}"]
    spared = "inject=execve,exit_group:delay_exit=0"
    words = [word for rule in (*rules, spared) for word in ("-e", rule)]
    command = ["strace", "-qq", "-o", str(log), *words, program]
    subprocess.run(command, check=True, timeout=30, capture_output=True)
    lines = log.read_text().splitlines()
    assert sum(MARK in line or REST in line for line in lines) > 350
    return frozenset(
        match[1] for line in lines if MARK in line and (match := LINE.match(line))
    )


@pytest.mark.parametrize("chosen", in_turn(SETS, 4))
def test_a_set_holds_the_syscalls_that_strace_has_in_it(
    target: Target, tmp_path: Path, chosen: str
) -> None:
    program = target("all_syscalls", "-static", "-nostdlib")
    theirs = members(program, chosen, tmp_path / "log")
    ours = {call.syscall for call in select(Excerpt.of(chosen), SYSCALLS)}
    spared = {"execve", "exit_group"} | HOT
    assert ours & NAMES["64"] - spared == theirs - spared
