"""The layouts that C and Python share, and what happens when they differ."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cffi import FFI

import pyshim
from pyshim._cdefs import declarations
from pyshim._host import ffi as host
from pyshim.arena import Arena
from pyshim.calls import LIB, Table, table
from pyshim.plan import Compiler
from pyshim.rules import parse
from pyshim.wants import Wants

SHIM = Path(__file__).parents[2] / "shim"
HEADERS = ("wire.h", "patch_wire.h", "call.h")
CAT = ["cat", "/proc/self/comm"]
Layout = dict[str, int]


def structs(ffi: FFI) -> list[str]:
    return [name for name in ffi.list_types()[1] if not name.startswith("session")]


def members(ffi: FFI, struct: str) -> list[tuple[str, int]]:
    fields = ffi.typeof(f"struct {struct}").fields or []
    return [(name, field.offset) for name, field in fields]


def layout(ffi: FFI, names: list[str]) -> Layout:
    """What cffi takes each struct for: `struct` is its size, `struct.member` where."""
    found = {name: ffi.sizeof(f"struct {name}") for name in names}
    for name in names:
        found |= {f"{name}.{member}": at for member, at in members(ffi, name)}
    return found


def compiled(header: str, ffi: FFI, folder: Path) -> Layout:
    """The same, said by the C compiler."""
    lines = []
    for name in structs(ffi):
        lines.append(f'printf("{name} %zu\\n", sizeof(struct {name}));')
        lines += [
            f'printf("{name}.{member} %zu\\n", offsetof(struct {name}, {member}));'
            for member, _ in members(ffi, name)
        ]
    source = folder / "layout.c"
    body = "\n".join(lines)
    source.write_text(
        f'#include <stddef.h>\n#include <stdio.h>\n#include "{header}"\n'
        f"int main(void)\n{{\n{body}\n}}\n"
    )
    program = folder / "layout"
    command = ["gcc", "-std=gnu11", f"-I{SHIM}", str(source), "-o", str(program)]
    subprocess.run(command, check=True, timeout=60)
    done = subprocess.run(
        [program], check=True, capture_output=True, text=True, timeout=30
    )
    pairs = (line.split() for line in done.stdout.splitlines())
    return {name: int(number) for name, number in pairs}


@pytest.mark.parametrize("header", HEADERS)
def test_python_and_c_agree_on_every_member(header: str, tmp_path: Path) -> None:
    ffi = FFI()
    ffi.cdef(declarations(SHIM / header))
    expected = compiled(header, ffi, tmp_path)

    assert layout(ffi, structs(ffi)) == expected
    assert len(expected) > 10


def test_the_built_host_has_the_layout_of_the_header(tmp_path: Path) -> None:
    ffi = FFI()
    ffi.cdef(declarations(SHIM / "wire.h"))

    assert layout(host, structs(ffi)) == compiled("wire.h", ffi, tmp_path)


# -- a plan that does not fit ------------------------------------------------------

Cat = Callable[[bytes], subprocess.CompletedProcess[str]]


def failing_reads(known: Table, rundir: Path) -> bytes:
    """A plan under which each read(2) fails, and the arena that goes with it."""
    rule = parse("inject", "read:error=EIO", known)
    compiler = Compiler(Wants(rules=(rule,)), known, str(rundir))
    plan = compiler.build()
    Arena(rundir / "arena", compiler.ncounters)
    return plan


@pytest.fixture
def cat(tmp_path: Path) -> Cat:
    """Run cat(1) with the shim preloaded and this plan."""

    def run(plan: bytes) -> subprocess.CompletedProcess[str]:
        (tmp_path / "plan").write_bytes(plan)
        return subprocess.run(
            CAT,
            env={
                **os.environ,
                "LD_PRELOAD": str(LIB / "libpyshim.so"),
                "PYSHIM_RUN": str(tmp_path),
            },
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return run


def test_the_shim_follows_a_plan_of_its_own_version(cat: Cat, tmp_path: Path) -> None:
    done = cat(failing_reads(table(), tmp_path))

    assert (done.returncode, done.stdout) == (1, "")
    assert "Input/output error" in done.stderr


@pytest.mark.parametrize("member", ["magic", "version"])
def test_the_shim_stays_out_of_another_version(
    member: str, cat: Cat, tmp_path: Path
) -> None:
    plan = bytearray(failing_reads(table(), tmp_path))
    head = host.cast("struct plan *", host.from_buffer(plan))
    setattr(head, member, getattr(head, member) + 1)
    done = cat(bytes(plan))

    assert (done.returncode, done.stdout, done.stderr) == (0, "cat\n", "")


def test_the_shim_stays_out_of_a_plan_for_another_table(
    cat: Cat, tmp_path: Path
) -> None:
    other = replace(table(), digest=table().digest ^ 1)
    done = cat(failing_reads(other, tmp_path))

    assert (done.returncode, done.stdout, done.stderr) == (0, "cat\n", "")


@pytest.mark.parametrize("plan", [b"", b"x"], ids=["empty", "short"])
def test_the_shim_stays_out_of_a_file_that_is_no_plan(
    plan: bytes, cat: Cat, tmp_path: Path
) -> None:
    failing_reads(table(), tmp_path)
    done = cat(plan)

    assert (done.returncode, done.stdout, done.stderr) == (0, "cat\n", "")


def test_the_host_says_that_a_shim_of_another_table_did_nothing(tmp_path: Path) -> None:
    package = tmp_path / "pyshim"
    shutil.copytree(Path(pyshim.__file__).parent, package)
    copy = package / "_lib" / "table.json"
    copy.write_text(json.dumps(json.loads(copy.read_text()) | {"digest": "1"}))
    done = subprocess.run(
        [sys.executable, "-m", "pyshim", "-e", "inject=read:error=EIO", *CAT],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.stdout == "cat\n"
    assert "the shim was never loaded; nothing was seen or changed" in done.stderr
