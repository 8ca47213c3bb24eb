"""Secrets that have to be read again (unlike passwords and tokens, which are hashed), encrypted at rest.

Fernet: AES-128 in CBC mode with HMAC-SHA256. A ring of keys lets an operator bring in a new one while what older ones
have encrypted can still be read.
"""

import hmac
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from tone_shootout.kit.settings import SettingsError


class UnreadableSecretError(Exception):
    """What was stored can't be decrypted with any key of the ring, or was stored for something else."""


class KeyRing:
    """Encrypts with its first key, decrypts with any.

    Args:
        keys: Fernet keys (32 bytes in URL-safe Base64), the newest first.

    Raises:
        SettingsError: no key, or one that is none.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise SettingsError("SHOOTOUT_SECURITY_ENCRYPTION_KEYS: not set (`shootout serve` makes one)")
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise SettingsError(
                "SHOOTOUT_SECURITY_ENCRYPTION_KEYS: expected keys of 32 bytes in URL-safe Base64"
            ) from None

    def encrypt(self, secret: str, purpose: str) -> bytes:
        """Return `secret` encrypted; it can be decrypted for the same `purpose` only.

        Args:
            secret: any text.
            purpose: what it is and whose, for instance `webhook:{id}`, so that a row's content is of no use in another.
        """
        return self._fernet.encrypt(f"{purpose}\0{secret}".encode())

    def decrypt(self, stored: bytes, purpose: str) -> str:
        """Return what was encrypted for `purpose`.

        Raises:
            UnreadableSecretError: no key fits, it was changed, or it was encrypted for another purpose.
        """
        try:
            found, _, secret = self._fernet.decrypt(stored).decode().partition("\0")
        except InvalidToken:
            raise UnreadableSecretError from None
        if not hmac.compare_digest(found.encode(), purpose.encode()):
            raise UnreadableSecretError
        return secret

    def renew(self, stored: bytes) -> bytes:
        """Return the same secret encrypted with the ring's first key.

        Raises:
            UnreadableSecretError: no key fits, or it was changed.
        """
        try:
            return self._fernet.rotate(stored)
        except InvalidToken:
            raise UnreadableSecretError from None
