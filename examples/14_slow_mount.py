"""Slow down what is below a folder, as NFS on a bad day: --slow DIR."""

import os.path

from pyshim import Delay, hookimpl, options

BYTES = "read,pread64,getdents64,write,pwrite64,fsync,fdatasync"


@hookimpl
def pyshim_addoption(parser):
    parser.add_argument("--slow", metavar="DIR", type=os.path.abspath, default="/nfs")
    parser.add_argument("--slow-by", metavar="SECONDS", type=float, default=0.2)


@hookimpl
def pyshim_configure(run):
    run.needs_full = "libc opens and reads files by itself"


@hookimpl(calls=["%file", BYTES])
def pyshim_call_enter(call):
    if f"{call.resolve()}/".startswith(f"{options().slow}/"):
        return Delay(options().slow_by)
    return None
