"""The stand-in returns exactly the fields of recorded TONE3000 responses."""

from typing import Any

import httpx
import pytest

from tests.support.tone3000 import StandIn

# Fields of recorded responses, from the compilation of TONE3000's API (D1 to D12, October 2026).
USER = {"id", "username", "display_name", "is_verified", "avatar_url", "url"}
ACCOUNT = USER | {"bio", "links", "created_at", "updated_at"}
FOUND = {
    "id",
    "title",
    "description",
    "tags",
    "makes",
    "models_count",
    "a1_models_count",
    "a2_models_count",
    "irs_count",
    "custom_models_count",
    "favorites_count",
    "downloads_count",
    "is_favorite",
    "created_at",
    "updated_at",
    "published_at",
    "license",
    "images",
    "user_id",
    "user",
    "url",
    "format",
    "gear",
}
TONE = FOUND | {"is_public", "links", "sizes"}
MODEL = {"id", "tone_id", "user_id", "created_at", "updated_at", "name", "model_url", "size", "architecture_version"}
PAGE = {"data", "page", "page_size", "total", "total_pages"}


def _get(tone3000: StandIn, path: str, **query: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {tone3000.token()}"}
    return httpx.get(f"{tone3000.url}/api/v1{path}", params=query, headers=headers, trust_env=False)


@pytest.mark.parametrize(
    ("path", "query", "envelope", "row"),
    [
        ("/tones/favorited", {}, PAGE, TONE),
        ("/tones/created", {}, PAGE, TONE),
        ("/tones/trending", {}, {"data"}, TONE),
        ("/tones/latest", {}, {"data"}, TONE),
        ("/tones/search", {"query": "bluebird"}, PAGE, FOUND),
        ("/models", {"tone_id": 900101}, PAGE, MODEL),
        ("/makes", {}, PAGE, {"id", "name", "tones_count", "url"}),
        ("/tags", {}, PAGE, {"id", "name", "tones_count", "url"}),
        ("/users", {}, PAGE, ACCOUNT | {"downloads_count", "favorites_count", "models_count", "tones_count"}),
    ],
)
def test_lists_have_the_recorded_fields(
    tone3000: StandIn, path: str, query: dict[str, Any], envelope: set[str], row: set[str]
) -> None:
    answer = _get(tone3000, path, **query).json()
    assert set(answer) == envelope
    assert {frozenset(item) for item in answer["data"]} == {frozenset(row)}


@pytest.mark.parametrize(("path", "fields"), [("/tones/900101", TONE), ("/models/910001", MODEL), ("/user", ACCOUNT)])
def test_single_objects_have_the_recorded_fields(tone3000: StandIn, path: str, fields: set[str]) -> None:
    assert set(_get(tone3000, path).json()) == fields


def test_users_in_a_tone_and_names_in_a_search_have_the_short_form(tone3000: StandIn) -> None:
    assert set(_get(tone3000, "/tones/900101").json()["user"]) == USER
    row = _get(tone3000, "/tones/search", query="bluebird").json()["data"][0]
    assert [set(name) for name in (*row["makes"], *row["tags"])] == [{"name"}] * 3


def test_models_count_depends_on_the_endpoint_and_the_architecture(tone3000: StandIn) -> None:
    assert _get(tone3000, "/tones/900103").json()["models_count"] == 0
    assert _get(tone3000, "/tones/900103", architecture="2").json()["models_count"] == 2
    assert _get(tone3000, "/tones/900101").json()["models_count"] == 3
    assert _get(tone3000, "/tones/search", query="bluebird").json()["data"][0]["models_count"] == 7


@pytest.mark.parametrize(
    ("path", "query", "deprecations"),
    [
        ("/tones/search", {"platform": "nam"}, "legacy_platform_key"),
        ("/tones/search", {"gears": "ir"}, "legacy_ir_gear_value"),
        ("/tones/trending", {"gear": "full-rig"}, "legacy_ir_gear_value"),
        ("/tones/search", {"format": "nam", "gears": "amp"}, None),
    ],
)
def test_deprecated_parameters_are_accepted_and_reported(
    tone3000: StandIn, path: str, query: dict[str, str], deprecations: str | None
) -> None:
    answer = _get(tone3000, path, **query)
    assert answer.status_code == 200
    assert answer.headers.get("X-Tone3000-Deprecations") == deprecations
    assert ("Deprecation" in answer.headers) == (deprecations is not None)


@pytest.mark.parametrize(
    ("path", "query", "status", "error"),
    [
        ("/tones/favorited", {"gear": "washing-machine"}, 400, "gear must be one of: amp, amp-cab, pedal"),
        ("/models", {"tone_id": 900101, "architecture": "9"}, 400, "architecture must be '1', '2', or 'custom'"),
        ("/models", {}, 400, "tone_id is required"),
        ("/tones/1", {}, 404, "Tone not found"),
        ("/tones/900101/download", {}, 403, "Forbidden"),
    ],
)
def test_errors_have_the_recorded_texts(
    tone3000: StandIn, path: str, query: dict[str, Any], status: int, error: str
) -> None:
    answer = _get(tone3000, path, **query)
    assert answer.status_code == status
    assert answer.json()["error"].startswith(error)


def test_files_have_the_media_types_of_tone3000(tone3000: StandIn) -> None:
    capture = _get(tone3000, "/models/910011/download/u7i8o9_a2.nam")
    assert capture.headers["content-type"].lower() == "text/plain; charset=utf-8"
    document = capture.json()
    assert document["architecture"] == "SlimmableContainer"
    assert [size["max_value"] for size in document["config"]["submodels"]] == [0.5, 1.0]
    assert _get(tone3000, "/models/910021/download/z1x2c3.wav").content[:4] == b"RIFF"
    assert httpx.get(f"{tone3000.url}/api/v1/models/910011/download/u7i8o9_a2.nam").status_code == 401
