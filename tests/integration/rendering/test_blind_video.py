"""A blind, vertical video of the A/B round alone: it shows no name before the key."""

from pathlib import Path

import av
import pytest

from tests.support.phrases import two_tones
from tests.support.shootouts import Memory, carry_out
from tone_shootout.rendering.output.manifest import Manifest
from tone_shootout.rendering.spec.options import Video

NAMES = ("Plexi 1968", "Combo 1965")
FORM = Video(blind=True, vertical=True, ab_only=True)
REVEAL_S = 14
"""After the title (4 s) and the round: two phrases of a performance of 4.5 s twice, up to a whole second."""


@pytest.fixture(scope="module")
def manifest(phrases: Path, out: Path, store: Memory) -> Manifest:
    return carry_out(phrases, two_tones(*NAMES, video=FORM), out, store=store, video=True)


@pytest.fixture(scope="module")
def renamed(phrases: Path, manifest: Manifest, store: Memory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The result of the same tones under other names."""
    out = tmp_path_factory.mktemp("renamed")
    carry_out(phrases, two_tones("JCM", "A very long name of an amp", video=FORM), out, store=store, video=True)
    return out


def _packets(path: Path) -> list[tuple[float, bytes]]:
    with av.open(str(path)) as video:
        return [
            (float(packet.pts * packet.time_base), bytes(packet))
            for packet in video.demux(video.streams.video[0], video.streams.audio[0])
            if packet.pts is not None and packet.time_base
        ]


def test_names_change_nothing_before_the_key(manifest: Manifest, out: Path, renamed: Path) -> None:
    one, other = (_packets(folder / "comparison.mp4") for folder in (out, renamed))
    changed = [at_s for (at_s, before), (_, after) in zip(one, other, strict=True) if before != after]
    assert min(changed) == REVEAL_S
    assert (out / "thumbnail.png").read_bytes() == (renamed / "thumbnail.png").read_bytes()
    assert (out / "chapters.txt").read_text() == (renamed / "chapters.txt").read_text()


def test_chapters_and_description_have_letters_before_the_key(manifest: Manifest, out: Path) -> None:
    assert (out / "chapters.txt").read_text() == "0:00 A/B round\n0:14 Which tone is which\n0:24 Results and credits\n"
    heard, key = (out / "description.txt").read_text().split("Which tone is which:\n")
    assert "1. Phrases – Tone A: -" in heard
    assert not [name for name in (*NAMES, "a.nam", "cab-b.wav") if name in heard]
    letters = dict(line.split(": ") for line in key.splitlines()[:2])
    assert set(letters) == {"A", "B"}
    assert set(letters.values()) == set(NAMES)


def test_the_picture_is_vertical_and_every_frame_decodes(manifest: Manifest, out: Path) -> None:
    with av.open(str(out / "comparison.mp4"), options={"err_detect": "explode"}) as video:
        picture = video.streams.video[0]
        assert (picture.width, picture.height, picture.codec_context.profile) == (1080, 1920, "High")
        video.seek(4_000_000)
        frames = [frame.to_ndarray()[600, ::8].tobytes() for frame in video.decode(picture) if (frame.time or 0) < 10]
    assert len(frames) == 6 * 30


def test_segments_have_the_times_of_their_round(manifest: Manifest) -> None:
    assert [(segment.start_ms, segment.end_ms) for segment in manifest.segments] == [(4000, 13_000)] * 2
    assert manifest.ab_round[0].start_ms == 4000
    assert {turn.position for turn in manifest.ab_round} == {1, 2}
