"""Copies stdin to stdout: os.read asks again by itself (PEP 475)."""

import os

while data := os.read(0, 4096):
    os.write(1, data)
