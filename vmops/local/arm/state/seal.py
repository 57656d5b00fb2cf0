"""Encrypts what is stored secretly and needed again later."""

import base64
import hashlib
import json

from vmops.local.arm.state.resource import Json

_PURPOSE = b"vmops.local.arm.seal"


class Seal:
    """Encrypts with a key derived from a secret: the daemon's token, which its successors keep."""

    def __init__(self, secret: str) -> None:
        self._key = base64.urlsafe_b64encode(hashlib.sha256(_PURPOSE + secret.encode()).digest())

    def close(self, plain: Json) -> str:
        """Return an object encrypted."""
        from cryptography.fernet import Fernet  # imported late: the daemon starts faster

        return Fernet(self._key).encrypt(json.dumps(plain).encode()).decode()

    def open(self, sealed: str) -> Json | None:
        """Return a decrypted object; None if it was sealed with another key."""
        from cryptography.fernet import Fernet, InvalidToken

        try:
            return dict(json.loads(Fernet(self._key).decrypt(sealed.encode())))
        except InvalidToken:
            return None
