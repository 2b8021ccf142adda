"""Python hooks in the host: what they see and decide is what it is in the target.

The rest of it, errors, limits, safety and what is shared, `make outside` tries
(test_bridge_host_long.py); what only one of the two has is in test_bridge_choice.py.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from reports import Done
from test_hook_calls import *  # noqa: F403
from test_hooks import *  # noqa: F403
from test_options_inside import *  # noqa: F403


@pytest.fixture
def pyshim(pyshim: Callable[..., Done]) -> Callable[..., Done]:
    """The same as everywhere, with hooks in the host."""

    def go(*words: str, **options: object) -> Done:
        where = () if words[0].isalpha() or words == ("--help",) else ("--bridge=host",)
        return pyshim(*where, *words, **options)

    return go
