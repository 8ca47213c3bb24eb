"""Workers that render nothing: a job takes a given time and has one small file, so that all else can be measured."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from tone_shootout.jobs.execution.attempt import Attempt
from tone_shootout.jobs.execution.inputs import Inputs
from tone_shootout.jobs.execution.lease import Lease
from tone_shootout.jobs.execution.runner import Runner
from tone_shootout.rendering.output.manifest import LevelRecord, Manifest, encode_manifest
from tone_shootout.rendering.output.result_folder import MANIFEST_NAME

EMPTY_RENDERING_S: Final = "EMPTY_RENDERING_S"
"""Environment variable of a worker process that `tests.support.forking` starts: how long a job takes in it."""


@contextmanager
def empty_rendering(seconds: float = 0.0) -> Generator[None, None, None]:
    """Let jobs of runners in this process wait for so long instead of fetching and rendering."""

    async def execute(self: Runner, attempt: Attempt, lease: Lease) -> None:
        inputs = msgspec.convert(attempt.job.inputs, Inputs)
        attempt.phase("render")
        attempt.progress(0.0, 1.0)
        await asyncio.sleep(seconds)
        attempt.progress(1.0, 1.0)
        attempt.phase("publish")
        with TemporaryDirectory(prefix="empty-") as folder:
            out = Path(folder)
            (out / MANIFEST_NAME).write_bytes(encode_manifest(_manifest(inputs)))
            await self._publish(attempt, lease, out, notices=0)

    rendered = Runner._execute
    Runner._execute = execute  # type: ignore[method-assign]  # rendering is what is left out here
    try:
        yield
    finally:
        Runner._execute = rendered  # type: ignore[method-assign]  # rendering is what is left out here


def _manifest(inputs: Inputs) -> Manifest:
    """Return the manifest of a shootout without segments."""
    return Manifest(
        title="Nothing",
        engine="none",
        versions={},
        level=LevelRecord(requested_lufs=-16.0, target_lufs=-16.0, ceiling_dbtp=-1.0),
        inputs=(),
        spec=inputs.spec,
        segments=(),
        files=(),
    )
