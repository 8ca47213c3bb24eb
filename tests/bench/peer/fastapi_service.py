"""The peer: FastAPI, Pydantic 2 and SQLAlchemy 2 on asyncpg, as one writes it with them.

`PEER_DATABASE` has the arguments of asyncpg as JSON, `PEER_SECRET` the key that signs access tokens.
"""

import asyncio
import gc
import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID, uuid4

import jwt
from fastapi import Depends, FastAPI, Header, HTTPException, Query, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, Field, computed_field
from sqlalchemy import ForeignKey, func, insert, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, deferred, mapped_column
from sqlalchemy.types import DateTime, String

SECRET = os.environ["PEER_SECRET"]
FINISHED = {"completed", "failed", "cancelled"}

engine = create_async_engine(
    "postgresql+asyncpg://", connect_args=json.loads(os.environ["PEER_DATABASE"]), pool_size=15, max_overflow=0
)
sessions = async_sessionmaker(engine, expire_on_commit=False)


# --- Tables ----------------------------------------------------------------------------------------------------------


class Base(DeclarativeBase):
    type_annotation_map = {datetime: DateTime(timezone=True)}  # noqa: RUF012 - SQLAlchemy reads the class attribute


class Times:
    created_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))
    updated_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC), onupdate=lambda: datetime.now(UTC))


class User(Times, Base):
    __tablename__ = "user_account"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    display_name: Mapped[str | None]
    role: Mapped[str]
    is_active: Mapped[bool]


class UserSession(Times, Base):
    __tablename__ = "user_session"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"))
    scope: Mapped[str]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class Connection(Base):
    __tablename__ = "tone3000_connection"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"))
    username: Mapped[str]


class LibraryItem(Times, Base):
    __tablename__ = "library_item"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"))
    kind: Mapped[str]
    name: Mapped[str]
    notes: Mapped[str]
    tags: Mapped[list[str]] = mapped_column(ARRAY(String))
    gear: Mapped[str | None]
    filename: Mapped[str]
    sha256: Mapped[str]
    size: Mapped[int]
    media_type: Mapped[str]
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    source: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


class Shootout(Times, Base):
    __tablename__ = "shootout"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"))
    title: Mapped[str]
    schema_version: Mapped[int]
    config: Mapped[dict[str, Any]] = mapped_column(JSONB)
    visibility: Mapped[str]
    labels: Mapped[dict[str, str]] = mapped_column("metadata", JSONB)


class ShootoutAsset(Base):
    __tablename__ = "shootout_asset"

    shootout_id: Mapped[UUID] = mapped_column(ForeignKey("shootout.id"), primary_key=True)
    library_item_id: Mapped[UUID] = mapped_column(ForeignKey("library_item.id"), primary_key=True)


class Job(Times, Base):
    __tablename__ = "job"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"))
    shootout_id: Mapped[UUID] = mapped_column(ForeignKey("shootout.id"))
    title: Mapped[str]
    inputs: Mapped[dict[str, Any]] = deferred(mapped_column(JSONB))
    status: Mapped[str]
    phase: Mapped[str | None]
    attempt: Mapped[int]
    waiting_for: Mapped[str | None]
    event_seq: Mapped[int]
    progress_done: Mapped[float]
    progress_total: Mapped[float]
    eta_s: Mapped[float | None]
    summary: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    labels: Mapped[dict[str, str]] = mapped_column("metadata", JSONB)
    error_code: Mapped[str | None]
    error_detail: Mapped[str | None]
    queued_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


# --- Representations -------------------------------------------------------------------------------------------------


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Level(Part):
    target_lufs: float = Field(-16.0, ge=-40, le=-5)
    ceiling_dbtp: float = Field(-1.0, ge=-20, le=0)


class Output(Part):
    page: bool = True
    plots: bool = True
    video: bool = True


class Export(Part):
    aligned: bool = False
    right_polarity: bool = False
    tail_s: float = Field(0.0, ge=0, le=30)


class Video(Part):
    blind: bool = False
    vertical: bool = False
    ab_only: bool = False


Name = Annotated[str, Field(min_length=1, max_length=80)]


class DiTrack(Part):
    asset: UUID
    name: Name
    calibration_dbu: float | None = Field(None, ge=-60, le=60)
    start_s: float = Field(0.0, ge=0)
    end_s: float | None = Field(None, gt=0)
    channel: Literal["left", "right", "mean"] | None = None


class Capture(Part):
    type: Literal["capture"]
    bypass: bool = False
    asset: UUID
    input_gain_db: float = Field(0.0, ge=-60, le=60)
    size: float | None = Field(None, ge=0, le=1)
    gear: Literal["amp", "amp_cab", "pedal", "pedal_amp", "amp_pedal_cab", "preamp", "studio"] | None = None


class CabIr(Part):
    type: Literal["cab_ir"]
    bypass: bool = False
    asset: UUID
    channel: Literal["left", "right", "mean"] | None = None
    mix: float = Field(1.0, ge=0, le=1)
    low_cut_hz: float | None = Field(None, ge=1, le=96_000)
    high_cut_hz: float | None = Field(None, ge=1, le=96_000)


class Gain(Part):
    type: Literal["gain"]
    bypass: bool = False
    gain_db: float = Field(ge=-60, le=60)


class Band(Part):
    type: Literal["highpass", "lowpass", "low_shelf", "high_shelf", "peak"]
    frequency_hz: float = Field(ge=1, le=96_000)
    gain_db: float = Field(0.0, ge=-24, le=24)
    q: float = Field(0.7071067811865476, ge=0.1, le=20)


class Eq(Part):
    type: Literal["eq"]
    bypass: bool = False
    bands: list[Band] = Field(min_length=1, max_length=16)


class Chain(Part):
    name: Name
    trim_db: float = Field(0.0, ge=-12, le=12)
    input_gain_db: float = Field(0.0, ge=-60, le=60)
    allow: list[str] = []
    blocks: list[Annotated[Capture | CabIr | Gain | Eq, Field(discriminator="type")]] = Field(
        min_length=1, max_length=32
    )


class Config(Part):
    schema_: Literal[1] = Field(1, alias="schema")
    title: str = Field("Shootout", min_length=1, max_length=120)
    level: Level = Level()
    output: Output = Output()
    export: Export = Export()
    video: Video = Video()
    allow: list[str] = []
    commercial: bool = False
    di_tracks: list[DiTrack] = Field(min_length=1, max_length=64)
    chains: list[Chain] = Field(default=[], max_length=256)
    grid: None = None
    sweep: list[None] = []


class Read(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class MeRead(Read):
    id: UUID
    name: str
    display_name: str | None
    role: str
    scope: str
    created_at: datetime
    tone3000: dict[str, Any] | None

    @computed_field
    def links(self) -> dict[str, str]:
        me = "/api/v1/me"
        return {"self": me, "tokens": f"{me}/tokens", "sessions": f"{me}/sessions", "export": f"{me}/export"}


class ShootoutCreate(Part):
    config: Config
    visibility: Literal["private", "public"] = "private"
    metadata: dict[str, str] = {}
    submit: bool = False


class ShootoutRead(Read):
    id: UUID
    title: str
    visibility: str
    config: Config
    metadata: dict[str, str] = Field(validation_alias="labels")
    created_at: datetime
    updated_at: datetime

    @computed_field
    def links(self) -> dict[str, str]:
        path = f"/api/v1/shootouts/{self.id}"
        return {"self": path, "plan": f"{path}/plan", "jobs": f"{path}/jobs"}


class NewShootoutRead(ShootoutRead):
    @computed_field
    def job(self) -> None:
        return None


class LibraryItemRead(Read):
    id: UUID
    kind: str
    name: str
    notes: str
    tags: list[str]
    filename: str
    size_bytes: int = Field(validation_alias="size")
    sha256: str
    media_type: str
    facts: dict[str, Any]
    source: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime

    @computed_field
    def gear(self) -> str | None:
        return self.facts.get("catalog_gear") or self.facts.get("gear")

    @computed_field
    def links(self) -> dict[str, str]:
        path = f"/api/v1/library/{self.id}"
        return {"self": path, "content": f"{path}/content", "usage": f"{path}/usage"}


class JobRead(Read):
    id: UUID
    shootout_id: UUID
    title: str
    status: str
    phase: str | None
    attempt: int
    waiting_for: str | None
    summary: dict[str, Any] | None
    metadata: dict[str, str] = Field(validation_alias="labels")
    created_at: datetime
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    progress_done: float = Field(exclude=True)
    progress_total: float = Field(exclude=True)
    eta_s: float | None = Field(exclude=True)
    error_code: str | None = Field(exclude=True)
    error_detail: str | None = Field(exclude=True)

    @computed_field
    def notices(self) -> list[dict[str, str]]:
        return []

    @computed_field
    def progress(self) -> dict[str, float | None]:
        done, total = self.progress_done, self.progress_total
        percent = 100.0 if self.status == "completed" else (100.0 * done / total if total else 0.0)
        return {
            "percent": round(percent, 2),
            "done": round(done, 2),
            "total": round(total, 2),
            "eta_s": self.eta_s,
        }

    @computed_field
    def error(self) -> dict[str, Any] | None:
        return None if self.error_code is None else {"code": self.error_code, "detail": self.error_detail or ""}

    @computed_field
    def links(self) -> dict[str, str | None]:
        path, finished = f"/api/v1/jobs/{self.id}", self.status in FINISHED
        return {
            "self": path,
            "cancel": None if finished else f"{path}/cancel",
            "retry": f"{path}/retry" if self.status in {"failed", "cancelled"} else None,
            "events": f"{path}/events",
            "ws": f"{path}/ws",
            "artifacts": f"{path}/artifacts",
            "archive": f"{path}/archive" if finished else None,
            "shootout": f"/api/v1/shootouts/{self.shootout_id}",
            "bundle": f"{path}/bundle" if self.status == "completed" else None,
            "page": f"/jobs/{self.id}",
        }


T = TypeVar("T")


class Page(Read, Generic[T]):
    items: list[T]
    total: int
    limit: int
    offset: int
    has_more: bool


# --- Dependencies ----------------------------------------------------------------------------------------------------


class Principal(BaseModel):
    user_id: UUID
    scope: str


async def get_session() -> AsyncGenerator[AsyncSession, None]:
    async with sessions() as session:
        yield session


Session = Annotated[AsyncSession, Depends(get_session)]


async def authenticate(session: AsyncSession, authorization: str) -> Principal | None:
    try:
        claims = jwt.decode(
            authorization.removeprefix("Bearer "),
            SECRET,
            algorithms=["HS256"],
            audience="tone-shootout-api",
            issuer="tone-shootout",
        )
    except jwt.InvalidTokenError:
        return None
    statement = (
        select(UserSession.user_id, UserSession.scope)
        .join(User, User.id == UserSession.user_id)
        .where(
            UserSession.id == UUID(claims["sid"]),
            UserSession.user_id == UUID(claims["sub"]),
            UserSession.revoked_at.is_(None),
            UserSession.expires_at > datetime.now(UTC),
            User.is_active,
        )
    )
    row = (await session.execute(statement)).one_or_none()
    return None if row is None else Principal(user_id=row.user_id, scope=row.scope)


async def get_principal(session: Session, authorization: Annotated[str, Header()] = "") -> Principal:
    principal = await authenticate(session, authorization)
    if principal is None:
        raise HTTPException(401, "Sign in first.")
    return principal


SignedIn = Annotated[Principal, Depends(get_principal)]


class Paging(BaseModel):
    limit: int = Field(20, ge=1, le=100)
    offset: int = Field(0, ge=0)


PageQuery = Annotated[Paging, Query()]


async def get_page(session: AsyncSession, model: Any, owner_id: UUID, paging: Paging) -> dict[str, Any]:
    owned = model.owner_id == owner_id
    statement = select(model).where(owned).order_by(model.created_at.desc(), model.id.desc())
    items = (await session.scalars(statement.limit(paging.limit).offset(paging.offset))).all()
    total = await session.scalar(select(func.count()).select_from(model).where(owned)) or 0
    has_more = paging.offset + len(items) < total
    return {"items": items, "total": total, "has_more": has_more, **paging.model_dump()}


async def get_one(session: AsyncSession, model: Any, owner_id: UUID, row_id: UUID) -> Any:
    found = await session.scalar(select(model).where(model.id == row_id, model.owner_id == owner_id))
    if found is None:
        raise HTTPException(404, f"{model.__name__} not found.")
    return found


# --- Routes ----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncGenerator[None, None]:
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 5)
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


@app.get("/health/live")
async def get_live() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/api/v1/me")
async def get_me(session: Session, principal: SignedIn) -> MeRead:
    statement = select(User, Connection).outerjoin(Connection, Connection.user_id == User.id)
    user, connection = (await session.execute(statement.where(User.id == principal.user_id))).one()
    return MeRead(
        id=user.id,
        name=user.name,
        display_name=user.display_name,
        role=user.role,
        scope=principal.scope,
        created_at=user.created_at,
        tone3000=connection and {"username": connection.username},
    )


def without_empty(value: Any) -> Any:
    """Leave out fields that are empty by default, which are not stored."""
    if isinstance(value, dict):
        kept = {name: without_empty(content) for name, content in value.items()}
        return {name: content for name, content in kept.items() if content or isinstance(content, str)}
    return [without_empty(each) for each in value] if isinstance(value, list) else value


@app.get("/api/v1/shootouts", response_model=Page[ShootoutRead], response_model_exclude_unset=True)
async def list_shootouts(session: Session, principal: SignedIn, paging: PageQuery) -> Any:
    return await get_page(session, Shootout, principal.user_id, paging)


@app.get("/api/v1/shootouts/{shootout_id}", response_model=ShootoutRead, response_model_exclude_unset=True)
async def get_shootout(session: Session, principal: SignedIn, shootout_id: UUID) -> Any:
    return await get_one(session, Shootout, principal.user_id, shootout_id)


@app.post("/api/v1/shootouts", response_model=NewShootoutRead, response_model_exclude_unset=True, status_code=201)
async def create_shootout(session: Session, principal: SignedIn, data: ShootoutCreate) -> Any:
    config = data.config
    wanted = {track.asset for track in config.di_tracks}
    wanted |= {block.asset for chain in config.chains for block in chain.blocks if isinstance(block, Capture | CabIr)}
    statement = select(LibraryItem).where(LibraryItem.id.in_(wanted), LibraryItem.owner_id == principal.user_id)
    found = {item.id: item for item in await session.scalars(statement.with_for_update(read=True, key_share=True))}
    if found.keys() != wanted:
        raise HTTPException(422, "The config names items that are not in your library.")
    shootout = Shootout(
        owner_id=principal.user_id,
        title=config.title,
        schema_version=config.schema_,
        config=without_empty(config.model_dump(mode="json", by_alias=True)),
        visibility=data.visibility,
        labels=data.metadata,
    )
    session.add(shootout)
    await session.flush()
    uses = [{"shootout_id": shootout.id, "library_item_id": item_id} for item_id in found]
    await session.execute(insert(ShootoutAsset), uses)
    await session.commit()
    return shootout


@app.get("/api/v1/library", response_model=Page[LibraryItemRead])
async def list_library(session: Session, principal: SignedIn, paging: PageQuery) -> Any:
    return await get_page(session, LibraryItem, principal.user_id, paging)


@app.get("/api/v1/jobs", response_model=Page[JobRead])
async def list_jobs(session: Session, principal: SignedIn, paging: PageQuery) -> Any:
    return await get_page(session, Job, principal.user_id, paging)


@app.get("/api/v1/jobs/{job_id}", response_model=JobRead)
async def get_job(session: Session, principal: SignedIn, job_id: UUID) -> Any:
    return await get_one(session, Job, principal.user_id, job_id)


@app.websocket("/api/v1/jobs/{job_id}/ws")
async def follow_job(socket: WebSocket, job_id: UUID, authorization: Annotated[str, Header()] = "") -> None:
    async with sessions() as session:
        principal = await authenticate(session, authorization)
        if principal is None:
            await socket.close(4401)
            return
        job = await get_one(session, Job, principal.user_id, job_id)
    await socket.accept()
    data = {"job": JobRead.model_validate(job).model_dump(mode="json"), "last_seq": job.event_seq}
    at = datetime.now(UTC).isoformat()
    await socket.send_json({"seq": job.event_seq, "type": "snapshot", "job_id": str(job_id), "at": at, "data": data})
    try:
        while True:
            await asyncio.wait_for(socket.receive(), 3600)
    except (WebSocketDisconnect, RuntimeError, TimeoutError):
        pass
