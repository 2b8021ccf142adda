"""Parts of what the user wrote, and how they are pointed at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyshim.errors import UsageError
from pyshim.excerpt import Excerpt


def test_a_part_of_a_part_knows_where_it_stands() -> None:
    rule = Excerpt.of("inject=read,write:error=EIO")
    _, _, rest = rule.partition("=")
    names, _, items = rest.partition(":")
    assert [str(each) for each in names.split(",")] == ["read", "write"]
    assert [each.start for each in names.split(",")] == [7, 12]
    assert str(items) == "error=EIO"
    assert str(items.part(1, 3)) == "rr"


@given(st.text("ab,", max_size=9), st.text("ab,", max_size=9), st.text("ab,"))
def test_it_splits_as_text_does(before: str, text: str, after: str) -> None:
    part = Excerpt(before + text + after, len(before), len(before) + len(text))
    assert [str(each) for each in part.split(",")] == text.split(",")
    first, separator, rest = part.partition(",")
    assert (str(first), separator, str(rest)) == text.partition(",")


@pytest.mark.parametrize(
    ("whole", "start", "end", "line", "carets"),
    [
        ("a=bc", 2, 4, "a=bc", "  ^^"),
        ("a=", 2, 2, "a=", "  ^"),
        ("", 0, 0, "", "^"),
        ("a\nb=c", 4, 5, r"a\nb=c", "     ^"),
        ("a=\x1b[", 2, 4, r"a=\x1b[", "  ^^^^^"),
        ("a\udcff=c", 3, 4, r"a\udcff=c", "        ^"),
        ("日=本", 2, 3, "日=本", "   ^^"),
        ("e\u0301=c", 3, 4, "e\u0301=c", "  ^"),
    ],
)
def test_carets_stand_below_the_part(
    whole: str, start: int, end: int, line: str, carets: str
) -> None:
    assert Excerpt(whole, start, end).pointed_at() == (line, carets)


@given(st.text(), st.text(), st.text())
def test_a_long_text_is_cut_around_the_part(a: str, b: str, c: str) -> None:
    whole = a * 40 + b * 40 + c * 40
    part = Excerpt(whole, len(a) * 40, len(a + b) * 40)
    line, carets = part.pointed_at()
    assert max(len(line), len(carets)) <= 160
    assert carets.strip(" ").strip("^") == ""
    assert carets.endswith("^")


def test_an_error_says_what_and_shows_where() -> None:
    error = UsageError("unknown word 'b'", at=Excerpt("a b c", 2, 3))
    assert str(error) == "unknown word 'b'"
    assert error.told() == "unknown word 'b'\n  a b c\n    ^"
    assert UsageError("no place").told() == "no place"
