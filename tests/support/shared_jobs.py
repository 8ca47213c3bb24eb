"""Completed jobs with real segments and a real manifest, without running a worker, and their shares."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from tests.integration.conftest import Person
from tests.support.factories import JobArtifactFactory, JobFactory
from tests.support.sessions import Sessions
from tests.support.uploads import RATE, SHOOTOUTS, config, flac
from tone_shootout.jobs.status import JobStatus
from tone_shootout.kit.storage import Storage
from tone_shootout.rendering.executor.tasks import Measured
from tone_shootout.rendering.metrics import Latency
from tone_shootout.rendering.output.manifest import (
    Input,
    LevelRecord,
    Manifest,
    SegmentRecord,
    encode_manifest,
)
from tone_shootout.rendering.spec.schema import CaptureBlock, Chain, DiTrack, Spec

SECRET = "the-private-di.wav"
"""Name of an input, which no share may show."""
PRIVATE = {"comparison.mp4": b"film", "chapters.txt": b"0:00 one", "partial/01.flac": b"raw"}
CREDITS = ("“Plexi” by valve-shed (CC BY 4.0)",)
_LEVELS = dict.fromkeys(Measured.__struct_fields__, -16.0)


@dataclass(frozen=True)
class SharedJob:
    """A completed job, and the sound of its segments."""

    id: str
    sounds: list[NDArray[np.float64]]
    chains: list[str]
    files: dict[str, bytes]


def sounds(count: int, *, seconds: float = 1.0) -> list[NDArray[np.float64]]:
    """Return sounds that differ, equally loud."""
    time = np.arange(round(seconds * RATE)) / RATE
    return [0.2 * np.sin(2 * np.pi * (110 + 37 * index) * time) * np.exp(-time) for index in range(count)]


async def completed_job(
    person: Person,
    sessions: Sessions,
    storage: Storage,
    folder: Path,
    *,
    chains: list[str],
    made: list[NDArray[np.float64]] | None = None,
    latencies: list[Latency | None] | None = None,
    status: JobStatus = JobStatus.COMPLETED,
) -> SharedJob:
    """Store a completed job of a person with one DI track and these chains."""
    shootout_id = UUID((await person.client.post(SHOOTOUTS, json={"config": await config(person.client)})).json()["id"])
    made = made or sounds(len(chains))
    paths = [f"segments/{number:02}-riff.flac" for number in range(1, len(chains) + 1)]
    files = {path: flac(sound, folder) for path, sound in zip(paths, made, strict=True)}
    files |= {"plots/loudness.png": b"\x89PNG", **PRIVATE}
    files["manifest.json"] = encode_manifest(manifest_of(chains, paths, made, latencies or [None] * len(chains), files))
    job = JobFactory.build(owner_id=person.id, shootout_id=shootout_id, title="Two crunches", status=status)
    keys = {path: f"users/{person.id}/jobs/{job.id}/1/{path}" for path in files}
    for path, content in files.items():
        await storage.put(keys[path], content)
    async with sessions.begin() as session:
        session.add(job)
        await session.flush()
        session.add_all(
            JobArtifactFactory.build(
                job_id=job.id,
                path=path,
                size=len(content),
                sha256=hashlib.sha256(content).hexdigest(),
                media_type="audio/flac" if path.endswith(".flac") else "application/octet-stream",
                storage_key=keys[path],
            )
            for path, content in files.items()
        )
    return SharedJob(str(job.id), made, chains, files)


async def share(person: Person, job: SharedJob, **fields: Any) -> dict[str, Any]:
    """Share a job; the share."""
    answer = await person.client.post(f"/api/v1/jobs/{job.id}/share", json=fields)
    assert answer.status_code == 201, answer.text
    shared: dict[str, Any] = answer.json()
    assert answer.headers["location"] == shared["links"]["self"]
    return shared


def manifest_of(
    chains: list[str],
    paths: list[str],
    made: list[NDArray[np.float64]],
    latencies: list[Latency | None],
    files: dict[str, bytes],
) -> Manifest:
    """Return the manifest of one DI track through some chains, with these files."""
    spec = Spec(
        di_tracks=(DiTrack(name="Riff in E", file=SECRET),),
        chains=tuple(Chain(name=name, blocks=(CaptureBlock(file="amp.nam"),)) for name in chains),
    )
    return Manifest(
        title="Two crunches",
        engine="numpy",
        versions={"tone-shootout": "0"},
        level=LevelRecord(requested_lufs=-16.0, target_lufs=-17.5, ceiling_dbtp=-1.0),
        inputs=(Input(name=SECRET, kind="di_track", sha256="0" * 64, size_bytes=1),),
        spec=spec,
        credits=CREDITS,
        segments=tuple(
            SegmentRecord(
                position=number,
                di_track="Riff in E",
                chain=name,
                render_key=f"{number:064}",
                file=path,
                sha256=hashlib.sha256(files[path]).hexdigest(),
                start_ms=0,
                end_ms=1000,
                sample_rate_hz=RATE,
                samples=len(sound),
                measured=Measured(**_LEVELS),
                loudness_before_lufs=-20.0,
                true_peak_before_dbtp=-9.0,
                gain_db=2.5,
                trim_db=0.0,
                calibration="as recorded",
                cache_hit=False,
                latency=latency,
            )
            for number, (name, path, sound, latency) in enumerate(zip(chains, paths, made, latencies, strict=True), 1)
        ),
        files=(),
    )
