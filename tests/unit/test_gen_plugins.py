"""The plugin manual's generator: nothing that plugins can use is left out."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

import pyshim
from pyshim import hookspecs

ROOT = Path(__file__).parents[2]
SPEC = '''
from pyshim import hookspec
# ---- in the target ----
@hookspec
def pyshim_one(call: int) -> None:
    """Do one thing.

    {called}
    """
# ---- in the host ----
'''


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "gen_plugins", ROOT / "docs" / "gen_plugins.py"
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["gen_plugins"] = module
    spec.loader.exec_module(module)
    return module


def test_every_hook_is_in_the_table_and_has_a_heading(generator: ModuleType) -> None:
    page = generator.document()
    hooks = [name for name in vars(hookspecs) if name.startswith("pyshim_")]
    rows = re.findall(r"^\| \[`(\w+)`\]\(#\1\) \| in the \w+ \| \w", page, re.M)
    headings = re.findall(r"^### `(pyshim_\w+)`$", page, re.M)
    assert sorted(rows) == sorted(headings) == sorted(hooks)
    assert rows == headings


def test_everything_that_pyshim_exports_is_described_once(
    generator: ModuleType,
) -> None:
    page = generator.document()
    described = re.findall(r"^\*\*`(\w+)", page, re.M)
    names = {name for name in pyshim.__all__ if not name.startswith("_")}
    assert len(described) == len({*described})
    assert {*described} >= names | {"TargetCall", "Run", "Event"}


def test_a_new_name_is_listed(
    generator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "pyshim"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from pyshim.brand import New, more\n__all__ = ['New', 'more', '__version__']\n"
        "if TYPE_CHECKING:\n    from pyshim.inner import Call\n    TargetCall = Call\n"
    )
    (folder / "brand.py").write_text(
        "class New:\n"
        "    '''It is new.'''\n"
        "    def __init__(self, name: str) -> None: ...\n"
        "    @property\n    def value(self) -> int:\n        '''What it is.'''\n"
        "    @value.setter\n    def value(self, to: int) -> None: ...\n"
        "    def add(self, n: int) -> int:\n        '''Add it.'''\n"
        "def more(of: int) -> int:\n    '''There is more.'''\n"
    )
    (folder / "inner").mkdir()
    (folder / "inner" / "__init__.py").write_text("from pyshim.inner.call import Call")
    (folder / "inner" / "call.py").write_text("class Call:\n    '''A call.'''\n")
    monkeypatch.setattr(generator, "ROOT", tmp_path)
    monkeypatch.setattr(generator, "API", folder / "__init__.py")
    found = "\n".join(generator.sections(SPEC.format(called="Called at noon.")))
    assert "**`TargetCall`**: A call.\n" in found
    rest = found.partition("## Besides\n")[2].strip()
    assert rest.splitlines() == [
        "**`New(name: str)`**: It is new.",
        "",
        "- `value`: What it is.",
        "- `add(n: int) -> int`: Add it.",
        "",
        "**`more(of: int) -> int`**: There is more.",
    ]


def test_a_hook_says_when_it_is_called(generator: ModuleType) -> None:
    hooks = generator.hooks_by_section(SPEC.format(called="Called at noon."))
    assert hooks["in the target"][0].called == "at noon."
    with pytest.raises(ValueError, match="pyshim_one: one paragraph must begin"):
        generator.hooks_by_section(SPEC.format(called="At noon."))
