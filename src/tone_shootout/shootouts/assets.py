"""The files of a config: library items, and models of TONE3000 that a job downloads first."""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from tone_shootout.rendering.media_info import CabIrInfo, CaptureInfo, Kind, MediaInfo
from tone_shootout.rendering.output.credits import Credit
from tone_shootout.shootouts.config import Config, assets_of, models_of
from tone_shootout.shootouts.library.models import ItemRow, LibraryItem
from tone_shootout.shootouts.library.repositories import LibraryRepository
from tone_shootout.shootouts.library.services import storage_key

# Estimates for files that are not downloaded yet: a capture of A1's standard size, a long impulse response.
_RATE: Final = 48_000
_PARAMETERS: Final = 13_802
_RECEPTIVE_FIELD: Final = 4_093
_IR_SAMPLES: Final = 24_000


class AssetRef(Struct, frozen=True, kw_only=True):
    """A library item that a spec uses.

    Attributes:
        file: its name in the spec.
        storage_key: where its content is stored.
        sha256: SHA-256 of its content.
        kind: its kind.
        facts: result of decoding it.
        name: its name in the library.
        credit: its creator and license, where they are known.
        picture_sha256: SHA-256 of the picture of its gear; None: it has none.
    """

    file: str
    storage_key: str
    sha256: str
    kind: Kind
    facts: MediaInfo
    name: str
    credit: Credit | None
    picture_sha256: str | None = None

    @classmethod
    def of(cls, file: str, item: LibraryItem | ItemRow) -> "AssetRef":
        """Return the reference from `file` in a spec to an item."""
        return cls(
            file=file,
            storage_key=storage_key(item.owner_id, item.sha256),
            sha256=item.sha256,
            kind=msgspec.convert(item.kind, Kind),
            facts=item.media_info,
            name=item.name,
            credit=item.provenance.credit if item.provenance else None,
            picture_sha256=item.picture_sha256,
        )


class WantedModel(Struct, frozen=True, kw_only=True):
    """A model of TONE3000 that a job downloads before it renders."""

    file: Annotated[str, Meta(description="Name of the file in the plan.")]
    kind: Annotated[Kind, Meta(description="Required kind of the file.", examples=["capture"])]
    tone_id: Annotated[int, Meta(description="Id of the tone at TONE3000.", examples=[900101])]
    model_id: Annotated[int, Meta(description="Id of the model at TONE3000.", examples=[910001])]


class ResolvedAssets(Struct, frozen=True, kw_only=True):
    """The files of a config.

    Attributes:
        items: library items, by their names in the spec.
        wanted: models to download.
        item_ids: ids of the items that the config itself names.
    """

    items: Mapping[str, ItemRow]
    wanted: tuple[WantedModel, ...]
    item_ids: tuple[UUID, ...]

    @property
    def refs(self) -> tuple[AssetRef, ...]:
        """References to the library items."""
        return tuple(AssetRef.of(file, item) for file, item in self.items.items())

    @property
    def names(self) -> dict[str, str]:
        """Names of the items, and of each model to download."""
        return {file: item.name for file, item in self.items.items()} | {
            model.file: f"TONE3000 {model.model_id}" for model in self.wanted
        }

    @property
    def media_info(self) -> dict[str, MediaInfo]:
        """Media info of the items, and an estimate of it for each model to download."""
        return {file: item.media_info for file, item in self.items.items()} | {
            model.file: _estimate(model) for model in self.wanted
        }


async def resolve(items: LibraryRepository, owner_id: UUID, config: Config) -> ResolvedAssets:
    """Find a config's files, and lock library items among them against deletion until the transaction ends."""
    named = await items.lock_by_id(owner_id, set(assets_of(config)))
    models = {file: (ref, kind) for file, ref, kind in models_of(config)}
    imported = await items.lock_by_model(owner_id, {ref.model_id for ref, _ in models.values()})
    found = {file: imported[ref.model_id] for file, (ref, _) in models.items() if ref.model_id in imported}
    wanted = tuple(
        WantedModel(file=file, kind=kind, tone_id=ref.tone_id, model_id=ref.model_id)
        for file, (ref, kind) in models.items()
        if file not in found
    )
    return ResolvedAssets(
        items={str(item_id): item for item_id, item in named.items()} | found, wanted=wanted, item_ids=tuple(named)
    )


def _estimate(model: WantedModel) -> MediaInfo:
    # Not the hash of any file, so that render keys made from it match nothing in the cache.
    sha256 = hashlib.sha256(model.file.encode()).hexdigest()
    if model.kind == "cab_ir":
        return CabIrInfo(
            sha256=sha256, size_bytes=0, samples=_IR_SAMPLES, sample_rate_hz=_RATE, duration_s=_IR_SAMPLES / _RATE
        )
    return CaptureInfo(
        sha256=sha256,
        size_bytes=0,
        architecture="unknown",
        size_class="unknown",
        sample_rate_hz=_RATE,
        sample_rate_stated=False,
        parameters=_PARAMETERS,
        receptive_field_samples=_RECEPTIVE_FIELD,
        slimmable=True,
    )
