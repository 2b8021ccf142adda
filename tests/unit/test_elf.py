"""What pyshim.elf says of programs, held against what the loader does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from programs_for_tests import SECONDS, WRAPPED, Build, Preloaded

from pyshim import elf


def patched(source: Path, target: Path, *changes: tuple[int, bytes]) -> Path:
    data = bytearray(source.read_bytes())
    for offset, new in changes:
        data[offset : offset + len(new)] = new
    target.write_bytes(data)
    target.chmod(0o755)
    return target


def without_sections(source: Path, target: Path) -> Path:
    return patched(source, target, (0x28, bytes(8)), (0x3C, bytes(4)))


def test_a_dynamic_program_is_interposable(build: Build, preloaded: Preloaded) -> None:
    program = build("hello", "check_hello.c")
    expected = elf.Report(
        str(program),
        elf.Verdict.INTERPOSABLE,
        (),
        "dynamic",
        (),
        ("write",),
        ("libc.so.6",),
    )
    assert elf.inspect(program, WRAPPED) == expected
    assert elf.quick(program) is None
    assert preloaded(program)


@pytest.mark.parametrize("kind", ["static", "static-pie"])
def test_a_static_program_is_a_bypass(
    build: Build, preloaded: Preloaded, kind: str
) -> None:
    program = build("hello", "check_hello.c", f"-{kind}")
    report = elf.inspect(program, WRAPPED)
    assert (report.verdict, report.kind) == ("bypass", kind)
    assert report.reasons == ("no PT_INTERP",)
    assert elf.quick(program) == f"{kind}: no PT_INTERP"
    assert not preloaded(program)


@pytest.mark.parametrize(
    ("options", "kind"), [(["-static"], "static"), (["-pie"], "no libc")]
)
def test_a_program_without_libc_is_a_bypass(
    build: Build, options: list[str], kind: str
) -> None:
    program = build("bare", "check_nolibc.S", "-nostdlib", *options)
    report = elf.inspect(program, WRAPPED)
    assert (report.verdict, report.kind) == ("bypass", kind)
    assert elf.quick(program) is not None


def test_libraries_without_libc_among_them_are_a_bypass(
    build: Build, tmp_path: Path
) -> None:
    build("libisland.so", "check_island.c", "-shared", "-nostdlib")
    program = build(
        "lonely",
        "-DPROGRAM",
        "-nostdlib",
        "check_island.c",
        f"-L{tmp_path}",
        "-lisland",
        "-Wl,-rpath,$ORIGIN",
    )
    subprocess.run([program], check=True, timeout=SECONDS)
    report = elf.inspect(program, WRAPPED)
    assert (report.verdict, report.kind) == ("bypass", "no libc")
    assert report.reasons == ("libc.so.6 is not among the libraries it loads",)


@pytest.mark.parametrize(
    "option",
    [
        "-Wl,--enable-new-dtags,-rpath,$ORIGIN",
        "-Wl,--disable-new-dtags,-rpath,${ORIGIN}/.",
        None,
    ],
    ids=["runpath", "rpath", "LD_LIBRARY_PATH"],
)
def test_calls_through_a_library_are_found(
    build: Build, tmp_path: Path, option: str | None
) -> None:
    build("libsay.so", "check_library.c", "-shared", "-fPIC")
    options = ["-L", tmp_path, "-lsay", *([option] if option else [])]
    program = build("caller", "check_by_library.c", *options)
    environ = {} if option else {"LD_LIBRARY_PATH": f"/nowhere;{tmp_path}"}
    subprocess.run([program], check=True, timeout=SECONDS, env=environ)
    report = elf.inspect(program, WRAPPED, environ)
    reason = "imports no wrapped call itself, its libraries do: libsay.so"
    assert (report.verdict, report.reasons) == ("interposable", (reason,))
    assert report.imports == ()


def test_a_library_that_is_not_found_is_named(build: Build, tmp_path: Path) -> None:
    build("libsay.so", "check_library.c", "-shared", "-fPIC")
    program = build("caller", "check_by_library.c", "-L", tmp_path, "-lsay")
    assert "libraries not found: libsay.so" in elf.inspect(program, WRAPPED).reasons


def test_a_program_that_only_uses_composite_functions_is_partial(build: Build) -> None:
    report = elf.inspect(build("puts", "check_puts.c"), WRAPPED)
    assert (report.verdict, report.kind) == ("partial", "dynamic")


def test_an_import_of_syscall_is_told(build: Build) -> None:
    report = elf.inspect(build("number", "check_syscall.c"), WRAPPED)
    assert report.imports == ("syscall",)
    assert report.reasons == ("calls syscall() by number",)


def test_imports_are_found_without_section_headers(
    build: Build, tmp_path: Path, preloaded: Preloaded
) -> None:
    whole = build("hello", "check_hello.c")
    stripped = without_sections(whole, tmp_path / "stripped")
    assert preloaded(stripped)
    assert elf.inspect(stripped, WRAPPED).imports == ("write",)


@pytest.mark.parametrize(
    "options",
    [["-Wl,-soname,libsay.so", "-nostdlib"], ["-Wl,-e,say"], ["-nostdlib"]],
    ids=["soname", "entry and needed", "neither"],
)
def test_a_shared_library_is_no_program(build: Build, options: list[str]) -> None:
    flags = ["-shared", "-fPIC", *options]
    report = elf.inspect(build("libsay.so", "check_library.c", *flags), WRAPPED)
    assert (report.verdict, report.kind) == ("bypass", "library")


def test_an_object_file_is_no_program(build: Build) -> None:
    report = elf.inspect(build("hello.o", "check_hello.c", "-c"), WRAPPED)
    assert (report.verdict, report.kind) == ("bypass", "no program")


def test_the_loader_takes_the_preload_along(build: Build, preloaded: Preloaded) -> None:
    loader = "/lib64/ld-linux-x86-64.so.2"
    if not Path(loader).exists():
        pytest.skip("no x86-64 glibc loader here")
    report = elf.inspect(loader, WRAPPED)
    assert (report.verdict, report.kind) == ("interposable", "loader")
    assert preloaded(loader, build("hello", "check_hello.c"))


def test_a_musl_program_is_a_bypass(build: Build) -> None:
    loader = "/lib/ld-musl-x86_64.so.1"
    program = build("hello", "check_hello.c", f"-Wl,--dynamic-linker={loader}")
    report = elf.inspect(program, WRAPPED)
    assert (report.verdict, report.kind) == ("bypass", "musl")
    assert str(elf.quick(program)).startswith("musl: ")


def test_another_loader_is_a_bypass(build: Build) -> None:
    option = "-Wl,--dynamic-linker=/system/bin/linker64"
    report = elf.inspect(build("hello", "check_hello.c", option), WRAPPED)
    assert (report.verdict, report.kind) == ("bypass", "foreign loader")
    assert "linker64" in report.reasons[0]


@pytest.mark.parametrize(
    ("change", "kind", "word"),
    [
        ((4, b"\1"), "foreign class", "32-bit"),
        ((18, b"\xb7\0"), "foreign machine", "aarch64"),
        ((18, b"\x99\x99"), "foreign machine", "machine 39321"),
    ],
)
def test_a_foreign_program_is_a_bypass(
    build: Build, tmp_path: Path, change: tuple[int, bytes], kind: str, word: str
) -> None:
    program = patched(build("hello", "check_hello.c"), tmp_path / "foreign", change)
    report = elf.inspect(program, WRAPPED)
    assert (report.verdict, report.kind) == ("bypass", kind)
    assert word in report.reasons[0]
    assert word in str(elf.quick(program))


def test_a_real_32_bit_program_is_of_a_foreign_class(
    build: Build, tmp_path: Path
) -> None:
    try:
        library = ["-DPROGRAM", "-Wno-attributes", "-m32", "-nostdlib", "-shared"]
        program = build("narrow", "check_island.c", *library)
    except subprocess.CalledProcessError:
        pytest.skip("this gcc makes no 32-bit programs")
    assert elf.inspect(program, WRAPPED).kind == "foreign class"


@pytest.mark.parametrize("stripped", [False, True], ids=["sections", "magic"])
@pytest.mark.parametrize(
    ("option", "verdict", "kind"),
    [("-static", "bypass", "go"), ("-pie", "partial", "go-cgo")],
)
def test_go_is_known_by_its_marks(
    build: Build, tmp_path: Path, stripped: bool, option: str, verdict: str, kind: str
) -> None:
    program = build("gopher", "check_hello.c", "check_go.S", option)
    if stripped:
        program = without_sections(program, tmp_path / "stripped")
    report = elf.inspect(program, WRAPPED)
    assert (report.verdict, report.kind) == (verdict, kind)


@pytest.mark.skipif(shutil.which("go") is None, reason="no Go toolchain here")
def test_a_real_go_program_is_a_bypass(tmp_path: Path) -> None:
    source = tmp_path / "main.go"
    source.write_text('package main\n\nfunc main() { println("hello") }\n')
    subprocess.run(
        ["go", "build", "-o", "main", "main.go"],
        cwd=tmp_path,
        env={**os.environ, "CGO_ENABLED": "0", "GOCACHE": str(tmp_path / "cache")},
        check=True,
        timeout=5 * SECONDS,
    )
    report = elf.inspect(tmp_path / "main", WRAPPED)
    assert (report.verdict, report.kind) == ("bypass", "go")


def test_a_binary_that_is_no_elf_is_a_bypass(tmp_path: Path) -> None:
    program = tmp_path / "data"
    program.write_bytes(b"\xca\xfe\xba\xbe\0\0\0\x34")
    report = elf.inspect(program, WRAPPED)
    assert (report.verdict, report.kind) == ("bypass", "not elf")


def test_damaged_files_are_reported_not_crashed_on(
    build: Build, tmp_path: Path
) -> None:
    whole = build("hello", "check_hello.c").read_bytes()
    program = tmp_path / "damaged"
    for size in [4, 5, 16, 19, 20, 63, 64, 100, 700, 1000, 4000, len(whole) // 2]:
        program.write_bytes(whole[:size])
        report = elf.inspect(shutil.copy(program, tmp_path / f"cut{size}"), WRAPPED)
        assert report.verdict == "bypass" or size > len(whole) // 4, size


def test_any_single_damaged_header_byte_is_survived(
    build: Build, tmp_path: Path
) -> None:
    whole = build("hello", "check_hello.c")
    for offset in range(4, 0x400, 5):
        program = patched(whole, tmp_path / f"at{offset}", (offset, b"\xff"))
        assert elf.inspect(program, WRAPPED).verdict in list(elf.Verdict)


def test_the_first_look_is_cheap(build: Build) -> None:
    program = build("hello", "check_hello.c")
    elf.quick(program)
    spent = []
    for _ in range(50):
        start = time.perf_counter()
        elf.quick(program)
        spent.append(time.perf_counter() - start)
    assert min(spent) < 0.002


def test_pyelftools_is_not_imported_before_it_is_needed(build: Build) -> None:
    program = build("hello", "check_hello.c")
    code = (
        "import sys; from pyshim import elf; elf.quick(sys.argv[1]);"
        "sys.exit('elftools' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(program)]
    root = str(Path(elf.__file__).parent.parent)
    environ = {**os.environ, "PYTHONPATH": root}
    subprocess.run(command, check=True, timeout=SECONDS, env=environ)
