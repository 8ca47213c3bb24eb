"""Export and deletion of accounts."""

import asyncio
import io
import json
import zipfile
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from tests.integration.accounts.conftest import Sql, sign_in
from tests.integration.conftest import Person
from tests.integration.jobs.conftest import EVERYTHING, events, finish, submit
from tests.support.live import working
from tests.support.sessions import Sessions
from tests.support.uploads import add, di, eventually
from tone_shootout.accounts.connections import ConnectionStore
from tone_shootout.accounts.export import stream_archive
from tone_shootout.kit.keyring import KeyRing
from tone_shootout.kit.outages import StorageFaultError
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage
from tone_shootout.tone3000.types import Text, TokenPair, User

EXPORT = "/api/v1/me/export"


@pytest.fixture(scope="module")
def worker(settings: Settings) -> Generator[None, None, None]:
    with working(settings):
        yield


@pytest.fixture
async def connected(user: Person, settings: Settings, session_maker: Sessions) -> TokenPair:
    """Connect `user` with TONE3000 and return the tokens."""
    pair = TokenPair(access_token="planted-access-token", refresh_token="planted-refresh-token")
    async with session_maker.begin() as session:
        store = ConnectionStore(session, KeyRing(settings.security.encryption_keys))
        await store.connect(user.id, User(id=Text("t3k-person-of-ada"), username="ada-at-tone3000"), pair)
    return pair


async def dump(sql: Sql, schema: str, *, omit: str = "") -> str:
    """Return every row of every table except `omit` as text."""
    tables = await sql(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = :schema"
        " AND tablename <> :omit",
        schema=schema,
        omit=omit,
    )
    rows = [await sql(f"SELECT t::text FROM {name} t") for (name,) in tables]
    return "\n".join(str(row[0]) for table in rows for row in table)


def stored(settings: Settings, person: Person) -> list[str]:
    folder = settings.data / "objects" / "users" / str(person.id)
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def opened(person: Person) -> zipfile.ZipFile:
    answer = await person.client.get(EXPORT)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert "attachment" in answer.headers["content-disposition"]
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    return archive


@pytest.mark.slow
async def test_an_export_has_all_rows_and_files_of_its_owner_and_no_others(
    api: httpx.AsyncClient,
    user: Person,
    other_user: Person,
    connected: TokenPair,
    worker: None,
    base_url: str,
    settings: Settings,
    sql: Sql,
) -> None:
    session = await sign_in(api, user.token)
    others = await add(other_user.client, "di_track", di(0.5, seed=7), name="Somebody else's")
    job = await submit(user.client)
    await finish(base_url, user, job["id"])
    archive = await opened(user)
    rows = {name: json.loads(archive.read(name)) for name in archive.namelist() if name.startswith("rows/")}
    with_rows = {Path(name).stem for name, found in rows.items() if found}
    assert with_rows >= {
        "user_account", "api_token", "user_session", "tone3000_connection", "library_item", "shootout",
        "shootout_asset", "job", "job_event", "job_artifact", "render_cache",
    }  # fmt: skip
    for name, found in rows.items():
        assert found == [] or await sql(f"SELECT count(*) FROM {Path(name).stem}") >= [(len(found),)], name
    files = {name.removeprefix("files/") for name in archive.namelist() if name.startswith("files/")}
    assert files == {name for name in stored(settings, user) if not name.startswith("cache/")}
    for item in rows["rows/library_item.json"]:
        assert len(archive.read(f"files/blobs/{item['sha256']}")) == item["size"]
    everything = b"".join(archive.read(name) for name in archive.namelist() if not name.startswith("files/"))
    for foreign in (others, str(other_user.id), user.token, session.refresh, connected.access_token):
        assert foreign.encode() not in everything


async def test_an_export_of_a_new_user_is_complete(user: Person) -> None:
    archive = await opened(user)
    assert json.loads(archive.read("rows/user_account.json"))[0]["name"] == user.name
    assert json.loads(archive.read("rows/job.json")) == []
    assert b"rows/" in archive.read("README.txt")


async def test_every_table_that_refers_to_users_is_exported(user: Person, sql: Sql) -> None:
    """Compare the foreign keys in the database with those of the models."""
    leading = await sql(
        "WITH RECURSIVE owned(oid) AS (SELECT 'user_account'::regclass::oid UNION"
        " SELECT c.conrelid FROM pg_constraint c JOIN owned ON c.confrelid = owned.oid WHERE c.contype = 'f')"
        " SELECT relname FROM pg_class JOIN owned USING (oid)"
    )
    exported = {Path(name).stem for name in (await opened(user)).namelist() if name.startswith("rows/")}
    assert exported == {name for (name,) in leading}


@pytest.mark.slow
async def test_deletion_during_a_job_leaves_no_data(
    api: httpx.AsyncClient,
    user: Person,
    other_user: Person,
    connected: TokenPair,
    worker: None,
    base_url: str,
    settings: Settings,
    sql: Sql,
    redis: Redis,
) -> None:
    await sign_in(api, user.token)
    await user.client.post("/api/v1/me/tokens", json={"name": "ada's planted token"})
    kept = await add(other_user.client, "di_track", di(0.5, seed=7), name="Somebody else's")
    track = await add(user.client, "di_track", di(20.0, seed=8))
    # Plots and a video of twenty seconds: the job still runs when its owner's account is deleted.
    tracks = [{"name": "Riff", "asset": track}]
    job = await submit(user.client, title="Ada's planted title", di_tracks=tracks, output=EVERYTHING)
    watching = events(base_url, user, job["id"])
    async for event in watching:
        if event["type"] == "phase":
            break
    waiting = await submit(user.client, title="Ada's second planted title")
    planted = (str(user.id), "planted", "t3k-person-of-ada", "ada-at-tone3000")
    ids = (job["id"], waiting["id"])
    before = await dump(sql, "public")
    for text in (*planted, *ids):
        assert text in before
    assert stored(settings, user)
    assert (await user.client.delete("/api/v1/me")).status_code == 204
    after = await dump(sql, "public", omit="audit_event")
    for text in (*planted, *ids):
        assert text not in after
    log = await dump(sql, "public")
    for text in planted[1:]:  # the audit log keeps the id of the account, and nothing else of it
        assert text not in log
    for text in planted:  # entries of the queue contain ids of jobs for a minute, and no other data
        assert text not in await dump(sql, "saq")
    await eventually(lambda: not stored(settings, user))
    for key in [key async for key in redis.scan_iter() if str(user.id).encode() in key]:
        assert 0 < await redis.ttl(key) <= 120, key  # rate limit counters, which expire
    rest = [event["data"] for event in [event async for event in watching] if event["type"] == "done"]
    assert [data["status"] for data in rest] == ["cancelled"]
    assert (await other_user.client.get(f"/api/v1/library/{kept}/content")).status_code == 200
    # A worker that still rendered would store its results within this time.
    await asyncio.sleep(1.0)
    assert stored(settings, user) == []


async def test_an_export_omits_secrets(user: Person, connected: TokenPair) -> None:
    (row,) = json.loads((await opened(user)).read("rows/tone3000_connection.json"))
    assert set(row) == {
        "id", "user_id", "tone3000_user_id", "username", "expires_at", "created_at", "updated_at"
    }  # fmt: skip


async def test_exports_are_limited_to_ten_an_hour(user: Person, other_user: Person) -> None:
    found = [(await user.client.get(EXPORT)).status_code for _ in range(11)]
    assert found == [200] * 10 + [429]
    assert (await other_user.client.get(EXPORT)).status_code == 200


async def test_an_export_requires_a_credential(api: httpx.AsyncClient) -> None:
    assert (await api.get(EXPORT)).status_code == 401


async def test_an_export_with_a_missing_file_is_refused(user: Person, settings: Settings) -> None:
    await add(user.client, "di_track", di())
    (name,) = [each for each in stored(settings, user) if each.startswith("blobs/")]
    (settings.data / "objects" / "users" / str(user.id) / name).unlink()
    assert (await user.client.get(EXPORT)).status_code == 503


async def test_an_export_stops_when_a_file_disappears(
    user: Person, settings: Settings, session_maker: Sessions
) -> None:
    for seed in (1, 2):
        await add(user.client, "di_track", di(0.5, seed=seed), name=f"DI {seed}")
    stream = stream_archive(session_maker, Storage.from_settings(settings), user.id)
    assert await anext(stream)  # the rows; every file exists at this time
    for name in stored(settings, user):
        (settings.data / "objects" / "users" / str(user.id) / name).unlink()
    with pytest.raises(StorageFaultError):
        async for _ in stream:
            pass
