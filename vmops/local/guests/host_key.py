"""The host key of a guest, made once, in its directory."""

from contextlib import suppress

from vmops.local.guests.directory import Directory

PRIVATE, PUBLIC = "host_key", "host_key.pub"
"""The files of its halves, in OpenSSH's form; the public one is written last."""


class HostKey:
    """A guest's host key as its host knows it; both halves are empty until it is made."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self.private, self.public = b"", ""

    @property
    def is_there(self) -> bool:
        """Tell whether it is known."""
        if not self.public:
            with suppress(OSError):
                self.public = self._directory.read(PUBLIC).decode().strip()
                self.private = self._directory.read(PRIVATE)
        return bool(self.public)
