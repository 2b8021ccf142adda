"""What the target inherits: descriptors, signals, mask, limits, environment."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from contract_jobs import END, ignoring, run


def test_stdin_passes_through(prefix: list[str]) -> None:
    data = os.urandom(1 << 20)
    done = run([*prefix, "cat"], stdin=None, input=data)
    assert (done.returncode, done.stdout, done.stderr) == (0, data, b"")


def test_stdout_and_stderr_stay_apart(prefix: list[str]) -> None:
    script = r"printf 'out\0\377'; printf 'err\r\n\200' >&2"
    done = run([*prefix, "sh", "-c", script])
    assert (done.stdout, done.stderr) == (b"out\0\xff", b"err\r\n\x80")


def _block(*numbers: int) -> Callable[[], None]:
    def prepare() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, numbers)

    return prepare


def _close(*fds: int) -> Callable[[], None]:
    def prepare() -> None:
        for fd in fds:
            os.close(fd)

    return prepare


PREPARATIONS = {
    "nothing": ignoring(),
    "background": ignoring(signal.SIGINT, signal.SIGQUIT),
    "nohup": ignoring(signal.SIGHUP),
    "no job control": ignoring(signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU),
    "children ignored": ignoring(signal.SIGCHLD),
    "blocked": _block(signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD, END),
    "no stdin": _close(0),
    "no stderr": _close(2),
    "only stdout": _close(0, 2),
    "a limit": lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
    "umask": lambda: os.umask(0o027) and None,
}


@pytest.mark.parametrize("name", PREPARATIONS)
@pytest.mark.parametrize("locale", ["C.UTF-8", None])
def test_inherits_what_the_bare_target_inherits(
    wrapper: list[str],
    target: Callable[[str], str],
    tmp_path: Path,
    name: str,
    locale: str | None,
) -> None:
    env = {key: os.environ[key] for key in ("PATH", "PYTHONPATH") if key in os.environ}
    env |= {"LC_ALL": locale} if locale else {}
    reading, writing = os.pipe()
    options = {
        "preexec_fn": PREPARATIONS[name],
        "pass_fds": (reading, writing),
        "cwd": tmp_path,
        "env": env,
    }
    bare = run([target("state")], **options)
    wrapped = run([*wrapper, target("state")], **options)
    os.close(reading)
    os.close(writing)
    assert bare.returncode == 0
    assert f"fd {writing} ".encode() in bare.stdout
    assert without_ours(wrapped.stdout) == bare.stdout.decode()
    assert (wrapped.returncode, wrapped.stderr) == (0, bare.stderr)


def without_ours(said: bytes) -> str:
    """What `contract_state` said, save the two variables that bring the shim in."""
    ours = ("env LD_PRELOAD=", "env PYSHIM_RUN=")
    lines = said.decode().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(ours)]
    assert len(kept) == len(lines) - len(ours)
    return "".join(kept)


def test_sigpipe_and_mask_are_clean(
    wrapper: list[str], target: Callable[[str], str]
) -> None:
    said = run([*wrapper, target("state")]).stdout.decode()
    clean = "0" * 16
    assert f"SigBlk:\t{clean}\n" in said
    assert f"SigIgn:\t{clean}\n" in said


def test_a_status_survives_ignored_children(
    prefix: list[str], target: Callable[[str], str]
) -> None:
    argv = [*prefix, target("end"), "exit", "7"]
    assert run(argv, preexec_fn=ignoring(signal.SIGCHLD)).returncode == 7
