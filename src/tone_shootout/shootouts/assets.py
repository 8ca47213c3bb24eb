"""What a config's files are: items of the library, and models of TONE3000 that a job fetches first."""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from tone_shootout.rendering.media_info import CabIrInfo, CaptureInfo, Kind, MediaInfo
from tone_shootout.shootouts.config import Config, assets_of, models_of
from tone_shootout.shootouts.models import LibraryItem
from tone_shootout.shootouts.repositories import LibraryRepository

_RATE: Final = 48_000
_PARAMETERS: Final = 13_802
_RECEPTIVE_FIELD: Final = 4_093
_IR_SAMPLES: Final = 24_000
"""Of a capture of A1's standard size, and of a long impulse response of a cabinet: what estimates are made of."""


class WantedModel(Struct, frozen=True, kw_only=True):
    """A model of TONE3000 that is fetched before anything is rendered."""

    file: Annotated[str, Meta(description="What the plan calls it.")]
    kind: Annotated[Kind, Meta(description="What it has to be.", examples=["capture"])]
    tone: Annotated[int, Meta(description="The tone's id at TONE3000.", examples=[900101])]
    model: Annotated[int, Meta(description="The model's id there.", examples=[910001])]


class Materials(Struct, frozen=True, kw_only=True):
    """The files of a config.

    Attributes:
        items: those that are there, by what the spec calls them.
        wanted: those that have to be fetched.
        named: ids of the items that the config names itself.
    """

    items: Mapping[str, LibraryItem]
    wanted: tuple[WantedModel, ...]
    named: tuple[UUID, ...]

    @property
    def facts(self) -> dict[str, MediaInfo]:
        """What is known of them, and of what has to be fetched what is expected."""
        return {file: facts_of(item) for file, item in self.items.items()} | {
            wanted.file: _expected(wanted) for wanted in self.wanted
        }


async def gather(items: LibraryRepository, owner_id: UUID, config: Config) -> Materials:
    """Find a config's files, and keep those that are there from being deleted until the transaction ends."""
    named = await items.hold(owner_id, set(assets_of(config)))
    models = {file: (ref, kind) for file, ref, kind in models_of(config)}
    brought = await items.hold_models(owner_id, {ref.model for ref, _ in models.values()})
    there = {file: brought[ref.model] for file, (ref, _) in models.items() if ref.model in brought}
    wanted = tuple(
        WantedModel(file=file, kind=kind, tone=ref.tone, model=ref.model)
        for file, (ref, kind) in models.items()
        if file not in there
    )
    return Materials(
        items={str(item_id): item for item_id, item in named.items()} | there, wanted=wanted, named=tuple(named)
    )


def facts_of(item: LibraryItem) -> MediaInfo:
    """Return what is known of an item: of its file, and of the gear where the catalogue it came from tells that."""
    facts: MediaInfo = msgspec.convert(item.facts, MediaInfo)
    if isinstance(facts, CaptureInfo) and (source := item.provenance) is not None:
        facts = msgspec.structs.replace(facts, catalog_gear=source.gear)
    return facts


def _expected(wanted: WantedModel) -> MediaInfo:
    # Not the hash of any file: what is planned with it is found nowhere, and nothing is kept under it.
    sha256 = hashlib.sha256(wanted.file.encode()).hexdigest()
    if wanted.kind == "cab_ir":
        return CabIrInfo(sha256=sha256, bytes=0, samples=_IR_SAMPLES, rate=_RATE, seconds=_IR_SAMPLES / _RATE)
    return CaptureInfo(
        sha256=sha256,
        bytes=0,
        architecture="unknown",
        size_class="unknown",
        sample_rate=_RATE,
        sample_rate_stated=False,
        parameters=_PARAMETERS,
        receptive_field=_RECEPTIVE_FIELD,
        slimmable=True,
    )
