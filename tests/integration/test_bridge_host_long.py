"""Python hooks in the host: all that is tested of them in the target holds there, too.

`make outside`; a part is in test_bridge_host.py, which `make test` runs.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from reports import Done
from test_hook_errors import *  # noqa: F403
from test_hook_limit import *  # noqa: F403
from test_hooks_safety import *  # noqa: F403
from test_shared import *  # noqa: F403

pytestmark = pytest.mark.long

# Its hook looks at its own /proc/self.
del test_a_hook_may_do_what_is_hooked  # noqa: F821
# Its processes are killed within updates; a stand-in mostly comes to the end of its.
del test_killed_in_the_middle_of_updates  # noqa: F821
# Hooks in the host can always tell it.
del test_where_the_host_can_not_be_told  # noqa: F821
del test_where_nobody_can_be_told  # noqa: F821
del test_strict_where_the_host_can_not_be_told  # noqa: F821


@pytest.fixture
def pyshim(
    request: pytest.FixtureRequest, pyshim: Callable[..., Done]
) -> Callable[..., Done]:
    """The same as everywhere, with hooks in the host."""
    if "pidns" in request.node.name:
        pytest.skip("no hook is asked in another pid namespace: test_bridge_choice.py")

    def go(*words: str, **options: object) -> Done:
        where = () if words[0].isalpha() or words == ("--help",) else ("--bridge=host",)
        return pyshim(*where, *words, **options)

    return go
