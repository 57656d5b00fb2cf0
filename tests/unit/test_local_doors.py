"""The ports of the local Azure."""

from contextlib import closing

import pytest

from vmops.local.listeners import listen


def test_a_used_port_is_refused() -> None:
    """Two local Azures of a copied state directory may start at the same moment."""
    with closing(listen(0)) as first, pytest.raises(OSError, match="in use"):
        listen(first.getsockname()[1])
