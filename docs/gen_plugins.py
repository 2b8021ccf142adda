"""Prints docs/plugins.md: the plugin manual, which is the docstrings of the hookspecs.

`make docs` writes it, `make check` fails when it is not what this prints.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOOKSPECS = ROOT / "pyshim" / "hookspecs.py"
SEEN_BY_PLUGINS = (
    ("The call, as a hook in the target sees it", "pyshim/inside/call.py", "Call"),
    ("Verdicts", "pyshim/verdicts.py", "Errno"),
    ("", "pyshim/verdicts.py", "Return"),
    ("", "pyshim/verdicts.py", "Args"),
    ("", "pyshim/verdicts.py", "Short"),
    ("", "pyshim/verdicts.py", "Delay"),
    ("State that all processes of a run share", "pyshim/shared.py", "Counter"),
    ("", "pyshim/shared.py", "Shared"),
    ("The command line, on both sides", "pyshim/run_options.py", "Options"),
    ("An event, as `pyshim_event` gets it", "pyshim/event.py", "Event"),
    ("The run", "pyshim/session.py", "Run"),
)

HEAD = """\
# Plugins

Generated from the docstrings of `pyshim/hookspecs.py` by `make docs`; change those.
A whole plugin: `examples/10_deny_plugin.py`; larger ones: `plugins/log`,
`plugins/faults`, `plugins/rewrite`.
"""
PACKAGING = """\
## Installing one

A distribution of yours registers its module under the entry-point group `pyshim`:
```toml
[project.entry-points.pyshim]
mine = "my_package.my_module"
```
`pyshim plugins` then lists it, `--plugin mine` or one of its options switches it on.
While you write it, `--plugin ./my_module.py` needs no packaging.
"""


def text_of(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> str:
    """The docstring, its indentation removed."""
    return cleandoc(ast.get_docstring(node, clean=False) or "")


def signature(function: ast.FunctionDef) -> str:
    """The def line, as it stands in the source."""
    returns = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    return f"{function.name}({ast.unparse(function.args)}){returns}"


def hooks(source: str) -> Iterator[str]:
    """The module's text, then each hook under the heading of its section."""
    tree = ast.parse(source)
    yield text_of(tree).partition("\n\n")[2] + "\n"
    lines = source.splitlines()
    sections = [i for i, line in enumerate(lines) if line.startswith("# ---- ")]
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef):
            continue
        while sections and sections[0] < node.lineno:
            title = lines[sections.pop(0)].strip("# -")
            yield f"## {title[0].upper()}{title[1:]}\n"
        code = f"```python\n{signature(node)}\n```"
        yield f"### `{node.name}`\n\n{code}\n{text_of(node)}\n"


def members(owner: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Public properties, methods and fields, with their docstrings."""
    for node, after in zip(owner.body, [*owner.body[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            if any(isinstance(each, ast.Attribute) for each in node.decorator_list):
                continue  # a setter: told with the property
            is_property = any(
                isinstance(each, ast.Name) and each.id == "property"
                for each in node.decorator_list
            )
            yield (node.name if is_property else f"{node.name}()"), text_of(node)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            said = after.value if isinstance(after, ast.Expr) else None
            constant = said.value if isinstance(said, ast.Constant) else ""
            if not node.target.id.startswith("_"):
                yield node.target.id, cleandoc(str(constant))


def described(title: str, path: str, name: str) -> str:
    """One class that plugins get or make."""
    tree = ast.parse((ROOT / path).read_text())
    owner = next(
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == name
    )
    lines = [f"## {title}\n"] if title else []
    lines += [f"**`{name}`**: {text_of(owner)}\n"]
    for member, text in members(owner):
        flat = " ".join(text.split())
        lines.append(f"- `{member}`" + (f": {flat}" if flat else ""))
    return "\n".join(lines).rstrip("\n") + "\n"


def document() -> str:
    """The whole page."""
    classes = [described(*each) for each in SEEN_BY_PLUGINS]
    return "\n".join([HEAD, *hooks(HOOKSPECS.read_text()), *classes, PACKAGING])


if __name__ == "__main__":
    sys.stdout.write(document())
