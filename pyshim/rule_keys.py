"""The keys of a rule: what each sets, how its value is read, what a bad one is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyshim import expressions, rule_values
from pyshim.errors import nearest
from pyshim.expressions import Expression
from pyshim.strace_names import PURE

LAST_MAX = 2**64 - 1
"""The `last` of a rule without an end. strace, too, goes on after 65535 then."""


@dataclass(frozen=True, slots=True)
class When:
    """Which of the calls counted so far are hit. The first call is number 1."""

    first: int = 1
    last: int = LAST_MAX
    """Inclusive."""
    step: int = 1

    def hits(self, count: int) -> bool:
        """Whether call number `count` is hit: the readable twin of `shim/rules.c`."""
        in_range = self.first <= count <= self.last
        return in_range and (count - self.first) % self.step == 0


EVERY_CALL = When()


@dataclass(frozen=True, slots=True)
class Key:
    """What a key sets, how its value is read and what to say of one that can't be."""

    field: str
    parse: Callable[[str], object]
    """None for what is refused. A key without a value gets ""."""
    allowed: str
    nearest: Callable[[str], str] = lambda _: ""
    bare: bool = False
    """Whether it has no value."""


def _when(text: str) -> When | None:
    parsed = rule_values.parse_when(text)
    if parsed is None:
        return None
    first, last, step = parsed
    return When(first, LAST_MAX if last is None else last, step)


def _text(text: str) -> str | None:
    return text or None


def _expression(text: str) -> Expression | None:
    return expressions.parse(text) if text.strip() else None


def _yes(_: str) -> bool:
    return True


_POKES = "@argN=HEX[,@argM=HEX...], N 1..7, two digits a byte, up to 1024 bytes"
_TIME = "a number of microseconds, or with one of s ms us ns"
_SIZE = "bytes, or with k M G T, KiB MiB GiB TiB"
KEYS: Mapping[str, Key] = {
    "error": Key(
        "error",
        rule_values.parse_error,
        "a name as in errno(3), 1..4095; EAI_AGAIN and the like for what returns them",
        rule_values.nearest_errno,
    ),
    "retval": Key("retval", rule_values.parse_retval, "64 bits, as in 1 -1 0x1f 017"),
    "signal": Key(
        "signal",
        rule_values.parse_signal,
        "a name as in signal(7), SIGRTMIN, SIGRT_1..SIGRT_32, 1..64",
        rule_values.nearest_signal,
    ),
    "delay_enter": Key("delay_enter", rule_values.parse_delay, _TIME),
    "delay_exit": Key("delay_exit", rule_values.parse_delay, _TIME),
    "poke_enter": Key("poke_enter", rule_values.parse_pokes, _POKES),
    "poke_exit": Key("poke_exit", rule_values.parse_pokes, _POKES),
    "syscall": Key(
        "instead",
        rule_values.parse_pure,
        " ".join(sorted(PURE)),
        lambda text: nearest(text, PURE),
    ),
    "short": Key(
        "short", rule_values.parse_short, "bytes from 1 on, half, 1%..99%: short=half"
    ),
    "interrupt": Key(
        "interrupt",
        rule_values.parse_interrupt,
        "a signal, and how long the call has waited: SIGALRM, USR1@10ms",
    ),
    "budget": Key("budget", rule_values.parse_budget, f"{_SIZE}: budget=64MiB"),
    "fds": Key("fds", rule_values.parse_fds, "0..2147483647 descriptors, as in fds=64"),
    "quota": Key(
        "quota",
        rule_values.parse_size,
        f"{_SIZE}: quota=10MiB",
    ),
    "lose": Key("lose", _yes, "", bare=True),
    "after": Key("after", _yes, "", bare=True),
    "when": Key(
        "when",
        _when,
        "first[..last][+[step]] with first and step 1..65535, last first..65534",
    ),
    "p": Key("probability", rule_values.parse_probability, "0..1, as in p=0.05"),
    "seed": Key("seed", rule_values.parse_seed, "0..2**64-1"),
    "times": Key("times", rule_values.parse_times, "1..4294967295 hits a process"),
    "path": Key("path", _text, "a glob, as in path=/etc/**.conf"),
    "fd": Key(
        "fd", rule_values.parse_fd, "a number, file, dir, pipe, socket, tty, device"
    ),
    "port": Key("port", rule_values.parse_port, "1..65535"),
    "if": Key("condition", _expression, "an expression, as in if=count>64"),
    "caller": Key(
        "caller", _text, "FUNCTION, LIBRARY.so, LIBRARY.so!FUNCTION: caller=save_file"
    ),
    "site": Key("site", rule_values.parse_site, "FILE+0xOFFSET, as a report shows it"),
    "thread": Key("thread", _text, "a glob, as in thread=worker-*"),
    "process": Key("process", _text, "a glob, as in process=cc1*"),
    "during": Key("during", rule_values.parse_during, "FROM..TO, as in 2s..5s, 2s.."),
    "since": Key("since", _text, "a glob, as in since=/etc/app.conf"),
    "name": Key("name", rule_values.parse_name, "letters, digits, - and _; not all"),
    "off": Key("off", _yes, "", bare=True),
    "fair": Key("fair_only", _yes, "", bare=True),
}
OF_INJECT = frozenset(
    {
        *("retval", "signal", "delay_enter", "delay_exit", "poke_enter", "poke_exit"),
        *("short", "interrupt", "budget", "fds", "quota"),
    }
)
"""Keys that fault= has not: strace's, and what its error makes senseless."""
ESCAPED = frozenset({"condition", "caller", "site"})
"""Fields in whose values a colon is written `\\:`, which means nothing else."""
COUNTING = frozenset(
    {"when", "probability", "seed", "times", "fair_only", "after", "condition", "lose"}
    | {"caller", "site", "fd", "port", "thread", "during", "since"}
    | {"signal", "delay_enter", "delay_exit", "interrupt"}
    | {"poke_enter", "poke_exit", "instead"}
)
"""Fields that pick some calls of many: nothing for a disk, which is full for all."""
RESULTS = frozenset({"error", "retval", "short", "fds", "quota", "budget"})
"""Fields that decide what the program gets: at most one of them."""
ACTIONS = OF_INJECT | {"error"}
"""Fields; a rule without any of them would do nothing."""
ACTIONS_ALLOWED = (
    "error= retval= signal= delay_enter= delay_exit= poke_enter= poke_exit= short="
    " interrupt= budget= after fds= quota= lose"
)
CONDITIONS_ALLOWED = (
    "syscall= when= p= seed= times= path= fd= port= if= caller= site= thread= process="
    " during= since= fair name= off"
)
