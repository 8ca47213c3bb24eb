"""Encrypted files are read with their key only, and only as they were written."""

import io

import pytest

from tone_shootout.backup import sealing
from tone_shootout.backup.errors import DamagedError, WrongKeyError
from tone_shootout.backup.sealing import CHUNK_BYTES, KeyRecord, Seal, sealed_size

SIZES = (0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES + 7)
SEAL = Seal(b"k" * 32)


def _sealed(content: bytes, name: str = "a", *, step: int = 10_000) -> bytes:
    encryptor = SEAL.encrypt(name)
    parts = [encryptor.update(content[start : start + step]) for start in range(0, len(content), step)]
    return b"".join([*parts, encryptor.finish()])


def _opened(sealed: bytes, name: str = "a") -> bytes:
    return b"".join(SEAL.decrypt(name, io.BytesIO(sealed)))


@pytest.mark.parametrize("size", SIZES)
def test_what_was_encrypted_is_decrypted_and_its_size_is_known(size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    sealed = _sealed(content)
    assert len(sealed) == sealed_size(size)
    assert _opened(sealed) == content
    assert size < 16 or content[:16] not in sealed  # fewer bytes may be there by chance


def test_no_part_can_be_changed_dropped_repeated_reordered_or_exchanged() -> None:
    content = b"".join(bytes([number]) * CHUNK_BYTES for number in range(3)) + b"end"
    sealed = _sealed(content)
    start, length = sealing.SALT_BYTES, CHUNK_BYTES + sealing.TAG_BYTES
    chunks = [sealed[at : at + length] for at in range(start, len(sealed), length)]
    salt = sealed[:start]
    changed = [
        *(
            sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
            for at in (0, start, start + length, len(sealed) - 1)
        ),
        sealed[:-1],
        sealed + b"\0",
        salt + b"".join(chunks[:-1]),
        salt + b"".join(chunks[1:]),
        salt + chunks[1] + chunks[0] + chunks[2] + chunks[3],
        salt + chunks[0] + b"".join(chunks),
        salt,
        b"",
    ]
    for each in changed:
        with pytest.raises(DamagedError):
            _opened(each)
    with pytest.raises(DamagedError):
        _opened(sealed, "b")
    assert _opened(sealed) == content


def test_a_passphrase_opens_its_backup_and_no_other_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "_N", 16)
    seal, record = Seal.create("correct horse battery")
    assert Seal.open("correct horse battery", record).object_name("00") == seal.object_name("00")
    with pytest.raises(WrongKeyError, match="not the key"):
        Seal.open("correct horse batterz", record)
    with pytest.raises(WrongKeyError, match="too short"):
        Seal.create("short")


@pytest.mark.parametrize(
    "changes", [{"n": 1 << 21}, {"n": 3}, {"r": 1000}, {"p": 9}, {"method": "none"}, {"salt": "zz"}]
)
def test_a_header_that_asks_for_too_much_is_refused(changes: dict[str, object]) -> None:
    good: dict[str, object] = {"method": "scrypt", "salt": "00" * 16, "n": 16, "r": 8, "p": 1, "check": ""}
    with pytest.raises(DamagedError):
        Seal.open("correct horse battery", KeyRecord(**{**good, **changes}))  # type: ignore[arg-type]
