"""Names of the numbers that syscalls take, spelled and ordered as strace does.

A row of `shim/calls.toml` that says `flags:NAME` or `enum:NAME` means `XLAT["NAME"]`.
The data are words: a bare `NAME` has the value Python's own modules give it,
`NAME=0x10` the value written here (x86-64 Linux), and `_counted` numbers its words.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import resource
import select
import signal
import socket
import stat
import time
from dataclasses import dataclass

_MODULES = (os, socket, signal, fcntl, mmap, select, resource, stat, time)
_HUGE_SHIFT = 26
"""Where the kernel keeps log2 of the size of a huge page among the flags."""


@dataclass(frozen=True, slots=True)
class Table:
    """The names of one kind of number."""

    choices: dict[int, str]
    """Of the bits in `mask`, exactly one choice holds."""
    mask: int = -1
    bits: tuple[tuple[str, int], ...] = ()
    """Or-ed names in strace's order: one of many bits comes before its parts."""
    unknown: str = "???"
    """What strace writes in the comment behind a number without a name."""
    zero: str = "0"
    octal: int = 0
    """Bits that are permissions: always written, in octal, after the names."""
    huge: str = ""
    """Name of the shift behind which the size of a huge page is, if there is one."""

    def text(self, value: int) -> str:
        """The names of `value`, which must not be negative where bits are meant."""
        if not self.bits:
            return self.choices.get(value) or self._nameless(value)
        names, rest = self._names(value & ~self.octal)
        if rest and not names and not self.octal:
            return self._nameless(rest)
        names += self._rest(rest)
        if self.octal:
            names.append(f"0{value & self.octal:02o}")
        return "|".join(names) or self.zero

    def _names(self, value: int) -> tuple[list[str], int]:
        name = self.choices.get(value & self.mask) if self.choices else None
        names, rest = ([name], value & ~self.mask) if name else ([], value)
        for word, bit in self.bits:
            if rest & bit == bit:
                names.append(word)
                rest &= ~bit
        return names, rest

    def _rest(self, rest: int) -> list[str]:
        shifted = rest >> _HUGE_SHIFT if self.huge else 0
        low = rest & ~(shifted << _HUGE_SHIFT)
        parts = [f"{low:#x}"] if low else []
        return parts + ([f"{shifted}<<{self.huge}"] if shifted else [])

    def _nameless(self, value: int) -> str:
        if self.huge and value >> _HUGE_SHIFT:
            return "|".join(self._rest(value))
        digits = f"{value & 0xFFFFFFFF:#x}" if value else "0"
        return f"{digits} /* {self.unknown} */"


def _pair(word: str) -> tuple[str, int]:
    name, _, number = word.partition("=")
    if number:
        return name.replace("~", " "), int(number, 0)
    for module in _MODULES:
        if hasattr(module, name):
            return name, int(getattr(module, name))
    raise KeyError(f"no value for {name}")


def _choices(words: str) -> dict[int, str]:
    """Later words don't replace earlier ones of equal value."""
    return {value: name for name, value in map(_pair, reversed(words.split()))}


def _enum(unknown: str, words: str) -> Table:
    return Table(_choices(words), unknown=unknown)


def _counted(unknown: str, words: str, first: int = 0) -> Table:
    """Words in a row of numbers; `-` is a number without a name."""
    numbered = enumerate(words.split(), first)
    return Table({at: word for at, word in numbered if word != "-"}, unknown=unknown)


def _flags(unknown: str, words: str, zero: str = "0", huge: str = "") -> Table:
    bits = tuple(map(_pair, words.split()))
    return Table({}, bits=bits, unknown=unknown, zero=zero, huge=huge)


def _field(unknown: str, mask: int, choices: str, words: str, huge: str = "") -> Table:
    """Flags of which the bits in `mask` are a number."""
    bits = tuple(map(_pair, words.split()))
    return Table(_choices(choices), mask, bits, unknown, huge=huge)


def _modes(words: str, mask: int = 0, choices: str = "", huge: str = "") -> Table:
    """Flags that share their word with permissions."""
    bits = tuple(map(_pair, words.split()))
    return Table(_choices(choices), mask, bits, octal=0o777, huge=huge)


# O_LARGEFILE is 0 in Python: libc's open() adds the kernel's bit by itself.
_OPEN_BITS = """O_CREAT O_EXCL O_NOCTTY O_TRUNC O_APPEND O_NONBLOCK O_SYNC
    __O_SYNC=0x100000 O_DSYNC O_DIRECT O_LARGEFILE=0x8000 O_NOFOLLOW O_NOATIME O_CLOEXEC
    O_PATH=0x200000 O_TMPFILE=0x410000 __O_TMPFILE=0x400000 O_DIRECTORY FASYNC=0x2000"""
_AT_BITS = """AT_SYMLINK_NOFOLLOW=0x100 AT_REMOVEDIR=0x200 AT_SYMLINK_FOLLOW=0x400
    AT_NO_AUTOMOUNT=0x800 AT_EMPTY_PATH=0x1000 AT_RECURSIVE=0x8000"""
_TIMERFD_BITS = """TFD_TIMER_ABSTIME=1 TFD_TIMER_CANCEL_ON_SET=2
    TFD_CLOEXEC=0x80000 TFD_NONBLOCK=0x800"""
_IPC_BITS = "IPC_CREAT=0x200 IPC_EXCL=0x400"
_IPC_COMMANDS = "IPC_RMID=0 IPC_SET=1 IPC_STAT=2 IPC_INFO=3"

_FILES = {
    "open": _field("O_???", 3, "O_RDONLY O_WRONLY O_RDWR O_ACCMODE=3", _OPEN_BITS),
    # What takes open's bits but opens nothing: pipe2, dup3.
    "open_bits": _flags("O_???", _OPEN_BITS),
    "access": _flags("?_OK", "R_OK W_OK X_OK", zero="F_OK"),
    "at": _flags("AT_???", _AT_BITS),
    "at_follow": _flags("AT_???", _AT_BITS),
    "at_remove": _flags("AT_???", _AT_BITS),
    "at_access": _flags(
        "AT_???", "AT_SYMLINK_NOFOLLOW=0x100 AT_EACCESS=0x200 AT_EMPTY_PATH=0x1000"
    ),
    "statx_flags": _field(
        "AT_???",
        0x6000,
        """AT_STATX_SYNC_AS_STAT=0 AT_STATX_FORCE_SYNC=0x2000 AT_STATX_DONT_SYNC=0x4000
        AT_STATX_FORCE_SYNC|AT_STATX_DONT_SYNC=0x6000""",
        _AT_BITS,
    ),
    "statx_mask": _flags(
        "STATX_???",
        """STATX_ALL=0xfff STATX_BASIC_STATS=0x7ff STATX_TYPE=1 STATX_MODE=2
        STATX_NLINK=4 STATX_UID=8 STATX_GID=0x10 STATX_ATIME=0x20 STATX_MTIME=0x40
        STATX_CTIME=0x80 STATX_INO=0x100 STATX_SIZE=0x200 STATX_BLOCKS=0x400
        STATX_BTIME=0x800 STATX_MNT_ID=0x1000 STATX_DIOALIGN=0x2000""",
    ),
    "rename": _flags(
        "RENAME_??", "RENAME_NOREPLACE=1 RENAME_EXCHANGE=2 RENAME_WHITEOUT=4"
    ),
    "mknod": _modes(
        "S_ISUID S_ISGID S_ISVTX",
        0o170000,
        "S_IFREG S_IFSOCK S_IFIFO S_IFLNK S_IFBLK S_IFDIR S_IFCHR",
    ),
    "whence": _enum("SEEK_???", "SEEK_SET SEEK_CUR SEEK_END SEEK_DATA SEEK_HOLE"),
    "flock": _flags(
        "LOCK_???",
        """LOCK_SH LOCK_EX LOCK_NB LOCK_UN LOCK_MAND=0x20 LOCK_RW=0xc0
        LOCK_READ=0x40 LOCK_WRITE=0x80""",
    ),
    "lockf": _counted("F_???", "F_ULOCK F_LOCK F_TLOCK F_TEST"),
    "fallocate": _flags(
        "FALLOC_FL_???",
        """FALLOC_FL_KEEP_SIZE=1 FALLOC_FL_PUNCH_HOLE=2 FALLOC_FL_NO_HIDE_STALE=4
        FALLOC_FL_COLLAPSE_RANGE=8 FALLOC_FL_ZERO_RANGE=0x10
        FALLOC_FL_INSERT_RANGE=0x20 FALLOC_FL_UNSHARE_RANGE=0x40""",
    ),
    "fadvise": _enum(
        "POSIX_FADV_???",
        """POSIX_FADV_NORMAL POSIX_FADV_RANDOM POSIX_FADV_SEQUENTIAL
        POSIX_FADV_WILLNEED POSIX_FADV_DONTNEED POSIX_FADV_NOREUSE""",
    ),
    "sync_file_range": _flags(
        "SYNC_FILE_RANGE_???",
        """SYNC_FILE_RANGE_WAIT_BEFORE=1 SYNC_FILE_RANGE_WRITE=2
        SYNC_FILE_RANGE_WAIT_AFTER=4""",
    ),
    "splice": _flags(
        "SPLICE_F_???",
        "SPLICE_F_MOVE=1 SPLICE_F_NONBLOCK=2 SPLICE_F_MORE=4 SPLICE_F_GIFT=8",
    ),
    "rwf": _flags(
        "RWF_???", "RWF_HIPRI=1 RWF_DSYNC=2 RWF_SYNC=4 RWF_NOWAIT=8 RWF_APPEND=0x10"
    ),
    "xattr": _flags("XATTR_???", "XATTR_CREATE XATTR_REPLACE"),
    "mount": _flags(
        "MS_???",
        """MS_RDONLY=1 MS_NOSUID=2 MS_NODEV=4 MS_NOEXEC=8 MS_SYNCHRONOUS=0x10
        MS_REMOUNT=0x20 MS_MANDLOCK=0x40 MS_DIRSYNC=0x80 MS_NOSYMFOLLOW=0x100
        MS_NOATIME=0x400 MS_NODIRATIME=0x800 MS_BIND=0x1000 MS_MOVE=0x2000 MS_REC=0x4000
        MS_SILENT=0x8000 MS_POSIXACL=0x10000 MS_UNBINDABLE=0x20000 MS_PRIVATE=0x40000
        MS_SLAVE=0x80000 MS_SHARED=0x100000 MS_RELATIME=0x200000
        MS_KERNMOUNT=0x400000 MS_I_VERSION=0x800000 MS_STRICTATIME=0x1000000
        MS_LAZYTIME=0x2000000 MS_SUBMOUNT=0x4000000 MS_NOREMOTELOCK=0x8000000
        MS_NOSEC=0x10000000 MS_BORN=0x20000000 MS_ACTIVE=0x40000000
        MS_NOUSER=0x80000000""",
    ),
    "umount": _flags(
        "MNT_???", "MNT_FORCE=1 MNT_DETACH=2 MNT_EXPIRE=4 UMOUNT_NOFOLLOW=8"
    ),
    "inotify": _flags(
        "IN_???",
        """IN_ACCESS=1 IN_MODIFY=2 IN_ATTRIB=4 IN_CLOSE_WRITE=8 IN_CLOSE_NOWRITE=0x10
        IN_OPEN=0x20 IN_MOVED_FROM=0x40 IN_MOVED_TO=0x80 IN_CREATE=0x100
        IN_DELETE=0x200 IN_DELETE_SELF=0x400 IN_MOVE_SELF=0x800 IN_UNMOUNT=0x2000
        IN_Q_OVERFLOW=0x4000 IN_IGNORED=0x8000 IN_ONLYDIR=0x1000000
        IN_DONT_FOLLOW=0x2000000 IN_EXCL_UNLINK=0x4000000 IN_MASK_CREATE=0x10000000
        IN_MASK_ADD=0x20000000 IN_ISDIR=0x40000000 IN_ONESHOT=0x80000000""",
    ),
    "fanotify_init": _field(
        "FAN_???",
        0xC,
        "FAN_CLASS_NOTIF=0 FAN_CLASS_CONTENT=4 FAN_CLASS_PRE_CONTENT=8",
        """FAN_CLOEXEC=1 FAN_NONBLOCK=2 FAN_UNLIMITED_QUEUE=0x10
        FAN_UNLIMITED_MARKS=0x20 FAN_ENABLE_AUDIT=0x40 FAN_REPORT_PIDFD=0x80
        FAN_REPORT_TID=0x100 FAN_REPORT_FID=0x200 FAN_REPORT_DIR_FID=0x400
        FAN_REPORT_NAME=0x800 FAN_REPORT_TARGET_FID=0x1000""",
    ),
    "fanotify_mark": _flags(
        "FAN_MARK_???",
        """FAN_MARK_ADD=1 FAN_MARK_REMOVE=2 FAN_MARK_DONT_FOLLOW=4 FAN_MARK_ONLYDIR=8
        FAN_MARK_MOUNT=0x10 FAN_MARK_IGNORED_MASK=0x20 FAN_MARK_IGNORED_SURV_MODIFY=0x40
        FAN_MARK_FLUSH=0x80 FAN_MARK_FILESYSTEM=0x100 FAN_MARK_EVICTABLE=0x200
        FAN_MARK_IGNORE=0x400""",
    ),
    "fanotify": _flags(
        "FAN_???",
        """FAN_ACCESS=1 FAN_MODIFY=2 FAN_ATTRIB=4 FAN_CLOSE_WRITE=8
        FAN_CLOSE_NOWRITE=0x10 FAN_OPEN=0x20 FAN_MOVED_FROM=0x40 FAN_MOVED_TO=0x80
        FAN_CREATE=0x100 FAN_DELETE=0x200 FAN_DELETE_SELF=0x400 FAN_MOVE_SELF=0x800
        FAN_OPEN_EXEC=0x1000 FAN_Q_OVERFLOW=0x4000 FAN_FS_ERROR=0x8000
        FAN_OPEN_PERM=0x10000 FAN_ACCESS_PERM=0x20000 FAN_OPEN_EXEC_PERM=0x40000
        FAN_DIR_MODIFY=0x80000 FAN_ONDIR=0x40000000 FAN_EVENT_ON_CHILD=0x8000000
        FAN_RENAME=0x10000000""",
    ),
    "swap": _flags(
        "SWAP_FLAG_???",
        """SWAP_FLAG_PREFER=0x8000 SWAP_FLAG_DISCARD=0x10000
        SWAP_FLAG_DISCARD_ONCE=0x20000 SWAP_FLAG_DISCARD_PAGES=0x40000""",
    ),
    "inotify_init": _flags("IN_???", "IN_NONBLOCK=0x800 IN_CLOEXEC=0x80000"),
}

_DESCRIPTORS = {
    "fcntl": _enum(
        "F_???",
        """F_DUPFD F_GETFD F_SETFD F_GETFL F_SETFL F_GETLK=5 F_SETLK=6 F_SETLKW=7
        F_SETOWN F_GETOWN F_SETSIG F_GETSIG F_GETLK64=12 F_SETLK64=13 F_SETLKW64=14
        F_SETOWN_EX=15 F_GETOWN_EX=16 F_GETOWNER_UIDS=17 F_OFD_GETLK=36 F_OFD_SETLK=37
        F_OFD_SETLKW=38 F_SETLEASE F_GETLEASE F_NOTIFY F_CANCELLK=1029 F_DUPFD_CLOEXEC
        F_SETPIPE_SZ=1031 F_GETPIPE_SZ=1032 F_ADD_SEALS=1033 F_GET_SEALS=1034""",
    ),
    "fd_flags": _flags("FD_???", "FD_CLOEXEC"),
    "lease": _counted("F_???", "F_RDLCK F_WRLCK F_UNLCK - F_EXLCK - - - F_SHLCK"),
    "seals": _flags(
        "F_SEAL_???",
        """F_SEAL_SEAL=1 F_SEAL_SHRINK=2 F_SEAL_GROW=4 F_SEAL_WRITE=8
        F_SEAL_FUTURE_WRITE=0x10""",
    ),
    "notify": _flags(
        "DN_???",
        """DN_ACCESS=1 DN_MODIFY=2 DN_CREATE=4 DN_DELETE=8 DN_RENAME=0x10
        DN_ATTRIB=0x20 DN_MULTISHOT=0x80000000""",
    ),
    # `~` is a blank: strace names both where two drivers share a number.
    "ioctl": _enum(
        "",
        """TCGETS=0x5401 SNDCTL_TMR_START~or~TCSETS=0x5402 TCSBRK=0x5409 TCXONC=0x540a
        SNDCTL_TMR_STOP~or~TCSETSW=0x5403 SNDCTL_TMR_CONTINUE~or~TCSETSF=0x5404
        TCFLSH=0x540b TIOCEXCL=0x540c TIOCNXCL=0x540d TIOCSCTTY=0x540e TIOCGPGRP=0x540f
        TIOCSPGRP=0x5410 TIOCOUTQ=0x5411 TIOCSTI=0x5412 TIOCGWINSZ=0x5413
        TIOCSWINSZ=0x5414 TIOCMGET=0x5415 TIOCMBIS=0x5416 TIOCMBIC=0x5417
        TIOCMSET=0x5418 FIONREAD=0x541b TIOCPKT=0x5420 FIONBIO=0x5421 TIOCNOTTY=0x5422
        TIOCSETD=0x5423 TIOCGETD=0x5424 TCSBRKP=0x5425 TIOCSBRK=0x5427 TIOCCBRK=0x5428
        TIOCGSID=0x5429 TIOCGPTN=0x80045430 TIOCSPTLCK=0x40045431 TIOCGPTPEER=0x5441
        FIONCLEX=0x5450 FIOCLEX=0x5451 FIOASYNC=0x5452 FIOQSIZE=0x5460 FIBMAP=1
        FIGETBSZ=2 FIOSETOWN=0x8901 FIOGETOWN=0x8903 SIOCATMARK=0x8905
        SIOCGIFNAME=0x8910 SIOCGIFCONF=0x8912 SIOCGIFFLAGS=0x8913 SIOCSIFFLAGS=0x8914
        SIOCGIFADDR=0x8915 SIOCSIFADDR=0x8916 SIOCGIFBRDADDR=0x8919
        SIOCGIFNETMASK=0x891b SIOCGIFMTU=0x8921 SIOCGIFHWADDR=0x8927
        SIOCGIFINDEX=0x8933 SIOCETHTOOL=0x8946 BLKSSZGET=0x1268 BLKGETSIZE=0x1260
        BLKGETSIZE64=0x80081272 FS_IOC_GETFLAGS=0x80086601 FS_IOC_SETFLAGS=0x40086602
        FS_IOC_FIEMAP=0xc020660b BTRFS_IOC_CLONE~or~FICLONE=0x40049409""",
    ),
    "tcsetattr": _counted("TC???", "TCSANOW TCSADRAIN TCSAFLUSH"),
    "tcflow": _counted("TC???", "TCOOFF TCOON TCIOFF TCION"),
    "tcflush": _counted("TC???", "TCIFLUSH TCOFLUSH TCIOFLUSH"),
    "epoll_create": _flags("EPOLL_???", "EPOLL_CLOEXEC"),
    "epoll_ctl": _counted(
        "EPOLL_CTL_???", "EPOLL_CTL_ADD EPOLL_CTL_DEL EPOLL_CTL_MOD", 1
    ),
    "eventfd": _flags(
        "EFD_???", "EFD_SEMAPHORE=1 EFD_CLOEXEC=0x80000 EFD_NONBLOCK=0x800"
    ),
    "timerfd_create": _flags("TFD_???", _TIMERFD_BITS),
    "timerfd_settime": _flags("TFD_???", _TIMERFD_BITS),
    "signalfd": _flags("SFD_???", "SFD_CLOEXEC=0x80000 SFD_NONBLOCK=0x800"),
    "close_range": _flags(
        "CLOSE_RANGE_???", "CLOSE_RANGE_UNSHARE=2 CLOSE_RANGE_CLOEXEC=4"
    ),
    "pidfd_open": _flags("PIDFD_???", "PIDFD_NONBLOCK=0x800"),
}

_MEMORY = {
    "prot": _flags(
        "PROT_???",
        """PROT_READ PROT_WRITE PROT_EXEC PROT_SEM=8 PROT_GROWSDOWN=0x1000000
        PROT_GROWSUP=0x2000000""",
        zero="PROT_NONE",
    ),
    "map": _field(
        "MAP_???",
        0xF,
        "MAP_FILE=0 MAP_SHARED MAP_PRIVATE MAP_SHARED_VALIDATE=3",
        """MAP_FIXED=0x10 MAP_ANONYMOUS=0x20 MAP_32BIT=0x40 MAP_NORESERVE=0x4000
        MAP_POPULATE=0x8000 MAP_NONBLOCK=0x10000 MAP_GROWSDOWN=0x100 MAP_DENYWRITE=0x800
        MAP_EXECUTABLE=0x1000 MAP_LOCKED=0x2000 MAP_STACK=0x20000 MAP_HUGETLB=0x40000
        MAP_SYNC=0x80000 MAP_FIXED_NOREPLACE=0x100000""",
        huge="MAP_HUGE_SHIFT",
    ),
    "mremap": _flags(
        "MREMAP_???", "MREMAP_MAYMOVE=1 MREMAP_FIXED=2 MREMAP_DONTUNMAP=4"
    ),
    "msync": _flags("MS_???", "MS_SYNC=4 MS_ASYNC=1 MS_INVALIDATE=2"),
    "mlock": _flags("MLOCK_???", "MLOCK_ONFAULT=1"),
    "mlockall": _flags("MCL_???", "MCL_CURRENT=1 MCL_FUTURE=2 MCL_ONFAULT=4"),
    "madvise": Table(
        _counted(
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
    "memfd": _flags(
        "MFD_???",
        "MFD_CLOEXEC=1 MFD_ALLOW_SEALING=2 MFD_HUGETLB=4",
        huge="MFD_HUGE_SHIFT",
    ),
    "pkey": _flags(
        "PKEY_???",
        "PKEY_DISABLE_ACCESS=1 PKEY_DISABLE_WRITE=2 PKEY_DISABLE_EXECUTE=4",
    ),
    "shmget": _modes(
        _IPC_BITS + " SHM_HUGETLB=0x800 SHM_NORESERVE=0x1000", huge="SHM_HUGE_SHIFT"
    ),
    "semget": _modes(_IPC_BITS + " IPC_NOWAIT=0x800"),
    "msgget": _modes(_IPC_BITS + " IPC_NOWAIT=0x800"),
    "shmat": _flags(
        "SHM_???", "SHM_RDONLY=0x1000 SHM_RND=0x2000 SHM_REMAP=0x4000 SHM_EXEC=0x8000"
    ),
    "msgop": _flags(
        "MSG_???",
        "MSG_NOERROR=0x1000 MSG_EXCEPT=0x2000 MSG_COPY=0x4000 IPC_NOWAIT=0x800",
    ),
    "ipc": _modes(_IPC_BITS),
    "ipc_cmd": _enum("IPC_???", _IPC_COMMANDS),
    "ipc_key": _enum("", "IPC_PRIVATE=0"),
    "shmctl": _enum(
        "SHM_???",
        _IPC_COMMANDS
        + " SHM_LOCK=11 SHM_UNLOCK=12 SHM_STAT=13 SHM_INFO=14 SHM_STAT_ANY=15",
    ),
    "semctl": _enum(
        "SEM_???",
        _IPC_COMMANDS
        + """ GETPID=11 GETVAL=12 GETALL=13 GETNCNT=14 GETZCNT=15 SETVAL=16 SETALL=17
        SEM_STAT=18 SEM_INFO=19 SEM_STAT_ANY=20""",
    ),
    "msgctl": _enum(
        "MSG_???", _IPC_COMMANDS + " MSG_STAT=11 MSG_INFO=12 MSG_STAT_ANY=13"
    ),
}

_NETWORK = {
    "af": _counted(
        "AF_???",
        """AF_UNSPEC AF_UNIX AF_INET AF_AX25 AF_IPX AF_APPLETALK AF_NETROM AF_BRIDGE
        AF_ATMPVC AF_X25 AF_INET6 AF_ROSE AF_DECnet AF_NETBEUI AF_SECURITY AF_KEY
        AF_NETLINK AF_PACKET AF_ASH AF_ECONET AF_ATMSVC AF_RDS AF_SNA AF_IRDA AF_PPPOX
        AF_WANPIPE AF_LLC AF_IB AF_MPLS AF_CAN AF_TIPC AF_BLUETOOTH AF_IUCV AF_RXRPC
        AF_ISDN AF_PHONET AF_IEEE802154 AF_CAIF AF_ALG AF_NFC AF_VSOCK AF_KCM AF_QIPCRTR
        AF_SMC AF_XDP AF_MCTP""",
    ),
    "sock": _field(
        "SOCK_???",
        0xF,
        """SOCK_STREAM SOCK_DGRAM SOCK_RAW SOCK_RDM SOCK_SEQPACKET SOCK_DCCP=6
        SOCK_PACKET=10""",
        "SOCK_CLOEXEC SOCK_NONBLOCK",
    ),
    "accept": _flags("SOCK_???", "SOCK_CLOEXEC SOCK_NONBLOCK"),
    "ipproto": _enum(
        "IPPROTO_???",
        """IPPROTO_IP IPPROTO_ICMP IPPROTO_IGMP IPPROTO_IPIP=4 IPPROTO_TCP
        IPPROTO_EGP=8 IPPROTO_PUP=12 IPPROTO_UDP IPPROTO_IDP=22 IPPROTO_TP=29
        IPPROTO_DCCP=33 IPPROTO_IPV6 IPPROTO_ROUTING=43 IPPROTO_FRAGMENT=44
        IPPROTO_NONE=59 IPPROTO_DSTOPTS=60 IPPROTO_MH=135 IPPROTO_RSVP=46
        IPPROTO_GRE=47 IPPROTO_ESP IPPROTO_AH IPPROTO_ICMPV6 IPPROTO_MTP=92
        IPPROTO_BEETPH=94 IPPROTO_ENCAP=98 IPPROTO_PIM=103 IPPROTO_COMP=108
        IPPROTO_L2TP=115 IPPROTO_SCTP=132 IPPROTO_UDPLITE=136 IPPROTO_MPLS=137
        IPPROTO_ETHERNET=143 IPPROTO_RAW IPPROTO_MPTCP=262""",
    ),
    "netlink": _counted(
        "NETLINK_???",
        """NETLINK_ROUTE NETLINK_UNUSED NETLINK_USERSOCK NETLINK_FIREWALL
        NETLINK_SOCK_DIAG NETLINK_NFLOG NETLINK_XFRM NETLINK_SELINUX NETLINK_ISCSI
        NETLINK_AUDIT NETLINK_FIB_LOOKUP NETLINK_CONNECTOR NETLINK_NETFILTER
        NETLINK_IP6_FW NETLINK_DNRTMSG NETLINK_KOBJECT_UEVENT NETLINK_GENERIC -
        NETLINK_SCSITRANSPORT NETLINK_ECRYPTFS NETLINK_RDMA NETLINK_CRYPTO
        NETLINK_SMC""",
    ),
    "msg": _flags(
        "MSG_???",
        """MSG_OOB=1 MSG_PEEK=2 MSG_DONTROUTE=4 MSG_CTRUNC=8 MSG_PROBE=0x10
        MSG_TRUNC=0x20 MSG_DONTWAIT=0x40 MSG_EOR=0x80 MSG_WAITALL=0x100 MSG_FIN=0x200
        MSG_SYN=0x400 MSG_CONFIRM=0x800 MSG_RST=0x1000 MSG_ERRQUEUE=0x2000
        MSG_NOSIGNAL=0x4000 MSG_MORE=0x8000 MSG_WAITFORONE=0x10000
        MSG_SENDPAGE_NOTLAST=0x20000 MSG_BATCH=0x40000 MSG_NO_SHARED_FRAGS=0x80000
        MSG_ZEROCOPY=0x4000000 MSG_FASTOPEN=0x20000000 MSG_CMSG_CLOEXEC=0x40000000
        MSG_CMSG_COMPAT=0x80000000""",
    ),
    "shutdown": _counted("SHUT_???", "SHUT_RD SHUT_WR SHUT_RDWR"),
    "sol": _enum(
        "SOL_??",
        """SOL_IP SOL_SOCKET SOL_TCP SOL_UDP SOL_IPV6=41 SOL_ICMPV6=58 SOL_SCTP=132
        SOL_UDPLITE=136 SOL_RAW=255 SOL_PACKET=263 SOL_NETLINK=270 SOL_BLUETOOTH=274
        SOL_ALG=279 SOL_TLS=282 SOL_XDP=283""",
    ),
    "sockopt_socket": _counted(
        "SO_???",
        """SO_DEBUG SO_REUSEADDR SO_TYPE SO_ERROR SO_DONTROUTE SO_BROADCAST SO_SNDBUF
        SO_RCVBUF SO_KEEPALIVE SO_OOBINLINE SO_NO_CHECK SO_PRIORITY SO_LINGER
        SO_BSDCOMPAT SO_REUSEPORT SO_PASSCRED SO_PEERCRED SO_RCVLOWAT SO_SNDLOWAT
        SO_RCVTIMEO_OLD SO_SNDTIMEO_OLD - - - SO_BINDTODEVICE SO_GET_FILTER
        SO_DETACH_FILTER SO_PEERNAME SO_TIMESTAMP_OLD SO_ACCEPTCONN SO_PEERSEC
        SO_SNDBUFFORCE SO_RCVBUFFORCE SO_PASSSEC SO_TIMESTAMPNS_OLD SO_MARK
        SO_TIMESTAMPING_OLD SO_PROTOCOL SO_DOMAIN SO_RXQ_OVFL SO_WIFI_STATUS SO_PEEK_OFF
        SO_NOFCS SO_LOCK_FILTER SO_SELECT_ERR_QUEUE SO_BUSY_POLL SO_MAX_PACING_RATE
        SO_BPF_EXTENSIONS SO_INCOMING_CPU SO_ATTACH_BPF SO_ATTACH_REUSEPORT_CBPF
        SO_ATTACH_REUSEPORT_EBPF SO_CNX_ADVICE - SO_MEMINFO SO_INCOMING_NAPI_ID
        SO_COOKIE - SO_PEERGROUPS SO_ZEROCOPY SO_TXTIME SO_BINDTOIFINDEX
        SO_TIMESTAMP_NEW SO_TIMESTAMPNS_NEW SO_TIMESTAMPING_NEW SO_RCVTIMEO_NEW
        SO_SNDTIMEO_NEW SO_DETACH_REUSEPORT_BPF SO_PREFER_BUSY_POLL SO_BUSY_POLL_BUDGET
        SO_NETNS_COOKIE SO_BUF_LOCK SO_RESERVE_MEM SO_TXREHASH SO_RCVMARK""",
        1,
    ),
    "sockopt_tcp": _counted(
        "TCP_???",
        """TCP_NODELAY TCP_MAXSEG TCP_CORK TCP_KEEPIDLE TCP_KEEPINTVL TCP_KEEPCNT
        TCP_SYNCNT TCP_LINGER2 TCP_DEFER_ACCEPT TCP_WINDOW_CLAMP TCP_INFO TCP_QUICKACK
        TCP_CONGESTION TCP_MD5SIG TCP_COOKIE_TRANSACTIONS TCP_THIN_LINEAR_TIMEOUTS
        TCP_THIN_DUPACK TCP_USER_TIMEOUT TCP_REPAIR TCP_REPAIR_QUEUE TCP_QUEUE_SEQ
        TCP_REPAIR_OPTIONS TCP_FASTOPEN TCP_TIMESTAMP TCP_NOTSENT_LOWAT TCP_CC_INFO
        TCP_SAVE_SYN TCP_SAVED_SYN TCP_REPAIR_WINDOW TCP_FASTOPEN_CONNECT TCP_ULP
        TCP_MD5SIG_EXT TCP_FASTOPEN_KEY TCP_FASTOPEN_NO_COOKIE TCP_ZEROCOPY_RECEIVE
        TCP_INQ TCP_TX_DELAY""",
        1,
    ),
    "sockopt_ip": Table(
        _counted(
            "",
            """IP_TOS IP_TTL IP_HDRINCL IP_OPTIONS IP_ROUTER_ALERT
            IP_RECVOPTS IP_RETOPTS IP_PKTINFO IP_PKTOPTIONS IP_MTU_DISCOVER
            IP_RECVERR IP_RECVTTL IP_RECVTOS IP_MTU IP_FREEBIND
            IP_IPSEC_POLICY IP_XFRM_POLICY IP_PASSSEC IP_TRANSPARENT
            IP_ORIGDSTADDR IP_MINTTL IP_NODEFRAG IP_CHECKSUM
            IP_BIND_ADDRESS_NO_PORT""",
            1,
        ).choices
        | _choices(
            """IP_MULTICAST_IF IP_MULTICAST_TTL IP_MULTICAST_LOOP IP_ADD_MEMBERSHIP
            IP_DROP_MEMBERSHIP"""
        ),
        unknown="IP_???",
    ),
    "sockopt_ipv6": _enum(
        "IPV6_???",
        """IPV6_UNICAST_HOPS=16 IPV6_MULTICAST_IF=17 IPV6_MULTICAST_HOPS=18
        IPV6_MULTICAST_LOOP=19 IPV6_ADD_MEMBERSHIP=20 IPV6_DROP_MEMBERSHIP=21
        IPV6_MTU_DISCOVER=23 IPV6_MTU=24 IPV6_RECVERR=25 IPV6_V6ONLY=26
        IPV6_RECVPKTINFO=49 IPV6_PKTINFO=50 IPV6_RECVHOPLIMIT=51 IPV6_HOPLIMIT=52
        IPV6_DONTFRAG=62 IPV6_RECVTCLASS=66 IPV6_TCLASS=67""",
    ),
}

_PROCESSES = {
    "wait": _flags(
        "W???",
        """WNOHANG WEXITED WSTOPPED WCONTINUED WNOWAIT __WCLONE=0x80000000
        __WALL=0x40000000 __WNOTHREAD=0x20000000""",
    ),
    "idtype": _counted("P_???", "P_ALL P_PID P_PGID P_PIDFD"),
    "rlimit": _counted(
        "RLIMIT_???",
        """RLIMIT_CPU RLIMIT_FSIZE RLIMIT_DATA RLIMIT_STACK RLIMIT_CORE RLIMIT_RSS
        RLIMIT_NPROC RLIMIT_NOFILE RLIMIT_MEMLOCK RLIMIT_AS RLIMIT_LOCKS
        RLIMIT_SIGPENDING RLIMIT_MSGQUEUE RLIMIT_NICE RLIMIT_RTPRIO RLIMIT_RTTIME""",
    ),
    "rusage": _enum(
        "RUSAGE_???", "RUSAGE_SELF RUSAGE_CHILDREN RUSAGE_BOTH=-2 RUSAGE_THREAD=1"
    ),
    "priority": _enum("PRIO_???", "PRIO_PROCESS PRIO_PGRP PRIO_USER"),
    "sched": _counted(
        "SCHED_???",
        """SCHED_OTHER SCHED_FIFO SCHED_RR SCHED_BATCH SCHED_ISO SCHED_IDLE
        SCHED_DEADLINE""",
    ),
    "clone": _flags(
        "CLONE_???",
        """CLONE_NEWTIME=0x80 CLONE_VM=0x100 CLONE_FS=0x200 CLONE_FILES=0x400
        CLONE_SIGHAND=0x800 CLONE_THREAD=0x10000 CLONE_NEWNS=0x20000
        CLONE_SYSVSEM=0x40000 CLONE_NEWCGROUP=0x2000000 CLONE_NEWUTS=0x4000000
        CLONE_NEWIPC=0x8000000 CLONE_NEWUSER=0x10000000 CLONE_NEWPID=0x20000000
        CLONE_NEWNET=0x40000000""",
    ),
    "setns": _flags(
        "CLONE_NEW???",
        """CLONE_NEWTIME=0x80 CLONE_NEWNS=0x20000 CLONE_NEWCGROUP=0x2000000
        CLONE_NEWUTS=0x4000000 CLONE_NEWIPC=0x8000000 CLONE_NEWUSER=0x10000000
        CLONE_NEWPID=0x20000000 CLONE_NEWNET=0x40000000""",
    ),
    "prctl": Table(
        _counted(
            "",
            """PR_SET_PDEATHSIG PR_GET_PDEATHSIG PR_GET_DUMPABLE PR_SET_DUMPABLE
            PR_GET_UNALIGN PR_SET_UNALIGN PR_GET_KEEPCAPS PR_SET_KEEPCAPS PR_GET_FPEMU
            PR_SET_FPEMU PR_GET_FPEXC PR_SET_FPEXC PR_GET_TIMING PR_SET_TIMING
            PR_SET_NAME PR_GET_NAME - - PR_GET_ENDIAN PR_SET_ENDIAN PR_GET_SECCOMP
            PR_SET_SECCOMP PR_CAPBSET_READ PR_CAPBSET_DROP PR_GET_TSC PR_SET_TSC
            PR_GET_SECUREBITS PR_SET_SECUREBITS PR_SET_TIMERSLACK PR_GET_TIMERSLACK
            PR_TASK_PERF_EVENTS_DISABLE PR_TASK_PERF_EVENTS_ENABLE PR_MCE_KILL
            PR_MCE_KILL_GET PR_SET_MM PR_SET_CHILD_SUBREAPER PR_GET_CHILD_SUBREAPER
            PR_SET_NO_NEW_PRIVS PR_GET_NO_NEW_PRIVS PR_GET_TID_ADDRESS
            PR_SET_THP_DISABLE PR_GET_THP_DISABLE PR_MPX_ENABLE_MANAGEMENT
            PR_MPX_DISABLE_MANAGEMENT PR_SET_FP_MODE PR_GET_FP_MODE PR_CAP_AMBIENT""",
            1,
        ).choices
        | {
            52: "PR_GET_SPECULATION_CTRL",
            53: "PR_SET_SPECULATION_CTRL",
            59: "PR_SET_SYSCALL_USER_DISPATCH",
            0x59616D61: "PR_SET_PTRACER",
            0x53564D41: "PR_SET_VMA",
        },
        unknown="PR_???",
    ),
    "ptrace": _enum(
        "PTRACE_???",
        """PTRACE_TRACEME=0 PTRACE_PEEKTEXT=1 PTRACE_PEEKDATA=2 PTRACE_PEEKUSER=3
        PTRACE_POKETEXT=4 PTRACE_POKEDATA=5 PTRACE_POKEUSER=6 PTRACE_CONT=7
        PTRACE_KILL=8 PTRACE_SINGLESTEP=9 PTRACE_GETREGS=12 PTRACE_SETREGS=13
        PTRACE_GETFPREGS=14 PTRACE_SETFPREGS=15 PTRACE_ATTACH=16 PTRACE_DETACH=17
        PTRACE_SYSCALL=24 PTRACE_ARCH_PRCTL=30 PTRACE_SYSEMU=31
        PTRACE_SETOPTIONS=0x4200 PTRACE_GETEVENTMSG=0x4201 PTRACE_GETSIGINFO=0x4202
        PTRACE_SETSIGINFO=0x4203 PTRACE_GETREGSET=0x4204 PTRACE_SETREGSET=0x4205
        PTRACE_SEIZE=0x4206 PTRACE_INTERRUPT=0x4207 PTRACE_LISTEN=0x4208
        PTRACE_PEEKSIGINFO=0x4209 PTRACE_GETSIGMASK=0x420a PTRACE_SETSIGMASK=0x420b
        PTRACE_GET_SYSCALL_INFO=0x420e""",
    ),
    "dumpable": _counted(
        "SUID_DUMP_???", "SUID_DUMP_DISABLE SUID_DUMP_USER SUID_DUMP_ROOT"
    ),
    "signal": _counted(
        "SIG???",
        """SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1
        SIGSEGV SIGUSR2 SIGPIPE SIGALRM SIGTERM SIGSTKFLT SIGCHLD SIGCONT SIGSTOP
        SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO
        SIGPWR SIGSYS SIGRTMIN""",
        1,
    ),
    "sigmask": _counted("SIG_???", "SIG_BLOCK SIG_UNBLOCK SIG_SETMASK"),
    "getrandom": _flags("GRND_???", "GRND_NONBLOCK=1 GRND_RANDOM=2 GRND_INSECURE=4"),
    "clockid": _counted(
        "CLOCK_???",
        """CLOCK_REALTIME CLOCK_MONOTONIC CLOCK_PROCESS_CPUTIME_ID
        CLOCK_THREAD_CPUTIME_ID CLOCK_MONOTONIC_RAW CLOCK_REALTIME_COARSE
        CLOCK_MONOTONIC_COARSE CLOCK_BOOTTIME CLOCK_REALTIME_ALARM CLOCK_BOOTTIME_ALARM
        CLOCK_SGI_CYCLE CLOCK_TAI""",
    ),
    "timer": _flags("TIMER_???", "TIMER_ABSTIME=1"),
    "itimer": _counted("ITIMER_???", "ITIMER_REAL ITIMER_VIRTUAL ITIMER_PROF"),
}

XLAT: dict[str, Table] = {
    **_FILES,
    **_DESCRIPTORS,
    **_MEMORY,
    **_NETWORK,
    **_PROCESSES,
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
