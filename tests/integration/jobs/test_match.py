"""The equalizer between two segments of a job."""

from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec
import numpy as np
import pytest

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import make_shootout, submit
from tests.support.finished_jobs import add_finished_job
from tests.support.sessions import Sessions
from tests.support.shared_jobs import manifest_of
from tests.support.signals import RATE, riff
from tone_shootout.audio.files import read_audio
from tone_shootout.audio.filters import Band, equalize
from tone_shootout.audio.spectrum import spectrum
from tone_shootout.audio.temporal import temporal_features
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage
from tone_shootout.rendering.metrics import Metrics
from tone_shootout.rendering.output.manifest import Manifest, encode_manifest
from tone_shootout.rendering.spec.schema import EqBlock

SHAPE = (Band("peak", 400.0, q=1.0, db=-6.0), Band("high_shelf", 2500.0, db=5.0))


def _manifest() -> Manifest:
    """A manifest of three segments: a tone, the same one equalized, and one without metrics."""
    plain = riff(4.0)
    sounds = [equalize(plain, RATE, SHAPE), plain, plain]
    paths = ["segments/01.flac", "segments/02.flac", "segments/03.flac"]
    found = manifest_of(
        ["Bright", "Plain", "Old"],
        paths,
        [each.astype(np.float64) for each in sounds],
        [None] * 3,
        dict.fromkeys(paths, b""),
    )
    measured = [
        msgspec.convert({**_fields(spectrum(each, RATE)), **_fields(temporal_features(each, RATE))}, Metrics)
        for each in sounds[:2]
    ]
    segments = [
        msgspec.structs.replace(segment, metrics=metrics)
        for segment, metrics in zip(found.segments, [*measured, None], strict=True)
    ]
    return msgspec.structs.replace(found, segments=tuple(segments))


def _fields(measured: Any) -> dict[str, Any]:
    return dict(vars(measured))


@pytest.fixture
async def path(settings: Settings, session_maker: Sessions, user: Person) -> str:
    shootout_id = UUID(await make_shootout(user.client))
    files = {"manifest.json": encode_manifest(_manifest())}
    job = await add_finished_job(Storage.from_settings(settings), session_maker, user, shootout_id, files)
    return f"/api/v1/jobs/{job.id}/match"


async def test_one_segment_is_brought_to_another(path: str, user: Person) -> None:
    answer = await user.client.get(path, params={"target": 1, "source": 2})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["target"], found["source"]) == (1, 2)
    assert found["before"]["max_db"] > 4 > 0.5 > found["after"]["rms_db"]
    gains = {round(point["frequency_hz"]): point["gain_db"] for point in found["curve"] if point["matched"]}
    assert gains[398] + found["gain_db"] == pytest.approx(-6.0, abs=1.0)

    # The block is one of a spec, and does what it says.
    block = msgspec.convert(found["eq"], EqBlock)
    assert 1 <= len(block.bands) <= 16
    bands = [Band(each.type, each.frequency_hz, q=each.q, db=each.gain_db) for each in block.bands]
    plain = riff(4.0)
    target, result = (
        np.array(spectrum(each, RATE).third_octaves_db)
        for each in (equalize(plain, RATE, SHAPE), equalize(plain, RATE, bands))
    )
    matched = np.array([point["matched"] for point in found["curve"]])
    left = (target - result - found["gain_db"])[matched]
    assert np.sqrt(np.mean(left**2)) < 0.5
    assert np.abs(left).max() < 1.5


async def test_the_response_is_that_of_the_curve(path: str, user: Person, tmp_path: Path) -> None:
    query = {"target": 1, "source": 2}
    curve = (await user.client.get(path, params=query)).json()["curve"]
    answer = await user.client.get(f"{path}/ir", params=query)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
    assert answer.headers["content-disposition"] == 'attachment; filename="match-2-to-1.wav"'
    (tmp_path / "match.wav").write_bytes(answer.content)
    read = read_audio(tmp_path / "match.wav", max_seconds=1)
    assert (read.samples.shape, read.rate) == ((1, 4096), RATE)
    spectrum_db = 20 * np.log10(np.abs(np.fft.rfft(read.samples[0], 8 * RATE)))
    for point in curve[6:]:  # below 100 Hz, the last quarter of the response is faded out
        assert spectrum_db[round(8 * point["frequency_hz"])] == pytest.approx(point["gain_db"], abs=0.3)


async def test_a_segment_needs_nothing_to_be_itself(path: str, user: Person) -> None:
    found = (await user.client.get(path, params={"target": 2, "source": 2})).json()
    assert {point["gain_db"] for point in found["curve"]} == {0.0}
    assert [band["gain_db"] for band in found["eq"]["bands"]] == [0.0]
    assert (found["gain_db"], found["before"], found["after"]) == (0.0, *[{"rms_db": 0.0, "max_db": 0.0}] * 2)


async def test_segments_that_can_not_be_matched_are_refused(path: str, user: Person) -> None:
    for query, status, code in (
        ({"target": 1, "source": 4}, 404, "segment_not_found"),
        ({"target": 9, "source": 1}, 404, "segment_not_found"),
        ({"target": 1, "source": 3}, 409, "no_match"),
        ({"target": 0, "source": 1}, 400, "invalid_request"),
        ({"target": 1}, 400, "invalid_request"),
        ({"target": "one", "source": 1}, 400, "invalid_request"),
    ):
        for asked in (path, f"{path}/ir"):
            answer = await user.client.get(asked, params=query)
            assert (answer.status_code, answer.json()["code"]) == (status, code), query


async def test_only_the_owner_of_a_job_with_results_can_match(
    path: str, user: Person, other_user: Person, api: httpx.AsyncClient
) -> None:
    query = {"target": 1, "source": 2}
    for asked in (path, f"{path}/ir"):
        assert (await api.get(asked, params=query)).status_code == 401
        answer = await other_user.client.get(asked, params=query)
        assert (answer.status_code, answer.json()["code"]) == (404, "job_not_found")
    waiting = f"{(await submit(user.client))['links']['self']}/match"
    answer = await user.client.get(waiting, params=query)
    assert (answer.status_code, answer.json()["code"]) == (409, "job_unfinished")
