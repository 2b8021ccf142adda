"""Names of the numbers that syscalls take, spelled and ordered as strace does.

A row of `shim/calls/` that says `flags:NAME` or `enum:NAME` means `XLAT["NAME"]`.
The data are words: a bare `NAME` has the value Python's own modules give it,
`NAME=0x10` the value written here (x86-64 Linux), and `counted` numbers its words.
"""

from __future__ import annotations

from pyshim.xlat._descriptors import DESCRIPTORS
from pyshim.xlat._files import FILES
from pyshim.xlat._memory import MEMORY
from pyshim.xlat._network import NETWORK
from pyshim.xlat._processes import PROCESSES
from pyshim.xlat._tables import Table

XLAT: dict[str, Table] = {
    **FILES,
    **DESCRIPTORS,
    **MEMORY,
    **NETWORK,
    **PROCESSES,
}

# Below: kinds of arguments that depend on another argument of the same call.

FCNTL_ARGUMENT = {
    **dict.fromkeys(("F_GETFD", "F_GETFL", "F_GETOWN", "F_GETSIG"), ""),
    **dict.fromkeys(("F_GETLEASE", "F_GETPIPE_SZ", "F_GET_SEALS"), ""),
    **dict.fromkeys(("F_GETLK", "F_SETLK", "F_SETLKW"), "ptr"),
    **dict.fromkeys(("F_OFD_GETLK", "F_OFD_SETLK", "F_OFD_SETLKW"), "ptr"),
    **dict.fromkeys(("F_SETOWN_EX", "F_GETOWN_EX"), "ptr"),
    **dict.fromkeys(("F_DUPFD", "F_DUPFD_CLOEXEC", "F_SETPIPE_SZ"), "uint"),
    "F_SETFD": "flags:fd_flags",
    "F_SETFL": "flags:open",
    "F_SETOWN": "pid",
    "F_SETSIG": "signal",
    "F_SETLEASE": "enum:lease",
    "F_NOTIFY": "flags:notify",
    "F_ADD_SEALS": "flags:seals",
}
"""By command; "" has no argument, a command that is not here has a number in hex."""

IOCTL_ARGUMENT = {
    **dict.fromkeys(("FIOCLEX", "FIONCLEX", "TIOCEXCL", "TIOCNXCL", "TIOCNOTTY"), ""),
    **dict.fromkeys(("TIOCSBRK", "TIOCCBRK"), ""),
    **dict.fromkeys(("TCSBRK", "TCSBRKP", "TIOCSCTTY"), "int"),
    "BTRFS_IOC_CLONE or FICLONE": "fd",
    "TCXONC": "enum:tcflow",
    "TCFLSH": "enum:tcflush",
}
"""By request; "" has no argument, a request that is not here has a pointer."""

PRCTL_ARGUMENTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("PR_GET_DUMPABLE", "PR_GET_KEEPCAPS", "PR_GET_TIMING"), ()),
    **dict.fromkeys(("PR_GET_SECCOMP", "PR_GET_SECUREBITS", "PR_GET_TIMERSLACK"), ()),
    **dict.fromkeys(("PR_GET_PDEATHSIG", "PR_GET_CHILD_SUBREAPER"), ("ptr",)),
    **dict.fromkeys(("PR_GET_TID_ADDRESS", "PR_SET_NAME", "PR_GET_NAME"), ("ptr",)),
    **dict.fromkeys(("PR_SET_KEEPCAPS", "PR_SET_TIMERSLACK"), ("ulong",)),
    "PR_SET_CHILD_SUBREAPER": ("ulong",),
    "PR_SET_PDEATHSIG": ("signal",),
    "PR_SET_DUMPABLE": ("enum:dumpable",),
    "PR_SET_PTRACER": ("int",),
    **dict.fromkeys(
        ("PR_SET_NO_NEW_PRIVS", "PR_SET_THP_DISABLE"), ("ulong", "hex", "hex", "hex")
    ),
}
"""By option; one that is not here has four numbers in hex."""

PROTOCOL = {
    "AF_INET": "enum:ipproto",
    "AF_INET6": "enum:ipproto",
    "AF_NETLINK": "enum:netlink",
}
"""By socket family; elsewhere a protocol is a number."""

SOCKET_OPTION = {
    "SOL_SOCKET": "enum:sockopt_socket",
    "SOL_TCP": "enum:sockopt_tcp",
    "SOL_IP": "enum:sockopt_ip",
    "SOL_IPV6": "enum:sockopt_ipv6",
}
"""By level; elsewhere an option is a number."""
