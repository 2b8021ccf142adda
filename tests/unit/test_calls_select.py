"""Which calls a set expression of strace names."""

from __future__ import annotations

import pytest

from pyshim.calls import LIB, Call, Table, table
from pyshim.errors import UsageError

needs_table = pytest.mark.skipif(
    not (LIB / "table.json").exists(), reason="the shim is not built"
)


def make_call(
    name: str, syscall: str, sets: str = "", base: str = "", stub: str = ""
) -> Call:
    return Call(
        id=0,
        name=name,
        syscall=syscall,
        params=(),
        kernel=(),
        sets=frozenset(sets.split()),
        errnos=frozenset(),
        restarts=False,
        fails="-1",
        ret="int",
        stub=stub,
        base=base or name,
    )


TABLE = Table(
    (
        make_call("open", "openat", "file desc"),
        make_call("open64", "openat", "file desc", base="open"),
        make_call("openat", "openat", "file desc"),
        make_call("read", "read", "desc"),
        make_call("__read_chk", "read", "desc"),
        make_call("fsync", "fsync", "desc"),
        make_call("fork", "clone", "process"),
        make_call("getppid", "getppid"),
        make_call("vfork", "vfork", "process", stub="a jump"),
    ),
    digest=0,
)
OPENS = {"open", "open64", "openat"}
READS = {"read", "__read_chk"}
ALL = OPENS | READS | {"fsync", "fork", "getppid"}


def names(expression: str) -> set[str]:
    return {call.name for call in TABLE.select(expression)}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("getppid", {"getppid"}),
        ("fork", {"fork"}),
        ("clone", {"fork"}),
        ("open", {"open", "open64"}),
        ("open64", {"open64"}),
        ("openat", OPENS),
        ("read", READS),
        ("__read_chk", {"__read_chk"}),
        ("read,fork", READS | {"fork"}),
        ("read,read", READS),
        ("all", ALL),
        ("none", set()),
        ("!none", ALL),
        ("!all", set()),
        ("!read", ALL - READS),
        ("!read,fork", ALL - READS - {"fork"}),
        ("!!read", READS),
        ("?nope", set()),
        ("?nope,read", READS),
        ("?read", READS),
        ("/^f.*sync$", {"fsync"}),
        ("/^open", OPENS),
        ("/^clone$", {"fork"}),
        ("?/nope", set()),
        ("openat@64", OPENS),
        ("?open@64", set()),
        ("openat@32", set()),
        ("mmap2", set()),
        ("257", OPENS),
        ("!257", ALL - OPENS),
        (",read,,fork,", READS | {"fork"}),
        ("all,read", ALL),
        ("??read", READS),
        ("!!!read", ALL - READS),
        ("/^(read|fsync)$", READS | {"fsync"}),
        ("!/o", {"fsync", *READS, "getppid"}),
    ],
)
def test_an_expression_names_these_calls(expression: str, expected: set[str]) -> None:
    assert names(expression) == expected


@needs_table
@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("%file", OPENS),
        ("%desc", OPENS | READS | {"fsync"}),
        ("%process", {"fork"}),
        ("%file@64", OPENS),
        ("%file@32", set()),
        ("file", OPENS),
        ("%net", set()),
        ("%pure", {"getppid"}),
        ("%%stat", set()),
        ("%file,fork", OPENS | {"fork"}),
        ("!%desc", {"fork", "getppid"}),
        ("?%nope", set()),
    ],
)
def test_a_set_names_these_calls(expression: str, expected: set[str]) -> None:
    assert names(expression) == expected


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", ["empty set of calls"]),
        ("!", ["empty set of calls"]),
        ("fsink", ["unknown call 'fsink'", "did you mean 'fsync'?", "pyshim calls"]),
        ("read,nope", ["unknown call 'nope'"]),
        ("read,!fork", ["unknown call '!fork'"]),
        ("READ", ["unknown call 'READ'"]),
        ("vfork", ["unknown call 'vfork'"]),
        ("/nope", ["unknown call '/nope'"]),
        ("/[", ["bad regular expression '['"]),
        ("read@65", ["unknown bitness '65'", "@64 @32 @x32"]),
        ("?read@65", ["unknown bitness '65'"]),
        ("read,none", ["unknown call 'none'"]),
        ("0x2", ["unknown call '0x2'"]),
        ("335@64", ["unknown call '335@64'"]),
    ],
)
def test_a_wrong_expression_is_refused(expression: str, words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        TABLE.select(expression)
    assert [word for word in words if word not in str(caught.value)] == []


@needs_table
def test_an_unknown_set_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"'%fill'; did you mean '%file'\?"):
        TABLE.select("%fill")


@needs_table
@pytest.mark.parametrize(
    ("expression", "among", "not_among"),
    [
        ("%file", {"fopen"}, {"open"}),
        ("all", {"fopen", "getaddrinfo"}, {"read"}),
        ("!read", {"fopen"}, {"write"}),
        ("/open$", {"fopen"}, {"open"}),
        ("%file,fopen", {"opendir"}, {"fopen"}),
        ("fopen,read", set(), {"fopen"}),
        ("%stdio", set(), {"fopen"}),
        ("none", set(), {"fopen"}),
    ],
)
def test_a_function_stands_in_for_its_syscalls_unless_it_is_named(
    expression: str, among: set[str], not_among: set[str]
) -> None:
    found = {call.name for call in table().stand_ins(expression)}
    assert among <= found
    assert not found & not_among


def test_a_stub_is_in_no_selection() -> None:
    assert "vfork" not in names("all") | names("!none") | names("/fork")


@needs_table
def test_every_call_of_the_build_can_be_selected_by_its_name() -> None:
    built = table()
    reachable = [call for call in built.calls if not call.stub]
    lost = [call.name for call in reachable if call not in built.select(call.name)]
    assert lost == []
