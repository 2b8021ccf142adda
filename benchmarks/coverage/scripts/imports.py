"""Imports a good part of the standard library, and writes files."""

from __future__ import annotations

import asyncio
import csv
import email
import json
import logging
import os
import sqlite3
import ssl
import tempfile
import zipfile
from pathlib import Path

print(asyncio.__name__, csv.__name__, email.__name__, logging.__name__, ssl.__name__)
Path("out.json").write_text(json.dumps(sorted(os.listdir("tree"))))
with tempfile.TemporaryFile() as file:
    file.write(b"x" * 100000)
    file.flush()
    print(os.fstat(file.fileno()).st_size)
with zipfile.ZipFile("out.zip", "w") as archive:
    archive.writestr(zipfile.ZipInfo("notes"), Path("notes").read_bytes())
with sqlite3.connect("out.db") as db:
    db.execute("create table t(a)")
print(sum(len(files) for _, _, files in os.walk("tree")))
