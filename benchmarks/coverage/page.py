"""Measures how much the full layer sees of many commands, and prints docs/coverage.md.

`python benchmarks/coverage/page.py [--only TEXT] [-o FILE]`; `make coverage` writes the
page. Each command runs under `pyshim coverage --layer=full`, which holds what pyshim
heard against what strace saw in the same run; and twice bare and once under a log of
everything, which must do the same.
"""

from __future__ import annotations

import argparse
import http.server
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from jobs import JOBS, Job
from measure import Counted, Measure, Row, Sameness
from stage import Failed, fill

ENOUGH = 99.5
"""Percent of a command's syscalls."""
_NAMED = 3
HEAD = """\
# Coverage: how much the full layer sees

Made by `make coverage`, which needs strace and takes five minutes. {when}, Linux
{kernel}, {libc}, {strace}.
"""
TABLE = """
| command | strace saw | pyshim too | | missed | extra | before | as bare |
|---|--:|--:|--:|---|---|--:|---|
"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keep stderr for what is told of the commands."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A server on the loopback that has `big`."""
    fill(folder, Job(""))
    handler = partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def rows(chosen: Sequence[Job], home: Path, patched: bool) -> Iterator[Row]:
    """Each command as it is done, told on stderr."""
    with served(home / "served") as url:
        for number, job in enumerate(chosen):
            begin = time.monotonic()
            row = _row(job, home / str(number), Measure(url, patched))
            print(f"{_told(row)} ({time.monotonic() - begin:.0f} s)", file=sys.stderr)
            yield row


def _row(job: Job, home: Path, how: Measure) -> Row:
    if job.missing:
        return Row(job, failure=f"not installed: {', '.join(job.missing)}")
    home.mkdir()
    try:
        return how.row(job, home)
    except Failed as why:
        return Row(job, failure=str(why))


def _told(row: Row) -> str:
    if row.counted is None:
        return f"{row.job}: {row.failure}"
    words = [str(row.job), share(row.counted), _listed(row.counted.missed)]
    if row.same.differences:
        words.append(f"NOT AS BARE: {_some(row.same.differences)}")
    return ": ".join(filter(None, [*words, *row.same.said]))


# -- the page ----------------------------------------------------------------------


def document(found: Sequence[Row]) -> str:
    """The whole page."""
    uname = os.uname()
    head = HEAD.format(
        when=time.strftime("%Y-%m-%d"),
        kernel=uname.release,
        libc=" ".join(platform.libc_ver()),
        strace=_strace(),
    )
    text = (Path(__file__).with_name("page.md")).read_text()
    lines = [*map(line, found), total(found)]
    return head + text.replace("TABLE\n", TABLE.lstrip() + "\n".join(lines) + "\n")


def _strace() -> str:
    done = subprocess.run(
        ["strace", "-V"], capture_output=True, text=True, check=True, timeout=20
    )
    return done.stdout.splitlines()[0].replace(" -- version", "")


def line(row: Row) -> str:
    """A command's row of the table."""
    name = f"`{row.job.name or row.job.command}`".replace("|", "\\|")
    if row.counted is None:
        return f"| {name} | {row.failure} | | | | | | |"
    counted = row.counted
    return (
        f"| {name} | {counted.strace:,} | {counted.pyshim:,} | {share(counted)} "
        f"| {_listed(counted.missed)} | {_listed(counted.extra)} "
        f"| {counted.before:,} | {_as_bare(row.same)} |"
    )


def total(found: Iterable[Row]) -> str:
    """The sums."""
    counted = [row.counted for row in found if row.counted]
    missed, extra = Counter[str](), Counter[str]()
    for each in counted:
        missed.update(each.missed)
        extra.update(each.extra)
    sums = Counted(
        strace=sum(each.strace for each in counted),
        pyshim=sum(each.pyshim for each in counted),
        before=sum(each.before for each in counted),
        missed=missed,
        extra=extra,
        dropped=sum(each.dropped for each in counted),
        line="",
    )
    return (
        f"| **{len(counted)} commands** | {sums.strace:,} | {sums.pyshim:,} "
        f"| {share(sums)} | {missed.total()} | {extra.total()} | {sums.before:,} | |"
    )


def share(counted: Counted) -> str:
    """100 only where nothing is missing."""
    if counted.pyshim == counted.strace:
        return "100 %"
    return f"{min(counted.share, 99.99):.2f} %"


def _listed(counts: dict[str, int]) -> str:
    ranked = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    shown = [f"{count} {what}" for what, count in ranked[:_NAMED]]
    rest = sum(count for _, count in ranked[_NAMED:])
    return "; ".join([*shown, *([f"{rest} others"] if rest else [])])


def _some(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join([*names[:_NAMED], *([f"{rest} others"] if rest > 0 else [])])


def _as_bare(same: Sameness) -> str:
    if same.differences:
        return f"**no**: {_some(same.differences)}"
    return f"yes, but {len(same.varying)} varying" if same.varying else "yes"


def is_good(row: Row) -> bool:
    """Whether nothing is wrong with it; what is not installed is not."""
    if row.counted is None:
        return bool(row.job.missing)
    good = row.counted.share >= ENOUGH and not row.counted.extra
    return good and not row.same.differences and not row.counted.dropped


def main() -> int:
    """0: all is well; 1: a row falls short of what is promised; 2: no page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", metavar="TEXT", help="of these commands")
    parser.add_argument("-o", metavar="FILE", help="write the page there")
    parser.add_argument(
        "--no-patch",
        action="store_false",
        dest="patched",
        help="leave libc as it is: the kernel sends back each syscall",
    )
    parser.add_argument("--list", action="store_true", help="only name the commands")
    args = parser.parse_args()
    chosen = [job for job in JOBS if args.only in str(job)]
    if args.list:
        print(*chosen, sep="\n")
        return 0
    with tempfile.TemporaryDirectory(
        prefix="coverage-", ignore_cleanup_errors=True
    ) as home:
        found = list(rows(chosen, Path(home), args.patched))
    if any(row.failure and not row.job.missing for row in found):
        print("no page: not all of them could be measured", file=sys.stderr)
        return 2
    page = document(found)
    if args.o:
        Path(args.o).write_text(page)
    else:
        sys.stdout.write(page)
    return 0 if all(map(is_good, found)) else 1


if __name__ == "__main__":
    sys.exit(main())
