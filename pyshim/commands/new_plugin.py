"""`pyshim new-plugin NAME`: writes the project of a plugin that works, to be changed.

string.Template, not jinja2: three names are filled in and nothing is chosen or
repeated, which is not worth a dependency of every installation.
"""

from __future__ import annotations

import re
import shutil
import sys
from importlib.metadata import PackageNotFoundError, distribution, entry_points
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path
from shlex import quote
from string import Template

from pyshim import __version__
from pyshim.commands.parser import Parser
from pyshim.errors import PyshimError, UsageError
from pyshim.plugins import GROUP

TEMPLATES = Path(__file__).parents[1] / "templates" / "plugin"
_FILES = {
    "pyproject.toml": "pyproject.toml.tmpl",
    "README.md": "README.md.tmpl",
    "src/$module/__init__.py": "plugin.py.tmpl",
    "src/$module/py.typed": "py.typed.tmpl",
    "tests/test_$module.py": "test_plugin.py.tmpl",
}
_NAME = re.compile(r"[a-z](?:[a-z0-9_-]{0,38}[a-z0-9])?")
"""A distribution's name that becomes a module's by `-` to `_`. The length keeps what is
written within ruff's lines."""


def run(argv: list[str]) -> int:
    """Check everything, then write; say what was written and how to go on."""
    parser = Parser(
        prog="pyshim new-plugin",
        description="Write the project of a plugin: a hook in the target, one in the "
        "host, an option, a README and a test. It works as it is; change it.",
    )
    parser.add_argument("name", metavar="NAME", help="what --plugin is to call it")
    parser.add_argument(
        "--into",
        metavar="DIR",
        default=".",
        help="where the folder NAME is made (default: here)",
    )
    options = parser.parse_args(argv)
    check_name(options.name)
    folder = Path(options.into) / options.name
    try:
        _check_folder(folder)
        for path in write(options.name, folder):
            print(path)
    except OSError as error:
        raise PyshimError(
            f"new-plugin: {error.filename}: {error.strerror}",
            allowed="--into DIR, a folder that can be written",
        ) from error
    print("", *_next(options.name, folder), sep="\n")
    return 0


def check_name(name: str) -> None:
    """Raise UsageError unless a plugin and its module may be called that."""
    module = name.replace("-", "_")
    if not _NAME.fullmatch(name) or iskeyword(module):
        raise UsageError(
            f"new-plugin: {name!r} can't be a module's name",
            allowed="a-z, then a-z 0-9 - _, 40 at most, as in my-plugin",
        )
    if owner := _owner(name, module):
        raise UsageError(
            f"new-plugin: {name!r} is taken by {owner}",
            allowed=f"another name, as my-{name}",
        )


def _owner(name: str, module: str) -> str:
    """Who has that name already, or ""."""
    if module in sys.stdlib_module_names:
        return "Python's standard library"
    for entry in entry_points(group=GROUP):
        if entry.name.replace("-", "_").lower() == module:
            return f"the installed plugin {entry.name!r}"
    return _distribution(name) or _module(module)


def _distribution(name: str) -> str:
    """Pip would put the new one in its place."""
    try:
        return f"the installed distribution {distribution(name).name!r}"
    except PackageNotFoundError:
        return ""


def _module(name: str) -> str:
    spec = find_spec(name)
    places = [spec.origin] if spec and spec.origin else []
    if spec and not places:
        places = list(spec.submodule_search_locations or ())
    # With `python -m pyshim` folders of the current one look like namespace packages.
    here = [place for place in places if place and Path(place).parent != Path.cwd()]
    return f"the installed module {here[0]}" if here else ""


def _check_folder(folder: Path) -> None:
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError(
            f"new-plugin: {folder} is not empty",
            allowed="another name, or --into DIR to make it elsewhere",
        )


def write(name: str, folder: Path) -> list[Path]:
    """Fill the templates in; returns the files written. Raises OSError."""
    names = {
        "name": name,
        "module": name.replace("-", "_"),
        "version": __version__,
    }
    written = []
    for place, template in _FILES.items():
        path = folder / Template(place).substitute(names)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = (TEMPLATES / template).read_text(encoding="utf-8")
        path.write_text(Template(text).substitute(names), encoding="utf-8")
        written.append(path)
    return written


def _next(name: str, folder: Path) -> tuple[str, str, str]:
    """Three commands: install, test, try. By the Python that has pyshim."""
    found = shutil.which("python")
    ours = found and Path(found).parent == Path(sys.executable).parent
    python = "python" if ours else quote(sys.executable)
    return (
        f"cd {quote(str(folder))} && {python} -m pip install -e '.[test]'",
        f"{python} -m pytest",
        f"{python} -m pyshim --{name}-deny README.md cat README.md pyproject.toml",
    )
