"""Text on pictures: in any script that an installed font has, joined where letters join, and never two names as one."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.support.fonts import installed, make_font
from tests.support.render_inputs import CARD
from tests.support.specs import FACTS, blocks, spec
from tone_shootout.rendering import fonts
from tone_shootout.rendering.executor.registry import DRAW_CARD
from tone_shootout.rendering.executor.tasks import DrawCard
from tone_shootout.rendering.fonts import Missing
from tone_shootout.rendering.output.draw_plots import draw_plot
from tone_shootout.rendering.output.plots import DifferencePlot
from tone_shootout.rendering.output.short_names import shorten
from tone_shootout.rendering.plan.planner import plan
from tone_shootout.rendering.video.drawing import write_line
from tone_shootout.rendering.video.video_frames import Span


def _drawn(text: str, *, size: float = 60.0, bold: bool = False, width: int | None = None) -> np.ndarray:
    picture = Image.new("RGB", (900, 200))
    write_line(picture, 50, 100, text, size=size, color="#ffffff", bold=bold, width=width)
    return np.asarray(picture)


@pytest.mark.parametrize("size", [20.0, 60.0])
def test_a_character_that_dejavu_lacks_is_drawn_from_an_installed_font(tmp_path: Path, size: float) -> None:
    make_font(tmp_path / "Squares-Regular.ttf", "日")
    with installed(tmp_path):
        picture = _drawn("日日", size=size)
        assert fonts.missing("日") == []
    rows, columns = picture.any(axis=(1, 2)), picture.any(axis=(0, 2))
    assert (np.flatnonzero(columns)[0], columns.sum(), rows.sum()) == (50, 2 * size, size)


def test_a_line_of_several_fonts_is_as_wide_as_its_parts(tmp_path: Path) -> None:
    make_font(tmp_path / "Squares-Regular.ttf", "日")
    with installed(tmp_path):
        mixed = np.flatnonzero(_drawn("I日I").any(axis=(0, 2)))
        plain = np.flatnonzero(_drawn("II").any(axis=(0, 2)))
        fitted = np.flatnonzero(_drawn("日" * 40, width=300).any(axis=(0, 2)))
    assert mixed[-1] - mixed[0] == plain[-1] - plain[0] + 60
    assert 280 <= fitted[-1] - fitted[0] <= 300


def test_the_choice_of_a_font_does_not_depend_on_the_order_of_a_folder(tmp_path: Path) -> None:
    for name in ("Zebra-Regular", "NotoSansCJK-Regular", "NotoSansCJK-Bold", "NotoSerifCJK-Regular", "Alpha-Regular"):
        make_font(tmp_path / f"{name}.ttf", "日")
    (tmp_path / "NotoSansCJK-Aaa.ttf").write_bytes(b"damaged")
    with installed(tmp_path):
        found = [fonts.font_of("日", bold=bold) for bold in (False, True)]
    assert [font and Path(font.path).name for font in found] == ["NotoSansCJK-Regular.ttf", "NotoSansCJK-Bold.ttf"]


def test_a_colored_font_is_scaled_to_the_line(tmp_path: Path) -> None:
    make_font(tmp_path / "Emoji.ttf", "\U0001f3b8", color="#ff0000")
    with installed(tmp_path):
        picture = _drawn("\U0001f3b8", size=40.0)
        half = _drawn("\U0001f3b8", size=20.0)
    for drawn, size in ((picture, 40), (half, 20)):
        red = (drawn[..., 0] > 127) & (drawn[..., 1] == 0)
        assert red.any(axis=0).sum() == pytest.approx(size, abs=1)
        assert red.any(axis=1).sum() == pytest.approx(size, abs=1)


@pytest.mark.skipif(not fonts.can_shape(), reason="FriBiDi is not installed")
def test_arabic_letters_are_joined_and_run_from_right_to_left() -> None:
    """Unicode's presentation forms are the oracle: beh initial on the right, beh final on the left."""
    assert np.array_equal(_drawn("\u0628\u0628"), _drawn("\ufe91\ufe90"))
    assert not np.array_equal(_drawn("\u0628\u0628"), _drawn("\ufe8f\ufe8f"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Plexi – Ж Ω é \U0001f600", []),
        ("日本語", [Missing("Han", "fonts-noto-cjk")]),
        ("한국 アンプ", [Missing("Hangul", "fonts-noto-cjk"), Missing("Katakana", "fonts-noto-cjk")]),
        ("ไทย", [Missing("Thai", "fonts-noto-core")]),
        ("\U0001f3b8\ufe0f", [Missing("Emoji", "fonts-noto-color-emoji")]),
        ("a\u200db\n\ue000", []),
    ],
)
def test_scripts_without_a_font_are_named_with_a_package(text: str, expected: list[Missing]) -> None:
    with installed():
        assert fonts.missing(text) == expected


def test_names_that_no_font_can_draw_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    chains = [
        {"name": name, "blocks": blocks(*files)} for name, *files in (("アンプ", "combo.nam"), ("مرحبا", "b.nam"))
    ]
    tracks = [{"name": "\U0001f3b8", "file": "riff.wav"}]
    facts = {**FACTS, "b.nam": msgspec.structs.replace(FACTS["combo.nam"], sha256="b" * 64)}
    monkeypatch.setattr(fonts, "can_shape", lambda: False)
    with installed():
        notices = plan(spec(*chains, tracks=tracks, title="日"), facts).notices
    assert [(notice.code, notice.pointer) for notice in notices] == [
        ("missing_glyphs", pointer) for pointer in ("/title", "/di_tracks/0/name", "/chains/0/name", "/chains/1/name")
    ]
    assert "has its Han characters" in notices[0].detail
    assert "the package fonts-noto-cjk" in notices[0].detail
    assert "the package libfribidi0" in notices[3].detail


def test_a_cached_card_is_not_that_of_other_fonts(tmp_path: Path) -> None:
    task = DrawCard(
        card=msgspec.structs.replace(CARD, chain="日"),
        envelope="e",
        raw="r.npy",
        gain_db=0.0,
        spans=(Span(0, 30),),
        still="s",
    )
    assert DRAW_CARD.content is not None
    with installed():
        before = DRAW_CARD.content(task, {"e": "key"})
    make_font(tmp_path / "Squares-Regular.ttf", "日")
    with installed(tmp_path):
        after = DRAW_CARD.content(task, {"e": "key"})
    assert before != after


def test_a_plot_spells_out_pictures_that_matplotlib_can_not_draw(tmp_path: Path) -> None:
    make_font(tmp_path / "fonts" / "Emoji.ttf", "\U0001f3b8\U0001f3ba", color="#ff0000")
    make_font(tmp_path / "fonts" / "Squares-Regular.ttf", "日")
    plot = DifferencePlot(di_track="日", chains=("\U0001f3b8", "\U0001f3ba"), matrix=((0.0, 1.0), (1.0, 0.0)))
    with installed(tmp_path / "fonts"):
        draw_plot(plot, str(tmp_path / "plot"))
    text = (tmp_path / "plot.svg").read_text()
    assert "[guitar]" in text
    assert "[trumpet]" in text
    assert "Squares" in text


@given(st.lists(st.text("ab ", max_size=30), max_size=12), st.integers(8, 16))
def test_shortened_names_are_as_distinct_as_the_names(names: list[str], longest: int) -> None:
    short = shorten(names, longest)
    assert len(short) == len(names)
    assert all(len(name) <= longest for name in short)
    assert len(dict(zip(names, short, strict=True))) == len(set(short))
    assert [new for old, new in zip(names, short, strict=True) if len(old) <= longest] == [
        old for old in names if len(old) <= longest
    ]


def test_names_that_differ_at_the_end_show_their_ends() -> None:
    assert shorten(["Marshall Plexi 1959, gain 3", "Marshall Plexi 1959, gain 7", "Twin reverb, bright"], 16) == (
        "Marshall P…ain 3",
        "Marshall P…ain 7",
        "Twin reverb, br…",
    )
