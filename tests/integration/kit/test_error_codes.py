"""Codes of the table, each provoked once over HTTP with one cheap request."""

from typing import Any

import httpx
import pytest

from tests.integration.conftest import Person
from tone_shootout.error_codes import all_codes

NOWHERE = "01900000-0000-7000-8000-000000000000"
V1 = "/api/v1"
JSON = {"Content-Type": "application/json"}
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "invalid_request": ("GET", f"{V1}/jobs?limit=0", {}),
    "unknown_parameter": ("GET", f"{V1}/jobs?limt=5", {}),
    "malformed_json": ("POST", f"{V1}/me/tokens", {"content": b"{", "headers": JSON}),
    "unsupported_media_type": ("POST", f"{V1}/me/tokens", {"content": b"x", "headers": {"Content-Type": "text/plain"}}),
    "too_large": ("POST", f"{V1}/me/tokens", {"json": {"name": "x" * 300_000}}),
    "not_found": ("GET", f"{V1}/nothing", {}),
    "method_not_allowed": ("PUT", f"{V1}/jobs", {}),
    "invalid_credentials": ("GET", f"{V1}/me", {"headers": {"Authorization": "Bearer tst_nobody"}}),
    "token_not_found": ("DELETE", f"{V1}/me/tokens/{NOWHERE}", {}),
    "session_not_found": ("DELETE", f"{V1}/me/sessions/{NOWHERE}", {}),
    "library_item_not_found": ("GET", f"{V1}/library/{NOWHERE}", {}),
    "shootout_not_found": ("GET", f"{V1}/shootouts/{NOWHERE}", {}),
    "job_not_found": ("GET", f"{V1}/jobs/{NOWHERE}", {}),
    "webhook_not_found": ("GET", f"{V1}/webhooks/{NOWHERE}", {}),
    "tone3000_search_off": ("GET", f"{V1}/tones/search?q=plexi", {}),
    "sign_in_expired": ("GET", f"{V1}/auth/callback", {"headers": {"Accept": "application/json"}}),
    "not_audio": ("POST", f"{V1}/library", {"data": {"kind": "di_track"}, "files": {"file": ("a.wav", b"text")}}),
    "empty": ("POST", f"{V1}/library", {"data": {"kind": "di_track"}, "files": {"file": ("a.wav", b"")}}),
    "not_json": ("POST", f"{V1}/library", {"data": {"kind": "capture"}, "files": {"file": ("a.nam", b"text")}}),
}


@pytest.mark.parametrize("code", CASES)
async def test_a_code_occurs_with_a_status_of_the_table(user: Person, code: str) -> None:
    method, path, request = CASES[code]
    answer = await user.client.request(method, path, **request)
    problem = answer.json()
    assert problem["code"] == code, answer.text
    assert answer.status_code == problem["status"]
    assert answer.status_code in all_codes()[code].statuses
    for fault in problem.get("errors", []):
        assert fault["code"] in all_codes()


async def test_a_request_without_a_credential_has_a_code_of_the_table(api: httpx.AsyncClient) -> None:
    answer = await api.get(f"{V1}/me")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
