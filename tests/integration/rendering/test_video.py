"""The video: streams, chapters and cards."""

from fractions import Fraction
from pathlib import Path

import av
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.render_inputs import CARD, plucks
from tests.support.shootouts import TRACKS, Log, carry_out
from tests.support.specs import blocks, spec
from tone_shootout.audio.files import read_audio
from tone_shootout.rendering.output.manifest import Manifest
from tone_shootout.rendering.plan.timeline import TITLE_S
from tone_shootout.rendering.video.cards import draw
from tone_shootout.rendering.video.drawing import envelope
from tone_shootout.rendering.video.encoder import write_sound, write_video
from tone_shootout.rendering.video.layout import WIDE
from tone_shootout.rendering.video.pictures import _repeated, encode, encode_still
from tone_shootout.rendering.video.playhead import Moments, moments, strips
from tone_shootout.rendering.video.program import RESULTS_S
from tone_shootout.rendering.video.slices import read_slice
from tone_shootout.rendering.video.video_frames import ChapterMark, Part, Scene, Span, Take

NAMES = ["Plexi, $30 & up", "Комбо №2 \U0001f3b8", "日本語 ⟨x⟩"]

WITHOUT_DC = {"type": "eq", "bands": [{"type": "highpass", "frequency_hz": 40.0}]}
"""Random weights give a large DC offset, which loudness ignores and FFmpeg's fast AAC coder can't encode."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sources")


@pytest.fixture(scope="module")
def manifest(folder: Path, out: Path, log: Log) -> Manifest:
    chains = [
        {"name": name, "blocks": blocks(capture, cab, WITHOUT_DC)}
        for name, capture, cab in zip(
            NAMES, ["a.nam", "b.nam", "b.nam"], ["cab-a.wav", "cab-a.wav", "cab-b.wav"], strict=True
        )
    ]
    return carry_out(folder, spec(*chains, tracks=TRACKS[1:], title="A $title$ of ½ ж"), out, video=True, reporter=log)


@pytest.fixture(scope="module")
def frames(manifest: Manifest, out: Path) -> list[NDArray[np.uint8]]:
    """Every decoded frame, one pixel in eight."""
    with av.open(str(out / "comparison.mp4")) as video:
        return [np.asarray(frame.to_ndarray(format="gray")[::8, ::8], np.uint8) for frame in video.decode(video=0)]


def test_streams_follow_the_recommendations_of_youtube(manifest: Manifest, out: Path) -> None:
    with av.open(str(out / "comparison.mp4")) as video:
        picture, sound = video.streams.video[0], video.streams.audio[0]
        assert (picture.codec_context.name, picture.codec_context.profile) == ("h264", "High")
        assert (picture.width, picture.height, picture.average_rate) == (1920, 1080, Fraction(30))
        assert picture.codec_context.pix_fmt == "yuv420p"
        assert (sound.codec_context.name, sound.profile, sound.rate, sound.layout.name) == (
            "aac",
            "LC",
            48_000,
            "stereo",
        )
        assert video.metadata["title"] == "A $title$ of ½ ж"
    content = (out / "comparison.mp4").read_bytes()
    assert content.find(b"moov") < content.find(b"mdat")


def test_every_frame_decodes_and_picture_and_sound_are_equally_long(
    manifest: Manifest, out: Path, frames: list[NDArray[np.uint8]]
) -> None:
    seconds = Fraction(TITLE_S + 3 * 2 + RESULTS_S)
    assert len(frames) == seconds * 30
    with av.open(str(out / "comparison.mp4")) as video:
        picture, sound = video.streams.video[0], video.streams.audio[0]
        assert _seconds(picture.duration, picture.time_base) == seconds
        assert _seconds(sound.duration, sound.time_base) == seconds
        stamps = [_seconds(frame.pts, frame.time_base) for frame in video.decode(picture)]
    assert stamps == [Fraction(n, 30) for n in range(len(frames))]


def _seconds(ticks: int | None, time_base: Fraction | None) -> Fraction:
    assert ticks is not None
    assert time_base is not None
    return ticks * time_base


def test_every_segment_has_a_chapter_that_starts_with_it_and_the_first_one_with_the_title(
    manifest: Manifest, out: Path
) -> None:
    with av.open(str(out / "comparison.mp4")) as video:
        chapters = video.chapters()
    starts = [chapter["start"] * chapter["time_base"] * 1000 for chapter in chapters if chapter["time_base"]]
    assert [segment.start_ms for segment in manifest.segments] == [4000, 6000, 8000]
    assert starts == [0, 6000, 8000, 10_000]
    titles = [*(f"Arpeggio – {name}" for name in NAMES), "Results and credits"]
    assert [chapter["metadata"]["title"] for chapter in chapters] == titles


STRIP = slice(WIDE.strip_top // 8, WIDE.strip_bottom // 8)


def test_the_picture_changes_with_the_segment_and_its_strip_every_half_second(
    manifest: Manifest, frames: list[NDArray[np.uint8]]
) -> None:
    def changes(shown: list[NDArray[np.uint8]]) -> list[int]:
        return [n for n in range(1, len(shown)) if np.abs(shown[n].astype(int) - shown[n - 1]).max() > 24]

    around = [np.delete(frame, STRIP, axis=0) for frame in frames]
    assert changes(around) == [*(segment.start_ms * 30 // 1000 for segment in manifest.segments), 300]
    assert changes([frame[STRIP] for frame in frames]) == list(range(120, 301, 15))


def test_every_frame_is_the_card_with_the_playhead_at_its_half_second(tmp_path: Path) -> None:
    """FFmpeg's decoder is the oracle that the slices of three encoders are one stream."""
    raw, still, sound, video = (tmp_path / name for name in ("a.npy", "a.still", "sound", "a.mp4"))
    drawn = draw(CARD, envelope(plucks(4.0)))
    np.save(raw, plucks(4.0))
    moving = list(strips(moments(plucks(4.0), [Span(0, 120)]), seconds=4.0, color="#f0b13c"))
    still.write_bytes(msgspec.msgpack.encode(encode_still(drawn, moving)))
    write_sound(sound, [Part(120, (Take(raw=str(raw), gain_db=0.0, samples=192_000),))], lambda _: None)
    write_video(video, "T", [Scene(str(still), 120)], [ChapterMark(0, "S")], sound, lambda _: None)
    with av.open(str(video), options={"err_detect": "explode"}) as container:
        shown = [frame.to_ndarray() for frame in container.decode(video=0)]
    assert len(shown) == 120
    assert {n for n in range(120) if not np.array_equal(shown[n], shown[n - n % 15])} == set()
    for moment in range(8):
        whole = np.concatenate([drawn[: WIDE.strip_top], moving[moment], drawn[WIDE.strip_bottom :]])
        wanted = av.VideoFrame.from_ndarray(whole, format="rgb24").reformat(format="yuv420p", dst_colorspace="ITU709")
        error = np.square(shown[15 * moment].astype(float) - wanted.to_ndarray()).mean()
        assert 10 * np.log10(255**2 / error) > 54.0
        head = np.flatnonzero(shown[15 * moment][WIDE.strip_top + 5] > 200)
        assert head.mean() == pytest.approx(WIDE.left + WIDE.columns * moment / 8, abs=2)


def test_the_meter_shows_rms_and_peak_of_the_half_second_that_is_heard() -> None:
    """A sine has an RMS of 3.01 dB below its peak; two equal sides have the RMS of one."""
    time = np.arange(60_000) / 48_000
    sine = np.where(time < 0.5, 0.5, 0.05) * np.sin(2 * np.pi * 1000 * time)
    expected = [[-9.03, -6.02], [-29.03, -26.02], [-32.04, -26.02], [-200, -200]]
    for samples in (sine, np.stack([sine, sine])):
        found = moments(samples.astype(np.float32), [Span(0, 60)])
        np.testing.assert_allclose(found.levels_dbfs, expected, atol=0.01)
        assert found.at_s.tolist() == [0.0, 0.5, 1.0, 1.5]


def test_a_level_moves_the_bar_of_the_meter() -> None:
    levels = np.array([[-200.0, -200.0], [-60.0, -50.0], [-30.0, -20.0], [0.0, 0.0]])
    drawn = strips(Moments(np.arange(4) / 2, levels), seconds=2.0, color="#ff0000")
    widths = [int((strip[45] == (255, 0, 0)).all(axis=1).sum()) for strip in drawn]
    whole = WIDE.columns - 232 - 392
    assert widths == [0, 0, whole // 2, whole - 4], "the tick of the peak covers 4 pixels"


def test_skipped_pictures_are_those_that_the_encoder_makes() -> None:
    blank = np.zeros((1080, 1920, 3), np.uint8)
    encoded = encode([av.VideoFrame.from_ndarray(blank, format="rgb24") for _ in range(5)])[2:]
    for made, found in zip(map(read_slice, _repeated()[2:]), map(read_slice, encoded), strict=False):
        assert (made.kind, made.tail, made.data[:-1]) == (found.kind, found.tail, found.data[:-1])
        assert made.data[-1] ^ found.data[-1] <= 1, "x264 varies the last bit"


def test_a_packet_of_other_settings_is_refused() -> None:
    blank = [av.VideoFrame.from_ndarray(np.zeros((64, 1920, 3), np.uint8), format="rgb24")]
    (packet,) = encode(blank, intra=True)
    with pytest.raises(ValueError, match="expected one slice, got 2"):
        read_slice(packet + packet)
    with pytest.raises(ValueError, match="expected one slice, got 0"):
        read_slice(b"")


def test_the_sound_is_that_of_the_segments(manifest: Manifest, out: Path) -> None:
    with av.open(str(out / "comparison.mp4")) as video:
        received = np.concatenate([frame.to_ndarray() for frame in video.decode(audio=0)], axis=1)
    np.testing.assert_array_equal(received[0], received[1])
    for segment in manifest.segments:
        expected = read_audio(out / segment.file, max_seconds=10).samples[0]
        start = segment.start_ms * 48
        error = received[0, start : start + segment.samples] - expected
        assert 10 * np.log10(np.mean(np.square(expected)) / np.mean(np.square(error))) > 45.0
        silence = received[0, start + segment.samples + 2048 : start + 96_000 - 2048]  # AAC spreads over a frame or two
        assert np.abs(silence).max() < 1e-3


def test_chapters_and_description_are_written(manifest: Manifest, out: Path, log: Log) -> None:
    listed = "".join(f"0:0{n} Arpeggio – {name}\n" for n, name in zip((0, 6, 8), NAMES, strict=True))
    listed += "0:10 Results and credits\n"
    assert (out / "chapters.txt").read_text() == listed
    text = (out / "description.txt").read_text()
    assert text.startswith(f"A $title$ of ½ ж\n\n{listed}")
    assert "some of these are shorter" in text
    assert "Shorter than 3 s: the measured loudness is less reliable than usual." in text
    for item in manifest.inputs:
        assert f"{item.sha256[:12]} {item.name}\n" in text
    assert {"comparison.mp4", "thumbnail.png", "chapters.txt", "description.txt"} <= {
        item.path for item in manifest.files
    }
    assert log.phases == ["render", "level", "video"]
