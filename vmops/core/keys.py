"""The secrets that vmops makes for its own use. Each is a file of mode 0600, made once and then reused."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from vmops.core import private
from vmops.core.state_dir import digest_key_path, passphrase_path, ssh_key_path

_COMMENT = " vmops"
"""The comment at the end of a public key that vmops has made."""


def passphrase_file(state_dir: Path) -> Path:
    """Give the file with the passphrase with which the engine encrypts secrets in its state."""
    return _once(passphrase_path(state_dir), lambda: secrets.token_urlsafe(32).encode())


def digest_key(state_dir: Path) -> bytes:
    """Give the key of the digests. Without it, a password cannot be guessed from a record."""
    return _once(digest_key_path(state_dir), lambda: secrets.token_bytes(32)).read_bytes()


def ssh_key_file(state_dir: Path, stack: str) -> Path:
    """Give the private key made for one VM, in OpenSSH's format."""
    return _once(ssh_key_path(state_dir, stack), new_private_key)


def existing_ssh_key_file(state_dir: Path, stack: str) -> Path | None:
    """Give the private key that was made for one VM; None if there is none."""
    path = ssh_key_path(state_dir, stack)
    return path if path.exists() else None


def ssh_public_key(state_dir: Path, stack: str) -> str:
    """Give the public half of `ssh_key_file`, as one line of an ``authorized_keys`` file."""
    private = ssh_key_file(state_dir, stack)
    return _once(private.with_name(f"{private.name}.pub"), lambda: public_line(private.read_bytes())).read_text()


def is_made_here(public_line: str) -> bool:
    """Tell whether a public key was made by vmops, on any host."""
    return public_line.strip().endswith(_COMMENT)


def _once(path: Path, make: Callable[[], bytes]) -> Path:
    """Make a file unless it exists. If two processes make it at once, the first wins. No reader sees a partial file."""
    if not path.exists():
        private.make_directory(path.parent)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(make())
            os.fsync(descriptor)
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path


def new_private_key() -> bytes:
    """Make a private key, in OpenSSH's format."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


def public_line(private: bytes) -> bytes:
    """Give the public half of a private key, as `ssh_public_key` does."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

    key = load_ssh_private_key(private, password=None)
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + _COMMENT.encode()
