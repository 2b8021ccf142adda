"""The glob of `path=`: its meaning, and that both twins mean the same."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyshim.glob import glob_match

SHIM = Path(__file__).parents[2] / "shim"
WARNINGS = "-Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes"
COMPILE = ["gcc", "-std=gnu11", *WARNINGS.split(), "-Werror", "-O2", "-fPIC"]
PATIENCE = 5.0
needs_gcc = pytest.mark.skipif(not shutil.which("gcc"), reason="gcc is not installed")

CASES = [
    ("", "", True),
    ("", "a", False),
    ("a", "", False),
    ("/etc/passwd", "/etc/passwd", True),
    ("/etc", "/etc/passwd", False),
    ("passwd", "/etc/passwd", False),
    ("*", "", True),
    ("*", "a.c", True),
    ("*", "a/b", False),
    ("/*/b", "/a/b", True),
    ("/*/b", "/a/a/b", False),
    ("/etc/*.conf", "/etc/.conf", True),
    ("/etc/*.conf", "/etc/a.conf.bak", False),
    ("*a*b*", "xaxxbx", True),
    ("*a*b*", "xbxxax", False),
    ("a*b/c*d", "axb/b/cxd", False),
    ("a*b/c*d", "abxb/cdxd", True),
    ("**", "", True),
    ("**", "/a/b/c", True),
    ("***", "/a/b/c", True),
    ("/a/**", "/a/", True),
    ("/a/**", "/a", False),
    ("/a/**/b", "/a/x/y/b", True),
    ("/a/**/b", "/a/b", False),
    ("/a/**b", "/a/b", True),
    ("**/x/*.c", "/a/x/x/b.c", True),
    ("**/x/*.c", "/a/x/b/c.c", False),
    ("**a*b/c", "/a/xab/d/ayb/c", True),
    ("*/**/*", "a/b", False),
    ("*/**/*", "a/b/c", True),
    ("?", "a", True),
    ("?", "", False),
    ("?", "/", False),
    ("???", "a/b", False),
    ("??", "é", True),
    ("[abc]", "b", True),
    ("[abc]", "d", False),
    ("[a-c]", "b", True),
    ("[c-a]", "b", False),
    ("[!a-c]", "d", True),
    ("[^a-c]", "b", False),
    ("[!a]", "/", False),
    ("[/]", "/", False),
    ("[.-0]", "/", False),
    ("[!a]", "", False),
    ("[]]", "]", True),
    ("[]a]", "a", True),
    ("[!]]", "a", True),
    ("[!]]", "]", False),
    ("[a-]", "-", True),
    ("[-a]", "-", True),
    ("[a-c-e]", "-", True),
    ("[a-c-e]", "d", False),
    (r"[\]]", "]", True),
    (r"[a\-c]", "b", False),
    (r"[a\-c]", "-", True),
    (r"[\!a]", "!", True),
    (r"[*-\]]", "Z", True),
    ("[a!]", "!", True),
    ("[\x01-\xff]", "a", True),
    ("[a", "[a", True),
    ("[a", "a", False),
    ("[]", "[]", True),
    ("[!]", "[!]", True),
    ("[", "[", True),
    ("[*", "[abc", True),
    (r"\*", "*", True),
    (r"\*", "a", False),
    (r"\?", "a", False),
    (r"\[a]", "[a]", True),
    (r"\a", "a", True),
    (r"\\", "\\", True),
    (r"a\:b", "a:b", True),
    ("a\\", "a\\", True),
    ("a\\", "a", False),
    ("*\udcff", "a\udcff", True),
]


@pytest.fixture(scope="session")
def c_glob(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], bool]:
    library = tmp_path_factory.mktemp("glob") / "glob.so"
    source = str(SHIM / "glob.c")
    subprocess.run(
        [*COMPILE, "-shared", source, "-o", str(library)], check=True, timeout=120
    )
    function = ctypes.CDLL(str(library)).glob_match
    function.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
    function.restype = ctypes.c_bool

    def match(pattern: str, text: str) -> bool:
        return bool(function(os.fsencode(pattern), os.fsencode(text)))

    return match


@pytest.mark.parametrize(("pattern", "text", "expected"), CASES)
def test_a_glob_matches_what_it_says(pattern: str, text: str, expected: bool) -> None:
    assert glob_match(pattern, text) == expected


@needs_gcc
@pytest.mark.parametrize(("pattern", "text", "expected"), CASES)
def test_the_c_twin_matches_what_it_says(
    c_glob: Callable[[str, str], bool], pattern: str, text: str, expected: bool
) -> None:
    assert c_glob(pattern, text) == expected


ELEMENT = re.compile(
    rb"""
    (?P<any>\*\*+) | (?P<part>\*) | (?P<one>\?)
    | \[ (?P<not>[!^]?+) (?P<inside> (?:\\.|[^\\]) (?:\\.|[^]\\])* ) \]
    | \\(?P<escaped>.) | (?P<literal>.)
    """,
    re.VERBOSE | re.DOTALL,
)
ITEM = re.compile(rb"(?:\\(.)|(.))(?:-(?:\\(.)|(.)))?", re.DOTALL)


def translate(pattern: bytes) -> bytes:
    """The same language as a regular expression, found without either matcher."""
    return b"".join(_translate_element(each) for each in ELEMENT.finditer(pattern))


def _translate_element(element: re.Match[bytes]) -> bytes:
    simple = {"any": b"(?:.*)", "part": b"[^/]*", "one": b"[^/]"}
    for name, regex in simple.items():
        if element[name]:
            return regex
    if element["inside"] is None:
        return re.escape(element["escaped"] or element["literal"])
    members: set[int] = set()
    for item in ITEM.finditer(element["inside"]):
        low = item[1] or item[2]
        high = item[3] or item[4] or low
        members.update(range(low[0], high[0] + 1))
    matched = {byte for byte in range(256) if (byte in members) != bool(element["not"])}
    allowed = b"".join(b"\\x%02x" % byte for byte in sorted(matched - {ord("/")}))
    return b"[" + allowed + b"]" if allowed else b"(?!)"


def regex_match(pattern: str, text: str) -> bool:
    regex = translate(os.fsencode(pattern))
    return bool(re.fullmatch(regex, os.fsencode(text), re.DOTALL))


@pytest.mark.parametrize(("pattern", "text", "expected"), CASES)
def test_the_translation_matches_what_it_says(
    pattern: str, text: str, expected: bool
) -> None:
    assert regex_match(pattern, text) == expected


# Small alphabets, so that matches and near misses are common.
GLOBS = st.text("ab/*?[]!^-\\", max_size=10) | st.text("ab/*", max_size=12)
PATHS = st.text("ab/", max_size=14) | st.text("ab/[]!^-\\*", max_size=6)


@settings(max_examples=1500, deadline=None)
@given(GLOBS, PATHS)
@example("**a*b/a", "abaab/b/ab/a")
@example("*[!a]**a/*b", "bb/a/aba/ab")
def test_python_agrees_with_the_regular_expression(pattern: str, text: str) -> None:
    assert glob_match(pattern, text) == regex_match(pattern, text)


@needs_gcc
@settings(max_examples=1500, deadline=None)
@given(pattern=GLOBS, text=PATHS)
def test_c_agrees_with_python(
    c_glob: Callable[[str, str], bool], pattern: str, text: str
) -> None:
    assert c_glob(pattern, text) == glob_match(pattern, text)


BYTES = st.binary(max_size=12).map(lambda raw: os.fsdecode(raw.replace(b"\0", b"")))


@needs_gcc
@settings(max_examples=500, deadline=None)
@given(pattern=GLOBS | BYTES, text=PATHS | BYTES)
def test_c_agrees_with_python_on_any_bytes(
    c_glob: Callable[[str, str], bool], pattern: str, text: str
) -> None:
    assert c_glob(pattern, text) == glob_match(pattern, text)
    assert c_glob(text, text) == glob_match(text, text)


@needs_gcc
@pytest.mark.parametrize("star", ["*", "**", "**/*"])
def test_many_stars_do_not_blow_up(
    c_glob: Callable[[str, str], bool], star: str
) -> None:
    pattern, text = f"{star}a" * 30 + "b", "a/" * 1000 + "a" * 2000
    start = time.monotonic()
    assert not c_glob(pattern, text)
    # Backtracking over every star would take longer than the universe has had.
    assert time.monotonic() - start < PATIENCE


@needs_gcc
def test_the_c_twin_calls_nothing(tmp_path: Path) -> None:
    made = tmp_path / "glob.o"
    source = str(SHIM / "glob.c")
    subprocess.run([*COMPILE, "-c", source, "-o", str(made)], check=True, timeout=120)
    undefined = subprocess.run(
        ["nm", "--undefined-only", str(made)],
        check=True,
        timeout=30,
        capture_output=True,
        text=True,
    )
    wanted = [line.split()[-1] for line in undefined.stdout.splitlines()]
    assert [name for name in wanted if name != "_GLOBAL_OFFSET_TABLE_"] == []


@needs_gcc
def test_the_c_twin_is_clean_under_the_analyzer(tmp_path: Path) -> None:
    command = [*COMPILE, "-fanalyzer", "-c", str(SHIM / "glob.c")]
    done = subprocess.run(
        [*command, "-o", str(tmp_path / "glob.o")],
        timeout=120,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
