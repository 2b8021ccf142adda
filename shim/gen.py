"""Turn shim/calls/ into everything that must agree with it.

Writes, only where the content changed: `calls.gen.h` (ids), `wrappers.gen.c` (the
wrappers and the facts the shim needs of each call), `stubs.gen.S` (the exported
symbols), `exports.gen.map` (the version script), `alloc.gen.S` and `alloc.gen.map` (the
same for libpyalloc.so) and `table.json` (the host's copy).
A row that contradicts itself stops the generator; a row that contradicts the libc
header stops the compiler.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gen_c import ids, wrappers
from gen_exports import (
    Export,
    alloc_stubs,
    find_exports,
    find_libc,
    stubs,
    version_script,
)
from gen_facts import caught, moved
from gen_kinds import codes_of
from gen_read import BadRow, read_old
from gen_rows import Row, read_rows

HERE = Path(__file__).parent
LACKING = "this libc has no such function"


def table(rows: list[Row], exports: list[Export]) -> dict[str, Any]:
    """table.json, without its digest."""
    have = {export.name for export in exports}
    have |= {row.name for row in rows if not row.exported}
    by_number = caught(rows)
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
                "fails": row.fails,
                "codes": codes_of(row.fails),
                "ret": row.ret,
                "hot": row.facts.get("hot", False),
                "jump": row.jump,
                "noreturn": row.facts.get("noreturn", False),
                "number": not row.exported,
                "passed": row.facts.get("passed", False),
                "caught": row.name in by_number,
                "moves": moved(row)[0] != "MOVES_NONE",
                "stub": row.stub or ("" if row.name in have else LACKING),
            }
            for row in rows
        ],
        "exports": [each.text for each in exports if not each.alloc],
        "wrapped": [e.text for e in exports if e.wrapper and not e.alloc],
        "alloc": [each.text for each in exports if each.alloc],
    }


def write(path: Path, text: str) -> None:
    """Leave the file's time stamp alone when nothing changed."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def main(argv: Iterable[str] | None = None) -> int:
    """Generate everything, or say what is wrong with the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, default=HERE / "calls")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--libc", type=Path, help="default: the one in use")
    options = parser.parse_args(None if argv is None else list(argv))
    try:
        rows = read_rows(options.table)
        libc = options.libc or find_libc()
        exports, missing = find_exports(rows, libc, read_old(options.table))
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
    write(options.out / "alloc.gen.S", alloc_stubs(exports))
    ours = [each for each in exports if not each.alloc]
    write(options.out / "exports.gen.map", version_script(ours))
    theirs = [each for each in exports if each.alloc]
    write(options.out / "alloc.gen.map", version_script(theirs))
    write(options.out / "table.json", json.dumps({"digest": digest, **content}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
