"""The pages for people: their commands are run, their links and names exist."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 60
WITH_COMMANDS = [
    *("README.md", "examples/README.md", "docs/howto-eintr.md", "docs/howto-layers.md"),
    *("docs/howto-plugins.md", "docs/howto-strace.md", "docs/howto-ctl.md"),
    *("docs/howto-libfiu.md", "docs/howto-enomem.md", "docs/howto-faults.md"),
    "docs/howto-pytest.md",
    "docs/howto-full.md",
]
PAGES = sorted(
    {
        str(path.relative_to(ROOT))
        for pattern in ("*.md", "*/*.md", "docs/**/*.md", "plugins/*/*.md")
        for path in ROOT.glob(pattern)
        if not path.parts[len(ROOT.parts)].startswith((".", "build"))
    }
)
ANYTHING = "..."
"""In a page: any text within a line, or, alone on a line, any lines."""


@dataclass(frozen=True, slots=True)
class Step:
    """One `$ command` of a page and the lines it shows below."""

    line: int
    command: str
    expected: tuple[str, ...]


def blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each console block: the line it starts at, its lines."""
    for match in re.finditer(r"^```console\n(.*?)^```$", text, re.DOTALL | re.M):
        first = text.count("\n", 0, match.start()) + 2
        yield first, match[1].splitlines()


def steps(text: str) -> Iterator[Step]:
    for first, lines in blocks(text):
        starts = [i for i, line in enumerate(lines) if line.startswith("$ ")]
        assert starts[:1] == [0], f"line {first}: a console block begins with `$ `"
        for start, end in pairwise([*starts, len(lines)]):
            yield Step(first + start, lines[start][2:], tuple(lines[start + 1 : end]))


def fits(expected: str, line: str) -> bool:
    parts = [re.escape(part) for part in expected.split(ANYTHING)]
    return re.fullmatch(".*".join(parts), line) is not None


def shows(
    expected: Sequence[str], stdout: Sequence[str], stderr: Sequence[str]
) -> bool:
    """Whether the page is one way in which the two streams can be interleaved."""

    @cache
    def rest(at: int, out: int, err: int) -> bool:
        if at == len(expected):
            return out == len(stdout) and err == len(stderr)
        more_out, more_err = out < len(stdout), err < len(stderr)
        if expected[at] == ANYTHING:
            return (
                rest(at + 1, out, err)
                or (more_out and rest(at, out + 1, err))
                or (more_err and rest(at, out, err + 1))
            )
        return (
            more_out and fits(expected[at], stdout[out]) and rest(at + 1, out + 1, err)
        ) or (
            more_err and fits(expected[at], stderr[err]) and rest(at + 1, out, err + 1)
        )

    return rest(0, 0, 0)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the pages name, examples compiled."""
    copy = tmp_path_factory.mktemp("built") / "root"
    copy.mkdir()
    shutil.copytree(
        ROOT / "examples", copy / "examples", ignore=shutil.ignore_patterns("build")
    )
    subprocess.run(["make", "-s", "-C", copy / "examples"], check=True, timeout=SECONDS)
    return copy


@pytest.mark.timeout(4 * SECONDS)  # each command has its own limit
@pytest.mark.parametrize("page", WITH_COMMANDS)
def test_commands_show_what_the_page_shows(
    page: str, built: Path, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    shutil.copytree(built, root)
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LC_ALL": "C.UTF-8",
    }
    for step in steps((ROOT / page).read_text()):
        done = subprocess.run(
            ["bash", "-c", step.command],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        streams = done.stdout.splitlines(), done.stderr.splitlines()
        shown = "\n".join(["stdout:", *streams[0], "stderr:", *streams[1]])
        assert shows(step.expected, *streams), f"{page}:{step.line}: {shown}"


def test_every_page_with_commands_is_run() -> None:
    found = [page for page in PAGES if list(blocks((ROOT / page).read_text()))]
    assert sorted(found) == sorted(WITH_COMMANDS)


@pytest.mark.parametrize(
    ("expected", "stdout", "stderr", "verdict"),
    [
        (["a", "b"], ["a"], ["b"], True),
        (["b", "a"], ["a"], ["b"], True),
        (["b", "a"], ["a", "b"], [], False),
        (["a"], ["a"], ["b"], False),
        (["a", "b"], ["a"], [], False),
        (["x ... z"], ["x y z"], [], True),
        (["x ... z"], ["x y"], [], False),
        (["a", "..."], ["a", "b"], ["c"], True),
        (["...", "a"], ["a", "b"], [], False),
    ],
)
def test_what_counts_as_shown(
    expected: list[str], stdout: list[str], stderr: list[str], verdict: bool
) -> None:
    assert shows(expected, stdout, stderr) is verdict


# -- links and names ---------------------------------------------------------------


def prose(page: str) -> str:
    """The page without its blocks of code."""
    return re.sub(
        r"^```.*?^```$", "", (ROOT / page).read_text(), flags=re.DOTALL | re.M
    )


def anchors(page: Path) -> set[str]:
    """The headings of a page, as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {
        re.sub(r"[^\w\- ]", "", each).lower().replace(" ", "-") for each in headings
    }


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"\w+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = ((ROOT / page).parent / file) if file else ROOT / page
        assert path.exists(), f"{page}: {target}"
        if anchor:
            assert anchor in anchors(path), f"{page}: {target}"


@cache
def known_tests() -> frozenset[str]:
    sources = [path.read_text() for path in (ROOT / "tests").rglob("test_*.py")]
    return frozenset(re.findall(r"^def (test_\w+)", "\n".join(sources), re.M))


@pytest.mark.parametrize("page", PAGES)
def test_files_and_tests_named_in_a_page_exist(page: str) -> None:
    """`shim/x.c`, `tests/...`, `test_...`: what moves must move in the pages, too."""
    for name in re.findall(r"`([^`\s]+)`", prose(page)):
        if re.fullmatch(r"test_\w+", name):
            assert name in known_tests(), f"{page}: {name}"
        elif re.fullmatch(
            r"(shim|pyshim|plugins|tests|docs|examples|benchmarks)/[\w./-]*", name
        ):
            made = name.startswith(("examples/build", "pyshim/_lib", "shim/build"))
            assert made or (ROOT / name).exists(), f"{page}: {name}"
