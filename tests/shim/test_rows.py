"""Each made wrapper, in every version exported: what the caller sees is libc's own.

row_driver.c calls each with four kinds of arguments, bare and under the shim. The lines
it prints must be equal: how the call ended, its result, errno, the memory given to it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from gen_rows import Row
from row_cases import (
    CALLED,
    CHANGING,
    FAILING,
    ROWS,
    SHIM,
    SKIPPED,
    UNSEEN,
    UNSIGNED,
    VARIANTS,
    cases,
    kind,
)

HERE = Path(__file__).parent
PYSHIM = (sys.executable, "-m", "pyshim")
NOBODY = 65534

Results = dict[str, dict[str, str]]
"""By export, then by variant: what the driver printed."""
Drive = Callable[..., Results]


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Drive:
    """Run the cases behind a command prefix, each time in the same empty folder."""
    folder = tmp_path_factory.mktemp("rows")
    (folder / "cases.h").write_text(cases())
    driver = folder / "driver"
    command = [
        "gcc",
        "-std=gnu11",
        "-O1",
        "-w",
        "-iquote",
        f"{SHIM}",
        "-iquote",
        f"{folder}",
    ]
    source = str(HERE / "row_driver.c")
    subprocess.run([*command, source, "-o", str(driver)], check=True, timeout=120)

    def run(*prefix: str, every: bool = False) -> Results:
        place = folder / "place"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(mode=0o777)
        if os.geteuid() == 0:
            os.chown(place, NOBODY, NOBODY)
        done = subprocess.run(
            [*prefix, str(driver), *(["every"] if every else [])],
            cwd=place,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=50,
            check=True,
        )
        return parsed(done.stdout.splitlines())

    return run


def parsed(lines: Iterable[str]) -> Results:
    found: Results = {}
    for line in lines:
        export, variant, seen = line.split(" ", 2)
        found.setdefault(export, {})[variant] = seen
    return found


@pytest.fixture(scope="module")
def bare(drive: Drive) -> Results:
    return drive()


EVERY = "/."
"""Hot calls too: they are reached by what looks at names."""
MODES = {
    "a rule that never fires": ("-e", f"inject={EVERY}:error=EIO:when=60000"),
    "log": ("-e", f"trace={EVERY}", "-o", "/dev/null"),
}


@pytest.fixture(scope="module", params=MODES.values(), ids=MODES)
def shimmed(request: pytest.FixtureRequest, drive: Drive) -> Results:
    return drive(*PYSHIM, *request.param)


def test_no_case_of_the_driver_waits_for_ever(bare: Results) -> None:
    killed = [
        (export, variant)
        for export, variants in bare.items()
        for variant, seen in variants.items()
        if "status=9" in seen.split()
    ]

    assert killed == [], "list them in SKIPPED"


def test_skipped_calls_are_in_the_table() -> None:
    assert {name for name, _ in SKIPPED} - {row.base for row in ROWS.values()} == set()


@pytest.mark.parametrize("export", CALLED)
def test_the_caller_sees_what_libc_says(
    export: str, bare: Results, shimmed: Results
) -> None:
    assert shimmed[export] == bare[export]


@pytest.fixture(scope="module")
def failed(drive: Drive) -> Results:
    # By symbols: it is about wrappers, not about what the driver asks for itself.
    rule = "inject=/^([^d]|d[^l]|dl[^v]):error=EIO"
    return drive(*PYSHIM, "--layer=symbols", "-e", rule, every=True)


def failure(row: Row) -> str:
    """How this row tells EIO, with nothing written; errno was 77 before."""
    told = {
        **dict.fromkeys(("NULL", "NULL?", "h_errno"), "ret=0 errno=5"),
        "errno": "ret=5 errno=77",
        "EAI": "ret=-11 errno=5",
        "code:glob": "ret=2 errno=77",
        "code:wordexp": "ret=1 errno=77",
        "code:thrd": "ret=2 errno=77",
    }
    result = told.get(row.fails, "ret=-1 errno=5")
    if row.fails == "raw":  # what the kernel said, -5, as the driver shows it
        shown = f"{2**32 - 5}" if row.returns in UNSIGNED else "-"
        result = f"ret={shown} errno=77"
    elif row.returns in UNSIGNED:
        result = result.replace("-1", "any" if row.base in CHANGING else f"{2**32 - 1}")
    opaque = [kind(row, at) in UNSEEN for at in range(len(row.params))]
    memory = "".join("?," if each else "=," for each in opaque)
    return f"status=0 {result} memory={memory}"


@pytest.mark.parametrize("export", FAILING)
def test_a_rule_fails_it_as_libc_would(export: str, failed: Results) -> None:
    expected = failure(ROWS[export.partition("@")[0]])

    assert failed[export] == dict.fromkeys(VARIANTS, expected)
