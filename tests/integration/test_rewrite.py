"""--map FROM=TO: the program finds at FROM what is at TO, and nothing else changes.

`test_composites_mapped.py` has more of what libc opens by itself.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from shimmed import PYSHIM, Done, ours, run, without_ours

Target = Callable[..., str]
PATH_MAX = 4096
ENOENT, ENAMETOOLONG = 2, 36


@pytest.fixture
def to(tmp_path: Path) -> Path:
    """Where the files really are."""
    folder = tmp_path / "to"
    (folder / "deep/er").mkdir(parents=True)
    (folder / "file").write_text("mapped\n")
    (folder / "deep/file").write_text("mapped deep\n")
    return folder


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    """What the program sees as the folder of `from`: it is there, `from` is not."""
    (tmp_path / "seen").mkdir()
    return tmp_path / "seen"


@pytest.fixture
def source(parent: Path) -> Path:
    return parent / "from"


@pytest.fixture
def decoy(source: Path) -> Path:
    """Files that are at FROM in truth: none of them may be touched."""
    (source / "deep").mkdir(parents=True)
    (source / "file").write_text("not mapped\n")
    return source


def mapped(
    maps: dict[Path, Path],
    *command: str,
    cwd: Path | None = None,
    log: Path | None = None,
) -> Done:
    """Run with these maps; the result without pyshim's lines."""
    words = [
        word for one, other in maps.items() for word in ("--map", f"{one}={other}")
    ]
    words += ["-o", str(log), "--plugin", "log"] if log else []
    return run([*PYSHIM, *words, "--", *command], cwd=cwd)


def python(maps: dict[Path, Path], script: str, *words: object, **options: Path) -> str:
    """What a Python script prints when it runs with these maps."""
    program = "import errno, os, sys\n" + script
    command = [sys.executable, "-S", "-c", program, *map(str, words)]
    done = mapped(maps, *command, **options)
    assert done.stderr == b""
    assert done.status == 0
    return done.stdout.decode()


OPEN = """
for path in map(os.fsencode, sys.argv[1:]):
    try:
        fd = os.open(path, os.O_RDONLY)
        print(os.read(fd, 20).decode().strip() if os.path.isfile(path) else 'a folder')
    except OSError as error:
        print(errno.errorcode[error.errno])
"""


# -- which paths -------------------------------------------------------------------


def test_maps_whole_components_only(source: Path, to: Path, parent: Path) -> None:
    (parent / "fromage").mkdir()
    (parent / "fromage/file").write_text("a neighbour\n")
    (parent / "fro").write_text("a shorter name\n")
    paths = [
        (source / "file", "mapped"),
        (source / "deep/file", "mapped deep"),
        (source, "a folder"),
        (parent / "fromage/file", "a neighbour"),
        (parent / "fro", "a shorter name"),
        (parent / "from.d", "ENOENT"),
        (parent / "x/from/file", "ENOENT"),
        (parent / "From/file", "ENOENT"),
        (source / "missing", "ENOENT"),
    ]
    found = python({source: to}, OPEN, *(path for path, _ in paths))
    assert found.splitlines() == [result for _, result in paths]


SPELLINGS = {
    "{}/file": "mapped",
    "{}//deep///file": "mapped deep",
    "{}/./deep/./file": "mapped deep",
    "{}/deep/../file": "mapped",
    "{}/deep/er/../../file": "mapped",
    "{}/../from/file": "mapped",
    "{}/file/": "ENOTDIR",
    "{}/": "a folder",
    "{}/.": "a folder",
    "{}/deep/": "a folder",
    "/../{}/file": "mapped",
    "//{}/file": "mapped",
    "////{}/file": "mapped",
    "": "ENOENT",
}


def test_spelling(source: Path, to: Path) -> None:
    paths = {text.format(source): result for text, result in SPELLINGS.items()}
    found = python({source: to}, OPEN, *paths).splitlines()
    assert dict(zip(paths, found, strict=True)) == paths


def test_out_of_the_mapped_folder(decoy: Path, to: Path, parent: Path) -> None:
    """`..` is resolved in the text: this path is not below FROM."""
    (parent / "outside").write_text("outside\n")
    assert python({decoy: to}, OPEN, f"{decoy}/../outside") == "outside\n"


@pytest.mark.parametrize(
    ("folder", "path"),
    [
        (".", "from/file"),
        (".", "./from/../from/file"),
        ("other", "../from/file"),
        ("other", "../../seen/from/file"),
        ("other/from", "../../from/file"),
    ],
)
def test_relative_paths(
    folder: str, path: str, source: Path, to: Path, parent: Path
) -> None:
    (parent / "other/from").mkdir(parents=True)
    assert python({source: to}, OPEN, path, cwd=parent / folder) == "mapped\n"


def test_relative_path_elsewhere_is_left_alone(
    source: Path, to: Path, parent: Path
) -> None:
    (parent / "other/from").mkdir(parents=True)
    (parent / "other/from/file").write_text("other\n")
    assert python({source: to}, OPEN, "from/file", cwd=parent / "other") == "other\n"


def test_dirfd(source: Path, to: Path, parent: Path) -> None:
    script = """
above = os.open(sys.argv[1], os.O_RDONLY)
inside = os.open(sys.argv[1] + '/from', os.O_RDONLY)
for dirfd, name in (above, 'from/file'), (inside, 'deep/file'), (inside, 'file'):
    print(os.read(os.open(name, os.O_RDONLY, dir_fd=dirfd), 20).decode(), end='')
os.mkdir('from/made', dir_fd=above)
os.rename('from/file', 'moved', src_dir_fd=above, dst_dir_fd=inside)
os.symlink('../x', 'from/soft', dir_fd=above)
print(os.readlink('soft', dir_fd=inside))
print(os.access('from/moved', os.R_OK, dir_fd=above))
"""
    found = python({source: to}, script, parent)
    assert found == "mapped\nmapped deep\nmapped\n../x\nTrue\n"
    assert sorted(each.name for each in to.iterdir()) == [
        "deep",
        "made",
        "moved",
        "soft",
    ]
    assert list(parent.iterdir()) == []


def test_longest_map_wins(source: Path, to: Path, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner/file").write_text("inner\n")
    (tmp_path / "one").write_text("one file\n")
    maps = {
        source: to,
        source / "deep": tmp_path / "inner",
        source / "deep/er": to / "deep",
        source / "deep/er/one": tmp_path / "one",
    }
    names = "file", "deep/file", "deep/er/file", "deep/er/one", "deeper"
    expected = ["mapped", "inner", "mapped deep", "one file", "ENOENT"]
    for order in (maps, dict(reversed(maps.items()))):
        found = python(order, OPEN, *(source / name for name in names))
        assert found.splitlines() == expected


def test_a_map_is_not_applied_to_what_a_map_gave(
    source: Path, to: Path, parent: Path
) -> None:
    swapped = {source: to, to: source}
    source.mkdir()
    (source / "file").write_text("the other\n")
    assert python(swapped, OPEN, source / "file", to / "file") == "mapped\nthe other\n"


def test_a_single_file(decoy: Path, to: Path) -> None:
    file = decoy / "file"
    found = python({file: to / "file"}, OPEN, file, f"{file}/", f"{file}.d", decoy)
    assert found.splitlines() == ["mapped", "ENOTDIR", "ENOENT", "a folder"]


def test_from_and_to_are_taken_from_the_current_folder(
    source: Path, to: Path, parent: Path
) -> None:
    maps = {Path("from//x/..") / "": Path("../to/")}
    assert python(maps, OPEN, source / "file", cwd=parent) == "mapped\n"


def test_two_slashes_in_front_are_one(source: Path, to: Path) -> None:
    assert python({Path(f"/{source}"): to}, OPEN, source / "file") == "mapped\n"


def test_names_that_are_no_text(source: Path, to: Path) -> None:
    name = os.fsdecode(b"\xff = \xc3\xa4\n")
    (to / name).write_text("odd\n")
    assert python({source: to}, OPEN, source / name) == "odd\n"


# -- which calls -------------------------------------------------------------------


def test_all_path_calls_at_once(
    target: Target, source: Path, to: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    shutil.rmtree(to)
    to.mkdir()
    program = target("path_calls")
    expected = run([program, str(bare)]).stdout.decode()
    assert "opendir: ok\nfopen: ok\ncontent: five\n" in expected
    done = mapped({source: to}, program, str(source))
    assert (done.status, done.stderr) == (0, b"")
    assert done.stdout.decode() == expected
    assert not source.exists()
    files = {
        path.name: (path.stat().st_mode, path.read_text()) for path in to.iterdir()
    }
    theirs = bare.iterdir()
    assert files == {
        path.name: (path.stat().st_mode, path.read_text()) for path in theirs
    }


def test_nothing_happens_at_the_place_it_is_mapped_from(
    target: Target, decoy: Path, to: Path
) -> None:
    before = sorted((str(path), path.lstat()) for path in decoy.rglob("*"))
    mapped({decoy: to}, target("path_calls"), str(decoy))
    assert sorted((str(path), path.lstat()) for path in decoy.rglob("*")) == before
    assert (to / "kept").exists()


def test_two_paths_in_one_call(source: Path, to: Path, parent: Path) -> None:
    script = """
top, out = sys.argv[1:]
os.rename(top + '/file', out + '/was_inside')
os.rename(out + '/was_inside', top + '/back')
os.link(top + '/back', top + '/deep/hard')
os.link(top + '/back', out + '/hard')
os.symlink(top + '/back', top + '/soft')
print(os.readlink(top + '/soft') == top + '/back', os.stat(out + '/hard').st_nlink)
"""
    assert python({source: to}, script, source, parent) == "True 3\n"
    assert (to / "deep/hard").samefile(to / "back")
    # What a link says is text for whoever follows it, not a path of this call.
    assert (to / "soft").readlink() == source / "back"
    assert [path.name for path in parent.iterdir()] == ["hard"]


def test_chdir_goes_to_the_real_folder(source: Path, to: Path, parent: Path) -> None:
    script = """
os.chdir(sys.argv[1])
print(os.getcwd(), open('file').read().strip(), open('deep/../file').read().strip())
open('made', 'w').close()
os.chdir('..')
print(os.getcwd())
"""
    found = python({source: to}, script, source)
    assert found == f"{to} mapped mapped\n{to.parent}\n"
    assert (to / "made").exists()


def test_bad_pointers_stay_bad(target: Target, source: Path, to: Path) -> None:
    program = target("bad_pointers")
    done = mapped({source: to, Path("/dev/x"): to}, program)
    assert without_ours(done) == run([program])
    assert b"EFAULT" in done.stdout
    assert ours(done) == ["pyshim: stepped aside 6 times: a path could not be read"]


# -- long paths --------------------------------------------------------------------


def padded(folder: Path, name: str, length: int) -> str:
    """A path of this many bytes, for `name` in `folder`."""
    padding = length - len(f"{folder}//{name}")
    return f"{folder}/{'./' * (padding // 2)}{'/' * (padding % 2)}/{name}"


def test_near_path_max(decoy: Path, to: Path) -> None:
    lengths = {
        PATH_MAX - 2: "mapped",
        PATH_MAX - 1: "mapped",
        PATH_MAX: "ENAMETOOLONG",
        PATH_MAX + 1: "ENAMETOOLONG",
        3 * PATH_MAX: "ENAMETOOLONG",
    }
    paths = [padded(decoy, "file", length) for length in lengths]
    assert [len(path) for path in paths] == list(lengths)
    found = python({decoy: to}, OPEN, *paths).splitlines()
    assert found == list(lengths.values())


def test_what_is_too_long_at_its_new_place_is_an_error(
    decoy: Path, tmp_path: Path
) -> None:
    """Never the file at the old place: nobody would notice."""
    deep = decoy
    while len(str(deep)) < PATH_MAX - 120:
        deep /= "x" * 100
    deep.mkdir(parents=True)
    (deep / "file").write_text("not mapped\n")
    longer = tmp_path / ("y" * 200)
    longer.mkdir()
    assert python({decoy: longer}, OPEN, deep / "file") == "ENAMETOOLONG\n"
    assert python({decoy / "no": longer}, OPEN, deep / "file") == "not mapped\n"


# -- programs ----------------------------------------------------------------------


def test_a_program_that_is_mapped(source: Path, to: Path) -> None:
    script = to / "run"
    script.write_text("#!/bin/sh\necho ran as $0; exit 3\n")
    shutil.copy(shutil.which("true", path="/bin:/usr/bin") or "", to / "copy")
    script.chmod(0o755)
    shell = f"{source}/run; echo $?; {source}/copy && env -- {source}/copy && echo true"
    done = mapped({source: to}, "bash", "-c", shell)
    assert done.stdout.decode() == f"ran as {to}/run\n3\ntrue\n"
    assert done.stderr == b""


def test_spawned_program_that_is_mapped(target: Target, source: Path, to: Path) -> None:
    shutil.copy(target("getppid_loop"), to / "loop")
    script = """
pid = os.posix_spawn(sys.argv[1], ['loop', '1'], {})
print(os.waitpid(pid, 0)[1])
"""
    found = python({source: to}, script, source / "loop")
    assert found == "EXIT-SUCCESS\n0\n"


def test_children_and_grandchildren(source: Path, to: Path, parent: Path) -> None:
    inner = f"cat {source}/file && env -i /bin/cat {source}/deep/file"
    shell = f"sh -c '{inner}'; (cat from/file | cat); cat < {source}/file"
    done = mapped({source: to}, "bash", "-c", shell, cwd=parent)
    expected = "mapped\nmapped deep\nmapped\nmapped\n"
    assert (done.stdout.decode(), done.stderr) == (expected, b"")


def test_bash(source: Path, to: Path, parent: Path) -> None:
    (to / "sourced").write_text("x=sourced\n")
    shell = """
. "$0/sourced"; echo $x; read y < "$0/file"; echo $y; test -d "$0/deep" && echo yes
cd "$0/deep" && pwd && /bin/pwd -P && echo *
cd "$0" && echo new > made && [ -e "$0/made" ]
"""
    done = mapped({source: to}, "bash", "-c", shell, str(source))
    expected = f"sourced\nmapped\nyes\n{source}/deep\n{to}/deep\ner file\n"
    assert done == Done(0, expected.encode(), b"")
    assert (to / "made").read_text() == "new\n"


def test_cat_and_ls(source: Path, to: Path) -> None:
    cat = mapped({source: to}, "cat", f"{source}/file", f"{source}/deep/file")
    assert cat == Done(0, b"mapped\nmapped deep\n", b"")
    ls = mapped({source: to}, "ls", "-ld", str(source), f"{source}/file")
    real = run(["ls", "-ld", str(to), f"{to}/file"])
    assert ls.stdout.replace(os.fsencode(source), os.fsencode(to)) == real.stdout
    assert (ls.status, ls.stderr) == (0, b"")


def test_a_folder_that_opendir_opens(source: Path, to: Path) -> None:
    assert mapped({source: to}, "ls", str(source)) == Done(0, b"deep\nfile\n", b"")


def test_git(source: Path, to: Path, tmp_path: Path) -> None:
    identity = ["-c", "user.name=Somebody", "-c", "user.email=a@b.invalid"]
    git = ["env", f"HOME={tmp_path}", "GIT_CONFIG_NOSYSTEM=1", "git"]
    shell = 'git init -q "$0" && cd "$0" && git add . && git status --short && "$@"'
    commit = ["git", *identity, "commit", "-qm", "all"]
    done = mapped({source: to}, *git[:3], "bash", "-c", shell, str(source), *commit)
    expected = b"A  deep/file\nA  file\n"
    assert done == Done(0, expected, b"")
    log = mapped({source: to}, *git, "-C", str(source), "log", "--format=%s")
    assert log == Done(0, b"all\n", b"")
    assert (to / ".git/HEAD").exists() and not source.exists()


# -- what is told ------------------------------------------------------------------


def test_log_shows_what_the_kernel_got(source: Path, to: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    mapped({source: to}, "cat", f"{source}/file", "/dev/null", log=log)
    opened = [line for line in log.read_text().splitlines() if "openat(" in line]
    assert any(f'openat(AT_FDCWD, "{to}/file", O_RDONLY)' in line for line in opened)
    assert any('openat(AT_FDCWD, "/dev/null", O_RDONLY)' in line for line in opened)
    assert str(source) not in "\n".join(opened)


def test_rules_see_the_path_the_program_gave(source: Path, to: Path) -> None:
    rule = f"inject=openat:error=EIO:path={source}/*"
    words = ["-e", rule, "--map", f"{source}={to}"]
    done = run([*PYSHIM, *words, "cat", f"{source}/file"])
    assert done.status == 1
    assert b"Input/output error" in done.stderr


@pytest.mark.parametrize(
    ("maps", "word"),
    [
        (["nothing"], "FROM=TO"),
        (["=/tmp"], "FROM=TO"),
        (["/x="], "FROM=TO"),
        (["="], "FROM=TO"),
        ([""], "FROM=TO"),
        (["/x=/no/such/place"], "/no/such/place"),
        (["/=."], "FROM"),
        (["//.=."], "FROM"),
        (["//x=.", "/x=/"], "twice"),
        (["/x=.", "/x/=/"], "twice"),
        (["/x=.", "/y/../x=."], "twice"),
        ([], "--map"),
    ],
)
def test_bad_maps_stop_the_run(maps: list[str], word: str, tmp_path: Path) -> None:
    words = [word for each in maps for word in ("--map", each)]
    command = [*PYSHIM, "--plugin", "rewrite", *words, "--", "touch", "ran"]
    done = run(command, cwd=tmp_path)
    assert (done.status, done.stdout) == (125, b"")
    assert len(ours(done)) == 1
    assert without_ours(done).stderr == b""
    assert word in ours(done)[0]
    assert not (tmp_path / "ran").exists()


def test_map_switches_the_plugin_on(source: Path, to: Path) -> None:
    done = subprocess.run(
        [*PYSHIM, f"--map={source}={to}", "cat", str(source / "file")],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"mapped\n", b"")
