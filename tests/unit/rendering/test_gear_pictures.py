"""Pictures of the gear on cards: whose it is, where it stands, and that a card is drawn again when it changes."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from tests.support.render_inputs import CARD, plucks
from tests.support.specs import FACTS, blocks, spec, split
from tone_shootout.rendering.executor.registry import DRAW_CARD
from tone_shootout.rendering.executor.tasks import DrawCard
from tone_shootout.rendering.plan.planner import plan
from tone_shootout.rendering.video.cards import draw
from tone_shootout.rendering.video.drawing import envelope
from tone_shootout.rendering.video.gear_pictures import picture_of
from tone_shootout.rendering.video.layout import LAYOUTS, LayoutName

RED = (200, 30, 30)
WAVEFORM = envelope(plucks(1.0), 1728)


def _jpeg(path: Path, size: tuple[int, int], color: tuple[int, int, int] = RED) -> str:
    Image.new("RGB", size, color).save(path, "JPEG", quality=95)
    return str(path)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ((), ""),
        (("cab.wav",), "cab.wav"),
        (("amp.nam", "cab.wav"), "amp.nam"),
        (("cab2.wav",), "cab2.wav"),
        (("pedal.nam", "combo.nam"), ""),
    ],
)
def test_a_chain_shows_its_first_capture_that_has_a_picture_else_its_cab(files: tuple[str, ...], expected: str) -> None:
    skipped = {"type": "capture", "file": "pedal.nam", "bypass": True}
    chain = [skipped, *blocks("amp.nam"), split(blocks("cab.wav"), blocks("cab2.wav"))]
    pictures = {file: Path(file) for file in files}
    assert picture_of(plan(spec(chain), FACTS), 0, pictures) == expected
    assert picture_of(plan(spec(chain, video={"blind": True}), FACTS), 0, pictures) == "", "it would be the key"


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("size", [(1200, 300), (300, 1200), (40, 40)])
def test_a_picture_stands_beside_the_names_and_nothing_is_written_over_it(
    tmp_path: Path, name: LayoutName, size: tuple[int, int]
) -> None:
    layout = LAYOUTS[name]
    card = msgspec.structs.replace(CARD, chain="W" * 80, di_track="M" * 80, words="W " * 200, calibration="W " * 90)
    drawn = draw(card, WAVEFORM, layout, _jpeg(tmp_path / "gear.jpg", size))
    rows, columns = np.nonzero((np.abs(drawn.astype(int) - RED) < 12).all(axis=2))
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    assert right == layout.right
    assert (right - left) / (bottom - top) == pytest.approx(size[0] / size[1], rel=0.05)
    assert layout.title + 30 < top < bottom < layout.panel_top
    assert len(rows) == (right - left) * (bottom - top), "it is whole"
    names = draw(card, WAVEFORM, layout)[top:bottom, left - 12 : left]
    beside = drawn[top:bottom, left - 12 : left]
    assert (beside == beside[0, 0]).all(), "a margin"
    assert not (names == names[0, 0]).all(), "without it, the names are there"


def test_a_card_without_a_picture_is_as_before() -> None:
    assert np.array_equal(draw(CARD, WAVEFORM), draw(CARD, WAVEFORM, gear=""))


def test_the_key_of_a_card_is_that_of_the_content_of_its_picture(tmp_path: Path) -> None:
    def content(gear: str) -> object:
        task = DrawCard(card=CARD, envelope="e", raw="k.npy", gain_db=0.0, spans=(), still="s", gear=gear)
        return DRAW_CARD.content(task, {"e": "0"}) if DRAW_CARD.content else None

    first, same = (_jpeg(tmp_path / f"{name}.jpg", (30, 20)) for name in "ab")
    other = _jpeg(tmp_path / "c.jpg", (30, 20), (0, 0, 200))
    assert content(first) == content(same)
    assert content(first) != content(other)
    assert content("") != content(first)
