"""What row_driver.c is to call, as C: one case for each export with a made wrapper."""

from __future__ import annotations

import json
from pathlib import Path

from gen_rows import Row, read_rows

from pyshim.calls import LIB

SHIM = Path(__file__).parents[2] / "shim"
VARIANTS = ("zero", "minus", "bad", "good")

_MACHINE = "acts on the whole machine"
_OTHERS = "acts on other processes"
_STAYS = "leaves an object behind that outlives the test"
_ENDLESS = "waits for ever"
_LONG = "sleeps for seconds or longer"
_ALWAYS = {
    _MACHINE: "sync syncfs mount umount umount2 pivot_root chroot swapon swapoff acct "
    "klogctl sethostname setdomainname clock_settime clock_adjtime adjtimex",
    _OTHERS: "kill killpg tgkill ptrace setpriority",
    _STAYS: "shmget semget msgget mq_open",
    _ENDLESS: "pause sigpause __xpg_sigpause __sigpause",
    "returns twice": "fork forkpty",
    "goes on as another process": "daemon",
}
_SOMETIMES = {
    ("good", _ENDLESS): "sigsuspend sigwait sigwaitinfo sem_wait pthread_cond_wait "
    "cnd_wait",
    ("zero", _ENDLESS): "select pselect ppoll __ppoll_chk",
    ("minus", _LONG): "sleep usleep",
    ("good", "leaves no CPU time: SIGKILL at some tick"): "setrlimit setrlimit64 "
    "prlimit prlimit64",
}
SKIPPED: dict[tuple[str, str], str] = {
    (name, variant): why
    for variant in VARIANTS
    for why, names in _ALWAYS.items()
    for name in names.split()
} | {
    (name, variant): why
    for (variant, why), names in _SOMETIMES.items()
    for name in names.split()
}
"""Rows and variants the driver leaves alone, and why."""

CLOCKS = {"times"}
CHANGING = {
    "time", "clock", "get_avphys_pages", "arc4random", "arc4random_uniform", "ftok",
    "sched_getcpu", "__res_randomid", "gethostid",
}  # fmt: skip
"""No two results are the same, or need be."""
RANDOM = {"getrandom", "getentropy", "arc4random_buf"}
UNFILLED = {"sigaction", "getcpu", "thrd_join", "aio_read", "aio_read64"}
"""libc copies more to the caller than the kernel has filled; or the memory may happen
to be written with what it held, or later than we look, aio(7)."""
UNSEEN = {"OPAQUE", "TEMPLATE", "STREAM"}
"""Kinds whose memory differs from run to run."""
UNSIGNED = {
    "useconds_t",
    "unsigned",
    "uid_t",
    "gid_t",
    "mode_t",
    "unsigned int",
    "wint_t",
    "uint32_t",
    "socklen_t",
}
KINDS = {
    **dict.fromkeys(("fds", "str"), "STRING"),
    **dict.fromkeys(("in", "out"), "INPUT"),
    "dirfd": "DIRFD",
    "path": "PATH",
    "size": "SIZE",
    "signal": "SIGNAL",
    "mode": "MODE",
    "uid": "OWNER",
    "argv": "ARGV",
    "envp": "ENVP",
    "ptr": "POINTER",
    "stream": "STREAM",
    "template": "TEMPLATE",
    "nulled": "RESULT",
    "h_errno": "OPAQUE",
    "rest": "POINTER",
}
BY_TYPE = {
    "DIR *": "DIRECTORY",
    "va_list": "LIST",
    "pthread_t": "SELF",
    "thrd_t": "SELF",
    "const wchar_t *": "WIDE",
    "double *": "POINTER",
}
"""C types that tell more than the kind."""

ROWS = {
    row.name: row
    for row in read_rows(SHIM / "calls")
    if row.generated and not row.facts.get("noreturn")
}
TABLE = json.loads((LIB / "table.json").read_text())
EXPORTS = [each for each in TABLE["exports"] if each.partition("@")[0] in ROWS]
CALLED = [
    each
    for each in EXPORTS
    if any((ROWS[each.partition("@")[0]].base, v) not in SKIPPED for v in VARIANTS)
]
WRAPPED = [each for each in TABLE["wrapped"] if each.partition("@")[0] in ROWS]
FAILING = [each for each in WRAPPED if ROWS[each.partition("@")[0]].returns != "void"]
"""What returns nothing can't be seen to fail, so no rule fails it."""


def caller(row: Row) -> str:
    """A C function that casts a pointer to the row's type and calls it."""
    fixed = [param.ctype for param in row.params[: row.fixed]]
    inside = ", ".join([*fixed, *(["..."] if row.variadic else [])]) or "void"
    values = ", ".join(value(p.ctype, at) for at, p in enumerate(row.params))
    call = f"(({row.returns} (*)({inside}))f)({values})"
    run = f"{call}; return 0" if row.returns == "void" else f"return (long){call}"
    return f"static long call_{row.name}(void *f, const long *a) {{ (void)a; {run}; }}"


def value(ctype: str, position: int) -> str:
    """One argument as its C type."""
    if ctype == "va_list":
        return f"*(va_list *)a[{position}]"
    through = "(void *)" if "union" in ctype else ""
    return (
        f"({ctype.removeprefix('const ') if through else ctype}){through}a[{position}]"
    )


def kind(row: Row, position: int) -> str:
    param = row.params[position]
    plain = param.kind.partition("[")[0].partition(":")[0]
    if row.base in UNFILLED and param.kind == "ptr":
        return "OPAQUE"
    if row.base in RANDOM:
        return "POINTER" if "*" in param.ctype else "SIZE"
    if "(*)" in param.ctype:
        return "FUNCTION"
    if param.ctype in BY_TYPE:
        return BY_TYPE[param.ctype]
    if plain == "fd":
        return "SOCKET" if "network" in row.facts["sets"] else "FD"
    return KINDS.get(plain, "POINTER" if "*" in param.ctype else "NUMBER")


def result(row: Row) -> str:
    shown = row.ret
    if row.base in CHANGING:
        return "ANY"
    if shown == "pid" or row.base in CLOCKS:
        return "SIGN"
    return "ADDRESS" if shown == "ptr" else "EXACT"


def text(row: Row) -> str:
    """What strings say: names of hosts that no name server is asked for."""
    return "localhost" if "lookup" in row.facts["sets"] else "text"


def case(export: str) -> str:
    name, _, version = export.partition("@")
    row = ROWS[name]
    kinds = ", ".join(kind(row, at) for at in range(len(row.params))) or "0"
    skip = ", ".join(str(int((row.base, each) in SKIPPED)) for each in VARIANTS)
    return (
        f'{{ "{name}", "{version}", "{text(row)}", call_{name}, {result(row)}, '
        f"{len(row.params)}, "
        f"{{ {kinds} }}, {{ {skip} }}, "
        f"{int(row.returns == 'void')} }},"
    )


def cases() -> str:
    headers = sorted({row.header for row in ROWS.values() if row.header})
    return "\n".join(
        [
            *(f"#include <{header}>" for header in headers),
            *(caller(row) for row in ROWS.values()),
            "static const struct testcase cases[] = {",
            *map(case, EXPORTS),
            "};",
            f"static const int ncases = {len(EXPORTS)};",
        ]
    )
