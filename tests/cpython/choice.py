"""Which of CPython's tests are compared, and which are the part for `make test`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ALL = (
    *("os", "posix", "subprocess", "signal", "threadsignals", "fork1"),
    *("thread", "threading", "threading_local", "faulthandler", "ctypes", "socket"),
    *("select", "selectors", "poll", "epoll", "mmap", "fcntl", "pty"),
    *("tempfile", "shutil", "time", "asyncio", "multiprocessing_*"),
)
"""Patterns for what stands after `test_`. Each is a module or a folder of modules."""
PART = {
    **dict.fromkeys(("os", "posix", "fork1", "thread", "select", "epoll"), ()),
    **dict.fromkeys(("mmap", "fcntl", "pty", "tempfile", "shutil", "time"), ()),
    "signal": ("*.PosixTests.*", "*.WakeupFDTests.*", "*.PendingSignalsTests.*"),
    "subprocess": ("*.POSIXProcessTestCase.*", "*.ContextManagerTests.*"),
    "threading": ("*.ThreadTests.*", "*.ThreadJoinOnShutdown.*", "*.SemaphoreTests.*"),
    "socket": (
        *("*.GeneralModuleTests.*", "*.Basic*", "*.Sendmsg*", "*.Recvmsg*TCPTest.*"),
        *("*.TestUnixDomain.*", "*.Sendfile*", "*.*SCMRights*", "*.*Fds*"),
    ),
    "asyncio.test_streams": (),
    "asyncio.test_unix_events": (),
    "asyncio.test_sendfile": ("*EPoll*",),
    "asyncio.test_subprocess": ("*PidfdWatcher*",),
    "multiprocessing_fork": ("*.WithProcessesTest[LQ]*",),
    "multiprocessing_spawn": ("*.WithProcessesTestSharedMemory.*",),
    "multiprocessing_forkserver": ("*.WithProcessesTestQueue.*",),
}
"""Like ALL, with patterns of the tests to run; no pattern means all of them."""
QUICK = frozenset(
    (
        *("os", "posix", "fork1", "thread", "select", "epoll", "mmap", "fcntl", "pty"),
        *("threading", "tempfile", "asyncio.test_unix_events"),
    )
)
"""Those of PART that are run under the full layer, too."""
OURS = Path(__file__).parent / "modules"
"""Modules without their `test_`, for Pythons that don't have them."""
LEFT_OUT = {
    "test.test_time.*settime*": "sets the machine's clock, when run by root",
    "test.test_socket.*sethostname": "sets the machine's name, when run by root",
    "test.test_socket.*VSOCK*": "talks to the hypervisor, and hangs where none answers",
    "*.WithThreadsTestPool.test_terminate": "a race: it hangs in every other bare run",
}
"""Tests that are never run, and why."""


@dataclass(frozen=True, slots=True)
class Module:
    """One module and the tests of it to run, as patterns of their ids; none: all."""

    name: str
    only: tuple[str, ...] = ()
    but: tuple[str, ...] = tuple(LEFT_OUT)
    full: bool = True
    """Whether under the full layer, too."""

    @property
    def title(self) -> str:
        """What it is called in tables; the name of a file is its path."""
        return Path(self.name).stem if "/" in self.name else self.name


def everything(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """These modules whole, in the form of PART."""
    return dict.fromkeys(names, ())


def modules(
    package: Path,
    choice: Mapping[str, tuple[str, ...]],
    full: Collection[str],
) -> list[Module]:
    """The modules in this folder, that of the `test` package, that the choice names.

    `full` names those of them that are run under the full layer, too.
    Raises LookupError for a name that fits none. One with a slash is a file.
    """
    found = []
    for name, only in choice.items():
        if "/" in name:
            names = [str(Path(name).resolve(strict=True))]
        else:
            names = _named(package, name.removeprefix("test_"))
        if not names:
            raise LookupError(f"{package} has no test_{name}")
        found += [Module(each, only, full=name in full) for each in names]
    return found


def _named(package: Path, name: str) -> list[str]:
    """`asyncio`, `asyncio.test_locks` and `multiprocessing_*` are all understood."""
    place = f"test_{name.replace('.', '/')}"
    found = {*package.glob(f"{place}.py"), *package.glob(place)}
    theirs = [each for path in sorted(found) for each in _modules(package, path)]
    ours = [path for path in OURS.glob(f"{name}.py") if not _has(package, path.stem)]
    return theirs + sorted(map(str, ours))


def _has(package: Path, name: str) -> bool:
    return (package / f"test_{name}.py").exists() or (package / f"test_{name}").exists()


def _modules(package: Path, path: Path) -> list[str]:
    """The full names of a module, or of those in a folder."""
    paths = sorted(path.glob("test_*.py")) if path.is_dir() else [path]
    parts = [each.relative_to(package.parent).with_suffix("").parts for each in paths]
    return [".".join(each) for each in parts]
