"""pytest's side of pyshim: fixture `pyshim`, marker `faults`, parametrize_faults.

Loaded at every start of pytest where pyshim is installed: whatever takes time to import
is imported by those who use it (pyshim/testing).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pyshim.testing.fixture import Pyshim
    from pyshim.testing.marked import Marked

MARKER = "faults"
SITES = "parametrize_faults"
_FIXTURE: pytest.StashKey[Pyshim] = pytest.StashKey()
_MARKED: pytest.StashKey[Marked] = pytest.StashKey()
_MARKERS = (
    f"{MARKER}(*rules, require_hit=True): these calls fail while the test function "
    "runs, in pytest itself and in what it starts; rules as behind `pyshim -e inject=`",
    f"{SITES}(...): made by the decorator pyshim.testing.parametrize_faults",
)


def pytest_configure(config: pytest.Config) -> None:
    """Our markers; when pytest was started again for them, the way to the rules."""
    for line in _MARKERS:
        config.addinivalue_line("markers", line)
    import os

    if "PYSHIM_PYTEST" in os.environ or "pyshim" in getattr(config, "workerinput", {}):
        from pyshim.testing import restart

        restart.adopt(config)


# -- the fixture -------------------------------------------------------------------


@pytest.fixture
def pyshim(request: pytest.FixtureRequest) -> Pyshim:
    """`pyshim.run(command, faults="write:error=ENOSPC:when=3")` runs it, and tells."""
    from pyshim.testing.fixture import Pyshim

    made = Pyshim(request.node.stash.get(_MARKED, None))
    request.node.stash[_FIXTURE] = made
    return made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows the rules, the hits and who was hit."""
    report = yield
    if item.get_closest_marker(MARKER):
        from pyshim.testing.marked import unproven

        unproven(item, report)
    if report.failed and (_FIXTURE in item.stash or _MARKED in item.stash):
        from pyshim.testing.sections import sections

        fixture, marked = item.stash.get(_FIXTURE, None), item.stash.get(_MARKED, None)
        report.sections += sections(fixture, marked, call)
    return report


# -- parametrize_faults ------------------------------------------------------------


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each call site."""
    mark = metafunc.definition.get_closest_marker(SITES)
    if mark is not None:
        from pyshim.testing.sites import parametrize

        parametrize(metafunc, mark)


# -- the marker --------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Start pytest again, under the shim, when a test is marked.

    First of all: pytest-xdist's worker tells the controller here that it is ready.
    """
    if any(item.get_closest_marker(MARKER) for item in session.items):
        from pyshim.testing import restart

        restart.needed(session)


@pytest.hookimpl
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test whose faults can't be armed is an error, before any of its fixtures; one
    that is skipped is skipped."""
    if item.get_closest_marker(MARKER):
        from pyshim.testing.marked import prepare

        item.stash[_MARKED] = prepare(item)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Armed while the function runs, and no longer: the innermost wrapper."""
    marked = item.stash.get(_MARKED, None)
    if marked is None and item.get_closest_marker(MARKER):
        from pyshim.testing.marked import fail

        fail(item, "faults can't be armed: a marker that came too late")
    if marked is None:
        return (yield)
    with marked.around():
        result = yield
    marked.check()
    return result


# -- pytest-xdist ------------------------------------------------------------------


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: Sequence[Any]) -> None:
    """Each worker is to run under a shim of its own, when there are marked tests."""
    from sys import modules

    if "pyshim.testing.restart" in modules:
        modules["pyshim.testing.restart"].wrap_workers(config, specs)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker where the rules are."""
    from sys import modules

    if "pyshim.testing.restart" in modules:
        modules["pyshim.testing.restart"].tell_worker(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any) -> None:
    """No worker has run a test yet: whether one of them found marked tests."""
    import os
    import tempfile

    asked = f"pyshim-pytest-{node.workerinput['testrunuid']}"
    if os.path.exists(os.path.join(tempfile.gettempdir(), asked)):  # noqa: PTH110, PTH118
        from pyshim.testing import restart

        restart.asked_by_worker(node, asked)
