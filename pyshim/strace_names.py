"""The syscalls that strace 6.1 knows on x86-64: names, numbers, classes, bitness.

What no program of ours can make, being of 32 bits or of x32, is accepted where strace
accepts it, and names nothing. `test_strace_names.py` asks strace about each.
"""

from __future__ import annotations

from collections.abc import Mapping

BITS = ("64", "32", "x32")
"""What may stand behind the @ of a name."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FIRST = """
read write open close stat fstat lstat poll lseek mmap mprotect munmap brk rt_sigaction
rt_sigprocmask rt_sigreturn ioctl pread64 pwrite64 readv writev access pipe select
sched_yield mremap msync mincore madvise shmget shmat shmctl dup dup2 pause nanosleep
getitimer alarm setitimer getpid sendfile socket connect accept sendto recvfrom sendmsg
recvmsg shutdown bind listen getsockname getpeername socketpair setsockopt getsockopt
clone fork vfork execve exit wait4 kill uname semget semop semctl shmdt msgget msgsnd
msgrcv msgctl fcntl flock fsync fdatasync truncate ftruncate getdents getcwd chdir
fchdir rename mkdir rmdir creat link unlink symlink readlink chmod fchmod chown fchown
lchown umask gettimeofday getrlimit getrusage sysinfo times ptrace getuid syslog getgid
setuid setgid geteuid getegid setpgid getppid getpgrp setsid setreuid setregid getgroups
setgroups setresuid getresuid setresgid getresgid getpgid setfsuid setfsgid getsid
capget capset rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend sigaltstack
utime mknod uselib personality ustat statfs fstatfs sysfs getpriority setpriority
sched_setparam sched_getparam sched_setscheduler sched_getscheduler
sched_get_priority_max sched_get_priority_min sched_rr_get_interval mlock munlock
mlockall munlockall vhangup modify_ldt pivot_root _sysctl prctl arch_prctl adjtimex
setrlimit chroot sync acct settimeofday mount umount2 swapon swapoff reboot sethostname
setdomainname iopl ioperm create_module init_module delete_module get_kernel_syms
query_module quotactl nfsservctl getpmsg putpmsg afs_syscall tuxcall security gettid
readahead setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr
flistxattr removexattr lremovexattr fremovexattr tkill time futex sched_setaffinity
sched_getaffinity set_thread_area io_setup io_destroy io_getevents io_submit io_cancel
get_thread_area lookup_dcookie epoll_create epoll_ctl_old epoll_wait_old
remap_file_pages getdents64 set_tid_address restart_syscall semtimedop fadvise64
timer_create timer_settime timer_gettime timer_getoverrun timer_delete clock_settime
clock_gettime clock_getres clock_nanosleep exit_group epoll_wait epoll_ctl tgkill utimes
vserver mbind set_mempolicy get_mempolicy mq_open mq_unlink mq_timedsend mq_timedreceive
mq_notify mq_getsetattr kexec_load waitid add_key request_key keyctl ioprio_set
ioprio_get inotify_init inotify_add_watch inotify_rm_watch migrate_pages openat mkdirat
mknodat fchownat futimesat newfstatat unlinkat renameat linkat symlinkat readlinkat
fchmodat faccessat pselect6 ppoll unshare set_robust_list get_robust_list splice tee
sync_file_range vmsplice move_pages utimensat epoll_pwait signalfd timerfd_create
eventfd fallocate timerfd_settime timerfd_gettime accept4 signalfd4 eventfd2
epoll_create1 dup3 pipe2 inotify_init1 preadv pwritev rt_tgsigqueueinfo perf_event_open
recvmmsg fanotify_init fanotify_mark prlimit64 name_to_handle_at open_by_handle_at
clock_adjtime syncfs sendmmsg setns getcpu process_vm_readv process_vm_writev kcmp
finit_module sched_setattr sched_getattr renameat2 seccomp getrandom memfd_create
kexec_file_load bpf execveat userfaultfd membarrier mlock2 copy_file_range preadv2
pwritev2 pkey_mprotect pkey_alloc pkey_free statx io_pgetevents rseq
"""
"""Those with the numbers from 0 on ..."""
_LATER_BEGIN = 424
_LATER = """
pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree move_mount
fsopen fsconfig fsmount fspick pidfd_open clone3 close_range openat2 pidfd_getfd
faccessat2 process_madvise epoll_pwait2 mount_setattr quotactl_fd
landlock_create_ruleset landlock_add_rule landlock_restrict_self memfd_secret
process_mrelease futex_waitv set_mempolicy_home_node
"""
"""... and those that all architectures number alike."""
_ELSEWHERE = _words(
    """
_llseek _newselect bdflush break chown32 clock_adjtime64 clock_getres_time64
clock_gettime64 clock_nanosleep_time64 clock_settime64 fadvise64_64 fchown32 fcntl64
fstat64 fstatat64 fstatfs64 ftime ftruncate64 futex_time64 getegid32 geteuid32 getgid32
getgroups32 getresgid32 getresuid32 getuid32 gtty idle io_pgetevents_time64 lchown32
lock lstat64 mmap2 mpx mq_timedreceive_time64 mq_timedsend_time64 nice oldfstat oldlstat
oldolduname oldstat olduname ppoll_time64 prof profil pselect6_time64 readdir
recvmmsg_time64 rt_sigtimedwait_time64 sched_rr_get_interval_time64 semtimedop_time64
sendfile64 setfsgid32 setfsuid32 setgid32 setgroups32 setregid32 setresgid32 setresuid32
setreuid32 setuid32 sgetmask sigaction sigpending sigprocmask sigreturn sigsuspend
socketcall ssetmask stat64 statfs64 stime stty timer_gettime64 timer_settime64
timerfd_gettime64 timerfd_settime64 truncate64 ugetrlimit ulimit umount utimensat_time64
vm86 vm86old waitpid
"""
)
"""Those of 32 bits that neither of the others has."""
_NOT_32 = _words(
    "epoll_ctl_old epoll_wait_old kexec_file_load newfstatat security tuxcall"
)
_NOT_X32 = _words(
    "_sysctl create_module epoll_ctl_old epoll_wait_old get_kernel_syms nfsservctl "
    "get_thread_area query_module set_thread_area uselib vserver"
)
_X32_BIT = 0x40000000

NUMBERS: Mapping[int, str] = dict(enumerate(_FIRST.split())) | dict(
    enumerate(_LATER.split(), _LATER_BEGIN)
)
_NATIVE = frozenset(NUMBERS.values())
NAMES: Mapping[str, frozenset[str]] = {
    "64": _NATIVE,
    "32": _NATIVE - _NOT_32 | _ELSEWHERE,
    "x32": _NATIVE - _NOT_X32,
}
"""By bitness."""
_NUMBERS_32 = {*range(451)} - {222, 223, 251, 285, 415} - {*range(387, 393)}
_NUMBERS_X32 = {*NUMBERS} | {*range(512, 548)}

PURE = _words("getegid geteuid getgid getpgrp getpid getppid gettid getuid")
"""Those without any effect: what `syscall=` may put in a call's place."""
CLASSES: Mapping[str, frozenset[str]] = {
    "pure": PURE,
    "stat": frozenset({"stat"}),
    "lstat": frozenset({"lstat"}),
    "fstat": frozenset({"fstat", "newfstatat", "statx"}),
    "%stat": frozenset({"stat", "lstat", "fstat", "newfstatat", "statx"}),
    "statfs": frozenset({"statfs"}),
    "fstatfs": frozenset({"fstatfs"}),
    "%statfs": frozenset({"statfs", "fstatfs", "ustat"}),
}
"""Classes that the table does not hold. The others are its `sets`."""
OLD_CLASSES = _words("desc file memory process signal ipc network")
"""Classes that strace takes without their %, too."""


def has_number(number: int, bits: str) -> bool:
    """Whether strace knows a syscall of this number there."""
    if bits == "64":
        return number in NUMBERS
    if bits == "32":
        return number in _NUMBERS_32
    return number & ~_X32_BIT in _NUMBERS_X32
