"""Handlers of the equalizer between two segments of a job."""

from typing import Annotated, Final

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Parameter

from tone_shootout.accounts.principal import Principal
from tone_shootout.jobs.controllers import MAX_SEQ, JobId
from tone_shootout.jobs.matching import MatchRead, match_read, match_response
from tone_shootout.jobs.services import JobService
from tone_shootout.jobs.stored_results import load_manifest
from tone_shootout.kit.http.openapi import DownloadOperation
from tone_shootout.kit.http.problems import problems
from tone_shootout.kit.storage import Storage

_WAV: Final = "audio/wav"
TargetPosition = Annotated[int, Parameter(ge=1, le=MAX_SEQ, description="Position of the segment to sound like.")]
SourcePosition = Annotated[int, Parameter(ge=1, le=MAX_SEQ, description="Position of the segment to equalize.")]


class MatchController(Controller):
    """The equalizer that brings one segment of a job to another."""

    path = "/api/v1/jobs"
    tags = ("jobs",)

    @get(
        "/{job_id:uuid}/match",
        operation_id="match_segments",
        summary="Match two segments",
        responses=problems(400, 401, 404, 409, 503),
    )
    async def match_segments(
        self,
        job_id: JobId,
        principal: NamedDependency[Principal],
        jobs: NamedDependency[JobService],
        storage: NamedDependency[Storage],
        target: TargetPosition,
        source: SourcePosition,
    ) -> MatchRead:
        """Return the equalizer that brings the third octaves of one segment of a completed job to those of another.

        It is computed from the levels in the manifest. `shootout match` computes it from the files, which is closer.
        """
        _, artifacts = await jobs.results(principal.user_id, job_id)
        return await match_read(await load_manifest(storage, artifacts), target, source)

    @get(
        "/{job_id:uuid}/match/ir",
        operation_id="get_match_ir",
        operation_class=DownloadOperation,
        summary="Get a match as an impulse response",
        responses={
            200: ResponseSpec(bytes, generate_examples=False, media_type=_WAV, description="The impulse response."),
            **problems(400, 401, 404, 409, 503),
        },
    )
    async def get_match_ir(
        self,
        job_id: JobId,
        principal: NamedDependency[Principal],
        jobs: NamedDependency[JobService],
        storage: NamedDependency[Storage],
        target: TargetPosition,
        source: SourcePosition,
    ) -> Response[bytes]:
        """Return the curve of a match as a minimum-phase impulse response, for a `cab_ir` block or another program.

        Mono WAV of 4,096 samples at 48 kHz, 32-bit float, without `gain_db`.
        """
        _, artifacts = await jobs.results(principal.user_id, job_id)
        content = await match_response(await load_manifest(storage, artifacts), target, source)
        headers = {
            "Content-Disposition": f'attachment; filename="match-{source}-to-{target}.wav"',
            "X-Content-Type-Options": "nosniff",
        }
        return Response(content, media_type=_WAV, headers=headers)
