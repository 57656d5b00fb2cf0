"""The terms of one SSH connection to a guest: who may log in, and what limits it."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class SshTerms:
    """Who may log in to a guest, and its host key; the password is sealed, empty for none.

    ``processors`` is how many the guest has. After ``longest`` bytes the connection is cut; 0 for never.
    """

    user: str
    password: str = field(repr=False)
    host_key: bytes = field(repr=False)
    processors: int = 1
    longest: int = 0
