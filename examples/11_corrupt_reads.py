"""Flip the first byte of whatever is read from a *.db file."""

from pyshim import hookimpl


@hookimpl
def pyshim_configure(run):
    run.needs_full = "fread and its like read by themselves"


@hookimpl(calls=["read", "pread64"], paths=["**.db"])
def pyshim_call_exit(call):
    if call.ret > 0:
        call.buffer()[0] ^= 0xFF
