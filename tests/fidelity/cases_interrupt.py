"""A signal comes while a call waits: with SA_RESTART, without it, after some bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from case import Case, Way, full, ways
from waiting import PAIR, WAITING, Waiting

_SIGNAL = "SIGUSR1"


def _rules(each: Waiting, action: str) -> tuple[Way, ...]:
    name = each.rule or each.call
    if each.inner:
        return full(f"{each.inner}:{action}:when={each.when}")
    return ways(f"{name}:{action}:when={each.when}")


def _case(each: Waiting, restarting: bool) -> Case:
    goes_on = restarting and bool(each.release)
    handler = f"handler:{_SIGNAL}" + ":SA_RESTART" * restarting
    # What lets it go may go on reading while the call is already done.
    after = f"drain:${each.release[-1]}" if each.release.startswith("read") else ""
    text = f"{each.before} {handler} !{each.word} {after if goes_on else each.after}"
    rules = _rules(each, f"interrupt={_SIGNAL}")
    if not goes_on:
        rules += _rules(each, f"error=EINTR:signal={_SIGNAL}")
    return Case(
        *(each.call, "a signal", "SA_RESTART" if restarting else "no SA_RESTART"),
        *(text, rules, "handled 1" if goes_on else each.told),
        signal=_SIGNAL,
        release=tuple(each.release.split()) if goes_on else (),
    )


def _waiting() -> Iterator[Case]:
    for each in WAITING:
        yield _case(each, restarting=False)
        if each.both:
            yield _case(each, restarting=True)


@dataclass(frozen=True, slots=True)
class Partly:
    """A call that has moved some bytes when it begins to wait."""

    call: str
    before: str
    word: str
    after: str
    rule: str
    short: int = 0
    """How many bytes it has moved; 0: depends on the machine."""


PARTLY = (
    Partly("write", "pipe", "write:$w:100000", "read:$r:100000", "write", 65536),
    Partly(
        "writev", "pipe", "writev:$w:50000:50000", "read:$r:100000", "writev", 65536
    ),
    Partly("write socket", PAIR, "write:$s:400k", "", "write"),
    Partly("send", PAIR, "send:$s:400k", "", "sendto"),
    Partly("sendmsg", PAIR, "sendmsg:$s:200k:200k", "", "sendmsg"),
    Partly(
        "recv MSG_WAITALL",
        f"{PAIR} send:$t:4",
        "recv:$s:9:MSG_WAITALL",
        "send:$t:2 recv:$s:9",
        "recvfrom",
        4,
    ),
    Partly(
        "recvmsg MSG_WAITALL",
        f"{PAIR} send:$t:4",
        "recvmsg:$s:5:4:MSG_WAITALL",
        "send:$t:2 recv:$s:9",
        "recvmsg",
        4,
    ),
    Partly(
        "sendfile",
        f"{PAIR} f=open:in:O_RDWR|O_CREAT ftruncate:$f:1000000",
        "sendfile:$s:$f:1000000",
        "",
        "sendfile",
    ),
)


def _partly() -> Iterator[Case]:
    for each in PARTLY:
        for restarting in (False, True):
            handler = f"handler:{_SIGNAL}" + ":SA_RESTART" * restarting
            rules = ways(f"{each.rule}:interrupt={_SIGNAL}:when=1")
            if each.short:
                short = f"short={each.short}:signal={_SIGNAL}:when=1"
                rules += ways(f"{each.rule}:{short}")
            how = "SA_RESTART" if restarting else "no SA_RESTART"
            yield Case(
                *(each.call, "a signal", f"some bytes moved, {how}"),
                f"{each.before} {handler} !{each.word} {each.after}",
                *(rules, "handled 1"),
                signal=_SIGNAL,
            )
    for how in ("", ":SA_RESTART"):
        yield Case(
            *("fread", "a signal", f"some bytes read, {how[1:] or 'no SA_RESTART'}"),
            f"pipe f=fdopen:$r:r write:$w:4 handler:{_SIGNAL}{how} !fread:$f:10 "
            "ferror:$f feof:$f",
            full(f"read:interrupt={_SIGNAL}:when=2")
            + (() if how else full(f"read:error=EINTR:signal={_SIGNAL}:when=2")),
            "handled 1",
            signal=_SIGNAL,
            release=("write", "w", "6") if how else (),
        )


CASES: tuple[Case, ...] = (*_waiting(), *_partly())
