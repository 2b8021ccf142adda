"""Builds the C parts; everything else is in pyproject.toml.

- libpyshim.so, libpyburn.so and table.json by `make -C shim`, into pyshim/_lib;
- pyshim._host, an ordinary cffi extension: the host's side of the shared memory;
- libpybridge.so, a cffi embedding library linked to this Python's libpython. Without a
  shared libpython it is left out, and Python hooks run in the host.
"""

from __future__ import annotations

import runpy
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from cffi import FFI
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent.resolve()
SHIM = ROOT / "shim"
HOST_SOURCES = ("pyshim/_host.c", "pyshim/_host_hooks.c", "pyshim/_host_share.c",
                "pyshim/_remote.c")  # fmt: skip
"""In this order they are one C file."""
BRIDGE_HEADERS = ("call.h", "shared.h")
CDEFS = runpy.run_path(str(ROOT / "pyshim" / "_cdefs.py"))


def host_source(out: Path) -> None:
    """C code of pyshim._host."""
    ffi = FFI()
    names = ("call.h", "wire.h", "patch_wire.h", "remote_wire.h", "shared.h")
    headers = [SHIM / name for name in names]
    layouts = "\n".join(map(CDEFS["declarations"], headers))
    parts = ("HOST_FUNCTIONS", "REMOTE_FUNCTIONS", "REGULAR_EXPRESSIONS")
    ffi.cdef(layouts + "".join(CDEFS[part] for part in parts))
    includes = "#include <regex.h>\n"
    includes += "".join(f'#include "{header}"\n' for header in headers)
    code = includes + "".join((ROOT / each).read_text() for each in HOST_SOURCES)
    ffi.set_source("pyshim._host", code)
    ffi.emit_c_code(str(out))


def bridge_source(out: Path) -> None:
    """C code of libpybridge.so."""
    ffi = FFI()
    layouts = "\n".join(CDEFS["declarations"](SHIM / name) for name in BRIDGE_HEADERS)
    ffi.cdef(layouts + CDEFS["BRIDGE_HOOKS"])
    ffi.embedding_api("")
    parts = ("embed_call.c", "embed_hooks.c", "embed.c")
    ffi.set_source("_pyshim_bridge", "".join((SHIM / p).read_text() for p in parts))
    ffi.embedding_init_code(
        "from _pyshim_bridge import ffi, lib\n"
        "from pyshim import inside\n"
        "inside.install(ffi, lib)\n"
    )
    ffi.emit_c_code(str(out))


def shared_libpython() -> bool:
    """Whether there is a libpython to link the bridge to."""
    return bool(sysconfig.get_config_var("Py_ENABLE_SHARED"))


class BuildAll(build_ext):
    """Adds the two shim libraries and the bridge to what setuptools builds."""

    def run(self) -> None:
        """Build pyshim._host as setuptools does, then the rest beside it."""
        temp = Path(self.build_temp)
        temp.mkdir(parents=True, exist_ok=True)
        host_source(temp / "_host.c")
        for ext in self.extensions:
            ext.sources = [str(temp / "_host.c")]
        super().run()
        inplace = self.inplace or self.editable_mode
        out = (ROOT if inplace else Path(self.build_lib).resolve()) / "pyshim" / "_lib"
        self.build_shim(out)
        self.build_bridge(temp / "_bridge.c", out)

    def build_shim(self, out: Path) -> None:
        """Run the shim's own Makefile: the one description of that build."""
        subprocess.run(
            ["make", "-s", "-C", str(SHIM), f"OUT={out}", f"PYTHON={sys.executable}"],
            check=True,
        )

    def build_bridge(self, source: Path, out: Path) -> None:
        """Compile and link the embedding library."""
        if not shared_libpython():
            self.announce("no shared libpython: Python hooks run in the host", level=3)
            return
        bridge_source(source)
        variables = sysconfig.get_config_vars()
        library = f"python{variables['LDVERSION']}"
        include = sysconfig.get_paths()["include"]
        flags = ["-O2", "-g", "-fPIC", "-shared", "-fvisibility=hidden", "-pthread"]
        subprocess.run(
            [
                *(shutil.which("gcc") or "cc",), *flags, f"-I{include}", f"-I{SHIM}",
                str(source), "-o", str(out / "libpybridge.so"),
                f"-L{out}", "-Wl,--no-as-needed", "-l:libpyburn.so", "-Wl,--as-needed",
                f"-L{variables['LIBDIR']}", f"-l{library}",
                f"-Wl,-rpath,$ORIGIN:{variables['LIBDIR']}",
                "-Wl,--disable-new-dtags",
            ],
            check=True,
        )  # fmt: skip


HOST = Extension(
    "pyshim._host",
    sources=["pyshim/_host.c"],
    depends=[*HOST_SOURCES, *map(str, SHIM.glob("*.h"))],
)

setup(
    ext_modules=[HOST],
    cmdclass={"build_ext": BuildAll},
)
