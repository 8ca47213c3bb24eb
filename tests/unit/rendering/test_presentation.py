"""Cards, chapters and the timeline: legible for any name, and in the format of players."""

import re
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.records import credit, program
from tests.support.render_inputs import CARD, plucks
from tests.support.specs import FACTS, blocks, spec
from tone_shootout.rendering.executor.stages import LeveledSegment
from tone_shootout.rendering.executor.tasks import Measured
from tone_shootout.rendering.metrics import Encoded
from tone_shootout.rendering.notices import Notice
from tone_shootout.rendering.output.credits import Credit
from tone_shootout.rendering.output.manifest import Input, LevelRecord, SegmentRecord, name_inputs
from tone_shootout.rendering.output.youtube_text import chapters, description, notes
from tone_shootout.rendering.plan.planner import plan
from tone_shootout.rendering.plan.timeline import clock, timeline
from tone_shootout.rendering.video.cards import draw
from tone_shootout.rendering.video.contents import card_of
from tone_shootout.rendering.video.drawing import envelope, fit

WAVEFORM = envelope(plucks(0.5))
MEASURED = Measured(
    integrated_lufs=-16.04,
    loudness_range_lu=4.0,
    max_momentary_lufs=-12.0,
    max_short_term_lufs=-13.0,
    true_peak_dbtp=-1.96,
    sample_peak_dbfs=-2.0,
    rms_dbfs=-18.0,
    crest_factor_db=16.0,
    dc_offset=0.0,
)


def _segments(*starts_ms: int, length_ms: int = 12_000, **changes: Any) -> list[SegmentRecord]:
    made = SegmentRecord(
        position=1,
        di_track="Riff",
        chain="Plexi",
        render_key="",
        file="",
        sha256="",
        start_ms=0,
        end_ms=0,
        sample_rate_hz=48_000,
        samples=0,
        measured=MEASURED,
        loudness_before_lufs=-20.0,
        true_peak_before_dbtp=-6.0,
        gain_db=3.96,
        trim_db=0.0,
        calibration="",
        cache_hit=False,
    )
    return [
        msgspec.structs.replace(made, position=n, start_ms=start, end_ms=start + length_ms, chain=f"C{n}", **changes)
        for n, start in enumerate(starts_ms, 1)
    ]


@settings(max_examples=15, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80))
def test_a_card_can_be_drawn_for_any_name(name: str) -> None:
    """Warnings are errors here: a script that the font lacks must not cause one."""
    card = msgspec.structs.replace(CARD, title=name, chain=name, di_track=name)
    assert draw(card, WAVEFORM).shape == (1080, 1920, 3)


def test_the_longest_name_stays_within_the_picture() -> None:
    background = draw(msgspec.structs.replace(CARD, chain=" ", di_track=" "), WAVEFORM)
    drawn = draw(msgspec.structs.replace(CARD, chain="W" * 80, di_track="M" * 80), WAVEFORM)
    changed = np.flatnonzero((drawn != background).any(axis=(0, 2)))
    assert changed[0] >= 0.04 * 1920
    assert changed[-1] <= 0.96 * 1920


@pytest.mark.parametrize(("channels", "heard"), [((1, 1), -16.04 + 3.01), ((1, 2), -16.04), ((2, 2), -16.04)])
def test_a_card_shows_how_loud_two_speakers_play_the_video(channels: tuple[int, int], heard: float) -> None:
    """Two equal sides are 3.01 LU louder than one; mono beside stereo is as loud as the file."""
    planned = plan(spec(blocks("combo.nam"), blocks("amp.nam", "cab.wav")), FACTS)
    segments = tuple(msgspec.structs.replace(s, channels=n) for s, n in zip(planned.segments, channels, strict=True))
    planned = msgspec.structs.replace(planned, segments=segments)
    card = card_of(
        planned, name_inputs(planned.media_info, {}, {}), segments[1], LeveledSegment(MEASURED, 0, 0, 0), 1.0
    )
    assert (card.heard_lufs, card.integrated_lufs) == (pytest.approx(heard, abs=0.001), -16.04)
    assert (card.words, card.remark) == ("amp → cab", "One gain, no limiter")
    assert card.calibration.startswith("Input level ")


def test_a_formula_in_a_name_is_drawn_literally() -> None:
    plain = draw(msgspec.structs.replace(CARD, chain="x_1"), WAVEFORM)
    dollars = draw(msgspec.structs.replace(CARD, chain="$x_1$"), WAVEFORM)
    width = [np.flatnonzero((card[200:280] > 128).any(axis=(0, 2))).max() for card in (plain, dollars)]
    assert width[1] > width[0] + 40


def test_a_waveform_s_envelope_holds_its_extremes() -> None:
    samples = plucks(2.0)
    low, high = envelope(samples, 1000)
    assert low.shape == high.shape == (1000,)
    assert (low.min(), high.max()) == (samples.min(), samples.max())
    assert [part.tolist() for part in envelope(samples[:3], 1000)] == [samples[:3].tolist()] * 2


@pytest.mark.parametrize("width", [400, 1000, 1500])
def test_an_envelope_fitted_to_a_width_holds_the_extremes_and_has_no_gaps(width: int) -> None:
    samples = plucks(2.0)
    low, high = fit(envelope(samples, 1000), width)
    assert low.shape == high.shape == (width,)
    assert (low.min(), high.max()) == (samples.min(), samples.max())
    assert (low[1:] <= high[:-1]).all()
    assert (high[1:] >= low[:-1]).all()


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "0:00"), (59_999, "0:59"), (60_000, "1:00"), (3_599_999, "59:59"), (3_723_000, "1:02:03")]
)
def test_times_have_the_format_of_youtube(ms: int, text: str) -> None:
    assert clock(ms) == text


def test_every_segment_starts_at_a_whole_second_after_the_previous_one() -> None:
    odd: dict[str, Any] = {"name": "Odd", "file": "riff.wav", "end_s": 1.23456}
    tracks = [odd, {"name": "Even", "file": "arpeggio.wav"}]
    slots = timeline(plan(spec(blocks("combo.nam"), tracks=tracks), FACTS).segments)
    assert [(slot.start_ms, slot.end_ms, slot.frames) for slot in slots] == [(4000, 5235, 60), (6000, 8000, 60)]


def test_chapters_begin_at_zero_with_a_line_each() -> None:
    assert (
        chapters(program(_segments(0, 12_000, 65_000)).chapters) == "0:00 Riff – C1\n0:12 Riff – C2\n1:05 Riff – C3\n"
    )


@pytest.mark.parametrize(
    ("segments", "stated"),
    [
        (_segments(0, 12_000, 24_000), None),
        (_segments(0, 12_000), "three or more chapters, this video has 2"),
        (_segments(0, 12_000, 24_000, length_ms=9_000), "at least 10 seconds"),
        (_segments(0, 9_000, 24_000), "at least 10 seconds"),
        (_segments(0, 10_000, 20_000, length_ms=9_100), None),
    ],
)
def test_the_description_states_if_youtube_will_show_no_chapters(
    segments: list[SegmentRecord], stated: str | None
) -> None:
    level = LevelRecord(requested_lufs=-16.0, target_lufs=-16.0, ceiling_dbtp=-1.0)
    text = description("T", level, [], segments, program(segments))
    assert ("YouTube" in text) == (stated is not None)
    assert stated is None or stated in text


def test_the_description_states_the_level_match() -> None:
    level = LevelRecord(requested_lufs=-14.0, target_lufs=-16.04, ceiling_dbtp=-1.0, limiting_segment=2)
    inputs = [Input(name="plexi.nam", kind="capture", sha256="0123456789abcdef" * 4, size_bytes=1)]
    segments = _segments(0, 12_000, trim_db=1.5)
    text = description("T", level, inputs, segments, program(segments))
    assert "-16.0 LUFS, below the requested -14.0 LUFS because segment 2 (Riff – C2) reaches its true-peak" in text
    assert "at or below -1 dBTP. One gain per segment, no limiter." in text
    assert "1. Riff – C1: -16.0 LUFS, -2.0 dBTP, gain +4.0 dB, intentionally trimmed by +1.5 dB" in text
    assert "0123456789ab plexi.nam" in text
    assert "The video's sound" not in text


def test_the_description_states_the_levels_of_the_video() -> None:
    level = LevelRecord(requested_lufs=-16.0, target_lufs=-16.0, ceiling_dbtp=-1.0)
    segments = _segments(0)
    encoded = Encoded(integrated_lufs=-12.99, true_peak_dbtp=-0.94)
    text = description("T", level, [], segments, program(segments), encoded)
    assert "measured again in stereo (3 LU more than one side): -13.0 LUFS, -0.9 dBTP." in text


@pytest.mark.parametrize(("seconds", "flagged"), [(0.4, True), (2.999, True), (3.0, False), (600.0, False)])
def test_a_segment_too_short_for_a_reliable_loudness_has_a_note(seconds: float, flagged: bool) -> None:
    """Under 3 s, the gating of BS.1770 has few blocks."""
    assert [("loudness" in note) for note in notes(seconds)] == [True] * flagged


# What the reference of YouTube's Data API says of a video's title and description.
YOUTUBE_TITLE_CHARACTERS, YOUTUBE_DESCRIPTION_BYTES, YOUTUBE_REFUSES = 100, 5_000, "<>"


def _credit(number: int) -> Credit:
    return credit(
        f"Tone {number}",
        creator_url="",
        license="cc-by",
        license_name="CC BY",
        license_url="https://creativecommons.org/licenses/by/4.0/",
        commercial=True,
        url=f"https://www.tone3000.com/tones/{number}",
    )


def _inputs(count: int, **changes: Any) -> list[Input]:
    made = Input(name="plexi.nam", kind="capture", sha256="0123456789abcdef" * 4, size_bytes=1, credit=_credit(0))
    return [msgspec.structs.replace(made, credit=_credit(n), **changes) for n in range(count)]


@settings(max_examples=examples(40), deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=120),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=80),
    st.integers(1, 300),
    st.integers(1, 64),
)
def test_the_description_respects_the_limits_of_youtube(title: str, name: str, count: int, files: int) -> None:
    level = LevelRecord(requested_lufs=-14.0, target_lufs=-16.0, ceiling_dbtp=-1.0, limiting_segment=count)
    noted = [Notice(code="unknown_license", pointer="", detail=f"“{name}” is under one that nobody knows.")] * files
    segments = [
        msgspec.structs.replace(segment, di_track=name, chain=name)
        for segment in _segments(*range(0, count * 12_000, 12_000))
    ]
    text = description(title, level, _inputs(files, name=name), segments, program(segments), notices=noted)
    assert len(text.encode()) <= YOUTUBE_DESCRIPTION_BYTES
    assert len(text.splitlines()[0]) <= YOUTUBE_TITLE_CHARACTERS
    assert not set(YOUTUBE_REFUSES) & set(text)
    assert "Powered by TONE3000" in text
    shortened = "No room on YouTube for" in text
    assert shortened or all(line in text for line in chapters(program(segments).chapters).splitlines())


@pytest.mark.parametrize(
    ("count", "files", "missing"),
    [
        (12, 6, ""),
        (40, 6, "the levels of each segment"),
        (64, 6, "the levels of each segment, the inputs"),
        (40, 40, "the levels of each segment, the inputs, whole names, all credits"),
        (400, 4, "the levels of each segment, the inputs, whole names, all credits, the chapters"),
    ],
)
def test_a_long_description_is_reduced_in_order_with_a_note(count: int, files: int, missing: str) -> None:
    segments = [
        msgspec.structs.replace(
            segment, di_track="Riff in E minor, palm mutes", chain=f"Plexi, V30, take {segment.position}"
        )
        for segment in _segments(*range(0, count * 12_000, 12_000))
    ]
    level = LevelRecord(requested_lufs=-16.0, target_lufs=-16.0, ceiling_dbtp=-1.0)
    text = description("T", level, _inputs(files), segments, program(segments))
    stated = re.findall("No room on YouTube for (.*): see manifest.json and chapters.txt", text)
    assert stated == [missing] * bool(missing)
    assert ("\n0:12 Riff" in text) == (not missing.endswith("the chapters"))
    assert ("gain +4.0 dB" in text) == (not missing)


def test_a_name_is_not_parsed_as_a_time_or_a_tag() -> None:
    """A knob at 2:00 on a separate line would be parsed as a chapter out of order."""
    segments = [
        msgspec.structs.replace(segment, chain="<Plexi> gain at 2:00") for segment in _segments(0, 12_000, 24_000)
    ]
    assert chapters(program(segments).chapters).splitlines()[1] == "0:12 Riff – ‹Plexi› gain at 2∶00"
    level = LevelRecord(requested_lufs=-16.0, target_lufs=-16.0, ceiling_dbtp=-1.0)
    text = description("At 3:30", level, [], segments, program(segments))
    assert re.findall(r"\d+:\d\d", text) == ["0:00", "0:12", "0:24"]
