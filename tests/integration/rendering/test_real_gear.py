"""Real captures and cabinets from the shared folder, if available, measured with FFmpeg's meter."""

from pathlib import Path
from typing import Any

import av
import pytest

from tests.support.ffmpeg import ebur128
from tests.support.render_inputs import plan_in
from tests.support.shared import shared_folder
from tests.support.shootouts import Log
from tests.support.specs import spec
from tone_shootout.audio.files import read_audio
from tone_shootout.rendering.produce import produce

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

SHARED = shared_folder()
MODELS = ["wavenet_a1_standard", "a1_feather", "a1_nano", "A2"]
CABS = ["cab-a", "cab-b"]


@pytest.mark.parametrize("shared", [SHARED] if SHARED else [])
def test_real_captures_through_real_cabs_come_out_equally_loud_and_long(shared: Path, tmp_path: Path) -> None:
    chains: list[dict[str, Any]] = [
        {
            "name": f"{model}, {cab}",
            "blocks": [
                {"type": "capture", "file": f"nam/public/models/{model}.nam"},
                {"type": "cab_ir", "file": f"audio/{cab}.wav"},
            ],
        }
        for model in MODELS
        for cab in CABS
    ]
    riff = {"name": "Riff", "file": "audio/riff-di.wav", "start_s": 1.0, "end_s": 4.0}
    planned, paths = plan_in(shared, spec(*chains, tracks=[riff]))
    manifest = produce(planned, paths, tmp_path, processes=2, reporter=Log())
    assert {segment.samples for segment in manifest.segments} == {144_000}
    for segment in manifest.segments:
        audio = read_audio(tmp_path / segment.file, max_seconds=10)
        assert audio.samples.shape == (1, 144_000)
        received = ebur128(audio.samples, audio.rate)
        assert received["I"] == pytest.approx(manifest.level.target_lufs, abs=0.1)
        assert received["TP"] <= manifest.level.ceiling_dbtp + 0.1
    with av.open(str(tmp_path / "comparison.mp4")) as video:
        assert len(video.chapters()) == len(chains) + 1  # and the results; the DI is too short for an A/B round
        assert sum(1 for _ in video.decode(video=0)) == 30 * (4 + 3 * len(chains) + 10)  # title, tones, results
