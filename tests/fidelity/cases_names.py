"""Another file system, a place in use: what the folder's surroundings forbid."""

from __future__ import annotations

from collections.abc import Iterator

from case import Case, ways

_FILE = "f=open:old:O_WRONLY|O_CREAT write:$f:9 close:$f mkdir:dir"


def _other_file_system() -> Iterator[Case]:
    for call, words in {
        "rename": "rename:old:dir/new",
        "renameat2": "renameat2:old:dir/new",
        "link": "link:old:dir/new",
        "linkat": "linkat:old:dir/new",
    }.items():
        yield Case(
            *(call, "another file system", "nothing moved"),
            f"{_FILE} ?mount_at:dir {words}",
            *(ways(f"{call}:error=EXDEV:when=1"), "EXDEV"),
            mount="size=64k",
        )


def _busy() -> Iterator[Case]:
    for call, words in {
        "rmdir": "rmdir:dir",
        "unlinkat": "unlinkat:dir:AT_REMOVEDIR",
        "rename": "rename:dir:other",
    }.items():
        yield Case(
            *(call, "a mount point", "nothing removed"),
            f"{_FILE} ?mount_at:dir {words}",
            *(ways(f"{call}:error=EBUSY:when=1"), "EBUSY"),
            mount="size=64k",
        )


CASES: tuple[Case, ...] = (*_other_file_system(), *_busy())
