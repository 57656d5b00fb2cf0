"""The key that hosts with shared records have in common. It encrypts what must not be readable in the database."""

import hashlib
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import TYPE_CHECKING

from vmops.core import private
from vmops.core.errors import StoreError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_BYTES = 32
ID_BYTES = 4
_NONCE = 12
"""Bytes of a nonce. Source: NIST SP 800-38D: 96 bits, unique for each key."""

_JOIN = "copy it from a host that has it, and run `vmops cluster join FILE`"


@dataclass(frozen=True)
class ClusterKey:
    """The keys in a file of mode 0600: one, or the old and the new one while one replaces the other.

    Each kind of secret has a derived key (HKDF), which is used with AES-GCM. What any of the keys has sealed can be
    opened.
    """

    secrets: tuple[bytes, ...] = field(repr=False)
    path: Path

    @classmethod
    def read(cls, path: Path) -> "ClusterKey":
        """Read the keys. Raises: StoreError if the file does not exist, contains no key, or may be read by others."""
        try:
            found = path.read_bytes()
            mode = path.stat().st_mode
        except OSError as error:
            raise StoreError(f"the cluster's key {path} cannot be read ({error.strerror}): {_JOIN}") from None
        if mode & 0o077:
            raise StoreError(f"others may read the cluster's key {path}: chmod 600 it")
        if not found or len(found) % _BYTES:
            raise StoreError(f"{path} is no cluster's key: {_JOIN}")
        return cls(tuple(found[at : at + _BYTES] for at in range(0, len(found), _BYTES)), path)

    @classmethod
    def make(cls, path: Path) -> bool:
        """Make a key unless it exists; tell whether it was made."""
        return _put(path, token_bytes(_BYTES))

    @property
    def ids(self) -> tuple[bytes, ...]:
        """Identify the keys, the oldest first; nobody can tell a key from its id."""
        return tuple(hashlib.sha256(b"vmops cluster key\n" + each).digest()[:ID_BYTES] for each in self.secrets)

    def copy(self, path: Path) -> None:
        """Copy the keys to another file; one that has any of them is replaced. Raises: StoreError if it has others."""
        if _put(path, b"".join(self.secrets)):
            return
        if not {*ClusterKey.read(path).secrets} & {*self.secrets}:
            raise StoreError(f"{path} is another cluster's key: move it away first")
        self._write(path)

    def with_new(self) -> "ClusterKey":
        """Put a new key into the file, beside the one that is there; if there are two, they stay."""
        if len(self.secrets) > 1:
            return self
        return replace(self, secrets=(*self.secrets, token_bytes(_BYTES)))._write(self.path)

    def without_old(self) -> "ClusterKey":
        """Take all keys out of the file but the newest."""
        return replace(self, secrets=self.secrets[-1:])._write(self.path)

    def seal(self, label: str, name: str, plain: bytes, by: bytes = b"") -> bytes:
        """Encrypt a secret with the key of an id, else with the oldest; it needs the same label and name to be opened.

        Raises: StoreError if there is no such key.
        """
        nonce, key_id = os.urandom(_NONCE), by or self.ids[0]
        return key_id + nonce + self._cipher(label, key_id, name).encrypt(nonce, plain, name.encode())

    def open(self, label: str, name: str, sealed: bytes) -> bytes:
        """Decrypt the result of `seal`. Raises: StoreError if it was sealed with another key, label or name."""
        from cryptography.exceptions import InvalidTag

        key_id, nonce, rest = sealed[:ID_BYTES], sealed[ID_BYTES : ID_BYTES + _NONCE], sealed[ID_BYTES + _NONCE :]
        try:
            return self._cipher(label, key_id, name).decrypt(nonce, rest, name.encode())
        except InvalidTag:
            raise self._another(name) from None

    def _another(self, name: str) -> StoreError:
        return StoreError(f"{name} was sealed with another key than that in {self.path}: {_JOIN}")

    def _cipher(self, label: str, key_id: bytes, name: str) -> "AESGCM":
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        known = dict(zip(self.ids, self.secrets, strict=True))
        if key_id not in known:
            raise self._another(name)
        return AESGCM(HKDF(SHA256(), _BYTES, None, f"vmops {label}".encode()).derive(known[key_id]))

    def _write(self, path: Path) -> "ClusterKey":
        private.write_whole(path, b"".join(self.secrets))
        return replace(self, path=path)


def _put(path: Path, content: bytes) -> bool:
    """Write a file, as a whole, unless it exists; tell whether it was written."""
    private.make_directory(path.parent)
    draft = path.with_name(f".{path.name}.{token_hex(4)}")
    try:
        with private.open_file(draft, "xb") as file:
            file.write(content)
        path.hardlink_to(draft)
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    return True
