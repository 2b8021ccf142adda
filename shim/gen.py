"""Turn shim/calls.toml into everything that must agree with it.

Writes, only where the content changed: `calls.gen.h` (ids), `wrappers.gen.c` (the
wrappers and the facts the shim needs of each call), `stubs.gen.S` (the exported
symbols), `exports.gen.map` (the version script) and `table.json` (the host's copy).
A row that contradicts itself stops the generator; a row that contradicts the libc
header stops the compiler.
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

HERE = Path(__file__).parent
KEYS = {
    "proto", "header", "args", "sets", "errnos", "restarts", "cancel", "alias",
    "kernel", "variadic", "rest_if", "fails", "ret", "noreturn", "irregular", "stub",
}  # fmt: skip
FAILS = {
    "-1": "FAILS_MINUS_ONE",
    "NULL": "FAILS_NULL",
    "MAP_FAILED": "FAILS_MINUS_ONE",
    "errno": "FAILS_ERRNO",
    "never": "FAILS_NEVER",
}
MAX_ARGS = 6


class BadRow(Exception):
    """A row of the table that can't be meant."""


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter as the man page writes it."""

    name: str
    ctype: str
    kind: str


@dataclass(frozen=True, slots=True)
class Row:
    """One exported name of the table, aliases already expanded."""

    name: str
    base: str
    returns: str
    params: tuple[Param, ...]
    fixed: int
    header: str
    facts: Mapping[str, Any]
    syscall: str
    kernel: tuple[str, ...]

    @property
    def variadic(self) -> bool:
        """Whether C sees `...` after the fixed parameters."""
        return "variadic" in self.facts

    @property
    def wrapped(self) -> bool:
        """Whether there is a wrapper, generated or written by hand."""
        return not self.facts.get("stub", False)

    @property
    def generated(self) -> bool:
        """Whether that wrapper comes from here."""
        return self.wrapped and not self.facts.get("irregular", False)


@dataclass(frozen=True, slots=True)
class Export:
    """One name@version libc exports, hence one stub, slot and real of ours."""

    call: int
    name: str
    version: str
    default: bool
    same_as_default: bool


def parse_proto(proto: str, kinds: Mapping[str, str]) -> tuple[str, str, list[Param]]:
    """`int f(char *a)` as return type, name, parameters."""
    match = re.fullmatch(r"(.+?[\s*])(\w+)\s*\((.*)\)", proto.strip())
    if not match:
        raise BadRow(f"not a prototype: {proto}")
    returns, name, inside = (each.strip() for each in match.groups())
    texts = [] if inside in ("", "void") else split_params(inside)
    params = [parse_param(text, kinds) for text in texts]
    unknown = set(kinds) - {param.name for param in params}
    if unknown:
        raise BadRow(f"{name}: args names no parameter: {sorted(unknown)}")
    return returns, name, params


def split_params(text: str) -> list[str]:
    """Split at commas outside brackets."""
    parts, depth = [""], 0
    for char in text:
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts]


def parse_param(text: str, kinds: Mapping[str, str]) -> Param:
    """`char *const argv[]` as name, type (arrays decay to pointers), kind."""
    function = re.fullmatch(r"(.+)\(\*(\w+)\)(\(.*\))", text)
    if function:
        left, name, right = function.groups()
        return Param(name, f"{left}(*){right}", kinds.get(name, "ptr"))
    match = re.fullmatch(r"(.*?[\s*])(\w+)((?:\[\w*\])?)", text)
    if not match:
        raise BadRow(f"not a parameter: {text}")
    ctype, name, array = match.groups()
    ctype = ctype.strip() + (" *" if array else "")
    ctype = ctype.replace(" restrict", "").replace("*restrict", "*")
    return Param(name, ctype, kinds.get(name, "ptr" if "*" in ctype else "long"))


def parse_kernel(row: Mapping[str, Any], name: str, params: list[Param]) -> list[str]:
    """What the kernel gets: the syscall's name, then its arguments."""
    text = row.get("kernel")
    if text is None:
        return [name, *(param.name for param in params)]
    match = re.fullmatch(r"(\w+)\((.*)\)", text)
    if not match:
        raise BadRow(f"{name}: kernel is not name(arguments): {text}")
    inside = match.group(2).strip()
    return [match.group(1), *(split_params(inside) if inside else [])]


def expand(raw: Mapping[str, Any]) -> Iterator[Row]:
    """The row itself and one more for each alias."""
    unknown = set(raw) - KEYS
    if unknown:
        raise BadRow(f"{raw.get('proto')}: unknown keys {sorted(unknown)}")
    returns, name, params = parse_proto(raw["proto"], raw.get("args", {}))
    check_facts(name, raw, params)
    kernel = parse_kernel(raw, name, params)
    row = Row(
        name=name,
        base=name,
        returns=returns,
        params=tuple(params),
        fixed=raw.get("variadic", len(params)),
        header=raw.get("header", ""),
        facts=raw,
        syscall=kernel[0],
        kernel=tuple(kernel[1:]),
    )
    yield row
    for alias in raw.get("alias", []):
        yield replace(row, name=alias)


def check_facts(name: str, raw: Mapping[str, Any], params: list[Param]) -> None:
    """Refuse what the compiler would not notice."""
    for each in raw.get("errnos", []):
        if not each.startswith("E") or not hasattr(errno, each):
            raise BadRow(f"{name}: no such errno {each}")
    if len(params) > MAX_ARGS and not raw.get("irregular"):
        raise BadRow(f"{name}: more than {MAX_ARGS} parameters")
    if raw.get("fails", "-1") not in FAILS:
        raise BadRow(f"{name}: unknown failure value {raw['fails']}")
    if ("EINTR" in raw.get("errnos", [])) != ("restarts" in raw):
        raise BadRow(f"{name}: EINTR and `restarts` go together")


def read_rows(path: Path) -> list[Row]:
    """The table, one entry per exported name, aliases after their row."""
    raw = tomllib.loads(path.read_text())
    rows = [row for each in raw["call"] for row in expand(each)]
    names = [row.name for row in rows]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise BadRow(f"in two rows: {sorted(twice)}")
    return rows


def libc_versions(libc: Path) -> dict[str, list[tuple[str, bool, int]]]:
    """For each exported function of libc: version, whether default, address."""
    found: dict[str, list[tuple[str, bool, int]]] = {}
    with libc.open("rb") as file:
        elf = ELFFile(file)
        versym = elf.get_section_by_name(".gnu.version")
        verdef = elf.get_section_by_name(".gnu.version_d")
        names = {
            definition["vd_ndx"]: next(iter(auxiliaries)).name
            for definition, auxiliaries in verdef.iter_versions()
        }
        for index, symbol in enumerate(elf.get_section_by_name(".dynsym").iter_symbols()):
            if symbol["st_shndx"] == "SHN_UNDEF":
                continue
            raw = versym.get_symbol(index)["ndx"]
            number = raw if isinstance(raw, int) else 1
            version = names.get(number & 0x7FFF, "")
            default = not number & 0x8000
            found.setdefault(symbol.name, []).append((version, default, symbol["st_value"]))
    return found


def find_exports(rows: list[Row], libc: Path) -> tuple[list[Export], list[str]]:
    """All stubs to make, defaults first in call order; names this libc lacks."""
    versions = libc_versions(libc)
    defaults, others, missing = [], [], []
    for call, row in enumerate(rows):
        have = versions.get(row.name, [])
        if not have:
            missing.append(row.name)
        main = next((each for each in have if each[1]), have[0] if have else None)
        for version, default, address in have:
            same = main is not None and address == main[2]
            export = Export(call, row.name, version, default, same)
            is_main = main == (version, default, address)
            (defaults if is_main else others).append(export)
    return defaults + others, missing


def ids(rows: list[Row], exports: list[Export], digest: str) -> str:
    """calls.gen.h"""
    lines = ["/* Generated by gen.py from calls.toml. */", "enum {"]
    lines += [f"\tCALL_{row.name} = {index}," for index, row in enumerate(rows)]
    lines += [f"\tNCALLS = {len(rows)},", f"\tNEXPORTS = {len(exports)},"]
    lines += ["};", f"#define TABLE_DIGEST 0x{digest}ul", ""]
    main = {export.call: index for index, export in reversed(list(enumerate(exports)))}
    lines += [
        f"#define EXPORT_{row.name} {main[index]}"
        for index, row in enumerate(rows)
        if index in main
    ]
    return "\n".join([*lines, ""])


def declared(row: Row) -> str:
    """The prototype of a name that no header declares, or that twins another."""
    if row.name != row.base:
        return f"extern __typeof__({row.base}) {row.name};"
    inside = ", ".join(param.ctype for param in row.params[: row.fixed])
    inside += ", ..." if row.variadic else ""
    return f"extern {row.returns} {row.name}({inside or 'void'});"


def needs_declaration(row: Row) -> bool:
    """Aliases are declared again, so that a twin that is none stops the compiler."""
    return not row.header or row.name != row.base


def typed(param: Param) -> str:
    """`char *const argv`, `int (*f)(int)`"""
    if "(*)" in param.ctype:
        return param.ctype.replace("(*)", f"(*{param.name})")
    space = "" if param.ctype.endswith("*") else " "
    return f"{param.ctype}{space}{param.name}"


def real_function(row: Row) -> str:
    """The function that makes the real call from a struct call."""
    arguments = ", ".join(
        f"({param.ctype})call->args[{index}]" for index, param in enumerate(row.params)
    )
    pointer = f"((__typeof__(&{row.name}))reals[EXPORT_{row.name}])"
    store = "call->ret = 0;\n\t" if row.returns == "void" else "call->ret = (long)"
    return (
        f"static void real_{row.name}(struct call *call)\n"
        f"{{\n\t{store}{pointer}({arguments});\n}}\n"
    )


def read_rest(row: Row) -> list[str]:
    """Fetch the variadic parameters exactly when the callee would."""
    if not row.variadic:
        return []
    rest = row.params[row.fixed :]
    last = row.params[row.fixed - 1].name
    fetch = [
        f"\t\t{param.name} = ({param.ctype})va_arg(rest, {promoted(param.ctype)});"
        for param in rest
    ]
    return [
        *(f"\t{typed(param)} = 0;" for param in rest),
        f"\tif ({row.facts.get('rest_if', '1')}) {{",
        "\t\tva_list rest;",
        f"\t\tva_start(rest, {last});",
        *fetch,
        "\t\tva_end(rest);",
        "\t}",
    ]


def promoted(ctype: str) -> str:
    """The type a variadic argument has after default promotions."""
    return "unsigned int" if ctype == "mode_t" else ctype


def wrapper(row: Row) -> str:
    """The C function a wanted call's slot points to."""
    fixed = [typed(param) for param in row.params[: row.fixed]]
    inside = ", ".join(fixed + (["..."] if row.variadic else [])) or "void"
    stores = [
        f"\tcall.args[{index}] = (long){param.name};"
        for index, param in enumerate(row.params)
    ]
    return "\n".join(
        [
            f"static __typeof__({row.name}) wrap_{row.name};",
            f"static {row.returns} wrap_{row.name}({inside})",
            "{",
            "\tstruct call call;",
            *read_rest(row),
            "",
            f"\tcall_begin(&call, CALL_{row.name}, __builtin_return_address(0));",
            *stores,
            *run_call(row),
            "}",
            "",
        ]
    )


def run_call(row: Row) -> list[str]:
    """The last line of a wrapper."""
    run = f"call_run(&call, real_{row.name})"
    if row.returns != "void":
        return [f"\treturn ({row.returns}){run};"]
    unreachable = ["\t__builtin_unreachable();"]
    return [f"\t{run};", *(unreachable if row.facts.get("noreturn") else [])]


def argument_facts(row: Row) -> str:
    """The struct arg initialisers: what an argument points to."""
    index = {param.name: position for position, param in enumerate(row.params)}
    dirfd, facts = -1, []
    for position, param in enumerate(row.params[:MAX_ARGS]):
        kind, _, length = param.kind.partition("[")
        length = length.rstrip("]")
        if kind == "dirfd":
            dirfd = position
        if kind == "path":
            facts.append(f"{{ .kind = ARG_PATH, .from = {dirfd} }}")
        elif kind in ("in", "out"):
            facts.append(f"{{ .kind = ARG_{kind.upper()}, {length_fact(row, index, length)} }}")
        elif kind in ("str", "argv", "envp", "fds", "fd", "dirfd"):
            facts.append(f"{{ .kind = ARG_{kind.upper()} }}")
        else:
            facts.append("{ .kind = ARG_PLAIN }")
    return ", ".join(facts)


def length_fact(row: Row, index: Mapping[str, int], length: str) -> str:
    """Where the size of a buffer is to be found."""
    if length == "ret":
        return ".from = FROM_RET"
    if length in index:
        return f".from = {index[length]}"
    if length.isdigit():
        return f".from = FROM_CONST, .size = {length}"
    raise BadRow(f"{row.name}: no length {length!r}")


def row_facts(row: Row) -> str:
    """One entry of rows[]."""
    flags = [
        name
        for name, present in (
            ("ROW_EINTR", "EINTR" in row.facts.get("errnos", [])),
            ("ROW_RESTARTS", row.facts.get("restarts", False)),
            ("ROW_BLOCKS", row.facts.get("cancel", False)),
            ("ROW_NORETURN", row.facts.get("noreturn", False)),
            ("ROW_EXEC", row.syscall in ("execve", "execveat")),
            ("ROW_FORK", row.base == "fork"),
        )
        if present
    ]
    fails = FAILS[row.facts.get("fails", "-1")]
    return (
        f"\t[CALL_{row.name}] = {{ .nargs = {min(len(row.params), MAX_ARGS)}, "
        f".fails = {fails}, .flags = {' | '.join(flags) or '0'},\n"
        f"\t\t.args = {{ {argument_facts(row) or '{ .kind = ARG_PLAIN }'} }} }},"
    )


def wrappers(rows: list[Row], exports: list[Export]) -> str:
    """wrappers.gen.c"""
    have = {export.name for export in exports}
    made = [row for row in rows if row.generated and row.name in have]
    by_hand = [row for row in rows if row.wrapped and not row.generated and row.name in have]
    headers = sorted({row.header for row in rows if row.header})
    lines = [
        "/* Generated by gen.py from calls.toml: `make -C shim show CALL=read` shows one. */",
        "#define _GNU_SOURCE",
        *(f"#include <{header}>" for header in headers),
        "#include <stdarg.h>",
        "#include <stdint.h>",
        '#include "call.h"',
        '#include "real.h"',
        "#include <asm/unistd.h>",
        "",
        "extern const uint16_t by_number[], syscall_of[];",
        "extern const uint32_t numbers;",
        *(declared(row) for row in rows if needs_declaration(row) and row.name in have),
        "",
        "const struct row rows[NCALLS] = {",
        *(row_facts(row) for row in rows),
        "};",
        "",
        *(real_function(row) + "\n" + wrapper(row) for row in made),
        *(f"extern __typeof__({row.name}) wrap_{row.name};" for row in by_hand),
        "",
        "void *const wrappers[NCALLS] = {",
        *(f"\t[CALL_{row.name}] = (void *)wrap_{row.name}," for row in made + by_hand),
        "};",
        "",
        *numbers(rows),
        "const struct export exports[NEXPORTS] = {",
        *(
            f'\t{{ "{export.name}", "{export.version}", CALL_{export.name}, '
            f"{int(export.same_as_default)} }},"
            for export in exports
        ),
        "};",
        "",
    ]
    return "\n".join(lines)


def numbers(rows: list[Row]) -> list[str]:
    """Which call syscall(2) means by a number: only where the arguments are the same."""
    chosen: dict[str, str] = {}
    for row in rows:
        plain = row.kernel == tuple(param.name for param in row.params)
        fails = row.facts.get("fails", "-1") in ("-1", "never", "MAP_FAILED")
        if plain and fails and row.generated and row.name == row.base:
            better = row.name == row.syscall
            if better or row.syscall not in chosen:
                chosen[row.syscall] = row.name

    def guarded(line: str, name: str) -> list[str]:
        return [f"#ifdef __NR_{name}", line, "#endif"]

    by_number, syscall_of = [], []
    for syscall, name in chosen.items():
        number = f"__NR_{syscall}"
        by_number += guarded(f"\t[{number}] = CALL_{name} + 1,", syscall)
        syscall_of += guarded(f"\t[CALL_{name}] = {number},", syscall)
    return [
        "const uint16_t by_number[512] = {",
        *by_number,
        "};",
        "const uint32_t numbers = 512;",
        "const uint16_t syscall_of[NCALLS] = {",
        *syscall_of,
        "};",
        "",
    ]


def stubs(exports: list[Export]) -> str:
    """stubs.gen.S: what programs bind to."""
    lines = ["/* Generated by gen.py from calls.toml. */", "\t.text"]
    for index, export in enumerate(exports):
        at = "@@" if export.default else "@"
        lines += [
            f"\t.globl stub_{index}",
            f"\t.type stub_{index}, @function",
            "\t.balign 16",
            f"stub_{index}:",
            "\t.cfi_startproc",
            "\tendbr64",
            f"\tjmp *slots+{8 * index}(%rip)",
            "\t.cfi_endproc",
            f"\t.size stub_{index}, . - stub_{index}",
            f"\t.symver stub_{index}, {export.name}{at}{export.version}",
        ]
    for index in range(len(exports)):
        lines += [f"lazy_{index}:", "\tendbr64", f"\tpush ${index}", "\tjmp lazy_real"]
    for table in ("slots", "reals", "lazies"):
        lines += [
            "\t.section .data.rel.ro,\"aw\"" if table == "lazies" else "\t.data",
            "\t.balign 4096" if table == "slots" else "\t.balign 64",
            f"\t.globl {table}",
            f"\t.hidden {table}",
            f"\t.type {table}, @object",
            f"\t.size {table}, {8 * len(exports)}",
            f"{table}:",
            *(f"\t.quad lazy_{index}" for index in range(len(exports))),
        ]
    return "\n".join([*lines, '\t.section .note.GNU-stack,"",@progbits', ""])


def version_script(exports: list[Export]) -> str:
    """exports.gen.map: nodes named as libc's, so that ld.so matches them."""
    nodes: dict[str, list[str]] = {}
    for export in exports:
        nodes.setdefault(export.version, []).append(export.name)
    lines = []
    for position, (version, names) in enumerate(sorted(nodes.items())):
        inside = " ".join(f"{name};" for name in sorted(names))
        local = " local: *;" if position == 0 else ""
        lines.append(f"{version} {{ global: {inside}{local} }};")
    return "\n".join([*lines, ""])


def table(rows: list[Row], exports: list[Export]) -> dict[str, Any]:
    """table.json, without its digest."""
    have = {export.name for export in exports}
    return {
        "calls": [
            {
                "name": row.name,
                "base": row.base,
                "syscall": row.syscall,
                "params": [[p.name, p.ctype, p.kind] for p in row.params],
                "kernel": list(row.kernel),
                "sets": row.facts.get("sets", []),
                "errnos": row.facts.get("errnos", []),
                "restarts": row.facts.get("restarts", False),
                "fails": row.facts.get("fails", "-1"),
                "ret": row.facts.get("ret", "int"),
                "stub": not row.wrapped or row.name not in have,
            }
            for row in rows
        ],
        "exports": [f"{each.name}@{each.version}" for each in exports],
    }


def write(path: Path, text: str) -> None:
    """Leave the file's time stamp alone when nothing changed."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def find_libc() -> Path:
    """The libc.so.6 this Python runs on."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        if re.search(r"/libc(-[\d.]+)?\.so(\.6)?$", line):
            return Path(line.split(maxsplit=5)[5])
    raise SystemExit("gen.py: this Python does not use glibc; pass --libc")


def main(argv: Iterable[str] | None = None) -> int:
    """Generate everything, or say what is wrong with the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, default=HERE / "calls.toml")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--libc", type=Path, help="default: the one in use")
    options = parser.parse_args(None if argv is None else list(argv))
    try:
        rows = read_rows(options.table)
        exports, missing = find_exports(rows, options.libc or find_libc())
    except BadRow as error:
        print(f"gen.py: {error}", file=sys.stderr)
        return 1
    for name in missing:
        print(f"gen.py: this libc has no {name}: not exported", file=sys.stderr)
    content = table(rows, exports)
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
    options.out.mkdir(parents=True, exist_ok=True)
    write(options.out / "calls.gen.h", ids(rows, exports, digest))
    write(options.out / "wrappers.gen.c", wrappers(rows, exports))
    write(options.out / "stubs.gen.S", stubs(exports))
    write(options.out / "exports.gen.map", version_script(exports))
    write(options.out / "table.json", json.dumps({"digest": digest, **content}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
