"""The description of a parameter."""

from typing import NamedTuple


class Described(NamedTuple):
    """One parameter in words: its type, what it does, and what a new value does to an existing VM."""

    type: str
    meaning: str
    changed: str
