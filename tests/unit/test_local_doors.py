"""The ports of the local Azure: each is one process's, or refused before anything is promised about it."""

from contextlib import closing

import pytest

from vmops.local.listeners import listen


def test_a_port_that_is_listened_at_is_refused_to_another() -> None:
    """Two local Azures that remember one port, because a state directory was copied, may start at the same moment."""
    with closing(listen(0)) as first, pytest.raises(OSError, match="in use"):
        listen(first.getsockname()[1])
