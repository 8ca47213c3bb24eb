"""Files are identified by decoding: usable ones have media info, others an error code."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.support.render_inputs import RATE, cabinet, nano_capture, plain_gain, plucks
from tests.support.shared import shared_folder
from tone_shootout.audio.files import write_flac, write_wav
from tone_shootout.rendering.engine.sources import SourceError, probe, read_source
from tone_shootout.rendering.media_info import CabIrInfo, CaptureInfo, DiTrackInfo, Kind, Limits, MediaInfo

SHARED = shared_folder()
MALFORMED = sorted((SHARED / "nam" / "public" / "malformed").glob("*.nam")) if SHARED else []


def _code(path: Path, kind: Kind, **limits: Any) -> str:
    with pytest.raises(SourceError) as caught:
        probe(path, kind, limits=Limits(**limits))
    assert "\n" not in caught.value.detail
    return caught.value.code


def test_a_di_track_is_described(tmp_path: Path) -> None:
    path = tmp_path / "riff.flac"
    write_flac(path, np.stack([plucks(1.5, rate=44_100, peak=0.25)] * 2), 44_100)
    facts = probe(path, "di_track")
    assert isinstance(facts, DiTrackInfo)
    assert (facts.samples, facts.sample_rate_hz, facts.duration_s, facts.channels) == (66_150, 44_100, 1.5, 2)
    assert facts.peak_dbfs == pytest.approx(-12.04, abs=0.01)
    assert facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert facts.size_bytes == path.stat().st_size


def test_a_capture_is_described(tmp_path: Path) -> None:
    path = tmp_path / "amp.nam"
    path.write_bytes(nano_capture(metadata={"gear_type": "amp", "input_level_dbu": 14.7, "name": " A\nname "}))
    facts = probe(path, "capture")
    assert isinstance(facts, CaptureInfo)
    assert (facts.architecture, facts.parameters, facts.receptive_field_samples) == ("WaveNet", 842, 4093)
    assert (facts.sample_rate_hz, facts.sample_rate_stated, facts.slimmable) == (48_000, True, False)
    assert (facts.gear, facts.input_level_dbu, facts.name) == ("amp", 14.7, "A name")


def test_a_cab_ir_is_described(tmp_path: Path) -> None:
    path = tmp_path / "cab.wav"
    write_wav(path, cabinet(), 44_100)
    facts = probe(path, "cab_ir")
    assert isinstance(facts, CabIrInfo)
    assert (facts.samples, facts.sample_rate_hz, facts.duration_s) == (882, 44_100, 0.02)


def test_media_info_round_trips_through_json(tmp_path: Path) -> None:
    path = tmp_path / "amp.nam"
    path.write_bytes(nano_capture())
    facts = probe(path, "capture")
    assert msgspec.json.decode(msgspec.json.encode(facts), type=MediaInfo) == facts


def test_an_implausible_input_level_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "amp.nam"
    path.write_bytes(nano_capture(metadata={"input_level_dbu": 1e9}))
    facts = probe(path, "capture")
    assert isinstance(facts, CaptureInfo)
    assert facts.input_level_dbu is None


@pytest.mark.parametrize("kind", ["di_track", "cab_ir"])
def test_text_with_the_suffix_wav_is_rejected(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / "riff.wav"
    path.write_text("This is not audio.\n" * 100)
    assert _code(path, kind) == "not_audio"


def test_a_truncated_recording_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "riff.wav"
    write_wav(path, plucks(), RATE)
    path.write_bytes(path.read_bytes()[:-1000])
    assert _code(path, "di_track") == "truncated"


def test_audio_longer_than_its_limit_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "riff.wav"
    write_wav(path, plucks(2.0), RATE)
    assert _code(path, "di_track", max_di_seconds=1.9) == "too_long"
    assert _code(path, "cab_ir", max_ir_seconds=1.9) == "too_long"


def test_a_file_larger_than_its_limit_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "any"
    path.write_bytes(bytes(1001))
    assert _code(path, "di_track", max_upload_bytes=1000) == "too_large"
    assert _code(path, "capture", max_capture_bytes=1000) == "too_large"


@pytest.mark.parametrize("peak", [0.0, 0.9e-4])
def test_a_di_track_below_the_silence_threshold_is_rejected(tmp_path: Path, peak: float) -> None:
    path = tmp_path / "riff.wav"
    write_wav(path, np.full(RATE, peak, np.float32), RATE)
    assert _code(path, "di_track") == "silent"


def test_a_very_quiet_di_track_is_not_silent(tmp_path: Path) -> None:
    path = tmp_path / "riff.wav"
    write_wav(path, plucks(peak=1.1e-4), RATE)
    facts = probe(path, "di_track")
    assert isinstance(facts, DiTrackInfo)
    assert facts.peak_dbfs == pytest.approx(-79.17, abs=0.01)


def test_a_silent_cab_ir_is_rejected_and_a_stereo_one_is_marked(tmp_path: Path) -> None:
    path = tmp_path / "cab.wav"
    write_wav(path, np.zeros(100, np.float32), RATE)
    assert _code(path, "cab_ir") == "silent"
    write_wav(path, np.stack([cabinet(seed=1), cabinet(seed=2)]), RATE)
    facts = probe(path, "cab_ir")
    assert isinstance(facts, CabIrInfo)
    assert facts.stereo


@pytest.mark.parametrize("rate", [4_000, 400_000, 44_100.5])
def test_a_capture_at_an_unsupported_rate_is_rejected(tmp_path: Path, rate: float) -> None:
    path = tmp_path / "amp.nam"
    path.write_bytes(plain_gain(1.0).replace(b'"sample_rate":48000', b'"sample_rate":%r' % rate))
    assert _code(path, "capture") == "unsupported_rate"


@pytest.mark.parametrize("path", MALFORMED, ids=lambda path: path.stem)
def test_a_malformed_capture_is_rejected(path: Path) -> None:
    assert _code(path, "capture")


def test_captures_and_recordings_are_not_interchangeable(tmp_path: Path) -> None:
    write_wav(tmp_path / "riff.wav", plucks(), RATE)
    (tmp_path / "amp.nam").write_bytes(nano_capture())
    assert _code(tmp_path / "riff.wav", "capture") == "not_json"
    assert _code(tmp_path / "amp.nam", "di_track") == "not_audio"


def test_a_file_that_changed_after_the_probe_is_detected(tmp_path: Path) -> None:
    path = tmp_path / "amp.nam"
    path.write_bytes(b"before")
    sha256 = hashlib.sha256(b"before").hexdigest()
    assert read_source(path, max_bytes=6, sha256=sha256) == b"before"
    path.write_bytes(b"after!")
    with pytest.raises(SourceError) as caught:
        read_source(path, max_bytes=6, sha256=sha256)
    assert caught.value.code == "changed"
