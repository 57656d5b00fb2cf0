"""One connection to a guest, as it is to be spoken: who may log in, and to what."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Visit:
    """Who may log in to a guest, and by which key it shows itself; a password is sealed, and none if empty.

    ``processors`` is how many the guest has, and ``longest`` the bytes after which the connection breaks off; 0, never.
    """

    user: str
    password: str = field(repr=False)
    host_key: bytes = field(repr=False)
    processors: int = 1
    longest: int = 0
