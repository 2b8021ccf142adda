"""Keys of our own: what is refused, what is said, and where the carets are."""

from __future__ import annotations

import pytest

from pyshim.calls import table
from pyshim.errors import UsageError
from pyshim.plan_rules import CompiledRules
from pyshim.rules import Rule, parse

TABLE = table()
READ = "read:error=EIO:"


def refused(text: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        parse("inject", text, TABLE)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("text", "wrong", "words"),
    [
        ("read:short=0", "0", "short=half"),
        ("read:short=100%", "100%", "1%..99%"),
        ("read:short=0%", "0%", "bad short="),
        ("read:short=-1", "-1", "bytes from 1 on"),
        ("read:short=halv", "halv", "half"),
        ("read:short=", "", "bad short="),
        ("read:short", "", "needs a value"),
        ("open:short=1", "open", "no call that may move fewer bytes"),
        ("fsync,close:short=half", "fsync,close", "read write readv"),
        ("read:error=EIO:short=1", "short", "exclude each other"),
        ("read:retval=1:short=1", "short", "exclude each other"),
        ("read:short=1:short=2", "short", "given twice"),
        ("read:interrupt=NOSIG", "NOSIG", "USR1@10ms"),
        ("read:interrupt=USR1@soon", "USR1@soon", "USR1@10ms"),
        ("read:interrupt=USR1@9999999s", "USR1@9999999s", "bad interrupt="),
        ("read:interrupt=@1ms", "@1ms", "a signal"),
        ("read:interrupt", "", "needs a value"),
        ("read:after", "", "has no action"),
        ("read:retval=1:after", "after", "after goes with error="),
        ("read:error=EIO:after=1", "1", "takes no value"),
        ("_exit:error=EIO:after", "_exit", "returns nothing"),
        ("vfork:error=EAGAIN:after", "vfork", "no exit"),
        (READ + "times=0", "0", "1..4294967295"),
        (READ + "times=many", "many", "hits a process"),
        (READ + "fd=-1", "-1", "a number, file, dir"),
        (READ + "fd=files", "files", "socket, tty"),
        (READ + "port=0", "0", "1..65535"),
        (READ + "port=http", "http", "1..65535"),
        (READ + "port=65536", "65536", "1..65535"),
        (READ + "if=", "", "if=count>64"),
        (READ + "if=count >", "count >", "Python's operators"),
        (READ + "if=count/2", "count/2", "no condition"),
        (READ + "if=f(count)", "f(count)", "no condition"),
        (READ + "if='a'", "'a'", "no condition"),
        (READ + "if=1.5", "1.5", "no condition"),
        (READ + "if=count > 99999999999999999999", "count > 99999999999999999999", ""),
        (READ + "if=" + "~" * 70 + "1", "~" * 70 + "1", "more than 64 steps"),
        (READ + "if=cuont>1", "cuont>1", "'count'"),
        (READ + "if=flags&O_APPND", "flags&O_APPND", "knows"),
        ("open:error=EIO:if=flags&O_APPND", "flags&O_APPND", "'O_APPEND'"),
        (READ + "if=arg4", "arg4", "knows 'arg4'"),
        (READ + "caller=", "", "FUNCTION, LIBRARY.so"),
        (READ + "site=app", "app", "FILE+0xOFFSET"),
        (READ + "site=app+12", "app+12", "FILE+0xOFFSET"),
        (READ + "site=+0x12", "+0x12", "FILE+0xOFFSET"),
        (READ + "site=app+0x12345678901234567", "app+0x12345678901234567", ""),
        (READ + "thread=", "", "worker-*"),
        (READ + "process=", "", "cc1*"),
        (READ + "during=5s", "5s", "2s..5s"),
        (READ + "during=5s..2s", "5s..2s", "FROM..TO"),
        (READ + "during=2s..2s", "2s..2s", "FROM..TO"),
        (READ + "during=a..b", "a..b", "FROM..TO"),
        (READ + "since=", "", "since=/etc/app.conf"),
        (READ + "name=a b", "a b", "letters, digits"),
        (READ + "name=", "", "letters, digits"),
        (READ + "off", "", "needs a name"),
        (READ + "off=1:name=x", "1", "takes no value"),
        (READ + "cller=main", "cller", "'caller'"),
        (READ + "timess=1", "timess", "'times'"),
        (READ + "thread=a:thread=b", "thread", "given twice"),
    ],
)
def test_a_refusal_points_at_what_is_wrong(text: str, wrong: str, words: str) -> None:
    error = refused(text)
    assert words in str(error)
    assert error.at is not None
    assert str(error.at) == wrong
    assert "^" * min(len(wrong), 30) in error.told()


@pytest.mark.parametrize(
    "text",
    [
        "read:short=18446744073709551615",
        "read:error=EIO:times=4294967296",
        "read:error=EIO:fd=2147483648",
    ],
)
def test_numbers_that_do_not_fit(text: str) -> None:
    refused(text)


@pytest.mark.parametrize("item", ["short=1", "interrupt=USR1"])
def test_fault_makes_nothing_but_errors(item: str) -> None:
    with pytest.raises(UsageError, match="fault= has no"):
        parse("fault", f"read:{item}", TABLE)


@pytest.mark.parametrize(
    "item",
    [
        "path=/a\\:b",
        "since=/a\\:b",
        "thread=a\\:b",
        "process=a\\:b",
        "caller=lib\\:x.so",
        "site=a\\:b+0x10",
    ],
)
def test_an_escaped_colon_is_one(item: str) -> None:
    rule = parse("inject", f"{READ}{item}:when=2", TABLE)
    assert rule.when.first == 2
    key = item.partition("=")[0]
    value = getattr(rule, key)
    # A glob keeps the escape, which it reads by itself.
    assert ":" in (value[0] if key == "site" else value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("caller=no_such_function", "no such function in the symbols of true"),
        ("caller=libc.so.6!opendirr", "did you mean 'opendir'?"),
        ("caller=libnone.so!f", "no such function"),
        ("caller=/no/such/lib.so!f", "no such function"),
    ],
)
def test_a_caller_that_is_nowhere_is_refused_before_the_start(
    text: str, words: str
) -> None:
    rules = CompiledRules("true")
    with pytest.raises(UsageError) as caught:
        rules.add(parse("inject", READ + text, TABLE))
    assert words in str(caught.value)


def test_more_marks_than_there_are_bits() -> None:
    rules = CompiledRules("true")
    made = [parse("inject", f"{READ}since=/{n}", TABLE) for n in range(65)]
    for rule in made[:64]:
        rules.add(rule)
    with pytest.raises(UsageError, match="more than 64 different since="):
        rules.add(made[64])
    rules.add(made[0])


def test_more_rules_than_there_is_room_for() -> None:
    rules = CompiledRules("true")
    rule: Rule = parse("inject", "read:error=EIO", TABLE)
    with pytest.raises(UsageError, match="more than 256 rules"):
        for _ in range(257):
            rules.add(rule)


@pytest.mark.parametrize(
    "text",
    [
        "read:short=1",
        "read:short=99%",
        "read:interrupt=10@0",
        READ + "during=..5s",
        READ + "during=1us..",
        READ + "if=arg0",
        READ + "if=(1 or 2) and not ~3 - -4",
        "%file:error=EIO:if=flags",
        "all:error=EIO:if=count or 1",
    ],
)
def test_what_is_right_is_accepted(text: str) -> None:
    assert parse("inject", text, TABLE).calls
