"""The description of a parameter."""

from typing import NamedTuple


class Described(NamedTuple):
    """One parameter in words: its type, its meaning, and the effect of a new value on an existing VM."""

    type: str
    meaning: str
    changed: str
