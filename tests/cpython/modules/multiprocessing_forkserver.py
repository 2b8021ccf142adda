"""test_multiprocessing_forkserver, which `make install` of some CPythons forgets."""

from __future__ import annotations

from test import _test_multiprocessing as tests

tests.install_tests_in_module_dict(globals(), "forkserver")
