"""The rules of shootouts. Nothing here commits."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.services import AccountService
from tone_shootout.document_errors import MOST
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.repository import RowLock
from tone_shootout.kit.documents import to_document
from tone_shootout.kit.http.problems import Fault
from tone_shootout.kit.settings import LimitSettings
from tone_shootout.rendering.media_info import Limits
from tone_shootout.rendering.notices import Notice, located, spec_notices
from tone_shootout.rendering.output.credits import Credit, notices
from tone_shootout.rendering.plan.planner import Plan, plan
from tone_shootout.rendering.spec.checks import check_spec
from tone_shootout.rendering.spec.document import SpecDocument
from tone_shootout.rendering.spec.grid import Expansion, expand
from tone_shootout.rendering.spec.repair import repair
from tone_shootout.rendering.spec.schema import ONE_LINE, Spec
from tone_shootout.shootouts.assets import AssetRef, ResolvedAssets, WantedModel, resolve
from tone_shootout.shootouts.config import Config, assets_of, check_sources, document_of
from tone_shootout.shootouts.errors import CONFIG, InvalidConfigError, InvalidPatchError, ShootoutNotFoundError
from tone_shootout.shootouts.jobs_port import JobsPort
from tone_shootout.shootouts.library.repositories import LibraryRepository
from tone_shootout.shootouts.models import Shootout
from tone_shootout.shootouts.patches import patched
from tone_shootout.shootouts.repositories import ShootoutRepository, ShootoutRow
from tone_shootout.shootouts.spec_text import (
    SpecConfigRead,
    SpecCreate,
    config_of,
    files_in,
    names_of,
    read_spec,
    spec_text,
)

Visibility = Literal["private", "public"]
MetadataName = Annotated[str, Meta(min_length=1, max_length=40, pattern=ONE_LINE)]
MetadataText = Annotated[str, Meta(max_length=500, pattern=r"^[^\x00]*$")]
Metadata = Annotated[
    dict[MetadataName, MetadataText],
    Meta(
        max_length=20,
        description="Your own data, text by name. A job has that of its shootout at submission.",
        examples=[{"session": "2026-11-28"}],
    ),
]

MAX_TITLE: Final = 120
"""Length of a title."""
COPY: Final = " (copy)"
"""What a duplicate's title ends with, unless another is given."""


_NO_ASSET: Final = str(UUID(int=0))


class ShootoutSnapshot(Struct, frozen=True, kw_only=True):
    """A shootout at one moment, with everything that a job needs to render it.

    While models are `wanted`, the plan is an estimate from typical models: its render keys are not those of the
    rendered segments.
    """

    title: str
    metadata: dict[str, str]
    config: dict[str, Any]
    spec: Spec
    plan: Plan
    expansion: Expansion
    document: SpecDocument | None
    """The spec before its grid was expanded; None: it has no grid."""
    assets: tuple[AssetRef, ...]
    wanted: tuple[WantedModel, ...]

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Notices about its files and their licenses, with pointers into the config."""
        return located((*self.plan.notices, *notices(self.spec, _credits(self.assets))), self.expansion.pointer)


class Validation(Struct, frozen=True, kw_only=True):
    """What is wrong with a config and what a job would do with it; `snapshot` is None if it can't be rendered."""

    errors: tuple[Fault, ...]
    notices: tuple[Notice, ...]
    snapshot: ShootoutSnapshot | None


def rendering_limits(settings: LimitSettings) -> Limits:
    """Return the renderer's limits from the settings."""
    return Limits(
        max_upload_bytes=settings.upload_bytes,
        max_capture_bytes=settings.capture_bytes,
        max_di_seconds=settings.di_seconds,
        max_ir_seconds=settings.ir_seconds,
        di_tracks=settings.di_tracks,
        chains=settings.chains,
        segments=settings.segments,
    )


class ShootoutService:
    """Shootouts, in one unit of work."""

    def __init__(self, session: AsyncSession, limits: Limits) -> None:
        self._session = session
        self._limits = limits

    # Made when they are needed: a request needs one or two of them.

    @cached_property
    def _shootouts(self) -> ShootoutRepository:
        return ShootoutRepository(self._session)

    @cached_property
    def _items(self) -> LibraryRepository:
        return LibraryRepository(self._session)

    async def create(
        self,
        owner_id: UUID,
        config: Config,
        *,
        visibility: Visibility = "private",
        metadata: Mapping[str, str] | None = None,
    ) -> ShootoutRow:
        """Create a shootout.

        Raises:
            InvalidConfigError: the config can't be rendered.
        """
        assets = await resolve(self._items, owner_id, config)
        self._check(config, assets)
        return await self._shootouts.add_row(
            owner_id,
            title=config.title,
            schema_version=config.schema,
            visibility=visibility,
            config=msgspec.json.encode(to_document(config)).decode(),
            labels=msgspec.json.encode(metadata or {}).decode(),
            item_ids=assets.item_ids,
        )

    async def get(self, owner_id: UUID, shootout_id: UUID, *, lock: RowLock | None = None) -> Shootout:
        """Return a shootout.

        Raises:
            ShootoutNotFoundError: the owner has no such shootout.
        """
        shootout = await self._shootouts.get_owned(owner_id, shootout_id, lock=lock)
        if shootout is None:
            raise ShootoutNotFoundError(shootout_id)
        return shootout

    async def read(self, owner_id: UUID, shootout_id: UUID) -> ShootoutRow:
        """Return what a response shows of a shootout.

        Raises:
            ShootoutNotFoundError: the owner has no such shootout.
        """
        found = await self._shootouts.read(owner_id, shootout_id)
        if found is None:
            raise ShootoutNotFoundError(shootout_id)
        return found

    async def list(
        self, owner_id: UUID, paging: Paging, *, order_by: str, q: str | None = None
    ) -> tuple[Sequence[ShootoutRow], int]:
        """Return a page of the owner's shootouts, and how many match."""
        return await self._shootouts.list_matching(owner_id, paging=paging, order_by=order_by, q=q)

    async def list_public(self, paging: Paging, *, order_by: str) -> tuple[Sequence[tuple[Shootout, str]], int]:
        """Return a page of the public shootouts with their owners' names, and how many there are."""
        rows, total = await self._shootouts.list_public(paging=paging, order_by=order_by)
        names = await AccountService(self._session).get_display_names({row.owner_id for row in rows})
        return [(row, names.get(row.owner_id, "")) for row in rows], total

    async def update(
        self,
        owner_id: UUID,
        shootout_id: UUID,
        *,
        config: Mapping[str, Any] | UnsetType = UNSET,
        visibility: Visibility | UnsetType = UNSET,
        metadata: Mapping[str, str | None] | UnsetType = UNSET,
        condition: Callable[[Shootout], None] | None = None,
    ) -> Shootout:
        """Change a shootout's config, visibility or metadata. Jobs submitted earlier keep their config.

        Args:
            owner_id: the owner.
            shootout_id: id of the shootout.
            config: changes to the config, a JSON merge patch.
            visibility: the new visibility.
            metadata: changes to the metadata, a JSON merge patch.
            condition: raises an error if the locked shootout must not be changed.

        Raises:
            ShootoutNotFoundError: the owner has no such shootout.
            InvalidPatchError: the changed config or metadata has not the documented form.
            InvalidConfigError: the config can't be rendered.
        """
        shootout = await self.get(owner_id, shootout_id, lock="update")
        if condition is not None:
            condition(shootout)
        assets: ResolvedAssets | None = None
        if config is not UNSET:
            try:
                # Converted first, so that it has every field of today's configs.
                target = msgspec.to_builtins(msgspec.convert(shootout.config, Config))
                changed: Config = patched(target, config, Config, CONFIG)
            except InvalidPatchError as error:
                further = await self.check_parts(owner_id, error.document, error.errors)
                raise InvalidPatchError([*error.errors, *further][:MOST]) from None
            assets = await resolve(self._items, owner_id, changed)
            self._check(changed, assets)
            _set_config(shootout, changed)
        if visibility is not UNSET:
            shootout.visibility = visibility
        if metadata is not UNSET:
            shootout.labels = patched(shootout.labels, metadata, Metadata, "/metadata")
        await self._session.flush()
        if assets is not None:
            await self._shootouts.replace_assets(shootout, assets.item_ids)
        return shootout

    async def delete(
        self,
        owner_id: UUID,
        shootout_id: UUID,
        jobs_port: JobsPort,
        *,
        condition: Callable[[Shootout], None] | None = None,
    ) -> Sequence[str]:
        """Delete a shootout with its jobs; return the storage prefixes of their results, to delete after the commit.

        `condition` raises an error if the locked shootout must not be deleted.

        Raises:
            ShootoutNotFoundError: the owner has no such shootout.
            ConflictError: one of its jobs is not finished.
        """
        shootout = await self.get(owner_id, shootout_id, lock="update")
        if condition is not None:
            condition(shootout)
        prefixes = await jobs_port.release(owner_id, shootout_id)
        await self._shootouts.delete_owned(owner_id, shootout_id)
        return prefixes

    async def snapshot(self, owner_id: UUID, shootout_id: UUID) -> ShootoutSnapshot:
        """Return a shootout as it is now; lock it and its library items against deletion until the transaction ends.

        Raises:
            ShootoutNotFoundError: the owner has no such shootout.
            InvalidConfigError: it can't be rendered any more, because the limits have changed.
        """
        shootout = await self.get(owner_id, shootout_id, lock="key_share")
        config = msgspec.convert(shootout.config, Config)
        assets = await resolve(self._items, owner_id, config)
        expansion = self._expand(config, assets)
        planned = self._plan(config, assets, expansion)
        return _snapshot(config, shootout.config, assets, expansion, planned, shootout.labels)

    async def validate(self, owner_id: UUID, config: Config) -> Validation:
        """Check a config as `create` does, and plan it; make nothing."""
        assets = await resolve(self._items, owner_id, config)
        expansion = self._expand(config, assets)
        try:
            planned = self._plan(config, assets, expansion)
        except InvalidConfigError as error:
            spec = expansion.spec
            found = (*spec_notices(spec, assets.media_info), *notices(spec, _credits(assets.refs)))
            shown = located(found, expansion.pointer)
            return Validation(errors=tuple(error.errors), notices=shown, snapshot=None)
        snapshot = _snapshot(config, msgspec.to_builtins(config), assets, expansion, planned)
        return Validation(errors=(), notices=snapshot.notices, snapshot=snapshot)

    async def check_parts(self, owner_id: UUID, document: object, faults: Sequence[Fault]) -> Sequence[Fault]:
        """Return the errors in the meaning of those parts of a malformed config that have the right structure.

        Args:
            owner_id: the owner.
            document: the decoded config.
            faults: the errors in its structure, with pointers to `/config/…`.
        """
        found = [fault.pointer for fault in faults if isinstance(fault.pointer, str)]
        pointers = [pointer.removeprefix(CONFIG) for pointer in found if pointer.startswith(CONFIG)]
        repaired = repair(document, pointers, source="asset", placeholder=_NO_ASSET)
        if repaired is None:
            return ()
        try:
            config = msgspec.convert(repaired.document, Config)
        except msgspec.ValidationError:
            return ()
        validation = await self.validate(owner_id, config)
        return [
            fault
            for fault in validation.errors
            if repaired.concerns(fault.code, (fault.pointer or "").removeprefix(CONFIG))
        ]

    async def spec(self, owner_id: UUID, shootout_id: UUID) -> str:
        """Return a shootout as a spec file in TOML.

        Raises:
            ShootoutNotFoundError: the owner has no such shootout.
        """
        config = msgspec.convert((await self.get(owner_id, shootout_id)).config, Config)
        return spec_text(config, await self._items.lock_by_id(owner_id, set(assets_of(config))))

    async def read_spec(self, owner_id: UUID, spec: SpecCreate) -> SpecConfigRead:
        """Return a spec file as a config of the owner's library items.

        Raises:
            InvalidSpecTextError: it is malformed.
        """
        document = read_spec(spec)
        names = {name for _, file in files_in(document) for name in names_of(file)}
        return config_of(document, await self._items.list_named(owner_id, names))

    async def duplicate(self, owner_id: UUID, shootout_id: UUID, *, title: str | None = None) -> ShootoutRow:
        """Create a private shootout with the config and metadata of another, under a new title.

        Raises:
            ShootoutNotFoundError: the owner has no such shootout.
            InvalidConfigError: it can't be rendered any more, because the limits have changed.
        """
        shootout = await self.get(owner_id, shootout_id)
        config = msgspec.convert(shootout.config, Config)
        title = title or f"{config.title[: MAX_TITLE - len(COPY)]}{COPY}"
        return await self.create(owner_id, msgspec.structs.replace(config, title=title), metadata=shootout.labels)

    def _expand(self, config: Config, assets: ResolvedAssets) -> Expansion:
        return expand(document_of(config), names=assets.names, limits=self._limits)

    def _plan(self, config: Config, assets: ResolvedAssets, expansion: Expansion) -> Plan:
        """Return the plan of a config.

        Raises:
            InvalidConfigError: the config can't be rendered.
        """
        self._check(config, assets, expansion)
        return plan(expansion.spec, assets.media_info, limits=self._limits)

    def _check(self, config: Config, assets: ResolvedAssets, expansion: Expansion | None = None) -> None:
        """Check that a config can be rendered, without planning it.

        Raises:
            InvalidConfigError: it can't.
        """
        expansion = expansion or self._expand(config, assets)
        errors = list(check_sources(config))
        # A block without a source is reported once, not again as one whose file is missing.
        known = {error.pointer for error in errors}
        errors += expansion.errors
        found = expansion.locate(list(check_spec(expansion.spec, assets.media_info, self._limits)))
        errors += [each for each in found if each.pointer.removesuffix("/file") not in known]
        if errors:
            raise InvalidConfigError(errors, config, assets.names)


def _snapshot(
    config: Config,
    stored: dict[str, Any],
    assets: ResolvedAssets,
    expansion: Expansion,
    planned: Plan,
    metadata: dict[str, str] | None = None,
) -> ShootoutSnapshot:
    return ShootoutSnapshot(
        title=config.title,
        metadata=metadata or {},
        config=stored,
        spec=planned.spec,
        plan=planned,
        expansion=expansion,
        document=None if expansion.is_plain else document_of(config),
        assets=assets.refs,
        wanted=assets.wanted,
    )


def _credits(assets: Sequence[AssetRef]) -> dict[str, Credit]:
    return {asset.file: asset.credit for asset in assets if asset.credit}


def _set_config(shootout: Shootout, config: Config) -> None:
    shootout.title = config.title
    shootout.schema_version = config.schema
    shootout.config = to_document(config)
