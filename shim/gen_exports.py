"""What the shim exports: each name of the table, in every version libc has it in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerDefSection, GNUVerSymSection
from elftools.elf.sections import SymbolTableSection
from gen_rows import Row

NEWS = {
    "GLIBCXX_3.4": "_Znwm _Znam _ZnwmRKSt9nothrow_t _ZnamRKSt9nothrow_t",
    "CXXABI_1.3.11": "_ZnwmSt11align_val_t _ZnamSt11align_val_t"
    " _ZnwmSt11align_val_tRKSt9nothrow_t _ZnamSt11align_val_tRKSt9nothrow_t",
}
"""C++'s new: no calls, but ways by which an allocator may be come to; alloc.c wraps
them in this order."""
DELETES = {
    "GLIBCXX_3.4": "_ZdlPv _ZdaPv _ZdlPvRKSt9nothrow_t _ZdaPvRKSt9nothrow_t",
    "CXXABI_1.3.9": "_ZdlPvm _ZdaPvm",
    "CXXABI_1.3.11": "_ZdlPvSt11align_val_t _ZdaPvSt11align_val_t"
    " _ZdlPvSt11align_val_tRKSt9nothrow_t _ZdaPvSt11align_val_tRKSt9nothrow_t"
    " _ZdlPvmSt11align_val_t _ZdaPvmSt11align_val_t",
}
IDENTIFIER = str.maketrans({".": "_"})


@dataclass(frozen=True, slots=True)
class Export:
    """One name@version libc exports, hence one stub, slot and real of ours."""

    call: int
    name: str
    version: str
    default: bool
    wrapper: str
    """The symbol the slot may be pointed to: C, or a jump by its index; "": none."""
    alloc: bool = False
    """Whether its stub is in libpyalloc.so; slot, real and wrapper are with all."""

    @property
    def is_operator(self) -> bool:
        """Whether it is C++'s new or delete: no call."""
        return self.name.startswith("_Z")

    @property
    def text(self) -> str:
        """As people and nm write it."""
        return f"{self.name}@{self.version}"


def libc_versions(libc: Path) -> dict[str, list[tuple[str, bool, int]]]:
    """For each exported function of libc: version, whether default, address."""
    found: dict[str, list[tuple[str, bool, int]]] = {}
    with libc.open("rb") as file:
        elf = ELFFile(file)
        versions = elf.get_section_by_name(".gnu.version")
        definitions = elf.get_section_by_name(".gnu.version_d")
        symbols = elf.get_section_by_name(".dynsym")
        assert isinstance(versions, GNUVerSymSection)
        assert isinstance(definitions, GNUVerDefSection)
        assert isinstance(symbols, SymbolTableSection)
        names = {
            definition["vd_ndx"]: next(iter(auxiliaries)).name
            for definition, auxiliaries in definitions.iter_versions()
        }
        for index, symbol in enumerate(symbols.iter_symbols()):
            if symbol["st_shndx"] == "SHN_UNDEF":
                continue
            raw = versions.get_symbol(index)["ndx"]
            number = raw if isinstance(raw, int) else 1
            here = (names.get(number & 0x7FFF, ""), not number & 0x8000)
            found.setdefault(symbol.name, []).append((*here, symbol["st_value"]))
    return found


def find_exports(
    rows: list[Row], libc: Path, old: frozenset[str]
) -> tuple[list[Export], list[str]]:
    """All stubs to make, defaults first in call order; names this libc lacks.

    `old` are versions, as name@version, whose arguments are not those of the row.
    """
    versions = libc_versions(libc)
    defaults: list[Export] = []
    others: list[Export] = []
    missing: list[str] = []
    for call, row in enumerate(rows):
        if not row.exported:
            continue
        have = sorted(versions.get(row.name, []), key=lambda each: not each[1])
        if not have:
            missing.append(row.name)
        for version, default, address in have:
            is_main = version == have[0][0]
            wrapper = wrapper_of(row, version, address == have[0][2])
            if f"{row.name}@{version}" in old:
                wrapper = ""
            alloc = row.allocates
            export = Export(call, row.name, version, default, wrapper, alloc)
            (defaults if is_main else others).append(export)
    return defaults + others + operators(), missing


def operators() -> list[Export]:
    """C++'s, behind all others. They are no calls: that the first row is theirs does
    not matter."""
    named = [
        (name, version, wrapper)
        for table, wrapper in ((NEWS, "wrap_"), (DELETES, ""))
        for version, names in table.items()
        for name in names.split()
    ]
    return [
        Export(0, name, version, True, wrapper and wrapper + name, True)
        for name, version, wrapper in named
    ]


def wrapper_of(row: Row, version: str, same_code: bool) -> str:
    """The symbol of the wrapper of one version. Another version's code is another real
    function, so that it needs a wrapper of its own."""
    if not row.wrapped:
        return ""
    if row.jump:
        return "jump"
    if same_code:
        return f"wrap_{row.name}"
    return f"wrap_{row.name}_{version.translate(IDENTIFIER)}" if row.generated else ""


def stubs(exports: list[Export]) -> str:
    """stubs.gen.S: what programs bind to."""
    lines = ["/* Generated by gen.py from calls/. */", "\t.text"]
    for index, export in enumerate(exports):
        if not export.alloc:
            lines += stub(export, index, [f"\tjmp *slots+{8 * index}(%rip)"])
    return "\n".join([*lines, *lazies(exports), *jumps(exports), *tables(exports), ""])


def alloc_stubs(exports: list[Export]) -> str:
    """alloc.gen.S: the same in libpyalloc.so. rax carries no argument of these."""
    lines = ["/* Generated by gen.py from calls/. */", "\t.text"]
    for index, export in enumerate(exports):
        if export.alloc:
            jump = f"\tjmp *{8 * index}(%rax)"
            load = "\tmovq pyshim_slots@GOTPCREL(%rip), %rax"
            lines += stub(export, index, [load, jump])
    return "\n".join([*lines, '\t.section .note.GNU-stack,"",@progbits', ""])


def stub(export: Export, index: int, way: list[str]) -> list[str]:
    """An exported symbol that goes `way`."""
    at = "@@" if export.default else "@"
    return [
        f"\t.globl stub_{index}",
        f"\t.type stub_{index}, @function",
        "\t.balign 16",
        f"stub_{index}:",
        "\t.cfi_startproc",
        "\tendbr64",
        *way,
        "\t.cfi_endproc",
        f"\t.size stub_{index}, . - stub_{index}",
        f"\t.symver stub_{index}, {export.name}{at}{export.version}",
    ]


def lazies(exports: list[Export]) -> list[str]:
    """Where every slot and real begins; struct lazy in real.h is as large as each.

    For unwinders the stack is one word deeper behind the push, as in a PLT.
    """
    lines = ["\t.balign 16", "\t.globl lazies", "\t.hidden lazies", "lazies:"]
    # CFA: rsp + 8 + (((rip & 15) >= 5) << 3)
    lines += ["\t.cfi_startproc", "\t.cfi_escape 0x0f, 0x0b, 0x77, 0x08, 0x80, 0x00, "]
    lines[-1] += "0x3f, 0x1a, 0x35, 0x2a, 0x33, 0x24, 0x22"
    for index in range(len(exports)):
        lines += ["\t.balign 16", f"lazy_{index}:", "\tendbr64", f"\tpush ${index}"]
        lines += ["\tjmp lazy_real"]
    return [*lines, "\t.balign 16", "\t.cfi_endproc"]


def jumps(exports: list[Export]) -> list[str]:
    """The wrappers of what must be left by a jump."""
    lines = []
    for index, export in enumerate(exports):
        if export.wrapper == "jump":
            lines += [f"jump_{index}:", "\t.cfi_startproc", "\tendbr64"]
            lines += [f"\tpush ${index}", "\t.cfi_adjust_cfa_offset 8"]
            lines += ["\tjmp jump_real", "\t.cfi_endproc"]
    return lines


def tables(exports: list[Export]) -> list[str]:
    """slots, reals, and where the wrappers are."""

    def head(name: str, section: str, size: int) -> list[str]:
        return [
            f"\t.section {section}",
            f"\t.balign {4096 if name == 'slots' else 64}",
            f"\t.globl {name}",
            f"\t.hidden {name}",
            f"\t.type {name}, @object",
            f"\t.size {name}, {size * len(exports)}",
            f"{name}:",
        ]

    wrappers = [
        f"jump_{index} - ."
        if each.wrapper == "jump"
        else f"{each.wrapper} - ."
        if each.wrapper
        else "0"
        for index, each in enumerate(exports)
    ]
    return [
        *head("slots", '.data.slots,"aw"', 8),
        "\t.globl pyshim_slots",
        "\t.type pyshim_slots, @object",
        f"\t.size pyshim_slots, {8 * len(exports)}",
        "pyshim_slots:",
        *(f"\t.quad lazy_{index}" for index in range(len(exports))),
        *head("reals", '.bss.reals,"aw",@nobits', 8),
        f"\t.zero {8 * len(exports)}",
        *head("wrapper_at", ".rodata", 4),
        *(f"\t.long {each}" for each in wrappers),
        '\t.section .note.GNU-stack,"",@progbits',
    ]


def version_script(exports: list[Export]) -> str:
    """A map for the linker: nodes named as libc's, so that ld.so matches them."""
    nodes: dict[str, list[str]] = {}
    for export in exports:
        nodes.setdefault(export.version, []).append(export.name)
    lines = []
    for position, (version, names) in enumerate(sorted(nodes.items())):
        inside = " ".join(f"{name};" for name in sorted(names))
        local = " local: *;" if position == 0 else ""
        lines.append(f"{version} {{ global: {inside}{local} }};")
    return "\n".join([*lines, ""])


def find_libc() -> Path:
    """The libc.so.6 this Python runs on."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        if re.search(r"/libc(-[\d.]+)?\.so(\.6)?$", line):
            return Path(line.split(maxsplit=5)[5])
    raise SystemExit("gen.py: this Python does not use glibc; pass --libc")
