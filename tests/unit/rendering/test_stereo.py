"""Stereo: which chains are, and what each block does to both sides."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.render_inputs import RATE, cabinet, lay_out, plan_in, plucks
from tests.support.specs import FACTS, blocks, spec, split
from tone_shootout.audio.files import write_wav
from tone_shootout.rendering.engine.chain import SourceCache, render_segment
from tone_shootout.rendering.executor.tasks import SourceFile
from tone_shootout.rendering.media_info import MediaInfo
from tone_shootout.rendering.plan.planner import plan
from tone_shootout.rendering.spec.schema import InvalidSpec

WIDE: dict[str, MediaInfo] = {**FACTS, "wide.wav": msgspec.structs.replace(FACTS["cab.wav"], stereo=True)}
PANNED = split({"blocks": blocks("cab.wav"), "pan": -1.0}, {"blocks": blocks("cab2.wav"), "pan": 0.5})
LEFT = {"type": "cab_ir", "file": "wide.wav", "channel": "left"}
RIGHT = {"type": "cab_ir", "file": "wide.wav", "channel": "right"}


@pytest.mark.parametrize(
    ("chain", "channels"),
    [
        (blocks("amp.nam", "cab.wav"), 1),
        (blocks("amp.nam", "wide.wav"), 2),
        ([*blocks("amp.nam"), LEFT], 1),
        ([*blocks("combo.nam"), {"type": "cab_ir", "file": "wide.wav", "bypass": True}], 1),
        ([*blocks("amp.nam"), PANNED], 2),
        ([*blocks("amp.nam"), split(blocks("cab.wav"), blocks("wide.wav"))], 2),
        ([*blocks("amp.nam"), split(blocks("cab.wav"), blocks("cab2.wav"))], 1),
        ([*blocks("amp.nam", "wide.wav"), {"type": "gain", "gain_db": 1.0}], 2),
        (blocks("combo.nam", {"type": "reverb", "width": 0.3}), 2),
        (blocks("combo.nam", {"type": "reverb"}), 1),
        (blocks("combo.nam", {"type": "reverb", "width": 0.3, "channel": "right"}), 1),
        (blocks("combo.nam", {"type": "reverb", "width": 0.3, "bypass": True}), 1),
    ],
)
def test_a_segment_is_stereo_after_a_stereo_ir_a_wide_reverb_and_a_panned_path(
    chain: list[dict[str, Any]], channels: int
) -> None:
    (segment,) = plan(spec(chain), WIDE).segments
    assert segment.channels == channels


def test_a_path_in_the_middle_has_the_key_that_it_had_without_pan() -> None:
    def key(**more: float) -> str:
        chain = [*blocks("amp.nam"), split(blocks("cab.wav"), {"blocks": blocks("cab2.wav"), **more})]
        return plan(spec(chain), WIDE).segments[0].render_key

    assert key() == key(pan=0.0)
    assert len({key(), key(pan=0.5), key(pan=-0.5)}) == 3


def test_a_reverb_without_width_has_the_key_that_it_had() -> None:
    def key(**more: float | str) -> str:
        return plan(spec(blocks("combo.nam", {"type": "reverb", **more})), WIDE).segments[0].render_key

    assert len({key(), key(width=0.0), key(width=0.0, channel="left")}) == 1
    assert len({key(), key(width=1.0), key(width=0.5), key(width=1.0, channel="left")}) == 4


@pytest.mark.parametrize(
    ("chain", "pointer"),
    [
        ([{"type": "reverb", "width": 1.0}, *blocks("combo.nam")], "/chains/0/blocks/1"),
        (blocks("wide.wav", "amp.nam"), "/chains/0/blocks/1"),
        ([split({"pan": -1.0}, {}), *blocks("amp.nam", "cab.wav")], "/chains/0/blocks/1"),
        ([split({"pan": -1.0}, {}), split(blocks("combo.nam"), [])], "/chains/0/blocks/1/paths/0/blocks/0"),
    ],
)
def test_a_capture_takes_no_stereo_input(chain: list[dict[str, Any]], pointer: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        plan(spec(chain, allow=["no_amp", "no_cab", "invalid_order"]), WIDE)
    assert [(error.code, error.pointer) for error in caught.value.errors] == [("stereo_input", pointer)]


def test_mono_chains_beside_stereo_ones_are_noted() -> None:
    mono, stereo = blocks("amp.nam", "cab.wav"), blocks("amp.nam", "wide.wav")
    notices = [notice for notice in plan(spec(stereo, mono), WIDE).notices if notice.code == "mono_and_stereo"]
    assert [(notice.pointer, "“Chain 1” mono" in notice.detail) for notice in notices] == [("/chains/1", True)]
    for chains in ((mono,), (stereo,)):
        assert "mono_and_stereo" not in {notice.code for notice in plan(spec(*chains), WIDE).notices}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sources")
    lay_out(made)
    write_wav(made / "wide.wav", np.stack([cabinet(seed=6), cabinet(seed=7)]), 44_100)
    return made


def _render(folder: Path, *chain: dict[str, Any]) -> NDArray[np.float32]:
    document = spec(list(chain), allow=["no_amp", "no_cab", "multiple_irs"])
    planned, paths = plan_in(folder, document, fades=False)
    files = {file: SourceFile(str(path), planned.media_info[file]) for file, path in paths.items()}
    return render_segment(
        planned.segments[0], document.chains[0], files["riff.wav"], files, SourceCache(), lambda _: None
    )


def test_a_stereo_ir_equals_two_mono_renders(folder: Path) -> None:
    stereo = _render(folder, *blocks("a.nam", "wide.wav"))
    sides = [_render(folder, *blocks("a.nam"), side) for side in (LEFT, RIGHT)]
    assert stereo.shape == (2, 2 * RATE)
    np.testing.assert_array_equal(stereo, np.stack(sides))
    panned = split({"blocks": [LEFT], "pan": -1.0, "align": False}, {"blocks": [RIGHT], "pan": 1.0, "align": False})
    np.testing.assert_array_equal(_render(folder, *blocks("a.nam"), panned), stereo)


def test_sides_stay_apart_in_a_second_ir(folder: Path) -> None:
    stereo = _render(folder, *blocks("a.nam", "wide.wav", "wide.wav"))
    np.testing.assert_array_equal(stereo[0], _render(folder, *blocks("a.nam"), LEFT, LEFT))
    np.testing.assert_array_equal(stereo[1], _render(folder, *blocks("a.nam"), RIGHT, RIGHT))
    mixed = _render(folder, *blocks("a.nam", "wide.wav", "cab-a.wav"))
    np.testing.assert_array_equal(mixed[1], _render(folder, *blocks("a.nam"), RIGHT, *blocks("cab-a.wav")))


@pytest.mark.parametrize(
    "block",
    [
        {"type": "gain", "gain_db": -3.0},
        {"type": "eq", "bands": [{"type": "peak", "frequency_hz": 1000.0, "gain_db": 6.0}]},
        {"type": "delay", "time_ms": 120.0, "feedback": 0.5, "mix": 0.4},
        {"type": "reverb", "reverb_type": "plate", "mix": 0.3},
    ],
    ids=lambda block: f"{block['type']}",
)
def test_an_effect_does_to_each_side_what_it_does_to_mono(folder: Path, block: dict[str, Any]) -> None:
    stereo = _render(folder, *blocks("a.nam", "wide.wav"), block)
    for side, channel in zip(stereo, (LEFT, RIGHT), strict=True):
        np.testing.assert_array_equal(side, _render(folder, *blocks("a.nam"), channel, block))


def test_a_wide_reverb_gives_each_side_its_own_and_channel_picks_one(folder: Path) -> None:
    wide = {"type": "reverb", "reverb_type": "hall", "mix": 0.4, "width": 1.0}
    stereo = _render(folder, *blocks("a.nam"), wide)
    left, right, mean = (
        _render(folder, *blocks("a.nam"), {**wide, "channel": channel}) for channel in ("left", "right", "mean")
    )
    np.testing.assert_array_equal(stereo, np.stack([left, right]))
    np.testing.assert_allclose(mean, (left + right) / 2, atol=1e-6)
    apart = _render(folder, *blocks("a.nam", "wide.wav"), wide)
    for side, ir, channel in zip(apart, (LEFT, RIGHT), ("left", "right"), strict=True):
        np.testing.assert_array_equal(side, _render(folder, *blocks("a.nam"), ir, {**wide, "channel": channel}))


@pytest.mark.parametrize(
    "block",
    [
        {"type": "compressor", "threshold_db": -40.0, "ratio": 10.0},
        {"type": "noise_gate", "threshold_db": -20.0},
    ],
    ids=lambda block: f"{block['type']}",
)
def test_dynamics_give_both_sides_one_gain(folder: Path, block: dict[str, Any]) -> None:
    apart = split(
        {"pan": -0.9, "blocks": blocks("cab-a.wav")}, {"pan": -0.9, "blocks": blocks("cab-a.wav"), "mix_db": -6.0}
    )
    before, after = _render(folder, apart), _render(folder, apart, block)
    loud = np.abs(before).min(axis=0) > 1e-3
    gains = after[:, loud] / before[:, loud]
    np.testing.assert_allclose(gains[0], gains[1], rtol=1e-4)
    assert gains.min() < 0.9


def test_a_panned_riff_is_where_it_was_put(folder: Path) -> None:
    left, right = _render(folder, split({"pan": -1.0}, {"pan": 1.0, "mix_db": -6.0}))
    np.testing.assert_allclose(left, plucks(2.0), atol=1e-7)
    np.testing.assert_allclose(right, 10 ** (-6 / 20) * plucks(2.0), atol=1e-7)
