"""Process hooks in the host: as test_bridge_host_long.py, for what they are told."""

from __future__ import annotations

import pytest
from test_bridge_host import pyshim  # noqa: F401
from test_process_hooks import *  # noqa: F403
from test_process_hooks import pytestmark as in_both_layers

pytestmark = [pytest.mark.long, in_both_layers]
