"""Patch plans: which bytes around a `syscall` instruction may become a jump."""

from __future__ import annotations

import io
import re
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import capstone
import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from patch_plans import SITES, Site, header, quiet, sites
from programs_for_tests import SECONDS, Build

from pyshim.objects import LIBC
from pyshim.patch_layout import find_all, make_plan
from pyshim.patch_windows import SHORTEST
from pyshim.patches import own_libraries

OWN = list(own_libraries())
SYSCALL = 2
RESTORER = bytes.fromhex("48 c7 c0 0f 00 00 00")
"""What libc has before the `syscall` that handlers return to: mov $15, %rax."""
Seen = tuple[int, str]
"""Address and text of an instruction, from objdump."""

NUMBERS = {"getppid": 110, "umask": 95, "chroot": 161, "sync": 162}

WINDOWS = {
    "arrives_at_its_first_byte": [(5, 0, 2)],
    "at_the_end": [(5, 0, 231)],
    "constant": [(5, 0, 39)],
    "copied_number": [(3, 0, 5)],
    "flags_of_its_own": [(5, 0, 39)],
    "loops_to_itself": [(0, 3, -1)],
    "moves_the_stack": [(0, 4, -1)],
    "no_number": [(3, 0, -1)],
    "number_from_a_call": [(3, 0, -1)],
    "number_kept_over_a_call": [(3, 0, 5)],
    "overlapping": [(0, 3, -1)],
    "overwritten_number": [(3, 0, -1)],
    "relative_address": [(7, 0, -1)],
    "relative_address_and_immediate": [(10, 0, -1)],
    "relative_address_behind": [(0, 7, -1)],
    "skips_the_lock_prefix": [(5, 0, 3)],
    "two_before": [(5, 0, 0)],
    "two_near_each_other": [(5, 0, 1), (5, 0, 2)],
    "two_numbers": [(3, 0, -1)],
}
"""Bytes before and after the `syscall`, and its number."""

REFUSED = {
    "alone": "its function is too short",
    "branch_before": "an instruction can't be moved",
    "call_before": "an instruction can't be moved",
    "end_is_in_the_data": "addresses are compared with its end",
    "end_is_compared": "addresses are compared with its end",
    "flags_from_before": "flags from before are looked at behind it",
    "flags_in_part": "flags from before are looked at behind it",
    "flags_where_it_jumps": "flags from before are looked at behind it",
    "jumped_into": "something jumps into it",
    "jumped_into_by_address": "something jumps into it",
    "jumped_into_by_another": "something jumps into it",
    "jumped_into_by_name": "something jumps into it",
    "jumped_into_by_pointer": "something jumps into it",
    "jumped_into_by_table": "something jumps into it",
    "jumped_into_by_the_unwinder": "something jumps into it",
    "jumped_into_the_middle": "a branch goes into the middle of an instruction",
    "jumps_by_arithmetic": "a computed jump may arrive anywhere in its function",
    "jumps_by_arithmetic_into_it": (
        "a computed jump may arrive anywhere in its function"
    ),
    "not_all_code": "its function does not consist of instructions",
    "overlapping": "it overlaps another",
    "prefixed": "it has a prefix",
    "returns_from_handlers": "unwinders know it by its bytes",
    "stack_in_two_ways": "the stack is described in two ways",
    "too_long": "it has more bytes than there is room for",
}


# -- each form ---------------------------------------------------------------------


@pytest.fixture
def forms(build: Build) -> bytes:
    options = ("-shared", "-nostdlib", "-Wl,-Bsymbolic,--build-id")
    return build("forms.so", SITES, *options).read_bytes()


def symbols(library: bytes) -> dict[str, int]:
    table = ELFFile(io.BytesIO(library)).get_section_by_name(".dynsym")
    assert isinstance(table, SymbolTableSection)
    return {each.name: each["st_value"] for each in table.iter_symbols()}


def function(names: dict[str, int], at: int) -> str:
    """The function that an address is in."""
    inside = {"in_between", "counter", "message"}
    below = (name for name in names if name and name not in inside)
    return max((name for name in below if names[name] <= at), key=names.__getitem__)


def test_each_form_gets_the_window_that_it_can_have(forms: bytes) -> None:
    names = symbols(forms)
    found: dict[str, list[tuple[int, int, int]]] = {}
    for site in sites(make_plan(forms, quiet)):
        numbers = (site.before, site.after, site.nr)
        found.setdefault(function(names, site.at), []).append(numbers)
    assert found == WINDOWS


def test_each_form_that_can_have_none_is_refused_for_its_reason(forms: bytes) -> None:
    names = symbols(forms)
    _, refused = find_all(forms, quiet)
    assert {function(names, each.site): each.reason for each in refused} == REFUSED
    assert header(make_plan(forms, quiet)).refused == len(REFUSED)


@pytest.mark.parametrize(
    ("form", "symbol"),
    [
        ("relative_address", "message"),
        ("relative_address_and_immediate", "counter"),
        ("relative_address_behind", "counter"),
    ],
)
def test_what_is_relative_to_rip_can_be_put_right(
    forms: bytes, form: str, symbol: str
) -> None:
    names = symbols(forms)
    plan = sites(make_plan(forms, quiet))
    site = next(each for each in plan if function(names, each.at) == form)
    assert site.fixup_to == names[symbol]
    moved = site.window + 0x12345
    assert meant(moved_to(site, moved), moved) == [names[symbol]]


def moved_to(site: Site, address: int) -> bytes:
    """The window's bytes, fit to be executed there."""
    copy = bytearray(site.content)
    place = slice(site.fixup_at, site.fixup_at + 4)
    relative = int.from_bytes(copy[place], "little", signed=True)
    relative -= address - site.window
    copy[place] = relative.to_bytes(4, "little", signed=True)
    return bytes(copy)


def meant(code: bytes, address: int) -> list[int]:
    """The addresses that rip-relative operands mean."""
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    decoder.detail = True
    return [
        each.address + each.size + each.disp
        for each in decoder.disasm(code, address)
        if "rip" in each.op_str
    ]


# -- libc and the loader -----------------------------------------------------------


@pytest.fixture(scope="module", params=OWN, ids=lambda path: path.name)
def library(request: pytest.FixtureRequest) -> Path:
    path = request.param
    assert isinstance(path, Path)
    return path


@pytest.fixture(scope="module")
def plan(library: Path) -> bytes:
    return make_plan(library.read_bytes(), quiet)


@pytest.fixture(scope="module")
def found(plan: bytes) -> list[Site]:
    return sites(plan)


@pytest.fixture(scope="module")
def seen_by_objdump(library: Path) -> list[Seen]:
    command = ["objdump", "-d", "--no-show-raw-insn", str(library)]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=SECONDS
    )
    lines = re.findall(r"^ +([0-9a-f]+):\t(.*)$", done.stdout, re.MULTILINE)
    return [(int(at, 16), text) for at, text in lines]


def test_the_libraries_of_this_process_are_libc_and_its_loader() -> None:
    assert LIBC in {path.name for path in OWN}
    assert len(OWN) == 2
    assert all(path.is_absolute() for path in OWN)


def test_all_sites_but_the_return_from_handlers_can_be_patched(
    library: Path, plan: bytes, found: list[Site], seen_by_objdump: list[Seen]
) -> None:
    """Two more stay where glibc is newer: see `end_is_in_the_data` for one of them."""
    every = {at for at, text in seen_by_objdump if text.split()[:1] == ["syscall"]}
    left = every - {each.at for each in found}
    assert len(found) == len(every) - len(left) > 40
    assert header(plan).refused == len(left) <= 3
    content = library.read_bytes()
    before = [content[at - len(RESTORER) : at] for at in left]
    assert before.count(RESTORER) == 1


def test_most_numbers_are_known(found: list[Site]) -> None:
    known = [each.nr for each in found if each.nr >= 0]
    assert len(known) / len(found) > 0.85
    assert max(known) < 600


def test_the_numbers_of_plain_wrappers_are_those_of_their_syscalls(
    library: Path, found: list[Site]
) -> None:
    names = symbols(library.read_bytes())
    here = {name: names[name] for name in NUMBERS if name in names}
    assert bool(here) == (library.name == LIBC)
    for name, start in here.items():
        inside = [each.nr for each in found if start <= each.at < start + 16]
        assert inside == [NUMBERS[name]]


def test_a_window_holds_whole_instructions_and_is_long_enough(
    library: Path, found: list[Site]
) -> None:
    content = library.read_bytes()
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    for each in found:
        code = list(decoder.disasm_lite(each.content, each.window))
        ends = [at + size for at, size, _, _ in code]
        assert ends[-1] == each.end
        assert (each.at, SYSCALL, "syscall", "") in code
        assert len(each.content) >= SHORTEST
        assert each.content in content


def test_windows_begin_and_end_where_another_disassembler_sees_instructions(
    found: list[Site], seen_by_objdump: list[Seen]
) -> None:
    starts = {at for at, _ in seen_by_objdump}
    for each in found:
        assert {each.window, each.at, each.end} <= starts


def test_windows_do_not_overlap(found: list[Site]) -> None:
    assert all(one.end <= other.window for one, other in pairwise(found))


def test_no_branch_that_another_disassembler_sees_goes_into_a_window(
    found: list[Site], seen_by_objdump: list[Seen]
) -> None:
    targets = set(branch_targets(seen_by_objdump))
    assert len(targets) > 1000
    assert not targets & insides(found)


def branch_targets(code: list[Seen]) -> Iterator[int]:
    pattern = re.compile(r"(?:\w+ )*(?:j\w+|call|loop\w*|xbegin) +([0-9a-f]+) <")
    for _, text in code:
        if match := pattern.match(text):
            yield int(match[1], 16)


def insides(patched: list[Site]) -> set[int]:
    """What nothing may arrive at."""
    return {at for each in patched for at in range(each.window + 1, each.end)}


def test_no_name_in_the_debug_symbols_is_inside_a_window(
    plan: bytes, found: list[Site]
) -> None:
    name = bytes(header(plan).build_id).hex()
    debug = Path("/usr/lib/debug/.build-id", name[:2], f"{name[2:]}.debug")
    if not debug.exists():
        pytest.skip("libc6-dbg is not installed")
    with debug.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        values = {
            each["st_value"]
            for each in table.iter_symbols()
            if each["st_info"]["type"] != "STT_TLS"
        }
    assert len(values) > 100
    assert not values & insides(found)
