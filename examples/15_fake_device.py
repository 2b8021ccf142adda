"""A thermometer at /dev/mydevice, on a machine that has none."""

import os

from pyshim import Args, Return, hookimpl

ASKED = "stat,lstat,newfstatat,statx,access,faccessat2,getxattr,lgetxattr"


@hookimpl
def pyshim_configure(run):
    run.needs_full = "fopen opens by itself"


@hookimpl(calls=["openat", ASKED], paths=["/dev/mydevice"])
def pyshim_call_enter(call):
    if call.syscall != "openat":
        return Args(path="/dev/zero")
    fd = os.memfd_create("mydevice")
    os.set_inheritable(fd, not call.args.flags & os.O_CLOEXEC)
    os.write(fd, b"21.5 C\n")
    os.lseek(fd, 0, os.SEEK_SET)
    return Return(fd)
