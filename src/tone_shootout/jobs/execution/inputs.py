"""What a job needs to be carried out, as it was when it was submitted: kept in its row."""

from collections.abc import Sequence
from typing import Self

import msgspec
from msgspec import Struct

from tone_shootout.jobs.models import Job
from tone_shootout.rendering.media_info import MediaInfo
from tone_shootout.rendering.notices import Notice, spec_notices
from tone_shootout.rendering.output.credits import Credit, notices
from tone_shootout.rendering.spec.schema import Spec
from tone_shootout.shootouts.assets import AssetRef, WantedModel


class Asset(Struct, frozen=True, kw_only=True):
    """A file that a job needs: where it is stored, what it must be, what its owner calls it, and whose work it is."""

    storage_key: str
    sha256: str
    facts: MediaInfo
    name: str
    credit: Credit | None = None

    @classmethod
    def of(cls, asset: AssetRef) -> Self:
        """Keep what a job needs of a file."""
        return cls(
            storage_key=asset.storage_key,
            sha256=asset.sha256,
            facts=asset.facts,
            name=asset.name,
            credit=asset.credit,
        )


class Inputs(Struct, frozen=True, kw_only=True):
    """A shootout as it was when its job was submitted: the spec, and its files by the spec's `file`.

    What is `wanted` becomes one of the assets as soon as the job has fetched it.
    """

    spec: Spec
    assets: dict[str, Asset]
    wanted: tuple[WantedModel, ...] = ()

    @property
    def credits(self) -> dict[str, Credit]:
        """Whose work its files are, where that is known."""
        return {file: asset.credit for file, asset in self.assets.items() if asset.credit is not None}


def notices_of(job: Job) -> Sequence[Notice]:
    """Return what a job's owner should know of its files and their terms.

    None for a job that was submitted under rules which today's would refuse: it is still shown.
    """
    try:
        inputs = msgspec.convert(job.inputs, Inputs)
    except msgspec.ValidationError:
        return ()
    facts = {file: asset.facts for file, asset in inputs.assets.items()}
    return (*spec_notices(inputs.spec, facts), *notices(inputs.spec, inputs.credits))
