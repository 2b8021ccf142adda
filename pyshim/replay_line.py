"""The one line that hits a call again.

`when=` counts in each process the calls that a rule is for, so a rule with the same
calls and conditions, and the number that the hit call had, hits it again wherever
things are in memory. Where every call counted was a hit the place itself is named,
`site=`, and the number counts there alone: that holds, too, when calls at other places
come and go. Not where other rules are for that call: what they decide is their hit, so
nobody knows how many this one had there. A full disk is full again by its rule as it
was: it counts no calls.
"""

from __future__ import annotations

import re

from pyshim import limits
from pyshim.calls import Call, Table
from pyshim.rule_keys import EVERY_CALL
from pyshim.rules import Rule, parse_expression

_CHOICE = frozenset({"when", "p", "seed", "times", "fair", "off", "name"})
"""Keys that choose among the calls counted, or have nothing to do with them."""
_ITEM = re.compile(r"(?:\\.|[^:\\])+", re.DOTALL)


def one_line(rule: Rule, base: str, *, site: str | None, nth: int, count: int) -> str:
    """What behind `-e` hits this call again: `inject=...:when=N`.

    `base`: what `base` makes of the rule and the call. `site`: None where it can't be
    told by its place. `nth`: of the rule's hits of this call at this site in its
    process. `count`: the number that the rule gave the call.
    """
    if rule.quota is not None:
        return rule.text
    if site and _hits_all(rule):
        colon = site.replace(":", "\\:")
        there = "" if rule.site[0] else f":site={colon}"
        return f"{base}{there}:when={nth}"
    return f"{base}:when={count}"


def _hits_all(rule: Rule) -> bool:
    """Whether each call that it counted was hit, or at each site the first one was."""
    chosen = rule.probability < 1 or rule.fair_only or rule.times
    return rule.when == EVERY_CALL and not (chosen or rule.interrupt[0])


def base(rule: Rule, call: Call, table: Table) -> str:
    """The rule for this syscall alone, without what chose among its calls."""
    if rule.once_per_site:
        after = ":after" if rule.close_after and call.base == "close" else ""
        return f"inject={call.name}:error=EINTR{after}"
    qualifier, items = parse_expression(rule.text)
    first, *keys = _ITEM.findall(items)
    if limits.names_itself(first):
        keys = [first, *keys]
    kept = [key for key in keys if key.partition("=")[0] not in _CHOICE]
    return ":".join([f"{qualifier}={_names(rule, call, table)}", *kept])


def _names(rule: Rule, call: Call, table: Table) -> str:
    """Those of the rule's calls that share a counter with this one: plan_rules.py."""
    wanted = frozenset(each for each in rule.calls if each.syscall == call.syscall)
    for words in (call.syscall, call.name):
        if table.select(f"?{words}") == wanted:
            return words
    return ",".join(sorted(each.name for each in wanted))
