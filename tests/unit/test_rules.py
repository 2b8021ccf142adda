"""The grammar of rules, with strace as the oracle for what strace has."""

from __future__ import annotations

import errno
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyshim.calls import Call, Table, table
from pyshim.errors import UsageError
from pyshim.rule_keys import LAST_MAX, When
from pyshim.rules import (
    Rule,
    chance_hits,
    parse,
    parse_expression,
    threshold,
)

STRACE = shutil.which("strace")
needs_strace = pytest.mark.skipif(not STRACE, reason="strace is not installed")


def make_call(number: int, name: str, syscall: str) -> Call:
    return Call(
        id=number,
        name=name,
        syscall=syscall,
        params=(),
        kernel=(),
        sets=frozenset(),
        errnos=frozenset(),
        restarts=False,
        fails="-1",
        ret="int",
        stub="",
        base=name,
    )


TABLE = Table(
    (
        make_call(0, "getppid", "getppid"),
        make_call(1, "getpid", "getpid"),
        make_call(2, "open", "openat"),
        make_call(3, "openat", "openat"),
    ),
    digest=0,
)


def inject(items: str) -> Rule:
    return parse("inject", f"getppid:{items}", TABLE)


def refusal(items: str) -> str:
    with pytest.raises(UsageError) as caught:
        inject(items)
    return str(caught.value)


def pyshim_accepts(expression: str) -> bool:
    try:
        qualifier, rest = parse_expression(expression)
        if qualifier == "trace":
            table().select(rest)
        else:
            parse(qualifier, rest, table())
    except UsageError as error:
        assert "\n" not in str(error)
        return False
    return True


def strace_accepts(expression: str) -> bool:
    # -V ends strace after the options before it were read: no process is traced.
    assert STRACE
    command = [STRACE, "-e", expression, "-V"]
    done = subprocess.run(command, capture_output=True, timeout=30, check=False)
    return done.returncode == 0


def listed_rules() -> list[tuple[str, str]]:
    text = (Path(__file__).parent / "strace_rules.txt").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line[0], line[2:]) for line in lines]


@pytest.mark.parametrize(("mark", "expression"), listed_rules())
def test_pyshim_accepts_what_the_list_says(mark: str, expression: str) -> None:
    assert pyshim_accepts(expression) == (mark == "+")


@needs_strace
@pytest.mark.parametrize(("mark", "expression"), listed_rules())
def test_strace_accepts_what_the_list_says(mark: str, expression: str) -> None:
    assert strace_accepts(expression) == (mark in "+~")


@pytest.mark.parametrize(
    "expression", [text for mark, text in listed_rules() if mark == "~"]
)
def test_what_strace_has_and_we_have_not_is_called_so(expression: str) -> None:
    with pytest.raises(UsageError, match="not supported yet"):
        parse(*parse_expression(expression), TABLE)


@needs_strace
@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.text("0123569+.- x", max_size=7))
def test_any_when_is_accepted_as_strace_does(value: str) -> None:
    expression = f"inject=getppid:error=EIO:when={value}"
    assert pyshim_accepts(expression) == strace_accepts(expression)


@needs_strace
@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.text("0159.+- emnusxE", max_size=7))
def test_any_delay_is_accepted_as_strace_does(value: str) -> None:
    expression = f"inject=getppid:delay_enter={value}"
    assert pyshim_accepts(expression) == strace_accepts(expression)


@needs_strace
@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    st.sampled_from(["error", "retval", "signal"]), st.text("012478 +-xaf", max_size=6)
)
def test_any_number_is_accepted_as_strace_does(key: str, value: str) -> None:
    expression = f"inject=getppid:{key}={value}"
    assert pyshim_accepts(expression) == strace_accepts(expression)


SET_PARTS = [
    *(
        "getppid",
        "getpid",
        "mmap2",
        "nope",
        "%file",
        "%nope",
        "%%stat",
        "signal",
        "all",
    ),
    *("none", "!", "?", ",", ",", "@64", "@32", "@x32", "@", "39", "415", "512", "1"),
    *("/", "/", "get", "^", "$", "(", ")", "|", "*", "[", "]", "{", "\\", "p", "."),
]


@needs_strace
@settings(max_examples=80, derandomize=True, deadline=None)
@given(st.lists(st.sampled_from(SET_PARTS), max_size=5))
def test_any_set_is_accepted_as_strace_does(parts: list[str]) -> None:
    expression = f"inject={''.join(parts)}:error=EIO"
    assert pyshim_accepts(expression) == strace_accepts(expression)


POKE_PARTS = ["@arg1=", "@arg7=", "@arg", "8", "=", ",", " ", "-", "0x", "4", "a", "g1"]


@needs_strace
@settings(max_examples=80, derandomize=True, deadline=None)
@given(st.lists(st.sampled_from(POKE_PARTS), max_size=7))
def test_any_poke_is_accepted_as_strace_does(parts: list[str]) -> None:
    expression = f"inject=getppid:poke_exit={''.join(parts)}"
    assert pyshim_accepts(expression) == strace_accepts(expression)


@needs_strace
def test_every_errno_name_of_the_c_library_is_accepted_as_strace_does() -> None:
    names = [f"inject=getppid:error={name}" for name in vars(errno) if name[0] == "E"]
    ours = {each for each in names if pyshim_accepts(each)}
    assert ours == {each for each in names if strace_accepts(each)}
    assert len(ours) > len(errno.errorcode) - 2


@pytest.mark.parametrize(
    ("items", "field", "value"),
    [
        ("error=ENOENT", "error", errno.ENOENT),
        ("error=enoent", "error", errno.ENOENT),
        ("error=EDEADLK", "error", 35),
        ("error=ENOTSUPP", "error", 524),
        ("error=010", "error", 10),
        ("retval=0", "retval", 0),
        ("retval=017", "retval", 15),
        ("retval=-0x1F", "retval", -31),
        ("retval=18446744073709551615", "retval", -1),
        ("retval=9223372036854775808", "retval", -(2**63)),
        ("retval=-18446744073709551615", "retval", 1),
        ("poke_exit=@arg2=41", "poke_exit", ((2, b"A"),)),
        ("poke_enter=@arg3=4142,@arg1=0x", "poke_enter", ((3, b"AB"), (1, b"\0"))),
        ("poke_enter=@arg1=4g-1+1", "poke_enter", ((1, b"\4\xff\1"),)),
        ("poke_enter=@arg1= 142", "poke_enter", ((1, b"\x14\x42"),)),
        ("poke_enter=,", "poke_enter", ()),
        ("error=EIO:syscall=getuid", "instead", "getuid"),
        ("signal=SIGUSR1", "signal", 10),
        ("signal=usr1", "signal", 10),
        ("signal=SIGIO", "signal", 29),
        ("signal=SIGRTMIN", "signal", 32),
        ("signal=SIGRT_2", "signal", 34),
        ("signal=RT_32", "signal", 64),
        ("signal=010", "signal", 10),
        ("delay_enter=7", "delay_enter", 7_000),
        ("delay_exit=7", "delay_exit", 7_000),
        ("delay_enter=7ns", "delay_enter", 7),
        ("delay_enter=7us", "delay_enter", 7_000),
        ("delay_enter=7ms", "delay_enter", 7_000_000),
        ("delay_enter=7s", "delay_enter", 7_000_000_000),
        ("delay_enter=1.000000001s", "delay_enter", 1_000_000_001),
        ("delay_enter=.5", "delay_enter", 500),
        ("delay_enter=2e-3s", "delay_enter", 2_000_000),
        ("delay_enter=0.9ns", "delay_enter", 0),
        ("delay_enter=1e300s", "delay_enter", 2**63 - 1),
        ("error=1:when=3", "when", When(3, 3, 1)),
        ("error=1:when=3+", "when", When(3, LAST_MAX, 1)),
        ("error=1:when=3+2", "when", When(3, LAST_MAX, 2)),
        ("error=1:when=3..7", "when", When(3, 7, 1)),
        ("error=1:when=3..7+", "when", When(3, 7, 1)),
        ("error=1:when=3..7+2", "when", When(3, 7, 2)),
        ("error=1:when=65535", "when", When(65535, 65535, 1)),
        ("error=1:when=3:when=4", "when", When(4, 4, 1)),
        ("error=1", "when", When(1, LAST_MAX, 1)),
        ("error=1:p=0.05", "probability", 0.05),
        ("error=1:p=1", "probability", 1.0),
        ("error=1:p=0", "probability", 0.0),
        ("error=1:p=1e-3", "probability", 0.001),
        ("error=1", "probability", 1.0),
        ("error=1:seed=42", "seed", 42),
        ("error=1:seed=0xffffffffffffffff", "seed", 2**64 - 1),
        ("error=1:path=/etc/**", "path", "/etc/**"),
        (r"error=1:path=/a\:b*:p=1", "path", r"/a\:b*"),
        (r"path=/a\\:error=1", "path", r"/a\\"),
        (r"error=1:path=/a=b", "path", "/a=b"),
        ("error=1:path=/a\\", "path", "/a\\"),
        ("error=ENOSYS:fair", "fair_only", True),
        ("error=1", "fair_only", False),
        ("error=1", "retval", None),
    ],
)
def test_a_key_sets_its_field(items: str, field: str, value: object) -> None:
    assert getattr(inject(items), field) == value


def test_a_rule_keeps_its_text_and_the_calls_of_its_set() -> None:
    rule = parse("inject", "openat:error=EIO", TABLE)
    assert rule.text == "inject=openat:error=EIO"
    assert {call.name for call in rule.calls} == {"open", "openat"}


ODD = {
    "_exit": {"noreturn": True, "ret": "void"},
    "dlopen": {"jump": True, "ret": "ptr"},
    "rewinddir": {"ret": "void"},
}
"""Calls without a result, an exit, or both."""


@pytest.mark.parametrize(
    ("action", "able"),
    [
        ("error=EIO", ["dlopen"]),
        ("retval=0", ["dlopen"]),
        ("delay_exit=1ms", ["rewinddir"]),
        ("signal=HUP", [*ODD]),
        ("signal=HUP:delay_exit=1ms", [*ODD]),
    ],
)
def test_nothing_is_changed_where_there_is_nothing(
    action: str, able: list[str]
) -> None:
    odd = [replace(make_call(4, name, name), **facts) for name, facts in ODD.items()]
    table = Table((*TABLE.calls, *odd), digest=0)
    names = {call.name for call in parse("inject", f"all:{action}", table).calls}
    assert sorted(names & ODD.keys()) == able
    for name in ODD.keys() - {*able}:
        with pytest.raises(UsageError, match=name):
            parse("inject", f"{name}:{action}", table)


def test_fault_without_error_fails_with_enosys() -> None:
    assert parse("fault", "getppid:when=2", TABLE).error == errno.ENOSYS
    assert parse("fault", "getppid:error=EIO", TABLE).error == errno.EIO


def test_fault_takes_our_own_keys() -> None:
    rule = parse("fault", "getppid:p=0.5:seed=1:path=/x:fair", TABLE)
    found = (rule.probability, rule.seed, rule.path, rule.fair_only)
    assert found == (0.5, 1, "/x", True)


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ("error=EINTRR", ["'EINTRR'", "did you mean 'EINTR'?", "1..4095"]),
        ("error=ewouldblock", ["'ewouldblock'", "did you mean 'EAGAIN'?"]),
        ("signal=SIGNIT", ["'SIGNIT'", "did you mean 'SIGINT'?"]),
        ("signal=cld", ["did you mean 'SIGCHLD'?"]),
        ("signal=SIGRTMIN+1", ["SIGRT_1..SIGRT_32"]),
        ("delay_enter=1m", ["delay_enter='1m'", "s ms us ns"]),
        ("error=EIO:when=0", ["when='0'", "first[..last][+[step]]"]),
        ("eror=EIO", ["'eror'", "did you mean 'error'?"]),
        ("when=1", ["no action", "error= retval= signal="]),
        ("error=EIO:retval=0", ["exclude each other"]),
        ("error=EIO:error=EIO", ["error= is given twice"]),
        ("error=EIO:p=1.5", ["p='1.5'", "0..1"]),
        ("error=EIO:p=-1", ["p='-1'"]),
        ("error=EIO:p=nan", ["p='nan'"]),
        ("error=EIO:p=", ["p=''"]),
        ("error=EIO:p=1e-12", ["p='1e-12'"]),
        ("error=EIO:p=.1:p=.1", ["p= is given twice"]),
        ("error=EIO:seed=-1", ["seed='-1'"]),
        ("error=EIO:seed=18446744073709551616", ["seed=", "2**64-1"]),
        ("error=EIO:path=", ["path=''"]),
        ("error=EIO:fair=1", ["'fair' takes no value"]),
        ("error=EIO:fair:fair", ["given twice"]),
        ("poke_exit=@arg0=00", ["poke_exit='@arg0=00'", "@argN=HEX"]),
        ("error=EIO:syscall=getpit", ["syscall='getpit'", "did you mean 'getpid'?"]),
        ("error", ["'error' needs a value"]),
        ("error=E\nIO", ["'E\\nIO'"]),
    ],
)
def test_a_refusal_says_what_was_wrong_and_what_is_right(
    items: str, words: list[str]
) -> None:
    message = refusal(items)
    assert [word for word in words if word not in message] == []
    assert "\n" not in message


def test_a_key_of_inject_is_refused_in_fault_with_the_way_out() -> None:
    with pytest.raises(UsageError, match=r"fault= has no signal=, inject= has"):
        parse("fault", "getppid:signal=INT", TABLE)


def test_only_inject_and_fault_make_rules() -> None:
    with pytest.raises(UsageError, match="allowed: inject, fault"):
        parse("trace", "getppid:error=EIO", TABLE)


@pytest.mark.parametrize(
    ("text", "split"),
    [
        ("inject=read:error=EIO", ("inject", "read:error=EIO")),
        ("fault=read", ("fault", "read")),
        ("trace=%file", ("trace", "%file")),
        ("t=%file", ("trace", "%file")),
        ("%file", ("trace", "%file")),
        ("!read", ("trace", "!read")),
        ("/a=b", ("trace", "/a=b")),
        ("trace=", ("trace", "")),
        ("", ("trace", "")),
    ],
)
def test_an_expression_splits_at_its_qualifier(
    text: str, split: tuple[str, str]
) -> None:
    assert parse_expression(text) == split


def test_an_unknown_qualifier_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"'injekt'; did you mean 'inject'\?"):
        parse_expression("injekt=read:error=EIO")


@given(st.text(":=+.,!?/\\ EINTRerorwhnpasdgit_0129", max_size=40))
@example("error=" + "9" * 5000)
@example("retval=" + "9" * 5000)
@example("delay_enter=" + "9" * 5000)
@example("delay_enter=1." + "9" * 5000)
@example("delay_enter=0e" + "9" * 30)
@example("error=1:when=" + "9" * 5000)
@example("error=\u0661")
@example("retval=\u0661")
@example("signal=\u0661")
@example("delay_enter=\u0661")
@example("error=1:p=\u0661")
def test_a_wrong_rule_is_never_anything_but_a_usage_error(items: str) -> None:
    pyshim_accepts(f"inject=getppid:{items}")


@pytest.mark.parametrize(
    ("when", "counts"),
    [
        (When(), [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (When(3, 3), [3]),
        (When(3), [3, 4, 5, 6, 7, 8, 9]),
        (When(3, 7), [3, 4, 5, 6, 7]),
        (When(3, 8, 2), [3, 5, 7]),
        (When(2, LAST_MAX, 3), [2, 5, 8]),
        (When(4, 9, 65535), [4]),
    ],
)
def test_when_hits_these_of_the_first_nine_calls(when: When, counts: list[int]) -> None:
    assert [count for count in range(10) if when.hits(count)] == counts


def test_a_rule_without_an_end_goes_on_after_65535_calls() -> None:
    assert When().hits(10**12)
    assert inject("error=1:when=1+3").when.hits(65536 + 2 + 1)


@needs_strace
@pytest.mark.parametrize("when", ["2", "2+", "2+3", "2..5", "2..5+2", "1..4+3"])
def test_when_hits_the_calls_that_strace_hits(when: str, tmp_path: Path) -> None:
    assert STRACE
    log = tmp_path / "log"
    rule = f"inject=chdir:retval=0:when={when}"
    command = [STRACE, "-o", str(log), "-e", "trace=chdir", "-e", rule, "sh", "-c"]
    loop = "for i in 1 2 3 4 5 6 7 8; do cd /; done"
    done = subprocess.run(
        [*command, loop], capture_output=True, timeout=30, check=False
    )
    if b"PTRACE" in done.stderr:
        pytest.skip("this place does not let strace trace")
    lines = [line for line in log.read_text().splitlines() if "chdir(" in line]
    hit = ["INJECTED" in line for line in lines]
    ours = inject(f"error=1:when={when}").when
    assert hit == [ours.hits(count) for count in range(1, 9)]


# Reference outputs of SplitMix64 for its first state, as chance_hits uses them: seed
# xor count * golden is the state, and the upper half of the output is the draw.
@pytest.mark.parametrize(
    ("seed", "count", "draw"),
    [
        (0, 0, 0xE220A839),
        (0, 1, 0x6E789E6A),
        (0, 2, 0x06C45D18),
        (1234567, 0, 0x599ED017),
    ],
)
def test_the_draw_is_the_upper_half_of_splitmix64(
    seed: int, count: int, draw: int
) -> None:
    assert not chance_hits(seed, count, draw)
    assert chance_hits(seed, count, draw + 1)


@pytest.mark.parametrize("seed", [0, 1, 42, 2**64 - 1])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_chance_hits_about_its_share(seed: int, share: float) -> None:
    calls = 20_000
    limit = threshold(share)
    hits = sum(chance_hits(seed, count, limit) for count in range(1, calls + 1))
    # Five standard deviations of a binomial.
    assert abs(hits - calls * share) < 5 * (calls * share * (1 - share)) ** 0.5


def test_chance_zero_never_hits_and_chance_one_always_does() -> None:
    never, always = threshold(0.0), threshold(1.0)
    assert (never, threshold(0.5), always) == (0, 2**31, 2**32)
    found = Counter(
        (chance_hits(7, count, never), chance_hits(7, count, always))
        for count in range(1000)
    )
    assert found == {(False, True): 1000}


def test_another_seed_hits_other_calls() -> None:
    def hits(seed: int) -> list[int]:
        return [n for n in range(1, 200) if chance_hits(seed, n, threshold(0.3))]

    assert hits(1) != hits(2)
    assert hits(1) == hits(1)
