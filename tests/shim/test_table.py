"""The table against itself, against pyshim's own tables, and against the man pages."""

from __future__ import annotations

import errno
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from gen_kinds import codes_of
from gen_rows import SETS, Param, Row, read_rows

from pyshim.calls import LIB, table
from pyshim.xlat import XLAT

ROWS = read_rows(Path(__file__).parents[2] / "shim" / "calls")
MAINS = [row for row in ROWS if row.name == row.base and not row.stub]
MAN = Path("/usr/share/man")
KINDS = {
    "int", "uint", "long", "ulong", "hex", "ptr", "size", "off", "mode", "dev", "pid",
    "uid", "signal", "clockid", "fd", "dirfd", "path", "str", "fds", "argv", "envp",
    "handler", "stream", "nulled", "h_errno", "template", "rest",
}  # fmt: skip
RETURNS = {"int", "fd", "ptr", "hex", "pid", "void", "uint", "mode"}

# The pages of these name EINTR only by sending the reader to another page.
EINTR_ELSEWHERE = {
    **dict.fromkeys(("pread", "readv", "preadv", "preadv2", "eventfd_read"), "read(2)"),
    **{"SYS_preadv2": "read(2)", "SYS_pwritev2": "write(2)"},
    **dict.fromkeys(
        ("pwrite", "writev", "pwritev", "pwritev2", "eventfd_write"), "write(2)"
    ),
    "sendmmsg": "sendmsg(2)",
    "recvmmsg": "recvmsg(2)",
    "wait3": "waitpid(2)",
    "wait4": "waitpid(2)",
    "sigpause": "sigsuspend(2)",
    "openat2": "open(2)",
    "restart_syscall": "the call it restarts",
}
EINTR_OF_OTHERS = {
    "dup": "the page's EINTR is dup2's and dup3's",
    **dict.fromkeys(("sem_trywait", "pthread_tryjoin_np"), "it never waits"),
    "pthread_timedjoin_np": "the page leaves open which of the two it names it for",
    **dict.fromkeys(
        ("setpwent", "endpwent", "setgrent", "endgrent"), "they can't fail"
    ),
    **dict.fromkeys(("setsgent", "endsgent"), "the same"),
}

WITHOUT_PAGE = re.compile(
    r"futex_.*|lsm_.*|map_shadow_stack|mseal|set_mempolicy_home_node|epoll_\w+_old"
    r"|file_[gs]etattr|fchmodat2|\w+xattrat|open_tree_attr|statmount|listmount"
    r"|quotactl_fd|cachestat|io_uring_.*|io_pgetevents|rseq|process_mrelease"
    r"|fs(open|config|mount|pick)|open_tree|move_mount|mount_setattr|memfd_secret"
    r"|lchmod|closefrom|\w+_chk|posix_spawn_file_actions_.*|[gs]etsourcefilter"
    r"|printf_size|v?f?wscanf|argp_.*|\w*sgent(_r)?|getsgnam(_r)?|wcsftime(_l)?"
    r"|strptime_l|readdir64_r|fts64_.*|bindresvport|isfdtype|pthread_(mutex|cond).*"
    r"|pthread_(rwlock|barrier).*|pthread_once|pthread_clockjoin_np|sem_clockwait"
    r"|(thrd|mtx|cnd)_.*|call_once|timespec_get(res)?|quick_exit"
)
"""Newer than these pages, internal, of POSIX or C11 only: nothing to compare with."""

_TIMEOUT = "signal(7) means sockets with a timeout"
_CHECKED = "the fortified form of one that is listed"
RESTARTS_OTHERWISE = {
    **dict.fromkeys(("accept", "connect", "send", "sendto", "sendmsg"), _TIMEOUT),
    **dict.fromkeys(("recv", "recvfrom", "recvmsg", "recvmmsg"), _TIMEOUT),
    **dict.fromkeys(("__poll_chk", "__ppoll_chk"), _CHECKED),
    "epoll_pwait2": "younger than the list, and like epoll_pwait",
    "close": "close(2): calling it again may close another's descriptor",
    "fallocate": "the file systems return EINTR itself",
    "posix_fallocate": "makes fallocate's syscall",
    **dict.fromkeys(("sigpause", "__xpg_sigpause", "__sigpause"), "as sigsuspend"),
    "rt_sigsuspend": "sigsuspend's syscall",
    "rt_sigtimedwait": "sigtimedwait's syscall",
    "pselect6": "pselect's syscall",
    **dict.fromkeys(("SYS_epoll_pwait2", "io_pgetevents"), "younger than the list"),
    "restart_syscall": "the kernel's own way to restart",
    "thrd_sleep": "C11's nanosleep",
}


def test_the_table_is_as_large_as_promised() -> None:
    """By rows, numbers for syscall(2) not counted; and all that has a stub."""
    exports = json.loads((LIB / "table.json").read_text())["exports"]

    assert sum(row.wrapped for row in ROWS) >= 800
    assert len(exports) >= 1200


def test_the_installed_table_is_made_of_these_rows() -> None:
    assert [call.name for call in table().calls] == [row.name for row in ROWS]


def test_every_set_is_used() -> None:
    assert {each for row in ROWS for each in row.facts["sets"]} == set(SETS)


def test_errnos_are_known_sorted_and_named_once() -> None:
    errnos = {row.name: row.facts.get("errnos", []) for row in MAINS}
    known = {word for word in vars(errno) if word.startswith("E")}

    codes = {row.name: set(codes_of(row.fails)) for row in MAINS}

    assert {name: set(each) - known - codes[name] for name, each in errnos.items()} == {
        name: set() for name in errnos
    }
    assert errnos == {name: sorted(set(each)) for name, each in errnos.items()}


def test_restarts_is_said_where_eintr_is() -> None:
    assert [
        row.name
        for row in MAINS
        if ("restarts" in row.facts) != ("EINTR" in row.facts.get("errnos", []))
    ] == []


def test_a_buffer_filled_with_the_result_comes_before_its_size() -> None:
    """filled() in pieces.c reads the argument after it."""
    behind = {
        f"{row.name}({param.name})": [each.kind for each in row.params[at + 1 :]][:1]
        for row in MAINS
        for at, param in enumerate(row.params)
        if param.kind == "out[ret]"
    }

    assert behind
    assert behind == {name: ["size"] for name in behind}


def test_a_length_is_a_size_of_the_same_call() -> None:
    lengths = {
        f"{row.name}({param.name})": [
            each.kind for each in row.params if param.kind.endswith(f"[{each.name}]")
        ]
        for row in MAINS
        for param in row.params
        if re.fullmatch(r"(in|out)\[(?!ret)\D\w*\]", param.kind)
    }

    assert lengths
    assert lengths == {name: ["size"] for name in lengths}


def test_kinds_are_known() -> None:
    assert [
        f"{row.name}({param.name}: {param.kind})"
        for row in MAINS
        for param in row.params
        if not known_kind(param)
    ] == []
    assert {row.ret for row in MAINS} <= RETURNS


def known_kind(param: Param) -> bool:
    kind, _, named = param.kind.partition(":")
    if kind in ("flags", "enum"):
        return named in XLAT
    return kind in KINDS or bool(re.fullmatch(r"(in|out)\[\w+\]", kind))


def test_a_rule_that_names_a_call_reaches_its_fortified_form() -> None:
    forms = {row.name: row.syscall for row in MAINS if row.name.endswith("_chk")}

    assert "__realpath_chk" in forms
    assert {name for name, call in forms.items() if call.endswith("_chk")} == set()


def test_a_dirfd_has_a_path_behind_it() -> None:
    kinds = {row.name: " ".join(each.kind for each in row.params) for row in MAINS}

    assert [
        name for name, each in kinds.items() if re.search("dirfd(?!.*path)", each)
    ] == []


def test_the_syscall_is_made_of_parameters_and_constants() -> None:
    unknown = {
        row.name: set(lower_words(row)) - {param.name for param in row.params}
        for row in MAINS
    }

    assert {name: each for name, each in unknown.items() if each - {"environ"}} == {}


def lower_words(row: Row) -> Iterator[str]:
    """Identifiers in the row's `kernel` that are no constants: `-pgrp` has pgrp."""
    for text in row.kernel:
        words = re.findall(r"\b([A-Za-z_]\w*)\b(?!=)", re.sub(r'"[^"]*"', "", text))
        yield from (word for word in words if not word.isupper())


# -- the man pages -----------------------------------------------------------------


def page(title: str, sections: str = "23") -> str:
    """The source of a page, or nothing where there is none."""
    for section in sections:
        path = MAN / f"man{section}" / f"{title}.{section}.gz"
        if path.exists():
            text = gzip.decompress(path.read_bytes()).decode(errors="replace")
            other = re.match(r"\.so man\d/(\S+)\.(\d)\s*$", text)
            return page(other[1], other[2]) if other else text
    return ""


needs_pages = pytest.mark.skipif(not page("read"), reason="no man pages here")


def has_page(row: Row) -> bool:
    """Those without are what headers make of others: fortified, versioned, 64 bits."""
    internal = row.name.startswith("_") or row.name.endswith("64")
    return not internal and not WITHOUT_PAGE.fullmatch(row.name)


def title(row: Row) -> str:
    return row.name.removeprefix("SYS_")


def test_exceptions_are_for_rows_there_are() -> None:
    exceptions = {*EINTR_ELSEWHERE, *EINTR_OF_OTHERS, *RESTARTS_OTHERWISE}

    assert exceptions - {row.name for row in MAINS} == set()


@needs_pages
@pytest.mark.parametrize("row", list(filter(has_page, MAINS)), ids=lambda row: row.name)
def test_eintr_is_listed_where_the_man_page_lists_it(row: Row) -> None:
    text = page(title(row))
    errors = re.search(r"^\.SH ERRORS$(.*?)(?=^\.SH )", text, re.MULTILINE | re.DOTALL)
    expected = bool(errors and re.search(r"\bEINTR\b", errors[1]))
    if row.name in EINTR_ELSEWHERE | EINTR_OF_OTHERS:
        expected = not expected

    assert text
    assert ("EINTR" in row.facts.get("errnos", [])) == expected


@needs_pages
@pytest.mark.parametrize(
    "row", [row for row in MAINS if "restarts" in row.facts], ids=lambda row: row.name
)
def test_restarts_is_what_signal_7_says(row: Row) -> None:
    text = page("signal", "7")
    start = text.index("never restarted")
    never = text[start : text.index(".SS", start)]
    listed = re.search(rf"^\.BR? {title(row)} ?\([23]\)", never, re.MULTILINE)
    expected = not listed
    if row.name in RESTARTS_OTHERWISE:
        expected = not expected

    assert row.facts["restarts"] == expected
