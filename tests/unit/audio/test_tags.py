"""Tags of FLAC files: deterministic, and without influence on the sound."""

from pathlib import Path

import av
import numpy as np
import pytest

from tests.support.render_inputs import RATE, plucks
from tone_shootout.audio.files import read_audio, write_flac
from tone_shootout.audio.tags import write_tags

TAGS = {"TITLE": "Riff – ½ Plexi = loud", "TRACKNUMBER": "1", "CREDIT": "“V30” by box.miker\nPowered by TONE3000"}


@pytest.fixture
def flac(tmp_path: Path) -> Path:
    write_flac(tmp_path / "a.flac", plucks(2.0), RATE)
    return tmp_path / "a.flac"


def test_tags_are_read_by_players_and_samples_are_unchanged(flac: Path) -> None:
    before, size = read_audio(flac, max_seconds=3.0).samples, flac.stat().st_size
    write_tags(flac, TAGS)
    with av.open(str(flac)) as tagged:
        found = {name.upper(): value for name, value in tagged.metadata.items()}
        assert found == {"TRACK" if name == "TRACKNUMBER" else name: value for name, value in TAGS.items()}
        assert tagged.duration == 2 * av.time_base
    np.testing.assert_array_equal(read_audio(flac, max_seconds=3.0).samples, before)
    assert size < flac.stat().st_size < size + 500
    assert list(flac.parent.iterdir()) == [flac]


def test_tags_can_be_replaced_and_equal_ones_give_equal_bytes(flac: Path) -> None:
    untagged = flac.read_bytes()
    write_tags(flac, TAGS)
    first = flac.read_bytes()
    write_tags(flac, {"TITLE": "Other"})
    assert flac.read_bytes() != first
    write_tags(flac, TAGS)
    assert flac.read_bytes() == first
    assert first[8:42] == untagged[8:42]  # STREAMINFO: length, sample format and MD5 of the samples
