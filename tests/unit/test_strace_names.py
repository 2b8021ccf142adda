"""The syscalls that strace knows: strace itself is asked about each name and number."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from pyshim.strace_names import BITS, NAMES, NUMBERS, PURE, has_number

STRACE = shutil.which("strace")
pytestmark = pytest.mark.skipif(not STRACE, reason="strace is not installed")
EVERY = sorted(frozenset().union(*NAMES.values()))
NUMBERS_TRIED = [*range(560), *range(0x40000000 + 320, 0x40000000 + 560)]


def accepts(*words: str) -> bool:
    """Whether strace takes a set of all these."""
    assert STRACE
    command = [STRACE, "-e", f"trace={','.join(words)}", "-V"]
    done = subprocess.run(command, capture_output=True, timeout=30, check=False)
    return done.returncode == 0


@pytest.mark.parametrize("bits", BITS)
def test_it_knows_these_names_and_no_other_of_this_bitness(bits: str) -> None:
    known = NAMES[bits]
    # A name that is a class, too, is one in every bitness.
    others = [name for name in EVERY if name not in known]
    assert accepts(*(f"{name}@{bits}" for name in known))
    assert [name for name in others if accepts(f"{name}@{bits}")] == []


@pytest.mark.parametrize("bits", BITS)
def test_it_knows_these_numbers_and_no_other_of_this_bitness(bits: str) -> None:
    known = [number for number in NUMBERS_TRIED if has_number(number, bits)]
    others = [number for number in NUMBERS_TRIED if not has_number(number, bits)]
    assert accepts(*(f"{number}@{bits}" for number in known))
    assert [number for number in others if accepts(f"{number}@{bits}")] == []


def test_it_takes_these_for_without_effect_and_no_other() -> None:
    assert STRACE
    taken = set()
    for name in EVERY:
        rule = f"inject=getppid:error=EIO:syscall={name}"
        command = [STRACE, "-e", rule, "-V"]
        done = subprocess.run(command, capture_output=True, timeout=30, check=False)
        taken |= {name} if done.returncode == 0 else set()
    assert taken == PURE


def test_a_number_is_that_of_its_name() -> None:
    assert (NUMBERS[0], NUMBERS[39], NUMBERS[334]) == ("read", "getpid", "rseq")
    assert (NUMBERS[424], NUMBERS[450]) == (
        "pidfd_send_signal",
        "set_mempolicy_home_node",
    )
