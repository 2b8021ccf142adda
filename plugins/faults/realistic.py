"""Could it happen by itself? What is said of a rule before the start."""

from __future__ import annotations

from collections.abc import Sequence

from pyshim import fairness
from pyshim.errors import UsageError
from pyshim.rules import Rule
from pyshim.run import Run


def look(run: Run, rules: Sequence[Rule]) -> None:
    """Before the start: one line for all that is unlisted; refused by --realistic."""
    said = []
    for rule in rules:
        error = fairness.failure(rule)
        strange = fairness.unlisted(rule.calls, error)
        if strange and run.options.realistic:
            names, word = fairness.some(strange), fairness.name(error)
            message = f"--realistic: {rule.text}: no {word} is listed for {names}"
            raise UsageError(message, allowed=fairness.errnos(strange))
        if strange:
            said.append(f"{fairness.name(error)} of {fairness.some(strange)}")
    if said:
        pairs = "; ".join(dict.fromkeys(said))
        run.say(f"unlisted in the manual, injected all the same: {pairs}")
