"""Reads shim/calls/*.toml: sections with defaults, and rows in either form.

A row is `"prototype" = { facts }` in a section, whose other keys are the defaults of
its rows, or a `[[call]]` of its own. Lists may be one string, its words separated by
blanks; words in lower case among errnos are names of the file's `[errnos]` groups.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


class BadRow(Exception):
    """A row of the table that can't be meant."""


LISTS = ("sets", "errnos", "alias")
Raw = dict[str, Any]


def read_folder(folder: Path) -> tuple[list[Raw], list[Raw]]:
    """All rows as [[call]] would have them, and all [[stub]]s; files in their order."""
    rows: list[Raw] = []
    stubs: list[Raw] = []
    for path in sorted(folder.glob("*.toml")):
        content = read_file(path)
        groups = content.pop("errnos", {})
        stubs += content.pop("stub", [])
        content.pop("except", None)
        content.pop("bare-version", None)
        rows += [plain(raw, groups) for raw in content.pop("call", [])]
        for section in content.values():
            rows += of_section(section, groups)
    return rows, stubs


def read_file(path: Path) -> Raw:
    """One file; BadRow names it when it is no TOML."""
    try:
        return tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise BadRow(f"{path.name}: {error}") from None


def of_section(section: Mapping[str, Any], groups: Mapping[str, str]) -> Iterator[Raw]:
    """The rows of one section, each with the defaults it does not replace; `restarts`
    only where there is an EINTR to restart from."""
    defaults = {key: each for key, each in section.items() if "(" not in key}
    for proto, facts in section.items():
        if "(" in proto:
            row = plain({**defaults, **facts, "proto": proto}, groups)
            if "restarts" not in facts and "EINTR" not in row["errnos"]:
                row.pop("restarts", None)
            yield row


def plain(raw: Raw, groups: Mapping[str, str]) -> Raw:
    """Lists as lists, groups of errnos as what is in them."""
    for key in LISTS:
        if isinstance(raw.get(key), str):
            raw[key] = raw[key].split()
    errnos = " ".join(groups.get(each, each) for each in raw.get("errnos", []))
    raw["errnos"] = sorted(set(errnos.split()))
    return raw


def read_old(folder: Path) -> frozenset[str]:
    """Versions that stay bare, as name@version: every [[bare-version]] of the table."""
    tables = [read_file(path) for path in sorted(folder.glob("*.toml"))]
    old = [each for table in tables for each in table.get("bare-version", [])]
    return frozenset(name for each in old for name in each["names"].split())
