"""The tables that come from the rows: the facts of each call, exports, numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gen_exports import Export
from gen_kinds import codes_of
from gen_rows import FAILS, MAX_ARGS, Row

FORKS = {"fork", "forkpty", "daemon"}
"""What returns in a child of the caller, too, or only there."""

MOVING = {
    "read", "write", "pread64", "pwrite64", "readv", "writev", "preadv", "pwritev",
    "preadv2", "pwritev2", "sendto", "recvfrom", "sendmsg", "recvmsg", "sendfile",
    "copy_file_range", "splice", "tee", "vmsplice", "getrandom",
}  # fmt: skip
"""The syscalls that may move fewer bytes than they were asked to, and say so."""

NAMED_KINDS = {
    "str", "argv", "envp", "fds", "fd", "dirfd", "stream", "nulled", "h_errno",
    "rest",
}  # fmt: skip


def argument_facts(row: Row) -> str:
    """The struct arg initialisers: what an argument points to."""
    index = {param.name: position for position, param in enumerate(row.params)}
    dirfd, facts = -1, []
    for position, param in enumerate(row.params[:MAX_ARGS]):
        kind, _, length = param.kind.partition("[")
        length = length.rstrip("]")
        if kind == "dirfd":
            dirfd = position
        if kind in ("path", "template"):
            facts.append(f"{{ .kind = ARG_{kind.upper()}, .from = {dirfd} }}")
        elif kind in ("in", "out"):
            facts.append(
                f"{{ .kind = ARG_{kind.upper()}, {length_fact(index, length)} }}"
            )
        elif kind in NAMED_KINDS:
            facts.append(f"{{ .kind = ARG_{kind.upper()} }}")
        else:
            facts.append("{ .kind = ARG_PLAIN }")
    return ", ".join(facts)


def length_fact(index: Mapping[str, int], length: str) -> str:
    """Where the size of a buffer is to be found."""
    if length == "ret":
        return ".from = FROM_RET"
    if length in index:
        return f".from = {index[length]}"
    return f".from = FROM_CONST, .size = {length}"


def blocks(row: Row) -> bool:
    """Of syscalls: what a signal can interrupt may wait for ever."""
    return not row.exported and "EINTR" in row.facts.get("errnos", [])


def signals(row: Row) -> bool:
    """Whether it takes a signal to send: kill(2) and its kin."""
    return any(param.kind == "signal" for param in row.params)


def moved(row: Row) -> tuple[str, int]:
    """How a call says how many bytes it is to move, and by which argument."""
    if row.syscall not in MOVING or row.returns != "ssize_t":
        return "MOVES_NONE", 0
    for position, param in enumerate(row.params):
        if "iovec" in param.ctype:
            return "MOVES_VECTOR", position
        if "msghdr" in param.ctype:
            return "MOVES_MESSAGE", position
    for position, param in enumerate(row.params):
        if param.kind == "size":
            return "MOVES_BYTES", position
    return "MOVES_NONE", 0


def row_facts(row: Row) -> str:
    """One entry of rows[]."""
    flags = [
        name
        for name, present in (
            ("ROW_EINTR", "EINTR" in row.facts.get("errnos", [])),
            ("ROW_RESTARTS", row.facts.get("restarts", False)),
            (
                "ROW_STAYS",
                row.facts.get("cancel", False) or blocks(row) or signals(row),
            ),
            ("ROW_NORETURN", row.facts.get("noreturn", False)),
            ("ROW_EXEC", row.syscall in ("execve", "execveat")),
            ("ROW_FORK", row.base in FORKS),
            ("ROW_CLOSES", row.syscall == "close" or "closes" in row.facts),
            ("ROW_JUMP", row.jump),
            ("ROW_COMPOSITE", "composite" in row.facts["sets"]),
            ("ROW_PASSED", row.facts.get("passed", False)),
            (f"ROW_{row.facts.get('stream', '').upper()}", "stream" in row.facts),
        )
        if present
    ]
    codes = codes_of(row.fails)
    code = -next(iter(codes.values())) if row.fails.startswith("code:") else 0
    how, which = moved(row)
    return (
        f"\t[CALL_{row.name}] = {{ .nargs = {min(len(row.params), MAX_ARGS)}, "
        f".fails = {FAILS[row.fails]}, .flags = {' | '.join(flags) or '0'}, "
        f".code = {code}, .moves = {how}, .moved = {which},\n"
        f"\t\t.args = {{ {argument_facts(row) or '{ .kind = ARG_PLAIN }'} }} }},"
    )


def export_facts(exports: Iterable[Export]) -> tuple[list[str], list[str]]:
    """The texts exports[] refers to, each once, and its entries."""
    offsets: dict[str, int] = {}
    size = 0
    for text in (text for each in exports for text in (each.name, each.version)):
        if text not in offsets:
            offsets[text] = size
            size += len(text) + 1
    facts = [
        f"\t{{ {offsets[each.name]}, {offsets[each.version]}, {each.call} }},"
        for each in exports
    ]
    return list(offsets), facts


def chosen(rows: list[Row]) -> dict[str, str]:
    """By syscall: the call that stands for it where only its number is known.

    That is syscall(2) and the catch-all; the arguments of both must be the same.
    """
    found = {row.syscall: row.name for row in rows if not row.exported}
    numbered = set(found)
    for row in rows:
        if row.allocates:
            continue
        plain = row.kernel == tuple(param.name for param in row.params)
        fails = row.fails in ("-1", "never", "raw", "MAP_FAILED")
        if not (plain and fails and row.generated and row.name == row.base):
            continue
        better = row.name == row.syscall
        if row.syscall not in numbered and (better or row.syscall not in found):
            found[row.syscall] = row.name
    return found


def caught(rows: list[Row]) -> set[str]:
    """The calls as which a syscall of libc's own, or an inline one, is seen."""
    composite = {row.name for row in rows if "composite" in row.facts["sets"]}
    return {*chosen(rows).values()} - composite


def numbers(rows: list[Row]) -> list[str]:
    """Which call syscall(2) means by a number, where both have the same arguments."""

    def guarded(line: str, name: str) -> list[str]:
        return [f"#ifdef __NR_{name}", line, "#endif"]

    by_number = [
        f"\t[{row.facts['nr']}] = CALL_{row.name} + 1,"
        for row in rows
        if not row.exported
    ]
    syscall_of = [
        f"\t[CALL_{row.name}] = {row.facts['nr']}," for row in rows if not row.exported
    ]
    taken = {row.syscall for row in rows if not row.exported}
    for syscall, name in chosen(rows).items():
        if syscall in taken:
            continue
        number = f"__NR_{syscall}"
        by_number += guarded(f"\t[{number}] = CALL_{name} + 1,", syscall)
        syscall_of += guarded(f"\t[CALL_{name}] = {number},", syscall)
    return [
        "const uint16_t by_number[NUMBERS] = {",
        *by_number,
        "};",
        "const uint16_t made_by[NCALLS] = {",
        *made_by(rows),
        "};",
        "const uint16_t syscall_of[NCALLS] = {",
        *syscall_of,
        "};",
        "",
    ]


def made_by(rows: list[Row]) -> Iterable[str]:
    """Of thin wrappers: the number of the syscall they make."""
    for row in rows:
        if row.stub or "composite" in row.facts["sets"]:
            continue
        yield f"#ifdef __NR_{row.syscall}"
        yield f"\t[CALL_{row.name}] = __NR_{row.syscall} + 1,"
        yield "#endif"
