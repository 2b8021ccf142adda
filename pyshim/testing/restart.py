"""pytest, started again under the shim, for tests that are marked with faults.

    pytest                collects; a test is marked; execs
      pyshim ... pytest   collects again, runs the tests, each with its rules on

With pytest-xdist it is the workers that run tests. They collect, tell the controller
before any test has run, and it execs itself; then it starts each of its workers under a
shim of its own, so that one's faults don't hit another's test.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import pytest

from pyshim._host import lib
from pyshim.calls import table
from pyshim.errors import PyshimError, UsageError
from pyshim.launch import inherited_env
from pyshim.plan_rules import CompiledRules
from pyshim.rules import Rule, parse, parse_expression
from pyshim.testing import runner, under
from pyshim.testing.under import GUARD

_MOST = lib.MAX_RULES - 1
"""Rules that a run can have besides under.BARRIER."""
_SCRIPT = re.compile(r"(pytest|py\.test)(-?3(\.\d+)?)?")
"""Also as distributions call it: pytest-3."""


@dataclass(frozen=True, slots=True)
class Home:
    """What a pytest that was started again knows."""

    folder: str
    rules: tuple[str, ...]
    """By their numbers in shared memory."""


HOME = pytest.StashKey[Home]()
REFUSED = pytest.StashKey[str]()
"""Why pytest could not be started again."""


# -- before ------------------------------------------------------------------------


def check(rules: Iterable[str]) -> None:
    """Raises UsageError for what pyshim would refuse."""
    for rule in rules:
        parsed = _parsed(rule)
        if parsed.name:
            raise UsageError(f"{rule!r}: names are given by the marker")
        CompiledRules(sys.executable).add(parsed)


@cache
def _parsed(rule: str) -> Rule:
    return parse(*parse_expression(rule), table())


def needed(session: pytest.Session) -> None:
    """Some of the tests collected are marked."""
    config = session.config
    if HOME in config.stash or config.option.collectonly or _stops(session):
        return
    rules = _rules(session.items)
    if not rules:
        return
    if hasattr(config, "workerinput"):
        _ask(config.workerinput, rules)
        return
    config.stash[REFUSED] = _why_not(config)
    if not config.stash[REFUSED]:
        _exec(config, _make_folder(rules), shimmed=True)


def _stops(session: pytest.Session) -> bool:
    """Whether no test is going to run anyway."""
    go_on = session.config.option.continue_on_collection_errors
    return bool(session.testsfailed) and not go_on


def _rules(items: Iterable[pytest.Item]) -> tuple[str, ...]:
    """All that can be meant, each once; what can't is the error of its test."""
    from pyshim.testing.marked import rules_of

    found: dict[str, None] = {}
    for item in items:
        try:
            rules = rules_of(item)
            check(rules)
        except PyshimError:
            continue
        found.update(dict.fromkeys(rules))
    return _fitting(tuple(found)[:_MOST])


def _fitting(rules: tuple[str, ...]) -> tuple[str, ...]:
    """As many as a run can have: what `since=` and `lose` need besides counts, too."""
    compiled = CompiledRules(sys.executable)
    try:
        for rule in (*rules, under.BARRIER):
            compiled.add(_parsed(rule))
        compiled.add_marks(table())
        compiled.add_kept(table())
    except UsageError:
        return _fitting(rules[:-1])
    return rules


def _why_not(config: pytest.Config) -> str:
    """What `pytest.main` was called by would run twice."""
    same = list(config.invocation_params.args) == sys.argv[1:]
    if same and _is_pytest(sys.modules["__main__"]):
        return ""
    return (
        "pytest.main() was called in a process that is not pytest's own, and can't be "
        "started again; allowed: python -m pytest"
    )


def _is_pytest(main: ModuleType) -> bool:
    """Its script, or its module: by -m, or by what runs modules (`coverage run -m`)."""
    file = Path(getattr(main, "__file__", "") or "")
    return bool(_SCRIPT.fullmatch(file.name)) or file.parts[-2:] == (
        "pytest",
        "__main__.py",
    )


def _make_folder(rules: Sequence[str]) -> str:
    folder = tempfile.mkdtemp(prefix="pyshim-pytest-")
    Path(folder, under.RULES).write_text(json.dumps(rules))
    return folder


def _exec(config: pytest.Config, folder: str, *, shimmed: bool) -> NoReturn:
    """Become the same pytest again: same words, same environment, same folder."""
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.stop_global_capturing()
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None:
        reporter.write_line("pyshim: starting pytest again for tests with faults")
    sys.stdout.flush()
    sys.stderr.flush()
    os.chdir(config.invocation_params.dir)
    words = [sys.executable, *sys.orig_argv[1:]]
    if shimmed:
        words = [*_shim(folder), *words]
    os.execve(words[0], words, inherited_env() | {GUARD: folder})


def _shim(folder: str) -> list[str]:
    """The words before a command that put it under the rules of the folder."""
    start = "\n".join(filter(None, sys.path))
    words = [sys.executable, "-I", "-c", runner.START, start, "-p", under.__file__]
    return [*words, "--pytest-rules", folder, "--"]


# -- again -------------------------------------------------------------------------


def adopt(config: pytest.Config) -> None:
    """This pytest was started again, or is a worker of one that was."""
    given = getattr(config, "workerinput", {}).get("pyshim")
    folder = given or os.environ.pop(GUARD)
    rules = tuple(json.loads(Path(folder, under.RULES).read_text()))
    config.stash[HOME] = Home(folder, rules)
    if not given:
        config.add_cleanup(partial(_remove, folder, os.getpid()))


def _remove(folder: str, owner: int) -> None:
    """A child by fork may come to the end of the same pytest."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


# -- pytest-xdist ------------------------------------------------------------------


def _ask(workerinput: dict[str, Any], rules: Sequence[str]) -> None:
    """A worker: leave the rules where the controller looks. All have the same."""
    asked = Path(tempfile.gettempdir(), f"pyshim-pytest-{workerinput['testrunuid']}")
    mine = asked.with_name(f"{asked.name}-{workerinput['workerid']}")
    mine.write_text(json.dumps(rules))
    mine.replace(asked)


def asked_by_worker(node: Any, asked: str) -> None:
    """The controller: no test has run yet."""
    path = Path(tempfile.gettempdir(), asked)
    rules = json.loads(path.read_text())
    config = node.config
    why_not = _why_not(config)
    path.unlink()
    if why_not or HOME in config.stash:
        return
    node.nodemanager.teardown_nodes()
    path.unlink(missing_ok=True)
    _exec(config, _make_folder(rules), shimmed=False)


def wrap_workers(config: pytest.Config, specs: Sequence[Any]) -> None:
    """Local ones; of a remote one each marked test is an error."""
    home = config.stash.get(HOME, None)
    for spec in specs if home else ():
        if spec.popen and home:
            python = shlex.split(spec.python) if spec.python else [sys.executable]
            spec.python = shlex.join([*_shim(home.folder), *python])


def tell_worker(node: Any) -> None:
    """Where its rules are."""
    home = node.config.stash.get(HOME, None)
    if home and node.gateway.spec.popen:
        node.workerinput["pyshim"] = home.folder
