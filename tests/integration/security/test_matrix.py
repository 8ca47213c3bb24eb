"""Authorization matrix: every operation of the OpenAPI document, by every kind of client.

`ROWS` has a row for every operation. A new operation needs one: its id, and the status that the owner gets. The
document tells which operations take an object of a user, are unsafe, or are public.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from websockets.exceptions import ConnectionClosed

from tests.integration.conftest import Person
from tests.support.live_clients import watching
from tests.support.openapi import validator
from tests.support.security import (
    Operation,
    World,
    body_of,
    issue,
    operations,
    with_token,
)
from tests.support.sessions import Sessions
from tests.support.uploads import di
from tone_shootout.accounts.services import AccountService
from tone_shootout.listening.shares.models import SLUG_LENGTH

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Row:
    """Request of the owner and its expected status."""

    status: int
    body: dict[str, Any] | None = None
    form: bool = False
    query: dict[str, str] = field(default_factory=dict)
    on: dict[str, str] = field(default_factory=dict)
    """Objects to use instead of the default ones, by path parameter."""


ROWS = {
    # Public, whatever the credential.
    "health_live": Row(200),
    "health_ready": Row(200),
    "start_session": Row(401, body={"token": "tst_nobody"}),
    "refresh_session": Row(401, body={"refresh_token": "tsr_nobody"}),
    "end_session": Row(204),
    "sign_in": Row(302),
    "finish_sign_in": Row(400),
    "sign_in_device": Row(201),
    "poll_device": Row(400, body={"device_code": "nothing"}),
    # The user's account.
    "get_me": Row(200),
    "get_limits": Row(200),
    "export_me": Row(200),
    "list_tokens": Row(200),
    "create_token": Row(201, body={"name": "new"}),
    "get_token": Row(200),
    "revoke_token": Row(204),
    "list_sessions": Row(200),
    "get_session": Row(200),
    "end_one_session": Row(204),
    "end_all_sessions": Row(204),
    # For administrators only: `test_administration` has what they get.
    "list_audit_log": Row(403),
    "list_all_jobs": Row(403),
    "get_any_job": Row(403),
    "cancel_any_job": Row(403),
    "retry_any_job": Row(403),
    "retry_jobs": Row(403, body={"filter": {"status": "failed"}}),
    "cancel_jobs": Row(403, body={"filter": {"status": "queued"}}),
    "list_users": Row(403),
    "get_user": Row(403),
    "change_user": Row(403, body={"active": True}),
    "get_maintenance": Row(403),
    "start_maintenance": Row(403, body={}),
    "end_maintenance": Row(403),
    "list_all_announcements": Row(403),
    "create_announcement": Row(403, body={"text": "Hello"}),
    "get_announcement": Row(403),
    "delete_announcement": Row(403),
    # What everybody sees.
    "list_announcements": Row(200),
    # TONE3000's library, the same for every user.
    "list_trending_tones": Row(200),
    "list_latest_tones": Row(200),
    "list_created_tones": Row(200),
    "list_favorited_tones": Row(200),
    "list_downloaded_tones": Row(200),
    "search_tones": Row(403, query={"q": "plexi"}),  # search is disabled
    "get_tone": Row(200),
    "list_models": Row(200),
    "import_model": Row(201),
    "forget_imports": Row(200),
    "disconnect_tone3000": Row(204),
    # The user's library.
    "list_library": Row(200),
    "get_library_usage": Row(200),
    "upload_library_item": Row(201, form=True),
    "upload_library_items": Row(200, form=True),
    "add_demo_items": Row(200),
    "get_library_item": Row(200),
    "list_item_uses": Row(200),
    "change_library_item": Row(200, body={"name": "Riff"}),
    "get_library_content": Row(200),
    "head_library_content": Row(200),
    "get_library_picture": Row(200),
    "set_library_picture": Row(422),  # the body is empty
    "delete_library_picture": Row(204),
    "delete_library_item": Row(204, on={"item_id": "spare_item"}),
    # The user's shootouts.
    "list_shootouts": Row(200),
    "list_public_shootouts": Row(200),
    "create_shootout": Row(201, body={}),
    "validate_shootout": Row(200, body={}),
    "duplicate_shootout": Row(201),
    "get_shootout": Row(200),
    "change_shootout": Row(200, body={"visibility": "private"}),
    "get_plan": Row(200),
    "get_spec": Row(200),
    "read_spec": Row(200, body={"spec": ""}),
    "delete_shootout": Row(204, on={"shootout_id": "spare_shootout"}),
    # The user's jobs.
    "list_jobs": Row(200),
    "get_job": Row(200),
    "list_artifacts": Row(200),
    "get_artifact": Row(200),
    "head_artifact": Row(200),
    "get_archive": Row(200, on={"job_id": "finished_job"}),
    "get_bundle": Row(200, on={"job_id": "finished_job"}),
    "match_segments": Row(409, query={"target": "1", "source": "1"}, on={"job_id": "finished_job"}),  # has no metrics
    "get_match_ir": Row(409, query={"target": "1", "source": "1"}, on={"job_id": "finished_job"}),
    "get_ticket": Row(201),
    "cancel_job": Row(202),
    "follow_job": Row(200),
    "retry_job": Row(202),
    "submit_job": Row(202),
    # The user's shares and listening tests, which anybody with the address reads. The test is closed.
    "share_job": Row(409, body={}, on={"job_id": "finished_job"}),
    "list_shares": Row(200),
    "list_public_shares": Row(200),
    "get_share": Row(200),
    "change_share": Row(200, body={"title": "Three crunches"}),
    "get_shared_file": Row(200),
    "head_shared_file": Row(200),
    "get_share_picture": Row(200),
    "get_oembed": Row(404, query={"url": "https://elsewhere.example/s/q3ZlN7c0Yx8aB1uT"}),
    "set_share_picture": Row(422),  # the body is empty
    "delete_share_picture": Row(204),
    "create_listening_test": Row(201, body={"kind": "abx", "segments": [1, 2]}),
    "list_listening_tests": Row(200),
    "get_listening_test": Row(200),
    "start_listening_session": Row(409),
    "get_listening_session": Row(404),
    "get_stimulus": Row(404),
    "answer_trial": Row(404, body={"trial": 1, "choice": "a"}),
    "finish_listening_session": Row(404),
    "get_listening_results": Row(200),
    "get_webmushra": Row(200),
    "change_listening_test": Row(200, body={"results": "owner"}),
    "delete_listening_test": Row(204),
    "withdraw_share": Row(204),
    "delete_job": Row(204, on={"job_id": "finished_job"}),
    # The user's webhooks.
    "list_webhooks": Row(200),
    "create_webhook": Row(201, body={"url": "https://hooks.example/"}),
    "get_webhook": Row(200),
    "change_webhook": Row(200, body={"description": "mine"}),
    "rotate_webhook_secret": Row(201),
    "test_webhook": Row(202),
    "list_deliveries": Row(200),
    "get_delivery": Row(200),
    "redeliver": Row(202),
    "delete_webhook": Row(204),
    # Last, because it deletes everything.
    "delete_me": Row(204),
}
OTHERS_SEE = {
    "get_tone",
    "list_models",
    "import_model",
    "get_share",
    "get_shared_file",
    "head_shared_file",
    "get_share_picture",
    "list_listening_tests",
    "get_listening_test",
    "start_listening_session",
    "get_listening_results",
}
"""Operations on objects that belong to no user, or that their owner shows to others."""


@pytest.fixture
async def document(api: httpx.AsyncClient) -> dict[str, Operation]:
    return {operation.id: operation for operation in operations((await api.get("/openapi.json")).json())}


async def _request(client: httpx.AsyncClient, world: World, operation: Operation) -> httpx.Response:
    """Request an operation on the objects of `world`; of an event stream, read only the headers."""
    row = ROWS[operation.id]
    content: dict[str, Any] = {"json": row.body} if row.body is not None else {}
    if operation.id == "upload_library_items":
        content = {"files": {"di_track": ("new.wav", di(seed=8))}}
    elif row.form:
        content = {"data": {"kind": "di_track"}, "files": {"file": ("new.wav", di(seed=7))}}
    if operation.id in ("create_shootout", "validate_shootout"):
        shown = (await world.person.client.get(f"/api/v1/shootouts/{world.values['shootout_id']}")).json()
        content = {"json": {"config": shown["config"]}}
    address = world.path(operation, row.on)
    async with client.stream(operation.method, address, params=row.query, **content) as answer:
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            await answer.aread()
        return answer


async def _contents(engine: AsyncEngine) -> str:
    """Return all rows as text, without times of last use and the audit log, which has refused sign-ins."""
    async with engine.connect() as connection:
        names = await connection.scalars(
            text(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
                " AND tablename NOT IN ('schema_version', 'audit_event')"
            )
        )
        rows = []
        for name in sorted(names):
            found = await connection.scalars(
                text(f"SELECT to_jsonb(t) - 'last_used_at' - 'updated_at' FROM {name} t ORDER BY 1")
            )
            rows.append((name, list(found)))
    return json.dumps(rows)


def test_every_operation_has_a_row(document: dict[str, Operation]) -> None:
    missing, superfluous = document.keys() - ROWS.keys(), ROWS.keys() - document.keys()
    assert not missing, f"add rows for {sorted(missing)} to ROWS, with the status that the owner gets"
    assert not superfluous, f"the operations {sorted(superfluous)} do not exist: remove their rows"


async def test_the_owner_has_access_and_gets_what_the_document_describes(
    world: World, document: dict[str, Operation], api: httpx.AsyncClient
) -> None:
    published = (await api.get("/openapi.json")).json()
    found, different = {}, []
    for name in ROWS:
        operation = document[name]
        answer = await _request(world.person.client, world, operation)
        found[name] = answer.status_code
        described = published["paths"][operation.path][operation.method.lower()]["responses"]
        media = described.get(str(answer.status_code), {}).get("content", {}).get("application/json")
        if media and answer.headers["content-type"] == "application/json":
            check = validator(media["schema"], published)
            different += [f"{name}: {error}" for error in check.iter_errors(answer.json())]
    assert found == {name: row.status for name, row in ROWS.items()}
    assert not different


@pytest.mark.parametrize("who", ["nobody", "expired token", "expired session", "disabled user", "deleted user"])
async def test_requests_without_a_valid_credential_are_refused_and_change_nothing(
    who: str,
    world: World,
    document: dict[str, Operation],
    other_user: Person,
    api: httpx.AsyncClient,
    session_maker: Sessions,
    engine: AsyncEngine,
    base_url: str,
) -> None:
    token = ""
    if who == "expired token":
        token = await issue(session_maker, world.person, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    elif who == "expired session":
        token = (await api.post("/api/v1/auth/session", json={"token": other_user.token})).json()["access_token"]
        api.cookies.clear()
        async with session_maker.begin() as session:
            await session.execute(text("UPDATE user_session SET expires_at = now() - interval '1 minute'"))
    elif who == "disabled user":
        token = other_user.token
        async with session_maker.begin() as session:
            accounts = AccountService(session)
            await accounts.set_active(await accounts.get_user(other_user.id), is_active=False)
    elif who == "deleted user":
        token = other_user.token
        assert (await other_user.client.delete("/api/v1/me")).status_code == 204
    async with with_token(other_user, token) as requester:
        client = api if who == "nobody" else requester.client
        before = await _contents(engine)
        for name, operation in document.items():
            answer = await _request(client, world, operation)
            if operation.public:
                assert (name, answer.status_code) == (name, ROWS[name].status)
                client.cookies.clear()  # a program that sent them would have to send an origin too
                continue
            assert (name, answer.status_code) == (name, 401)
            assert answer.headers["www-authenticate"].startswith('Bearer realm="shootout"')
            if operation.method != "HEAD":
                assert body_of(answer)["code"] == ("unauthorized" if who == "nobody" else "invalid_credentials")
        assert await _contents(engine) == before
        if who != "nobody":
            assert await _close_code(base_url, requester, world) == 4401


async def test_a_read_token_changes_nothing(
    world: World, document: dict[str, Operation], session_maker: Sessions, engine: AsyncEngine
) -> None:
    async with with_token(world.person, await issue(session_maker, world.person, scope="read")) as reader:
        before = await _contents(engine)
        for name, operation in document.items():
            answer = await _request(reader.client, world, operation)
            if operation.changes and not operation.public:
                assert (name, answer.status_code) == (name, 403)
                assert body_of(answer)["code"] == "read_only_token"
            else:
                assert (name, answer.status_code) == (name, ROWS[name].status)
        assert await _contents(engine) == before


@pytest.mark.parametrize("who", ["other user", "administrator"])
async def test_objects_of_another_user_are_not_found(
    who: str,
    world: World,
    document: dict[str, Operation],
    other_user: Person,
    administrator: Person,
    engine: AsyncEngine,
    base_url: str,
) -> None:
    requester = other_user if who == "other user" else administrator
    before = await _contents(engine)
    for name, operation in document.items():
        if not operation.names or name in OTHERS_SEE or _is_administration(operation):
            continue
        answer = await _request(requester.client, world, operation)
        assert (name, answer.status_code) == (name, 404)
        if operation.method != "HEAD":
            there = body_of(answer)
            missing = World(world.person, {name: _other(value) for name, value in world.values.items()})
            answer = await _request(requester.client, missing, operation)
            assert body_of(answer)["code"] == there["code"]  # the response does not reveal whether it exists
    assert await _contents(engine) == before
    assert await _close_code(base_url, requester, world) == 4404


async def test_lists_have_no_objects_of_another_user(
    world: World, document: dict[str, Operation], other_user: Person, administrator: Person
) -> None:
    theirs = {value for value in world.values.values() if len(value) == 36} | {str(world.person.id)}
    for requester in (other_user, administrator):
        for name, operation in document.items():
            if operation.method == "GET" and not operation.names and not _is_administration(operation):
                answer = await _request(requester.client, world, operation)
                assert not [value for value in theirs if value in answer.text], name


async def test_the_owner_can_open_the_websocket(world: World, base_url: str) -> None:
    async with watching(base_url, world.person, world.values["job_id"]) as socket:
        assert json.loads(await socket.recv())["type"] == "snapshot"


async def _close_code(base_url: str, person: Person, world: World) -> int | None:
    async with watching(base_url, person, world.values["job_id"]) as socket:
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    return socket.close_code


def _is_administration(operation: Operation) -> bool:
    return operation.path.startswith("/api/v1/admin/")


def _other(value: str) -> str:
    """Return an id of no object."""
    others = {36: "01900000-0000-7000-8000-000000000000", SLUG_LENGTH: "A" * SLUG_LENGTH}
    return others.get(len(value), value)
