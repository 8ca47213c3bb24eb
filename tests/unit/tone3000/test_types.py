"""Responses of TONE3000 are decoded leniently: only required fields must be valid."""

import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tone_shootout.tone3000.types import DeviceCode, Model, Page, PublicUser, TokenPair, Tone, User, decode


def test_a_tone_requires_only_its_id() -> None:
    tone = decode(b'{"id": 7}', Tone)
    assert (tone.title, tone.license, tone.images, tone.user.name, tone.is_public) == ("", "", [], "", None)


def test_null_counts_as_missing() -> None:
    tone = decode(b'{"id": 7, "images": null, "user": {"id": "u", "display_name": null}, "makes": [null]}', Tone)
    assert (tone.images, tone.user.display_name, tone.makes) == ([], None, [])


def test_ids_of_users_may_be_numbers() -> None:
    assert decode(b'{"id": 12, "username": "a"}', User).id == "12"
    assert decode(b'{"id": 7, "user": {"id": 12}}', Tone).user_id == "12"


def test_the_architecture_may_be_a_number() -> None:
    assert decode(b'{"id": 1, "architecture_version": 2}', Model).architecture_version == "2"


def test_unknown_fields_are_ignored() -> None:
    assert decode(b'{"id": 7, "some_new_field": {"x": 1}}', Tone).id == 7


def test_an_optional_field_of_a_wrong_type_counts_as_missing() -> None:
    tone = decode(b'{"id": 7, "title": "x", "images": "none", "created_at": "last week", "downloads_count": {}}', Tone)
    assert (tone.title, tone.images, tone.created_at, tone.downloads_count) == ("x", [], None, 0)


def test_a_list_item_without_an_id_is_dropped() -> None:
    page = decode(b'{"data": [{"title": "no id"}, {"id": 7}, {"id": "x"}], "total": 3}', Page[Tone])
    assert [tone.id for tone in page.data] == [7]


def test_the_old_name_of_format_is_accepted() -> None:
    assert decode(b'{"id": 7, "platform": "nam"}', Tone).format == "nam"
    assert decode(b'{"id": 7, "platform": "nam", "format": "ir"}', Tone).format == "ir"


@pytest.mark.parametrize("stamp", ["2026-03-04T10:00:01.3+00:00", "2026-08-19T21:00:11.482911+00:00"])
def test_times_of_every_precision_are_parsed(stamp: str) -> None:
    assert decode(f'{{"id": 7, "created_at": "{stamp}"}}'.encode(), Tone).created_at is not None


def test_the_display_name_is_preferred() -> None:
    assert decode(b'{"username": "valve-shed", "display_name": "Valve Shed"}', PublicUser).name == "Valve Shed"
    assert decode(b'{"username": "valve-shed"}', PublicUser).name == "valve-shed"


def test_an_empty_page_is_valid() -> None:
    assert decode(b'{"data": [], "page": 1, "page_size": 10, "total": 0, "total_pages": 0}', Page[Model]).data == []


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b'"x"', b'{"title": "x"}', b"{" * 10_000, b"\xff"])
def test_an_invalid_response_is_refused(answer: bytes) -> None:
    with pytest.raises((msgspec.MsgspecError, RecursionError)):
        decode(answer, Tone)


def test_out_of_range_numbers_count_as_missing() -> None:
    assert decode(f'{{"access_token": "a", "expires_in": {10**30}}}'.encode(), TokenPair).expires_in == 3600
    assert decode(f'{{"id": 1, "tone_id": {2**70}}}'.encode(), Model).tone_id == 0
    assert decode(b'{"data": [{"id": -1}, {"id": 1}]}', Page[Model]).data == [Model(id=1)]


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*Tone.__struct_fields__, "data", "user", "a.b", "[0]"]), inner, max_size=6)
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_decoded_or_refused(document: Any) -> None:
    for kind in (Tone, Page[Tone], User, TokenPair):
        with suppress(msgspec.ValidationError):
            assert isinstance(decode(json.dumps(document, allow_nan=False).encode(), kind), msgspec.Struct)


def test_a_response_with_too_many_invalid_items_is_refused() -> None:
    rows = b",".join(b'{"title": "no id"}' for _ in range(200))
    with pytest.raises(msgspec.ValidationError):
        decode(b'{"data": [' + rows + b"]}", Page[Tone])


def test_optional_fields_of_a_device_code_have_defaults() -> None:
    device = decode(b'{"device_code": "d", "user_code": "ABCD-EFGH", "verification_uri": "https://x"}', DeviceCode)
    assert (device.verification_uri_complete, device.expires_in, device.interval) == ("https://x", 600, 5)


def test_a_token_pair_requires_an_access_token() -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(b'{"refresh_token": "r"}', TokenPair)
