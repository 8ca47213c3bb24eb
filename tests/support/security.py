"""A user with one object of every kind, and all operations of the OpenAPI document."""

import json
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
from redis.asyncio import Redis
from sqlalchemy import update

from tests.integration.conftest import Person
from tests.support.factories import (
    JobArtifactFactory,
    JobFactory,
    LibraryPictureFactory,
    ListeningTestFactory,
    ShareFactory,
    SharePictureFactory,
    WebhookDeliveryFactory,
)
from tests.support.sessions import Sessions
from tests.support.shared_jobs import manifest_of, sounds
from tests.support.tone3000 import StandIn
from tests.support.uploads import SHOOTOUTS, add, config, di
from tone_shootout.accounts.connections import ConnectionStore
from tone_shootout.accounts.principal import Scope
from tone_shootout.accounts.services import AccountService
from tone_shootout.jobs.status import JobStatus
from tone_shootout.kit.keyring import KeyRing
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage
from tone_shootout.rendering.output.manifest import encode_manifest
from tone_shootout.shootouts.library.models import LibraryItem
from tone_shootout.tone3000.client import Tone3000
from tone_shootout.tone3000.http_client import HttpClient
from tone_shootout.tone3000.types import TokenPair

SHARED_FILE = "segments/01-riff.flac"
_SEGMENT = {
    "di_track": "Riff",
    "file": SHARED_FILE,
    "sample_rate_hz": 48_000,
    "samples": 48_000,
    "integrated_lufs": -16.0,
    "loudness_range_lu": 0.0,
    "true_peak_dbtp": -1.0,
    "rms_dbfs": -16.0,
    "crest_factor_db": 15.0,
    "gain_db": 0.0,
    "trim_db": 0.0,
    "latency_samples": None,
    "polarity": 0,
}
FACTS = {
    "level": {"requested_lufs": -16.0, "target_lufs": -16.0, "ceiling_dbtp": -1.0},
    "segments": [{"position": number, "chain": f"Chain {number}", **_SEGMENT} for number in (1, 2)],
    "credits": [],
}
"""Facts of a share of two segments."""

METHODS = ("get", "head", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Operation:
    """One operation of the OpenAPI document."""

    id: str
    method: str
    path: str
    public: bool

    @property
    def changes(self) -> bool:
        return self.method not in ("GET", "HEAD")

    @property
    def names(self) -> list[str]:
        """Names of the path parameters."""
        return re.findall(r"{(\w+)}", self.path)


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    """Yield all operations of an OpenAPI document."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield Operation(operation["operationId"], method.upper(), path, operation.get("security") == [{}])


@dataclass(frozen=True)
class World:
    """Objects of a user: a value for each path parameter."""

    person: Person
    values: dict[str, str] = field(default_factory=dict)

    def path(self, operation: Operation, instead: dict[str, str]) -> str:
        """Return the path of an operation on the user's objects; `instead` maps parameters to other values."""
        return re.sub(r"{(\w+)}", lambda found: self.values[instead.get(found[1], found[1])], operation.path)


async def connect_tone3000(
    person: Person, sessions: Sessions, settings: Settings, tone3000: StandIn, redis: Redis
) -> TokenPair:
    """Connect a user with TONE3000; return the tokens."""
    pair = TokenPair(**{name: value for name, value in tone3000.tokens().items() if name != "token_type"})
    async with HttpClient(settings.tone3000, redis) as http_client, sessions.begin() as session:
        there = await Tone3000(http_client).user(pair.access_token)
        await ConnectionStore(session, KeyRing(settings.security.encryption_keys)).connect(person.id, there, pair)
    return pair


async def build_world(person: Person, sessions: Sessions, settings: Settings) -> World:
    """Create an object of every kind for a user connected with TONE3000, and spare ones for operations that delete."""
    client = person.client
    tone = (await client.get("/api/v1/tones/trending")).json()["items"][0]["id"]
    models = (await client.get(f"/api/v1/tones/{tone}/models")).json()["items"]
    settled = await config(client)
    shootouts = [(await client.post(SHOOTOUTS, json={"config": settled})).json()["id"] for _ in range(3)]
    webhook = (await client.post("/api/v1/webhooks", json={"url": "https://hooks.example/"})).json()["webhook"]["id"]
    await client.post("/api/v1/auth/session", json={"token": person.token})
    client.cookies.clear()
    await client.post("/api/v1/me/tokens", json={"name": "spare"})
    tokens = {row["name"]: row["id"] for row in (await client.get("/api/v1/me/tokens")).json()["items"]}
    manifest = encode_manifest(manifest_of(["Plexi"], [SHARED_FILE], sounds(1), [None], {SHARED_FILE: b""}))
    key = f"users/{person.id}/jobs/matrix/manifest.json"
    path = settings.data / f"{person.name}.json"
    path.write_bytes(manifest)
    await Storage.from_settings(settings).put(key, path)
    job = (await client.post(f"{SHOOTOUTS}/{shootouts[1]}/jobs")).json()["id"]
    finished = JobFactory.build(owner_id=person.id, shootout_id=UUID(shootouts[0]), status=JobStatus.COMPLETED)
    async with sessions.begin() as session:
        session.add(finished)
        await session.flush()
        delivery = WebhookDeliveryFactory.build(webhook_id=UUID(webhook))
        session.add_all(
            JobArtifactFactory.build(
                job_id=job_id, size=len(manifest), storage_key=key, media_type="application/json", sha256="0" * 64
            )
            for job_id in (UUID(job), finished.id)
        )
        session.add(delivery)
        share = ShareFactory.build(owner_id=person.id, job_id=finished.id, facts=FACTS, picture_sha256="0" * 64)
        session.add(share)
        await session.flush()
        test = ListeningTestFactory.build(owner_id=person.id, share_id=share.id)
        session.add_all(
            [
                test,
                SharePictureFactory.build(share_id=share.id),
                JobArtifactFactory.build(
                    job_id=finished.id,
                    path=SHARED_FILE,
                    size=len(manifest),
                    storage_key=key,
                    media_type="audio/flac",
                    sha256="0" * 64,
                ),
            ]
        )
        item_id = UUID(settled["di_tracks"][0]["asset"])
        session.add(LibraryPictureFactory.build(item_id=item_id))
        await session.execute(update(LibraryItem).where(LibraryItem.id == item_id).values(picture_sha256="0" * 64))
    values = {
        "item_id": settled["di_tracks"][0]["asset"],
        "spare_item": await add(client, "di_track", di(seed=9)),
        "shootout_id": shootouts[0],
        "spare_shootout": shootouts[2],
        "job_id": job,
        "finished_job": str(finished.id),
        "path": "manifest.json",
        "slug": share.slug,
        "file": SHARED_FILE,
        "test_id": str(test.id),
        "listening_session_id": "01900000-0000-7000-8000-00000000abcd",
        "stimulus_id": "T2bq0mZ3uJc6wVxyK1sLrA",
        "webhook_id": webhook,
        "delivery_id": str(delivery.id),
        "token_id": tokens["spare"],
        "session_id": (await client.get("/api/v1/me/sessions")).json()["items"][0]["id"],
        "user_id": str(person.id),
        "announcement_id": "01900000-0000-7000-8000-00000000abce",
        "tone_id": str(tone),
        "model_id": str(models[0]["id"]),
    }
    return World(person, values)


@asynccontextmanager
async def with_token(person: Person, token: str) -> AsyncGenerator[Person, None]:
    """Yield the same user with another credential."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=person.client.base_url, timeout=60, headers=headers) as client:
        yield Person(person.id, person.name, token, client)


async def issue(
    sessions: Sessions, person: Person, *, scope: Scope = "write", expires_at: datetime | None = None
) -> str:
    """Issue another API token of a user."""
    async with sessions.begin() as session:
        accounts = AccountService(session)
        user = await accounts.get_user(person.id)
        issued = await accounts.issue_token(user, name="further", scope=scope, expires_at=expires_at)
    return issued.secret


def body_of(answer: httpx.Response) -> dict[str, Any]:
    """Return the body of a problem response."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    found: dict[str, Any] = json.loads(answer.text)
    return found
