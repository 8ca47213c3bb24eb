"""The limit: Litestar, msgspec and asyncpg with nothing in between, and nothing but the answer.

It reads the access token and looks the session up as the others do. It has no limits, logs, problems or checks.
"""

import gc
import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import jwt
import msgspec
from litestar import Litestar, Request, Response, get, post
from litestar.exceptions import NotAuthorizedException, NotFoundException

SECRET = os.environ["PEER_SECRET"]
SIGNED_IN = """
SELECT s.user_id, s.scope FROM user_session s JOIN user_account u ON u.id = s.user_id
WHERE s.id = $1 AND s.user_id = $2 AND s.revoked_at IS NULL AND s.expires_at > $3 AND u.is_active
"""
COLUMNS = "id, title, visibility, config, metadata, created_at, updated_at"
ONE = f"SELECT {COLUMNS} FROM shootout WHERE id = $1 AND owner_id = $2"
PAGE = f"""
SELECT {COLUMNS}, count(*) OVER () FROM shootout WHERE owner_id = $1
ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3
"""
ADD = """
WITH made AS (
    INSERT INTO shootout (id, owner_id, title, schema_version, config, visibility, metadata, created_at, updated_at)
    VALUES ($1, $2, $3, 1, $4, $5, '{}', $6, $6) RETURNING id
)
INSERT INTO shootout_asset (shootout_id, library_item_id)
SELECT made.id, item.id FROM made, library_item item WHERE item.id = ANY($7) AND item.owner_id = $2
"""


class Links(msgspec.Struct):
    self: str
    plan: str
    jobs: str


class ShootoutRead(msgspec.Struct):
    id: UUID
    title: str
    visibility: str
    config: msgspec.Raw
    metadata: msgspec.Raw
    created_at: datetime
    updated_at: datetime
    links: Links


class Page(msgspec.Struct):
    items: list[ShootoutRead]
    total: int
    limit: int
    offset: int
    has_more: bool


def _read(row: Any) -> ShootoutRead:
    path = f"/api/v1/shootouts/{row[0]}"
    return ShootoutRead(
        UUID(int=row[0].int),
        row[1],
        row[2],
        msgspec.Raw(row[3].encode()),
        msgspec.Raw(row[4].encode()),
        row[5],
        row[6],
        Links(path, f"{path}/plan", f"{path}/jobs"),
    )


async def _user_id(request: Request[Any, Any, Any]) -> UUID:
    claims = jwt.decode(
        request.headers.get("authorization", "").removeprefix("Bearer "),
        SECRET,
        algorithms=["HS256"],
        audience="tone-shootout-api",
        issuer="tone-shootout",
    )
    pool: asyncpg.Pool = request.app.state.pool
    row = await pool.fetchrow(SIGNED_IN, UUID(claims["sid"]), UUID(claims["sub"]), datetime.now(UTC))
    if row is None:
        raise NotAuthorizedException
    found: UUID = row[0]
    return found


@get("/health/live")
async def get_live() -> dict[str, str]:
    return {"status": "ok"}


@get("/api/v1/shootouts/{shootout_id:uuid}")
async def get_shootout(request: Request[Any, Any, Any], shootout_id: UUID) -> ShootoutRead:
    row = await request.app.state.pool.fetchrow(ONE, shootout_id, await _user_id(request))
    if row is None:
        raise NotFoundException
    return _read(row)


@get("/api/v1/shootouts")
async def list_shootouts(request: Request[Any, Any, Any], limit: int = 20, offset: int = 0) -> Page:
    rows = await request.app.state.pool.fetch(PAGE, await _user_id(request), limit, offset)
    total = rows[0][-1] if rows else 0
    return Page([_read(row) for row in rows], total, limit, offset, offset + len(rows) < total)


@post("/api/v1/shootouts")
async def create_shootout(request: Request[Any, Any, Any]) -> Response[ShootoutRead]:
    user_id = await _user_id(request)
    data = await request.json()
    config, row_id, now = data["config"], uuid4(), datetime.now(UTC)
    assets = {UUID(track["asset"]) for track in config["di_tracks"]}
    assets |= {UUID(block["asset"]) for chain in config["chains"] for block in chain["blocks"] if "asset" in block}
    text = msgspec.json.encode(config)
    await request.app.state.pool.execute(
        ADD, row_id, user_id, config["title"], text.decode(), "private", now, list(assets)
    )
    path = f"/api/v1/shootouts/{row_id}"
    links = Links(path, f"{path}/plan", f"{path}/jobs")
    made = ShootoutRead(row_id, config["title"], "private", msgspec.Raw(text), msgspec.Raw(b"{}"), now, now, links)
    return Response(made, status_code=201)


@asynccontextmanager
async def lifespan(app: Litestar) -> AsyncGenerator[None, None]:
    async with asyncpg.create_pool(**json.loads(os.environ["PEER_DATABASE"]), min_size=5, max_size=15) as pool:
        app.state.pool = pool
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 20, 5)
        yield


app = Litestar([get_live, get_shootout, list_shootouts, create_shootout], lifespan=[lifespan], openapi_config=None)
