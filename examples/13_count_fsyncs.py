"""Count what waits for the disk, in all processes of a run."""

from pyshim import Counter, hookimpl

SYNCS = Counter("syncs")


@hookimpl(calls=["fsync", "fdatasync", "msync", "sync", "syncfs"])
def pyshim_call_exit(call):
    if not call.errno:
        SYNCS.add(1)


@hookimpl
def pyshim_report(run):
    run.say(f"synced {SYNCS.value} times")
