"""Counters and values that all processes of a run share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from reports import Done, said, stepped_aside

from pyshim._host import ffi

Hooked = Callable[..., Done]
Target = Callable[..., str]
LAYERS = pytest.mark.parametrize("layer", ["--layer=symbols", "--layer=full"])

PLUGIN = """
from pyshim import Counter, Shared

CALLS = Counter("calls")
LAST = Shared("last")

@hookimpl(calls=["getppid"])
def pyshim_call_enter(call):
    LAST.set(b"number %d" % CALLS.add())

@hookimpl
def pyshim_report(run):
    run.say(f"{CALLS.value} calls, {LAST.get().decode()}")
"""


@LAYERS
def test_eight_processes_of_four_threads_count_exactly(
    hooked: Hooked, target: Target, layer: str
) -> None:
    source = """
        from pyshim import Counter, Shared

        CALLS = Counter("calls")
        SUM = Shared("sum")

        @hookimpl(calls=["getppid"])
        def pyshim_call_enter(call):
            n = CALLS.add()
            if n % 8 == 0:
                SUM.update(lambda was: b"%d" % (int(was or b"0") + n))

        @hookimpl
        def pyshim_report(run):
            run.say(f"{CALLS.value} calls, sum {SUM.get().decode()}")
    """
    done = hooked(source, layer, target("shared_calls"), "8", "4", "500")
    total = 8 * 4 * 500 + 1

    assert done.returncode == 0, done
    assert said(done) == [f"{total} calls, sum {sum(range(0, total, 8))}"]


LIVES = ["fork", "thread", "exec", "vfork", "spawn", "closefrom", "chdir"]


@LAYERS
@pytest.mark.parametrize("life", LIVES)
def test_it_is_there_whatever_a_process_does(
    hooked: Hooked, target: Target, layer: str, life: str
) -> None:
    done = hooked(PLUGIN, layer, target("shared_lives"), life, life)
    # vfork's children, and what spawn and exec start, begin with a call of their own.
    assert done.returncode == 0, done
    assert said(done)[-1] == "3 calls, number 3"
    assert stepped_aside(done) == {}


@LAYERS
@pytest.mark.parametrize("life", ["chroot", "pidns"])
@pytest.mark.skipif(os.geteuid() != 0, reason="for root alone")
def test_it_is_there_in_another_root_and_namespace(
    hooked: Hooked, target: Target, layer: str, life: str
) -> None:
    done = hooked(PLUGIN, layer, target("shared_lives"), life, "fork", life)

    assert done.returncode == 0, done
    assert said(done)[-1] == "4 calls, number 4"


# -- the host's side ---------------------------------------------------------------


def test_the_host_sets_first_values_and_reads_the_last(
    hooked: Hooked, target: Target
) -> None:
    source = """
        from pyshim import Counter, Shared

        CALLS = Counter("calls")
        TOLD = Counter("told")
        WORD = Shared("word")

        @hookimpl
        def pyshim_configure(run):
            CALLS.value = -2
            WORD.set(b"from the host")

        @hookimpl
        def pyshim_trace(run):
            return run.table.select("getppid")

        @hookimpl
        def pyshim_event(event):
            if event.call is not None and event.call.name == "getppid":
                TOLD.add(CALLS.value > -2)

        @hookimpl(calls=["getppid"])
        def pyshim_call_enter(call):
            if CALLS.add() == -1:
                os.write(1, WORD.get() + b"\\n")
                WORD.set(b"from the target")

        @hookimpl
        def pyshim_report(run):
            run.say(f"{CALLS!r} {TOLD.value} {WORD!r}")
    """
    done = hooked(source, "--layer=symbols", target("shared_lives"), "fork", "exec")

    assert done.stdout == "from the host\nEXIT-SUCCESS\n"
    assert said(done) == ["<Counter 'calls': 1> 3 <Shared 'word': b'from the target'>"]


def test_without_hooks_in_the_target_the_host_has_its_own(hooked: Hooked) -> None:
    source = """
        from pyshim import Counter

        EVENTS = Counter("events")

        @hookimpl
        def pyshim_trace(run):
            return run.table.select("read")

        @hookimpl
        def pyshim_event(event):
            EVENTS.add()

        @hookimpl
        def pyshim_report(run):
            run.say("some" if EVENTS.value > 1 else "none")
    """
    assert said(hooked(source, "cat", "/etc/hostname")) == ["some"]


def test_modules_that_use_the_same_name_share_it(
    pyshim: Callable[..., Done], target: Target, tmp_path: Path
) -> None:
    """Each names its counters in an order of its own."""
    for name, names, call in (
        ("one", "'a', 'b'", "enter"),
        ("two", "'c', 'b', 'a'", "exit"),
    ):
        (tmp_path / f"{name}.py").write_text(
            "from pyshim import Counter, hookimpl\n"
            f"ALL = {{n: Counter(n) for n in ({names})}}\n"
            "@hookimpl(calls=['getppid'])\n"
            f"def pyshim_call_{call}(call):\n"
            "    ALL['b'].add(10), ALL['a'].add()\n"
            "@hookimpl\n"
            "def pyshim_report(run):\n"
            '    run.say(f\'{ALL["a"].value} {ALL["b"].value}\')\n'
        )
    plugins = ["-p", "./one.py", "-p", "./two.py"]
    done = pyshim(*plugins, target("shared_lives"), "exec")

    assert said(done) == ["4 40", "4 40"]


# -- death in the middle -----------------------------------------------------------

KILLED = """
from pyshim import Counter, Shared

BEGUN, ENDED, TORN = Counter("begun"), Counter("ended"), Counter("torn")
WORD = Shared("word")

def whole(word):
    return word[:1] * len(word) == word and len(word) in (0, word[0])

@hookimpl(calls=["getppid"])
def pyshim_call_enter(call):
    n = BEGUN.add() % 240 + 1
    for _ in range(20):
        WORD.set(bytes([n]) * n)
        if not whole(WORD.get()):
            TORN.add()
    ENDED.add()

@hookimpl
def pyshim_report(run):
    run.say(f"{BEGUN.value - ENDED.value} {TORN.value} {whole(WORD.get())}")
"""


@LAYERS
def test_killed_in_the_middle_of_updates(
    hooked: Hooked, target: Target, layer: str
) -> None:
    """The others never hang, no value is mixed, each count is there or not."""
    rounds = 150
    done = hooked(KILLED, layer, target("shared_killed"), str(rounds))
    missing, torn, whole = said(done)[-1].split()

    assert done.stdout == "EXIT-SUCCESS\n", done
    assert stepped_aside(done) == {}
    assert 0 < int(missing) <= 2 * rounds
    assert (torn, whole) == ("0", "True")


def test_killed_while_it_held_the_mutex(hooked: Hooked, target: Target) -> None:
    """The kernel gives it to the next, in the namespace of the bridge, too."""
    source = f"""
        from pyshim import Counter, Shared

        CALLS, WORD = Counter("calls"), Shared("word")

        def mutex():
            import ctypes
            for line in open("/proc/self/maps"):
                if line.rstrip().endswith("/arena") and line.split()[2] == "00000000":
                    arena = int(line.split("-")[0], 16)
                    break
            at = arena + {ffi.offsetof("struct arena", "shared_at")}
            at = arena + ctypes.c_uint32.from_address(at).value
            return ctypes.CDLL("libc.so.6").pthread_mutex_lock, ctypes.c_void_p(at)

        @hookimpl(calls=["getppid"])
        def pyshim_call_enter(call):
            if CALLS.add() == 2:
                lock, at = mutex()
                os.write(1, b"locked %d\\n" % lock(at))
                os.kill(os.getpid(), 9)
            WORD.set(b"%d" % CALLS.value)

        @hookimpl
        def pyshim_report(run):
            run.say(WORD.get().decode())
    """
    command = f"{target('shared_lives')} fork; {target('shared_lives')}"
    done = hooked(source, "--layer=symbols", "sh", "-c", command)

    assert "locked 0\n" in done.stdout
    assert said(done)[-1] == "3"


# -- refusals ----------------------------------------------------------------------


def test_too_many_names_stop_the_run(hooked: Hooked) -> None:
    source = """
        from pyshim import Counter

        ALL = [Counter(f"c{n}") for n in range(257)]
    """
    done = hooked(source, "true")

    assert done.returncode == 125
    assert "a run has room for 256 names: 'c256'" in done.stderr


def test_too_many_names_in_a_hook_are_told(hooked: Hooked, target: Target) -> None:
    source = """
        from pyshim import Counter

        @hookimpl(calls=["getppid"])
        def pyshim_call_enter(call):
            for n in range(257):
                Counter(f"c{n}")
    """
    done = hooked(source, target("shared_lives"), "fork", "exec")

    assert done.stdout == "EXIT-SUCCESS\n"
    assert "OSError: [Errno 28] a run has room for 256 names: 'c256'" in done.stderr
