"""Sound of listening tests: exact excerpts, dither, and files that differ in nothing but the sound."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from tests.support.uploads import flac
from tone_shootout.audio.excerpts import dither, fade, read_flac_excerpt
from tone_shootout.audio.signals import AudioError
from tone_shootout.audio.wav import WAV_HEADER_BYTES, wav_bytes
from tone_shootout.listening.blind.excerpts import Plan, decode, make_stimulus
from tone_shootout.listening.shares.facts import SharedSegment

RATE = 48_000


def _read(content: bytes) -> tuple[NDArray[Any], int]:
    """Return the 24-bit integers of a file, and its rate."""
    found, rate = soundfile.read(io.BytesIO(content), dtype="int32")
    return np.right_shift(np.asarray(found, dtype=np.int32), 8), rate


def _segment(position: int, *, latency: int | None = None, polarity: int = 0) -> SharedSegment:
    figures = dict.fromkeys(
        ("integrated_lufs", "loudness_range_lu", "true_peak_dbtp", "rms_dbfs", "crest_factor_db", "gain_db", "trim_db"),
        0.0,
    )
    return SharedSegment(
        position=position,
        di_track="Riff",
        chain=f"Chain {position}",
        file=f"segments/{position:02}.flac",
        sample_rate_hz=RATE,
        samples=RATE,
        latency_samples=latency,
        polarity=polarity,
        **figures,
    )


def test_an_excerpt_equals_the_samples_of_the_file(tmp_path: Path) -> None:
    samples = np.random.default_rng(1).uniform(-1, 1, (2, 20_000))
    content = flac(samples, tmp_path)
    expected, _ = _read(content)
    for start, count in ((0, 20_000), (0, 1), (4_095, 9_000), (19_999, 1)):
        assert (read_flac_excerpt(content, start=start, samples=count) == expected[start : start + count]).all()
    behind = read_flac_excerpt(content, start=19_000, samples=2_000)
    assert (behind[:1_000] == expected[19_000:]).all()
    assert not behind[1_000:].any()


@pytest.mark.parametrize("content", [b"", b"fLaC" + bytes(60), b"RIFF" + bytes(60)])
def test_what_is_no_flac_file_is_refused(content: bytes) -> None:
    with pytest.raises(AudioError) as refused:
        read_flac_excerpt(content, start=0, samples=10)
    assert refused.value.code == "not_audio"


def test_a_wav_file_has_a_header_of_44_bytes_and_the_exact_samples() -> None:
    samples = np.random.default_rng(2).integers(-(2**23), 2**23, (1_001, 2), dtype=np.int32)
    content = wav_bytes(samples, RATE)
    assert len(content) == WAV_HEADER_BYTES + samples.size * 3
    found, rate = _read(content)
    assert rate == RATE
    assert (found == samples).all()


def test_dither_is_triangular_noise_of_one_step() -> None:
    silence = np.zeros((200_000, 1), dtype=np.int32)
    noise = dither(silence, np.random.default_rng(3))
    shares = [(noise == value).mean() for value in (-1, 0, 1)]
    assert shares == pytest.approx([1 / 8, 3 / 4, 1 / 8], abs=0.005)
    level_dbfs = 10 * np.log10((noise.astype(float) ** 2).mean()) - 20 * np.log10(2**23)
    assert level_dbfs == pytest.approx(-144.5, abs=0.1)
    assert (noise != dither(silence, np.random.default_rng(4))).any()
    loud = np.full((1_000, 1), 2**23 - 1, dtype=np.int32)
    assert dither(loud, np.random.default_rng(5)).max() == 2**23 - 1


def test_a_fade_begins_and_ends_in_silence_and_leaves_the_middle() -> None:
    samples = np.full((1_000, 1), 8_000_000, dtype=np.int32)
    faded = fade(samples, 240)
    assert (faded[240:760] == samples[240:760]).all()
    assert faded[0, 0] < 400
    assert (faded == faded[::-1]).all()
    assert (np.diff(faded[:240, 0]) > 0).all()


def test_tones_are_aligned_of_one_polarity_and_equally_long(tmp_path: Path) -> None:
    """The second tone is the first, 30 samples late and inverted; in the test both are the same sound."""
    sound = np.random.default_rng(6).uniform(-0.5, 0.5, RATE)
    late = np.concatenate([np.zeros(30), -sound])[:RATE]
    contents = [flac(each, tmp_path) for each in (sound, late, np.stack([sound, sound]))]
    segments = (_segment(1, latency=12, polarity=1), _segment(2, latency=42, polarity=-1), _segment(3))
    found = decode(contents, Plan(segments, 1_000, 10_000))
    assert {tone.shape for tone in found.tones} == {(10_000, 2)}
    assert np.abs(found.tones[0] - found.tones[1]).max() <= 1
    # Mono beside stereo is lower on each side.
    assert np.abs(found.tones[0] - found.tones[2] * np.sqrt(0.5)).max() <= 1


def test_stimuli_of_one_tone_are_never_the_same_file(tmp_path: Path) -> None:
    sounds = [np.random.default_rng(seed).uniform(-0.5, 0.5, RATE) for seed in (7, 8)]
    excerpt = decode([flac(each, tmp_path) for each in sounds], Plan((_segment(1), _segment(2)), 0, 24_000))
    files = [make_stimulus(excerpt, tone) for tone in (0, 0, 1, 1)]
    assert len(set(files)) == 4
    assert len({len(file) for file in files}) == 1
    assert len({file[:WAV_HEADER_BYTES] for file in files}) == 1


def test_mono_beside_stereo_is_on_both_sides_as_loud_as_on_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    mono, stereo = flac(rng.uniform(-0.5, 0.5, (1, RATE)), tmp_path), flac(rng.uniform(-0.5, 0.5, (2, RATE)), tmp_path)
    plan = Plan((_segment(1), _segment(2)), 0, RATE)
    one, two = decode([mono, stereo], plan).tones
    assert one.shape == two.shape == (RATE, 2)
    alone, _ = decode([mono, mono], plan).tones
    assert np.square(one.astype(float)).sum() == pytest.approx(np.square(alone.astype(float)).sum())
    assert (one[:, 0] == one[:, 1]).all()
    assert (two == decode([stereo, stereo], plan).tones[0]).all()
