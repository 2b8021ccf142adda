"""What a parameter is by its type and name, and what the codes of a function are."""

from __future__ import annotations

import re

FD_NAMES = {
    "fd", "sockfd", "oldfd", "newfd", "epfd", "pidfd", "fd_in", "fd_out", "out_fd",
    "in_fd", "fs_fd", "ruleset_fd", "filedes", "fildes",
}  # fmt: skip
PATH_NAMES = {"path", "pathname", "filename"}
BY_TYPE = {
    "int": "int",
    "unsigned int": "uint",
    "unsigned": "uint",
    "unsigned long": "ulong",
    "size_t": "size",
    "socklen_t": "uint",
    "off_t": "off",
    "off64_t": "off",
    "mode_t": "mode",
    "pid_t": "pid",
    "uid_t": "uid",
    "gid_t": "uid",
    "dev_t": "dev",
    "clockid_t": "clockid",
    "FILE *": "stream",
    "va_list": "ptr",
}
BY_INT_NAME = {
    **dict.fromkeys(FD_NAMES, "fd"),
    **dict.fromkeys(("sig", "signum", "signo"), "signal"),
    "dirfd": "dirfd",
}
BY_LIST_NAME = {"argv": "argv", "envp": "envp"}
RETURNS = {
    "void": "void",
    "pid_t": "pid",
    **dict.fromkeys(("unsigned int", "size_t", "unsigned", "uid_t", "gid_t"), "uint"),
}

CODES = {
    "EAI": {
        "EAI_BADFLAGS": -1, "EAI_NONAME": -2, "EAI_AGAIN": -3, "EAI_FAIL": -4,
        "EAI_NODATA": -5, "EAI_FAMILY": -6, "EAI_SOCKTYPE": -7, "EAI_SERVICE": -8,
        "EAI_ADDRFAMILY": -9, "EAI_MEMORY": -10, "EAI_SYSTEM": -11, "EAI_OVERFLOW": -12,
        "EAI_ALLDONE": -103, "EAI_INTR": -104,
    },
    "h_errno": {
        "HOST_NOT_FOUND": -1, "TRY_AGAIN": -2, "NO_RECOVERY": -3, "NO_DATA": -4,
        "NO_ADDRESS": -4,
    },
    "glob": {"GLOB_ABORTED": -2, "GLOB_NOSPACE": -1, "GLOB_NOMATCH": -3},
    "wordexp": {
        "WRDE_NOSPACE": -1, "WRDE_BADCHAR": -2, "WRDE_BADVAL": -3, "WRDE_CMDSUB": -4,
        "WRDE_SYNTAX": -5,
    },
    "thrd": {"thrd_error": -2, "thrd_nomem": -3, "thrd_busy": -1, "thrd_timedout": -4},
}  # fmt: skip
"""Failures that are no errno, by the family of functions that tell them. In a struct
call they are negative, errnos positive. Of glob, wordexp and thrd the first is what an
errno becomes. Values: netdb.h, glob.h, wordexp.h, threads.h."""


def codes_of(fails: str) -> dict[str, int]:
    """The codes a function with this way of failing knows, by name."""
    return CODES.get(fails.removeprefix("code:").removesuffix("-1"), {})


def default_kind(ctype: str, name: str) -> str:
    """The kind of a parameter whose row does not say it."""
    bare = re.sub(r"\bconst\b|\b__?restrict\b", "", ctype)
    bare = re.sub(r"\s+", " ", bare).replace(" *", "*").replace("*", " *").strip()
    if bare == "char *" and "const" in ctype:
        return "path" if name in PATH_NAMES else "str"
    if bare == "char * *":
        return BY_LIST_NAME.get(name, "ptr")
    if name == "h_errnop":
        return "h_errno"
    if bare == "int" and name in BY_INT_NAME:
        return BY_INT_NAME[name]
    return BY_TYPE.get(bare, "ptr" if "*" in ctype else "long")


def default_result(returns: str) -> str:
    """How a result is shown whose row does not say it."""
    if returns.endswith("*"):
        return "ptr"
    return RETURNS.get(returns, "int")
