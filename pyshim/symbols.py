"""Names for places in programs: the function that an offset in an ELF file lies in."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from pyshim.event import Site


@dataclass(frozen=True, slots=True)
class Function:
    """Its code: `size` bytes from `start` on, as the file numbers them."""

    start: int
    size: int
    name: str


def name(site: Site) -> str:
    """`eintr_wrong+0x11ed (copy)`: the file's own name, the offset, the function."""
    function = function_at(site.module, site.offset)
    short = Path(site.module).name or site.module
    return str(replace(site, module=short, function=function))


def function_at(module: str, offset: int) -> str:
    """The function that made a call; "" where no symbol tells.

    A call site is a return address: the call itself ends one byte before it.
    """
    known = functions(module)
    at = bisect_right(known, offset - 1, key=lambda each: each.start) - 1
    if at < 0 or offset - 1 >= known[at].start + known[at].size:
        return ""
    return known[at].name


@cache
def functions(module: str) -> list[Function]:
    """All functions with a name, by address; none when the file is stripped or gone."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import SymbolTableSection

    try:
        with Path(module).open("rb") as file:
            return sorted(
                (
                    Function(symbol["st_value"], symbol["st_size"], symbol.name)
                    for section in ELFFile(file).iter_sections()
                    if isinstance(section, SymbolTableSection)
                    for symbol in section.iter_symbols()
                    if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_size"]
                ),
                key=lambda each: each.start,
            )
    except (OSError, ELFError):
        return []
