"""How a parameter is described."""

from typing import NamedTuple


class Described(NamedTuple):
    """One parameter in words: of which type it is, what it does, and what another value does to a VM that is there."""

    type: str
    meaning: str
    changed: str
