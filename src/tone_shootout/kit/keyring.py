"""Encryption at rest of secrets that must be read back, unlike passwords and tokens, which are hashed.

Fernet: AES-128 in CBC mode with HMAC-SHA256. A ring of several keys allows rotation: a new key encrypts while older
keys still decrypt.
"""

import base64
import hmac
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from tone_shootout.kit.settings import SettingsError

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

_KEY_BYTES: Final = 32


class UnreadableSecretError(Exception):
    """A stored secret cannot be decrypted with any key of the ring, or was encrypted for another purpose."""


class KeyRing:
    """Encrypts with its first key, decrypts with any.

    Args:
        keys: Fernet keys (32 bytes in URL-safe Base64), newest first.

    Raises:
        SettingsError: no key is given, or a key is malformed.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise SettingsError("SHOOTOUT_SECURITY_ENCRYPTION_KEYS: not set (`shootout serve` creates one)")
        if not all(_is_key(key) for key in keys):
            raise SettingsError("SHOOTOUT_SECURITY_ENCRYPTION_KEYS: expected keys of 32 bytes in URL-safe Base64")
        self._keys = tuple(keys)

    @cached_property
    def _fernet(self) -> "MultiFernet":
        # Its library takes 10 MB of memory, in processes of which many never decrypt anything.
        from cryptography.fernet import Fernet, MultiFernet

        return MultiFernet([Fernet(key) for key in self._keys])

    def encrypt(self, secret: str, purpose: str) -> bytes:
        """Encrypt a secret; it can be decrypted for the same `purpose` only.

        Args:
            secret: any text.
            purpose: kind and owner of the secret, for instance `webhook:{id}`; ciphertext of another row is rejected.
        """
        return self._fernet.encrypt(f"{purpose}\0{secret}".encode())

    def decrypt(self, stored: bytes, purpose: str) -> str:
        """Decrypt a secret.

        Raises:
            UnreadableSecretError: no key fits, the ciphertext was modified, or it was encrypted for another purpose.
        """
        from cryptography.fernet import InvalidToken

        try:
            found, _, secret = self._fernet.decrypt(stored).decode().partition("\0")
        except InvalidToken:
            raise UnreadableSecretError from None
        if not hmac.compare_digest(found.encode(), purpose.encode()):
            raise UnreadableSecretError
        return secret

    def rotate(self, stored: bytes) -> bytes:
        """Encrypt a stored secret again, with the first key of the ring.

        Raises:
            UnreadableSecretError: no key fits, or the ciphertext was modified.
        """
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.rotate(stored)
        except InvalidToken:
            raise UnreadableSecretError from None


def _is_key(key: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(key)) == _KEY_BYTES
    except ValueError:
        return False
