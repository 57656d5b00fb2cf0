"""Secrets of a machine: stored as salted hashes, only to compare them with later requests."""

import hashlib
import hmac
import os

_COST = {"n": 2**11, "r": 8, "p": 1}


def seal(secret: str) -> str:
    """Return a salted hash of a secret."""
    salt = os.urandom(16)
    return f"{salt.hex()}:{hashlib.scrypt(secret.encode(), salt=salt, **_COST).hex()}"


def matches(secret: str, sealed: str) -> bool:
    """Tell whether a secret is the one that was sealed."""
    salt, _, digest = sealed.partition(":")
    found = hashlib.scrypt(secret.encode(), salt=bytes.fromhex(salt), **_COST)
    return hmac.compare_digest(found.hex(), digest)
