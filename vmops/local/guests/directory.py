"""A guest's directory, reached by a descriptor only: its user may not enter any directory above it."""

import fcntl
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace

from vmops.core.processes import start_ticks
from vmops.local.guests.handle import NAME, Handle

_WRITE = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW


class Directory:
    """A guest's directory; a file in it is written whole or not at all."""

    def __init__(self, guests: int, name: str) -> None:
        with suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=guests)
        self.descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=guests)

    def lock(self) -> int | None:
        """Take the lock that the process that waits for a guest's end holds; None while an earlier one holds it."""
        descriptor = os.open("lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600, dir_fd=self.descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def console(self) -> int:
        """Open the file for the guest's console output."""
        return os.open("console.log", _WRITE | os.O_APPEND, 0o600, dir_fd=self.descriptor)

    def renew(self, name: str, files: Mapping[str, bytes]) -> None:
        """Replace a directory in it by a new one with these programs."""
        with suppress(FileNotFoundError):
            shutil.rmtree(name, dir_fd=self.descriptor)
        os.mkdir(name, 0o755, dir_fd=self.descriptor)
        for each, content in files.items():
            self.write(f"{name}/{each}", content, 0o755)

    def forget(self, name: str) -> None:
        """Delete a file, if it is there."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.descriptor)

    def has(self, name: str) -> bool:
        """Tell whether there is an entry of a name."""
        with suppress(OSError):
            os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
            return True
        return False

    def handle(self) -> Handle:
        """Give the record of the guest."""
        with suppress(ValueError, TypeError):
            return Handle(**json.loads(self.read(NAME)))
        return Handle()

    def remember(self, handle: Handle) -> None:
        """Write the record of the guest."""
        self.write(NAME, json.dumps(asdict(handle)).encode())

    def read(self, name: str) -> bytes:
        """Read a file; empty if it does not exist."""
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=self.descriptor)
        except FileNotFoundError:
            return b""
        with os.fdopen(descriptor, "rb") as file:
            return file.read()

    def write(self, name: str, content: bytes, mode: int = 0o600) -> None:
        """Write a file."""
        draft = f"{name}.new"
        with os.fdopen(os.open(draft, _WRITE | os.O_TRUNC, mode, dir_fd=self.descriptor), "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
        os.rename(draft, name, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.descriptor)


def remember_begun(begun: Handle, directory: int, pid: int) -> None:
    """Record that a guest has begun. Another process does that, which survives if ours is killed."""
    Directory(directory, ".").remember(replace(begun, pid=pid, ticks=start_ticks(pid) or 0))
