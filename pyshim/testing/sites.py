"""One test for each place in a program at which a call can fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import pytest

from pyshim.calls import table
from pyshim.errors import PyshimError, nearest
from pyshim.testing import runner, watch_sites
from pyshim.testing.result import TimedOut
from pyshim.testing.runner import Command, Job

if TYPE_CHECKING:
    from pyshim.hit_record import Hit

Test = TypeVar("Test", bound=Callable[..., None])
ERRORS = ("EINTR", "EIO", "ENOSPC", "ENOMEM")
"""The default of `errors`: of these, each call is given those its man page lists."""
_NAME, _ARGUMENT = "parametrize_faults", "fault"
_LIBC = ("libc.so", "ld-linux", "libpthread.so")


@dataclass(frozen=True, slots=True)
class Fault:
    """One failure of one call at one place: what the test's argument `fault` is."""

    rule: str
    """For `pyshim.run(faults=fault.rule)`."""
    call: str
    error: str
    site: str
    """`copy+0x1f`: where the call returns to."""
    function: str
    """The function that place is in; "" where no symbol tells."""

    def __str__(self) -> str:
        return f"{self.call} at {self.site} {self.error}"


def parametrize_faults(
    command: Command,
    *,
    calls: str = runner.ALL,
    errors: str | Sequence[str] = ERRORS,
    libc: bool = False,
    timeout: float = runner.SECONDS,
    input: str | bytes = b"",
    cwd: str | None = None,
) -> Callable[[Test], Test]:
    """Make of a test one for each place where `command` can be hit.

    While tests are collected the command is run once, and each place in it that makes
    one of `calls` (a set, as behind `-e trace=`) is noted. For each of `errors` that
    the call's man page lists the test runs once, with its argument `fault`, a `Fault`.
    `libc`: also the places within libc, which it comes to for printf and the like.
    """
    given = input.encode() if isinstance(input, str) else input
    job = Job(
        command=runner.command_words(command),
        plugins=(watch_sites.__file__,),
        options=("--sites", calls),
        layer="full",
        trace=None,
        timeout=timeout,
        cwd=cwd,
        require_hit=False,
    )
    wanted = (errors,) if isinstance(errors, str) else tuple(errors)
    return pytest.mark.parametrize_faults(job, given, wanted, libc)


def parametrize(metafunc: pytest.Metafunc, mark: pytest.Mark) -> None:
    """What the decorator asked for. Raises UsageError: the collection fails."""
    if len(list(metafunc.definition.iter_markers(_NAME))) > 1:
        raise pytest.UsageError(f"{_NAME}: given twice for one test")
    job, given, errors, libc = mark.args
    _check(errors)
    faults = _faults(job, given, errors, libc)
    metafunc.parametrize(_ARGUMENT, faults, ids=[str(fault) for fault in faults])


def _check(errors: Iterable[str]) -> None:
    """What no call can give would be left out of each place's errors, unsaid."""
    known = frozenset[str]().union(*(call.errnos for call in table().calls))
    for error in errors:
        if error not in known:
            guess = nearest(error, known)
            meant = f"; did you mean {guess!r}?" if guess else ""
            raise pytest.UsageError(f"{_NAME}: no call fails with {error!r}{meant}")


def _faults(job: Job, given: bytes, errors: Sequence[str], libc: bool) -> list[Fault]:
    command = " ".join(job.command)
    try:
        hits = runner.run(job, given).hits
    except (OSError, PyshimError, TimedOut) as error:
        text = f"{_NAME}: {command}: {error}"
        raise pytest.UsageError(text) from error
    found = [fault for fault in _of_sites(hits, errors) if libc or not _in_libc(fault)]
    if not found:
        text = f"{_NAME}: no call of {command} can fail with "
        raise pytest.UsageError(f"{text}{', '.join(errors)}")
    return found


def _of_sites(hits: Iterable[Hit], errors: Sequence[str]) -> Iterator[Fault]:
    """By the first call at each site, in the order of these."""
    known = table()
    seen: set[tuple[str, str | None]] = set()
    for hit in hits:
        call = known.by_name(hit.call)
        if hit.site is None or (hit.call, hit.site) in seen:
            continue
        seen.add((hit.call, hit.site))
        place = hit.site.replace(":", "\\:")
        for error in errors:
            if error in call.errnos:
                rule = f"{hit.call}:error={error}:site={place}:when=1"
                yield Fault(rule, hit.call, error, hit.site, hit.function or "")


def _in_libc(fault: Fault) -> bool:
    return fault.site.startswith(_LIBC)
