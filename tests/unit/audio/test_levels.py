from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.signals import RATE, riff
from tone_shootout.audio.files import read_audio, write_flac
from tone_shootout.audio.levels import apply_gain, level_match
from tone_shootout.audio.loudness import integrated_lufs, measure
from tone_shootout.audio.signals import AudioError
from tone_shootout.audio.true_peak import true_peak_dbtp


class Levels(NamedTuple):
    integrated_lufs: float
    true_peak_dbtp: float


def test_target_is_the_requested_loudness_if_every_peak_allows_it() -> None:
    match = level_match([Levels(-20, -8), Levels(-30, -15)], requested_lufs=-23, ceiling_dbtp=-1)
    assert match.target_lufs == -23
    assert match.gains_db == (-3, 7)
    assert match.limited_by is None


def test_segment_with_the_highest_peak_to_loudness_ratio_limits_the_target() -> None:
    segments = [Levels(-20, -8), Levels(-30, -10), Levels(-20, -7)]
    match = level_match(segments, requested_lufs=-14, ceiling_dbtp=-1)
    assert match.limited_by == 1
    assert match.target_lufs == pytest.approx(-21, abs=1e-4)
    assert match.gains_db == pytest.approx((-1, 9, -1), abs=1e-4)
    assert match.target_lufs < -21


def test_trim_offsets_its_segment_and_respects_the_ceiling() -> None:
    segments = [Levels(-20, -8), Levels(-20, -8)]
    free = level_match(segments, requested_lufs=-23, ceiling_dbtp=-1, trims_db=[0, 2])
    assert free.gains_db == (-3, -1)
    held = level_match(segments, requested_lufs=-10, ceiling_dbtp=-1, trims_db=[0, 2])
    assert held.limited_by == 1
    assert held.gains_db == pytest.approx((5, 7), abs=1e-4)


@pytest.mark.parametrize("requested", [-30.0, -16.0, 0.0])
def test_written_segments_share_the_target_and_none_exceeds_the_ceiling(tmp_path: Path, requested: float) -> None:
    segments = [riff(6.0, seed=seed) * gain for seed, gain in enumerate((1.0, 0.05, 0.5))]
    segments.append(np.clip(20 * segments[0], -0.9, 0.9))
    match = level_match([measure(x, RATE) for x in segments], requested_lufs=requested, ceiling_dbtp=-1.0)
    measured = [
        Levels(integrated_lufs(apply_gain(x, gain), RATE) - gain, true_peak_dbtp(x, RATE))
        for x, gain in zip(segments, match.gains_db, strict=True)
    ]
    match = level_match(measured, requested_lufs=requested, ceiling_dbtp=-1.0)
    for number, (segment, gain) in enumerate(zip(segments, match.gains_db, strict=True)):
        write_flac(tmp_path / f"{number}.flac", apply_gain(segment, gain), RATE)
        written = read_audio(tmp_path / f"{number}.flac", max_seconds=10).samples[0]
        assert true_peak_dbtp(written, RATE) <= -1.0
        assert integrated_lufs(written, RATE) == pytest.approx(match.target_lufs, abs=0.01)
    assert (match.limited_by is None) == (match.target_lufs == requested)


levels = st.builds(Levels, st.floats(-69, 3), st.floats(-60, 6))


@settings(deadline=None)
@given(st.lists(levels, min_size=1, max_size=8), st.floats(-60, 0), st.floats(-20, 0))
def test_target_is_the_highest_loudness_below_the_ceiling(
    segments: list[Levels], requested: float, ceiling: float
) -> None:
    match = level_match(segments, requested_lufs=requested, ceiling_dbtp=ceiling)
    peaks = [s.true_peak_dbtp + g for s, g in zip(segments, match.gains_db, strict=True)]
    assert max(peaks) <= ceiling + 1e-9
    if match.limited_by is None:
        assert match.target_lufs == requested
    else:
        assert match.target_lufs < requested
        assert peaks[match.limited_by] == pytest.approx(ceiling, abs=1e-3)


def test_error_has_the_index_of_a_silent_segment() -> None:
    silent = measure(np.zeros(RATE), RATE)
    with pytest.raises(AudioError, match="segment 1 is silent") as caught:
        level_match([Levels(-20, -8), silent], requested_lufs=-23, ceiling_dbtp=-1)
    assert caught.value.code == "silent"


@pytest.mark.parametrize(
    ("segments", "requested", "ceiling", "trims", "code"),
    [
        ([], -23, -1, None, "empty"),
        ([Levels(np.nan, -8)], -23, -1, None, "not_finite"),
        ([Levels(-20, np.inf)], -23, -1, None, "not_finite"),
        ([Levels(-20, -8)], np.nan, -1, None, "out_of_range"),
        ([Levels(-20, -8)], 1, -1, None, "out_of_range"),
        ([Levels(-20, -8)], -23, 0.1, None, "out_of_range"),
        ([Levels(-20, -8)], -23, -1, [25], "out_of_range"),
        ([Levels(-20, -8)], -23, -1, [0, 0], "bad_shape"),
    ],
)
def test_invalid_level_match_is_refused(
    segments: list[Levels], requested: float, ceiling: float, trims: list[float] | None, code: str
) -> None:
    with pytest.raises(AudioError) as caught:
        level_match(segments, requested_lufs=requested, ceiling_dbtp=ceiling, trims_db=trims)
    assert caught.value.code == code


def test_gain_in_decibels_keeps_the_shape() -> None:
    signal = np.array([[0.5, -0.25], [0.0, 1.0]], dtype=np.float32)
    louder = apply_gain(signal, 20 * np.log10(2))
    assert louder.dtype == np.float32
    assert louder == pytest.approx(2 * signal)


@pytest.mark.parametrize(
    ("signal", "db", "code"),
    [
        ([1.0], 121.0, "out_of_range"),
        ([1.0], np.nan, "out_of_range"),
        ([np.nan], 0.0, "not_finite"),
        ([1e38], 60.0, "not_finite"),
    ],
)
def test_gain_out_of_range_is_refused(signal: list[float], db: float, code: str) -> None:
    with pytest.raises(AudioError) as caught:
        apply_gain(np.array(signal), db)
    assert caught.value.code == code
