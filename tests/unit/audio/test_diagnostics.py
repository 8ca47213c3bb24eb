"""Likely mistakes in recordings cause notices with numbers; correct recordings cause none."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.render_inputs import RATE, cabinet, plucks
from tone_shootout.audio.diagnostics import di_notices, ir_notices
from tone_shootout.audio.files import Audio
from tone_shootout.audio.notices import FileNotice


def recording(*sides: NDArray[np.floating], bits: int = 0, rate: int = RATE) -> Audio:
    return Audio(np.stack(sides).astype(np.float32), rate, bits)


def stored(x: NDArray[np.floating], bits: int) -> NDArray[np.floating]:
    """Samples rounded to integers of that many bits, clipped at both ends."""
    steps = 2.0 ** (bits - 1)
    return np.asarray(np.clip(np.rint(x * steps), -steps, steps - 1) / steps)


def codes(notices: tuple[FileNotice, ...]) -> list[str]:
    return [notice.code for notice in notices]


RIFF = plucks(1.0, peak=0.5)
SHARP = plucks(1.0, peak=2.0)
NORMALISED = RIFF / np.abs(RIFF).max()


@pytest.mark.parametrize(
    "audio",
    [
        recording(RIFF),
        recording(RIFF, RIFF),
        recording(RIFF, np.zeros_like(RIFF)),
        recording(RIFF, plucks(1.0, seed=2)),
        recording(NORMALISED),
        recording(stored(NORMALISED, 16), bits=16),
        recording(SHARP),  # +6 dBFS in floating point, which is not clipped
        recording(RIFF + 0.001),
        recording(RIFF, -0.005 * RIFF),  # an open input's crosstalk
        recording(plucks(0.4, peak=0.01)),
        recording(np.zeros(100)),
    ],
)
def test_a_correct_recording_has_no_notices(audio: Audio) -> None:
    assert di_notices(audio) == ()


def test_a_lossy_recording_is_reported_with_its_codec() -> None:
    (notice,) = di_notices(replace(recording(RIFF), lossy="mp3"))
    assert notice.code == "lossy"
    assert "(MP3)" in notice.detail


@pytest.mark.parametrize("bits", [8, 16, 24, 32, 0])
def test_a_clipped_recording_is_reported_with_count_and_first_time(bits: int) -> None:
    x = stored(SHARP, bits) if bits else np.clip(SHARP, -1.0, 1.0)
    full = np.abs(x) >= 1.0 - 2.0 ** (1 - min(bits or 16, 16))
    (notice,) = di_notices(recording(0.1 * RIFF, x, bits=bits))
    assert notice.code == "clipped"
    assert int(notice.detail.split()[0]) == full.sum() > 1_000
    assert f"the first at {np.flatnonzero(full)[0] / RATE:.3f} s" in notice.detail


def test_two_adjacent_samples_at_full_scale_are_clipped_and_one_is_not() -> None:
    x = 0.5 * RIFF
    x[24_000] = 1.0
    assert di_notices(recording(x)) == ()
    x[24_001] = 1.0
    (notice,) = di_notices(recording(x))
    assert notice.detail.startswith("2 samples are clipped at full scale, the first at 0.500 s.")


def test_clipping_across_blocks_is_detected() -> None:
    x = np.zeros(1 << 19)
    x[(1 << 18) - 1 : (1 << 18) + 1] = -1.0
    assert codes(di_notices(recording(x, bits=16))) == ["clipped"]


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_integers_stored_as_floating_point_are_reported_with_the_divisor(bits: int) -> None:
    (notice,) = di_notices(recording(RIFF * 2.0 ** (bits - 1)))
    assert notice.code == "far_above_full_scale"
    assert f"the peak is {20 * np.log10(0.5 * 2.0 ** (bits - 1)):+.1f} dBFS" in notice.detail
    assert f"divide them by {2 ** (bits - 1)}" in notice.detail


@pytest.mark.parametrize(("peak", "expected"), [(3.9, []), (4.1, ["far_above_full_scale"])])
def test_a_peak_above_12_dbfs_is_reported(peak: float, expected: list[str]) -> None:
    assert codes(di_notices(recording(RIFF / np.abs(RIFF).max() * peak))) == expected


@pytest.mark.parametrize(
    ("other", "words"),
    [(-RIFF, "to silence"), (-0.9 * RIFF, "by 26 dB"), (-RIFF + 0.01 * plucks(1.0, seed=9), "by 4")],
)
def test_canceling_sides_are_reported_with_a_remedy(other: NDArray[np.floating], words: str) -> None:
    (notice,) = di_notices(recording(RIFF, other))
    assert notice.code == "sides_cancel"
    assert words in notice.detail
    assert 'channel to "left" or "right"' in notice.detail


@pytest.mark.parametrize(("offset", "level"), [(0.1, "-20 dBFS"), (-0.02, "-34 dBFS")])
def test_a_dc_offset_is_reported_with_its_level(offset: float, level: str) -> None:
    (notice,) = di_notices(recording(RIFF + offset))
    assert notice.code == "dc_offset"
    assert level in notice.detail


@pytest.mark.parametrize(("silence", "reported"), [(0, None), (479, None), (490, "10.2"), (4_800, "100.0")])
def test_an_onset_later_than_10_ms_is_reported_in_milliseconds(silence: int, reported: str | None) -> None:
    response = np.abs(cabinet(rate=RATE))
    response[0] = 1.0
    late = np.concatenate([np.zeros(silence), response])
    notices = ir_notices(recording(late, 0.1 * late))
    assert [notice.detail.split()[3] for notice in notices] == ([reported] if reported else [])


def test_a_pre_echo_of_resampling_is_no_onset() -> None:
    response = np.concatenate([np.full(1_000, 1e-3), [1.0], np.geomspace(0.5, 0.001, 500)])
    (notice,) = ir_notices(recording(response))
    assert "starts 20.8 ms after" in notice.detail
