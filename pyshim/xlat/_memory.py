"""Memory, and System V IPC with it."""

from __future__ import annotations

from pyshim.xlat._tables import Table, counted, enum, field, flags, modes

_IPC_BITS = "IPC_CREAT=0x200 IPC_EXCL=0x400"
_IPC_COMMANDS = "IPC_RMID=0 IPC_SET=1 IPC_STAT=2 IPC_INFO=3"

MEMORY: dict[str, Table] = {
    "prot": flags(
        "PROT_???",
        """PROT_READ PROT_WRITE PROT_EXEC PROT_SEM=8 PROT_GROWSDOWN=0x1000000
        PROT_GROWSUP=0x2000000""",
        zero="PROT_NONE",
    ),
    "map": field(
        "MAP_???",
        0xF,
        "MAP_FILE=0 MAP_SHARED MAP_PRIVATE MAP_SHARED_VALIDATE=3",
        """MAP_FIXED=0x10 MAP_ANONYMOUS=0x20 MAP_32BIT=0x40 MAP_NORESERVE=0x4000
        MAP_POPULATE=0x8000 MAP_NONBLOCK=0x10000 MAP_GROWSDOWN=0x100 MAP_DENYWRITE=0x800
        MAP_EXECUTABLE=0x1000 MAP_LOCKED=0x2000 MAP_STACK=0x20000 MAP_HUGETLB=0x40000
        MAP_SYNC=0x80000 MAP_FIXED_NOREPLACE=0x100000""",
        huge="MAP_HUGE_SHIFT",
    ),
    "mremap": flags("MREMAP_???", "MREMAP_MAYMOVE=1 MREMAP_FIXED=2 MREMAP_DONTUNMAP=4"),
    "msync": flags("MS_???", "MS_SYNC=4 MS_ASYNC=1 MS_INVALIDATE=2"),
    "mlock": flags("MLOCK_???", "MLOCK_ONFAULT=1"),
    "mlockall": flags("MCL_???", "MCL_CURRENT=1 MCL_FUTURE=2 MCL_ONFAULT=4"),
    "madvise": Table(
        counted(
            "",
            """MADV_NORMAL MADV_RANDOM MADV_SEQUENTIAL MADV_WILLNEED MADV_DONTNEED - - -
            MADV_FREE MADV_REMOVE MADV_DONTFORK MADV_DOFORK MADV_MERGEABLE
            MADV_UNMERGEABLE MADV_HUGEPAGE MADV_NOHUGEPAGE MADV_DONTDUMP MADV_DODUMP
            MADV_WIPEONFORK MADV_KEEPONFORK MADV_COLD MADV_PAGEOUT MADV_POPULATE_READ
            MADV_POPULATE_WRITE MADV_DONTNEED_LOCKED MADV_COLLAPSE""",
        ).choices
        | {100: "MADV_HWPOISON", 101: "MADV_SOFT_OFFLINE"},
        unknown="MADV_???",
    ),
    "memfd": flags(
        "MFD_???",
        "MFD_CLOEXEC=1 MFD_ALLOW_SEALING=2 MFD_HUGETLB=4",
        huge="MFD_HUGE_SHIFT",
    ),
    "pkey": flags(
        "PKEY_???",
        "PKEY_DISABLE_ACCESS=1 PKEY_DISABLE_WRITE=2 PKEY_DISABLE_EXECUTE=4",
    ),
    "shmget": modes(
        _IPC_BITS + " SHM_HUGETLB=0x800 SHM_NORESERVE=0x1000", huge="SHM_HUGE_SHIFT"
    ),
    "semget": modes(_IPC_BITS + " IPC_NOWAIT=0x800"),
    "msgget": modes(_IPC_BITS + " IPC_NOWAIT=0x800"),
    "shmat": flags(
        "SHM_???", "SHM_RDONLY=0x1000 SHM_RND=0x2000 SHM_REMAP=0x4000 SHM_EXEC=0x8000"
    ),
    "msgop": flags(
        "MSG_???",
        "MSG_NOERROR=0x1000 MSG_EXCEPT=0x2000 MSG_COPY=0x4000 IPC_NOWAIT=0x800",
    ),
    "ipc": modes(_IPC_BITS),
    "ipc_cmd": enum("IPC_???", _IPC_COMMANDS),
    "ipc_key": enum("", "IPC_PRIVATE=0"),
    "shmctl": enum(
        "SHM_???",
        _IPC_COMMANDS
        + " SHM_LOCK=11 SHM_UNLOCK=12 SHM_STAT=13 SHM_INFO=14 SHM_STAT_ANY=15",
    ),
    "semctl": enum(
        "SEM_???",
        _IPC_COMMANDS
        + """ GETPID=11 GETVAL=12 GETALL=13 GETNCNT=14 GETZCNT=15 SETVAL=16 SETALL=17
        SEM_STAT=18 SEM_INFO=19 SEM_STAT_ANY=20""",
    ),
    "msgctl": enum(
        "MSG_???", _IPC_COMMANDS + " MSG_STAT=11 MSG_INFO=12 MSG_STAT_ANY=13"
    ),
}
