"""What has to be read again is encrypted, by keys that can be changed."""

import pytest

from tone_shootout.kit.keyring import KeyRing, UnreadableSecretError
from tone_shootout.kit.settings import SettingsError, new_encryption_key

OLD, NEW = new_encryption_key(), new_encryption_key()


def test_a_secret_comes_back_and_does_not_show_in_what_is_stored() -> None:
    stored = KeyRing([OLD]).encrypt("pässword\0with all", "webhook:1")
    assert b"ssword" not in stored
    assert KeyRing([OLD]).decrypt(stored, "webhook:1") == "pässword\0with all"


def test_the_same_secret_is_never_stored_the_same_way_twice() -> None:
    ring = KeyRing([OLD])
    assert ring.encrypt("x", "a") != ring.encrypt("x", "a")


def test_a_new_key_still_reads_what_an_old_one_has_encrypted() -> None:
    stored = KeyRing([OLD]).encrypt("x", "a")
    assert KeyRing([NEW, OLD]).decrypt(stored, "a") == "x"


def test_what_was_renewed_needs_the_old_key_no_more() -> None:
    stored = KeyRing([NEW, OLD]).rotate(KeyRing([OLD]).encrypt("x", "a"))
    assert KeyRing([NEW]).decrypt(stored, "a") == "x"


def test_what_was_stored_for_one_row_is_of_no_use_in_another() -> None:
    with pytest.raises(UnreadableSecretError):
        KeyRing([OLD]).decrypt(KeyRing([OLD]).encrypt("x", "token:1"), "token:2")


@pytest.mark.parametrize("damage", [lambda s: s[:-1], lambda s: b"", lambda s: s[:40] + bytes([s[40] ^ 1]) + s[41:]])
def test_what_was_changed_is_unreadable(damage: object) -> None:
    stored = damage(KeyRing([OLD]).encrypt("x", "a"))  # type: ignore[operator]  # one of the lambdas above
    with pytest.raises(UnreadableSecretError):
        KeyRing([OLD]).decrypt(stored, "a")
    with pytest.raises(UnreadableSecretError):
        KeyRing([OLD]).rotate(stored)


def test_a_lost_key_is_said_and_not_guessed() -> None:
    with pytest.raises(UnreadableSecretError):
        KeyRing([NEW]).decrypt(KeyRing([OLD]).encrypt("x", "a"), "a")


@pytest.mark.parametrize("keys", [[], [""], ["short"], [OLD, "x" * 44]])
def test_a_ring_without_proper_keys_does_not_start(keys: list[str]) -> None:
    with pytest.raises(SettingsError, match="SHOOTOUT_SECURITY_ENCRYPTION_KEYS"):
        KeyRing(keys)
