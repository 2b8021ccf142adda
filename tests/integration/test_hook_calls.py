"""What a hook may see and do of a call: its buffers, paths, addresses; making it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from reports import Done, returned, said

Hooked = Callable[..., Done]
Target = Callable[..., str]

SAY = """
def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

"""


@pytest.fixture(params=["symbols", "full"])
def api(
    request: pytest.FixtureRequest, hooked: Hooked, target: Target, tmp_path: Path
) -> Callable[..., list[str]]:
    """`api(source, *words)`: what hook_api and the plugin printed."""

    def go(source: str, *words: str) -> list[str]:
        folder = tmp_path / "there"
        folder.mkdir(exist_ok=True)
        layer = f"--layer={request.param}"
        text = SAY + source
        done = hooked(text, layer, target("hook_api"), *words, cwd=str(folder))
        assert not said(done), done.stderr
        return returned(done)

    return go


Api = Callable[..., list[str]]


def test_buffers(api: Api) -> None:
    """What is given is read-only, what is got may be changed, in the program itself."""
    source = """
@hookimpl(calls=["write"], paths=["**/file"])
def pyshim_call_enter(call):
    data = call.buffer()
    say("given", bytes(data), data.readonly, call.buffer("buf").nbytes)

@hookimpl(calls=["pread", "pread64"])
def pyshim_call_exit(call):
    data = call.buffer()
    say("got", bytes(data), data.readonly)
    data[2:4] = b"XY"
"""
    assert api(source, "file") == [
        "given b'0123456789' True 10",
        "write: 10",
        "got b'0123456789' False",
        "pread: 10",
        "data: 01XY456789",
    ]


def test_views_end_with_the_hook(api: Api) -> None:
    source = """
kept = []

@hookimpl(calls=["write"], paths=["**/file"])
def pyshim_call_enter(call):
    kept.append(call.buffer())

@hookimpl(calls=["pread", "pread64"])
def pyshim_call_exit(call):
    try:
        kept[0][0]
    except ValueError as error:
        say(error)
"""
    lines = api(source, "file")
    assert lines[1] == "operation forbidden on released memoryview object"


REFUSED = {
    "call.buffer('fd')": "TypeError: write has no buffer 'fd'",
    "call.buffer('no')": "AttributeError: write has no argument 'no'",
    "call.buffer().__setitem__(0, 1)": "TypeError: cannot modify read-only memory",
    "call.real(no=1)": "TypeError: write has no argument 'no'",
    "(call.real(), call.real())": "TypeError: write has been made",
    "(call.real(), Args(count=1))[1]": "TypeError: the call has been made: too late",
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_makes_no_sense_is_refused(
    hooked: Hooked, target: Target, tmp_path: Path, what: str
) -> None:
    source = f"""
@hookimpl(calls=["write"], paths=["**/file"])
def pyshim_call_enter(call):
    return {what}
"""
    done = hooked(source, target("hook_api"), "file", cwd=str(tmp_path))
    assert returned(done) == ["write: 10", "pread: 10", "data: 0123456789"]
    assert REFUSED[what] in done.stderr


def test_an_output_buffer_before_the_call_is_refused(
    hooked: Hooked, target: Target, tmp_path: Path
) -> None:
    source = """
@hookimpl(calls=["pread", "pread64"])
def pyshim_call_enter(call):
    call.buffer()
"""
    done = hooked(source, target("hook_api"), "file", cwd=str(tmp_path))
    assert returned(done)[1] == "pread: 10"
    assert "has not been made: nothing is there yet" in done.stderr


def test_paths_are_made_absolute(api: Api, tmp_path: Path) -> None:
    source = """
@hookimpl(calls=["openat", "unlink", "rename"], paths=["**/none", "/b/c"])
def pyshim_call_enter(call):
    say(call.name, call.path, call.resolve())
    if call.name == "openat":
        say(call.resolve("dirfd"))
    if call.name == "rename":
        say(call.resolve("newpath"))
"""
    there = tmp_path / "there"
    assert api(source, "folder") == [
        f"openat ../sub/./none {there}/sub/none",
        f"{there}/sub",
        "openat: -1 ENOENT",
        f"unlink none {there}/none",
        "unlink: -1 ENOENT",
        f"unlink none {there}/sub/none",
        "unlink: -1 ENOENT",
        f"rename a {there}/sub/a",
        "/b/c",
        "rename: -1 ENOENT",
    ]


def test_the_file_behind_a_descriptor(api: Api, tmp_path: Path) -> None:
    source = """
@hookimpl(calls=["pread", "pread64"])
def pyshim_call_enter(call):
    say(call.resolve(), call.resolve("fd"), call.path, call.args.offset)
"""
    file = tmp_path / "there" / "file"
    assert f"{file} {file} None 0" in api(source, "file")


def test_addresses(api: Api) -> None:
    source = """
@hookimpl(calls=["connect"])
def pyshim_call_enter(call):
    say(call.address())
    return Errno("ENETDOWN")
"""
    lines = api(source, "address")
    assert lines[::2] == ["('127.0.0.1', 7)", "('::1', 8)", "sock", "None"]
    assert set(lines[1::2]) == {"connect: -1 ENETDOWN"}


def test_counts(api: Api) -> None:
    source = """
@hookimpl(calls=["unlink", "write"])
def pyshim_call_enter(call):
    if call.path == "none" or call.args.fd > 2:
        say(call.name, call.count)

@hookimpl(calls=["unlink"])
def pyshim_call_exit(call):
    say("exit", call.count)
"""
    lines = api(source.replace("call.args.fd > 2", "False"), "folder")
    assert [each for each in lines if each.startswith(("unlink n", "unlink 1"))]
    assert [line for line in lines if re.match(r"(unlink|exit) \d", line)] == [
        *("unlink 1", "exit 1", "unlink 2", "exit 2")
    ]


def test_short(api: Api) -> None:
    source = """
@hookimpl(calls=["write", "pread", "pread64"], paths=["**/file"])
def pyshim_call_enter(call):
    return Short(7 if call.name == "write" else 3)
"""
    assert api(source, "file") == ["write: 7", "pread: 3", "data: 012"]


def test_a_delay_and_what_follows(api: Api) -> None:
    source = """
import time
began = []

@hookimpl(calls=["unlink"])
def pyshim_call_enter(call):
    began.append(time.monotonic())
    return Delay(0.05, Errno("EBUSY"))

@hookimpl(calls=["rename"])
def pyshim_call_exit(call):
    say(began[1] - began[0] >= 0.05)
"""
    lines = api(source, "folder")
    assert lines == [
        "openat: -1 ENOENT",
        *("unlink: -1 EBUSY", "unlink: -1 EBUSY", "True", "rename: -1 ENOENT"),
    ]


def test_the_real_call_in_the_middle(api: Api) -> None:
    """Its result is the program's, unless the hook says another."""
    source = """
@hookimpl(calls=["write", "pread", "pread64"], paths=["**/file"])
def pyshim_call_enter(call):
    if call.name == "write":
        say("made", call.real(count=4), call.ret, call.errno)
        return None
    say("made", call.real(), bytes(call.buffer()))
    call.buffer()[0] = 33
    return Return(2)

@hookimpl(calls=["write", "pread", "pread64"], paths=["**/file"])
def pyshim_call_exit(call):
    say("exit", call.ret)
"""
    assert api(source, "file") == [
        *("made 4 4 0", "exit 4", "write: 4"),
        *("made 4 b'0123'", "exit 2", "pread: 2", "data: !1"),
    ]


def test_the_real_call_that_fails(api: Api) -> None:
    source = """
@hookimpl(calls=["unlink", "rename"])
def pyshim_call_enter(call):
    changes = {"path": "/"} if call.name == "unlink" else {}
    say(call.real(**changes), call.errno)
    return Errno("EXDEV") if call.name == "rename" else None
"""
    assert api(source, "folder") == [
        "openat: -1 ENOENT",
        *("-1 21", "unlink: -1 EISDIR") * 2,
        *("-1 2", "rename: -1 EXDEV"),
    ]


def test_the_real_call_waits_while_others_hooks_run(api: Api) -> None:
    """A thread that waits in it for what another thread's hooked call will write."""
    source = """
@hookimpl(calls=["read", "write"])
def pyshim_call_enter(call):
    if call.args.count == 1:
        call.real()
"""
    assert api(source, "threads") == ["write: 1"]


def test_the_real_call_is_interrupted_as_bare(hooked: Hooked, target: Target) -> None:
    """EINTR comes through, and a handler's jump out of it leaves nothing locked."""
    source = """
@hookimpl(calls=["read"])
def pyshim_call_enter(call):
    if call.args.count == 1:
        call.real()
"""
    for layer in ("symbols", "full"):
        done = hooked(source, f"--layer={layer}", target("hook_api"), "interrupted")
        lines = ["read: -1 EINTR", "left", "left", "left", "read: 1"]
        assert returned(done) == lines
        assert not said(done)


@pytest.mark.parametrize("layer", ["symbols", "full"])
def test_the_real_call_is_made_as_rules_say(
    hooked: Hooked, target: Target, tmp_path: Path, layer: str
) -> None:
    """With fewer bytes, and on a disk that is full."""
    source = """
@hookimpl(calls=["writev", "write"])
def pyshim_call_enter(call):
    call.real()
"""
    short = "-e", "inject=writev:short=5"
    done = hooked(source, f"--layer={layer}", *short, target("moves"), "writev", "3,6")
    assert returned(done) == ["writev: 5"]
    full = "-e", f"inject=quota=8k:path={tmp_path}/full"
    dd = "dd", "if=/dev/zero", f"of={tmp_path}/full", "bs=4000", "count=9"
    done = hooked(source, f"--layer={layer}", *full, *dd)
    assert "No space left on device" in done.stderr
    assert (tmp_path / "full").stat().st_size == 8192


def test_what_can_not_be_made_from_a_hook(hooked: Hooked, target: Target) -> None:
    source = """
@hookimpl(calls=["fork", "vfork"])
def pyshim_call_enter(call):
    call.real()
"""
    done = hooked(source, target("calls_by_name"), "fork")
    assert done.returncode == 0
    assert "fork can't be made from a hook" in done.stderr


def test_any_thread_may_do_anything_python_can(hooked: Hooked, target: Target) -> None:
    """Threads that libc of the interpreter's namespace did not start: ctype(3)."""
    source = """
@hookimpl(calls=["read"])
def pyshim_call_enter(call):
    assert b"%d" % call.tid == eval("str(call.tid)").encode()
    import email.message
"""
    done = hooked(source, target("hook_api"), "threads")
    assert returned(done) == ["write: 1"]
    assert done.stderr == ""
