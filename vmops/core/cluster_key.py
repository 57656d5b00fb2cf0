"""The key that hosts with shared records have in common. It encrypts what must not be readable in the database."""

import hashlib
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vmops.core import private
from vmops.core.errors import StoreError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_BYTES = 32
_ID = 4
_NONCE = 12
"""Bytes of a nonce. Source: NIST SP 800-38D: 96 bits, unique for each key."""

_JOIN = "copy it from a host that has it, and run `vmops cluster join FILE`"


@dataclass(frozen=True)
class ClusterKey:
    """The key, from a file of mode 0600. Each kind of secret has a key derived from it (HKDF), used with AES-GCM."""

    secret: bytes = field(repr=False)
    path: Path

    @classmethod
    def read(cls, path: Path) -> "ClusterKey":
        """Read the key. Raises: StoreError if the file does not exist, contains no key, or may be read by others."""
        try:
            found = path.read_bytes()
            mode = path.stat().st_mode
        except OSError as error:
            raise StoreError(f"the cluster's key {path} cannot be read ({error.strerror}): {_JOIN}") from None
        if mode & 0o077:
            raise StoreError(f"others may read the cluster's key {path}: chmod 600 it")
        if len(found) != _BYTES:
            raise StoreError(f"{path} is no cluster's key: {_JOIN}")
        return cls(found, path)

    @classmethod
    def make(cls, path: Path) -> bool:
        """Make a key unless it exists; tell whether it was made."""
        return _put(path, secrets.token_bytes(_BYTES))

    def copy(self, path: Path) -> None:
        """Copy the key to another file. Raises: StoreError if that has another key."""
        if not _put(path, self.secret) and ClusterKey.read(path).secret != self.secret:
            raise StoreError(f"{path} is another cluster's key: move it away first")

    def seal(self, label: str, name: str, plain: bytes) -> bytes:
        """Encrypt a secret; it can be opened with the same label and name only."""
        nonce = os.urandom(_NONCE)
        return self._id + nonce + self._cipher(label).encrypt(nonce, plain, name.encode())

    def open(self, label: str, name: str, sealed: bytes) -> bytes:
        """Decrypt what `seal` gave. Raises: StoreError if it was sealed with another key, label or name."""
        from cryptography.exceptions import InvalidTag

        nonce, rest = sealed[_ID : _ID + _NONCE], sealed[_ID + _NONCE :]
        try:
            if sealed[:_ID] == self._id:
                return self._cipher(label).decrypt(nonce, rest, name.encode())
        except InvalidTag:
            pass
        raise StoreError(f"{name} was sealed with another key than that in {self.path}: {_JOIN}")

    @property
    def _id(self) -> bytes:
        return hashlib.sha256(b"vmops cluster key\n" + self.secret).digest()[:_ID]

    def _cipher(self, label: str) -> "AESGCM":
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return AESGCM(HKDF(SHA256(), _BYTES, None, f"vmops {label}".encode()).derive(self.secret))


def _put(path: Path, content: bytes) -> bool:
    """Write a file, as a whole, unless it exists; tell whether it was written."""
    private.make_directory(path.parent)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with private.open_file(draft, "xb") as file:
            file.write(content)
        path.hardlink_to(draft)
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    return True
