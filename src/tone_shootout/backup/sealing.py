"""Encryption of a backup's files.

The key is derived from a passphrase by scrypt (RFC 7914). Each file has a key of its own, derived from it by
HKDF-SHA-256 (RFC 5869) with a random salt and the name of the file, so that files can't be exchanged. The content is
encrypted in chunks by ChaCha20-Poly1305 (RFC 8439) with the chunk's number and a flag for the last one as nonce, so
that chunks can't be dropped, repeated or reordered: the STREAM construction, laid out as in the payload of age
(https://age-encryption.org/v1).
"""

import hashlib
import hmac
import os
from collections.abc import Iterator
from typing import BinaryIO, Final

from msgspec import Struct

from tone_shootout.backup.errors import DamagedError, WrongKeyError

CHUNK_BYTES: Final = 1 << 16
TAG_BYTES: Final = 16
SALT_BYTES: Final = 16
MINIMUM_CHARACTERS: Final = 12
"""Shortest passphrase. A random one of 32 characters is better: `openssl rand -base64 32`."""
_N: Final = 1 << 17
_R: Final = 8
_P: Final = 1
MAXIMUM_N: Final = 1 << 20
"""Largest accepted cost, 1 GB of memory: the header of a backup from elsewhere could ask for anything."""
_CONTEXT: Final = b"tone-shootout backup 1"


class KeyRecord(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the key of a backup is derived from its passphrase.

    Attributes:
        method: `scrypt`.
        salt: random, 32 hexadecimal digits.
        n: cost of scrypt.
        r: block size of scrypt.
        p: parallelization of scrypt.
        check: HMAC-SHA-256 under the derived key, by which a wrong passphrase is recognized.
    """

    method: str
    salt: str
    n: int
    r: int
    p: int
    check: str


class Seal:
    """Encrypts and decrypts the files of one backup.

    Args:
        key: 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def create(cls, passphrase: str) -> tuple["Seal", KeyRecord]:
        """Derive a new key.

        Raises:
            WrongKeyError: the passphrase is too short.
        """
        if len(passphrase) < MINIMUM_CHARACTERS:
            raise WrongKeyError(f"the key of the backup is too short: at least {MINIMUM_CHARACTERS} characters")
        salt = os.urandom(SALT_BYTES)
        seal = cls(_derive(passphrase, salt, _N, _R, _P))
        return seal, KeyRecord(method="scrypt", salt=salt.hex(), n=_N, r=_R, p=_P, check=seal._check())

    @classmethod
    def open(cls, passphrase: str, record: KeyRecord) -> "Seal":
        """Derive the key of an existing backup.

        Raises:
            WrongKeyError: it is not the backup's passphrase.
            DamagedError: the record asks for an unknown method or an unreasonable cost.
        """
        is_power = record.n >= 2 and record.n & (record.n - 1) == 0
        if record.method != "scrypt" or not is_power or record.n > MAXIMUM_N or (record.r, record.p) != (_R, _P):
            raise DamagedError("the header of the backup asks for an unknown encryption, or for too much memory")
        try:
            salt = bytes.fromhex(record.salt)
        except ValueError:
            raise DamagedError("the header of the backup is damaged: its salt is not hexadecimal") from None
        seal = cls(_derive(passphrase, salt, record.n, record.r, record.p))
        if not hmac.compare_digest(seal._check().encode(), record.check.encode()):
            raise WrongKeyError("this is not the key of the backup")
        return seal

    def object_name(self, sha256: str) -> str:
        """Return the name of an object's file, which does not tell its content: 64 hexadecimal digits."""
        return self._mac(b"object " + sha256.encode())

    def encrypt(self, name: str) -> "Encryptor":
        """Return an encryptor of the file `name`."""
        salt = os.urandom(SALT_BYTES)
        return Encryptor(self._file_key(name, salt), salt)

    def decrypt(self, name: str, file: BinaryIO) -> Iterator[bytes]:
        """Yield the content of the file `name`, chunk by chunk.

        Raises:
            DamagedError: the file was changed, cut or exchanged; chunks before the damage may have been yielded.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

        salt = file.read(SALT_BYTES)
        cipher = ChaCha20Poly1305(self._file_key(name, salt))
        number, chunk = 0, file.read(CHUNK_BYTES + TAG_BYTES)
        while True:
            following = file.read(CHUNK_BYTES + TAG_BYTES)
            try:
                yield cipher.decrypt(_nonce(number, is_last=not following), chunk, None)
            except InvalidTag:
                raise DamagedError(f"{name} is damaged") from None
            if not following:
                return
            number, chunk = number + 1, following

    def _file_key(self, name: str, salt: bytes) -> bytes:
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(SHA256(), 32, salt, _CONTEXT + b" file " + name.encode()).derive(self._key)

    def _check(self) -> str:
        return self._mac(b"check")

    def _mac(self, message: bytes) -> str:
        return hmac.new(self._key, _CONTEXT + b" " + message, hashlib.sha256).hexdigest()


class Encryptor:
    """Encrypts one file.

    Args:
        key: of this file.
        salt: which the file begins with.
    """

    def __init__(self, key: bytes, salt: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

        self._cipher = ChaCha20Poly1305(key)
        self._buffer = bytearray()
        self._number = 0
        self._start = salt

    def update(self, content: bytes) -> bytes:
        """Return what can be written after `content`."""
        self._buffer += content
        sealed = bytearray(self._take_start())
        # A full chunk waits for the next byte: only then is it known not to be the last.
        while len(self._buffer) > CHUNK_BYTES:
            sealed += self._encrypt(bytes(self._buffer[:CHUNK_BYTES]), is_last=False)
            del self._buffer[:CHUNK_BYTES]
        return bytes(sealed)

    def finish(self) -> bytes:
        """Return the rest of the file."""
        return self._take_start() + self._encrypt(bytes(self._buffer), is_last=True)

    def _encrypt(self, chunk: bytes, *, is_last: bool) -> bytes:
        sealed = self._cipher.encrypt(_nonce(self._number, is_last=is_last), chunk, None)
        self._number += 1
        return sealed

    def _take_start(self) -> bytes:
        start, self._start = self._start, b""
        return start


def sealed_size(size: int) -> int:
    """Return the size of an encrypted file, in bytes, whose content has `size` bytes."""
    return SALT_BYTES + size + TAG_BYTES * max(1, -(-size // CHUNK_BYTES))


def _derive(passphrase: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(passphrase.encode(), salt=salt, n=n, r=r, p=p, maxmem=256 * n * r, dklen=32)


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])
