"""A job's inputs: the spec and its files as they were at submission, stored in the job's row."""

import hashlib
import sys
from collections.abc import Callable, Sequence
from typing import Final, Self

import msgspec
from msgspec import Struct

from tone_shootout.jobs.models import Job, JobRow
from tone_shootout.rendering.media_info import DEFAULT_LIMITS, MediaInfo
from tone_shootout.rendering.notices import Notice, located, spec_notices
from tone_shootout.rendering.output.credits import Credit, notices
from tone_shootout.rendering.spec.document import SpecDocument
from tone_shootout.rendering.spec.grid import expand
from tone_shootout.rendering.spec.schema import Spec
from tone_shootout.shootouts.assets import AssetRef, WantedModel

_NO_LIMITS: Final = msgspec.structs.replace(DEFAULT_LIMITS, chains=sys.maxsize, segments=sys.maxsize)


class Asset(Struct, frozen=True, kw_only=True):
    """An input file of a job: storage key, hash, media info, the owner's name for it, its credit and its picture."""

    storage_key: str
    sha256: str
    facts: MediaInfo
    name: str
    credit: Credit | None = None
    picture_sha256: str | None = None
    """Hash of the picture of its gear (`JobPicture`); None: none."""

    @classmethod
    def of(cls, asset: AssetRef) -> Self:
        """Return the input for a file of the library."""
        return cls(
            storage_key=asset.storage_key,
            sha256=asset.sha256,
            facts=asset.facts,
            name=asset.name,
            credit=asset.credit,
            picture_sha256=asset.picture_sha256,
        )


class Inputs(Struct, frozen=True, kw_only=True):
    """A shootout as it was when its job was submitted: the spec, and its files by the spec's `file`.

    Models that are `wanted` become assets when the job has imported them.
    """

    spec: Spec
    assets: dict[str, Asset]
    wanted: tuple[WantedModel, ...] = ()
    document: SpecDocument | None = None
    """The spec before its grid and its sweep were expanded; None: it has neither."""

    def locate(self, pointer: str) -> str:
        """Turn a JSON pointer into the spec into one into the shootout's config."""
        return self.locator()(pointer)

    def locator(self) -> Callable[[str], str]:
        """Return `locate` for several pointers: it expands the grid once."""
        if self.document is None:
            return str
        names = {file: asset.name for file, asset in self.assets.items()}
        return expand(self.document, names=names, limits=_NO_LIMITS).pointer

    @property
    def credits(self) -> dict[str, Credit]:
        """The credits of the files, where they are known."""
        return {file: asset.credit for file, asset in self.assets.items() if asset.credit is not None}

    @property
    def pictures(self) -> dict[str, str]:
        """The SHA-256 of the pictures of the gear, of the files that have one."""
        return {file: asset.picture_sha256 for file, asset in self.assets.items() if asset.picture_sha256 is not None}

    def notices(self) -> Sequence[Notice]:
        """Return notices about the files and their licenses, with pointers into the shootout's config."""
        facts = {file: asset.facts for file, asset in self.assets.items()}
        found = (*spec_notices(self.spec, facts), *notices(self.spec, self.credits))
        return located(found, self.locator()) if found else ()


_decode_inputs: Final = msgspec.json.Decoder(Inputs).decode
_NOTICES_SIZE: Final = 2_000
_notices: dict[bytes, Sequence[Notice]] = {}
"""Notices by the hash of the inputs, of which they are a function: lists of jobs ask for the same again and again."""


def notices_of(job: Job | JobRow) -> Sequence[Notice]:
    """Return notices about a job's files and their licenses.

    Empty for an old job whose inputs do not pass today's validation.
    """
    if isinstance(job, Job):
        return _notices_in(lambda: msgspec.convert(job.inputs, Inputs))
    text = job.inputs_json
    key = hashlib.sha256(text.encode()).digest()
    if (found := _notices.get(key)) is None:
        if len(_notices) >= _NOTICES_SIZE:
            del _notices[next(iter(_notices))]
        found = _notices[key] = _notices_in(lambda: _decode_inputs(text))
    return found


def _notices_in(read: Callable[[], Inputs]) -> Sequence[Notice]:
    try:
        inputs = read()
    except msgspec.ValidationError:
        return ()
    return inputs.notices()
