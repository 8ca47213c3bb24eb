"""Ends of segments: fades of cuts, and tails."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.render_inputs import RATE, lay_out, plan_in, plucks
from tests.support.specs import FACTS, blocks, spec
from tone_shootout.audio.fades import fade_ends
from tone_shootout.audio.files import write_wav
from tone_shootout.rendering.engine.chain import SourceCache, render_segment
from tone_shootout.rendering.executor.tasks import SourceFile
from tone_shootout.rendering.plan.planner import plan

UNCHANGED = [{"type": "gain", "gain_db": 0.0}]
DELAY = {"type": "delay", "time_ms": 500.0, "feedback": 0.0, "mix": 0.5}
STEP = 10 ** (-60 / 20)
"""Largest step at a cut that makes no click: −60 dBFS."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sources")
    lay_out(made)
    write_wav(made / "tone.wav", np.full(2 * RATE, 0.5, np.float32), RATE)
    return made


def _render(folder: Path, *chains: list[dict[str, Any]], tail_s: float = 0.0, **track: Any) -> list[NDArray[Any]]:
    tracks = [{"name": "Riff", "file": "riff.wav", **track}]
    allowed = ["no_amp", "no_cab"]
    planned, paths = plan_in(folder, spec(*chains, tracks=tracks, allow=allowed, export={"tail_s": tail_s}))
    files = {file: SourceFile(str(path), planned.media_info[file]) for file, path in paths.items()}
    return [
        render_segment(segment, chain, files[tracks[0]["file"]], files, SourceCache(), lambda _: None)
        for segment, chain in zip(planned.segments, planned.spec.chains, strict=True)
    ]


def test_a_whole_recording_is_faded_once_at_each_end(folder: Path) -> None:
    (received,) = _render(folder, UNCHANGED)
    np.testing.assert_array_equal(received, fade_ends(plucks(2.0), RATE))


def test_a_slice_is_faded_where_it_is_cut_before_its_chain(folder: Path) -> None:
    cut = plucks(2.0)[RATE // 2 : RATE]
    (received,) = _render(folder, UNCHANGED, start_s=0.5, end_s=1.0)
    np.testing.assert_array_equal(received, fade_ends(fade_ends(cut, RATE), RATE))
    (received,) = _render(folder, UNCHANGED, start_s=0.5)
    tail = plucks(2.0)[RATE // 2 :]
    np.testing.assert_array_equal(received, fade_ends(fade_ends(tail, RATE, end=False), RATE))


@pytest.mark.parametrize("cut", [{}, {"start_s": 0.3, "end_s": 1.1}], ids=["whole", "slice"])
def test_a_loud_sound_starts_and_ends_without_a_step(folder: Path, cut: dict[str, float]) -> None:
    for received in _render(folder, UNCHANGED, blocks("a.nam", "cab-a.wav"), file="tone.wav", **cut):
        assert np.abs(received).max() > 0.1
        assert max(abs(received[0]), abs(received[-1])) < STEP


def test_a_tail_is_silence_for_the_chain_and_equally_long_for_all(folder: Path) -> None:
    dry, delayed = _render(folder, UNCHANGED, [DELAY], tail_s=1.0, end_s=1.0)
    assert dry.shape == delayed.shape == (2 * RATE,)
    assert not dry[RATE:].any()
    # The repeat of the second half of the DI track sounds in the tail.
    np.testing.assert_allclose(delayed[RATE : 3 * RATE // 2], dry[RATE // 2 : RATE] / 2, atol=1e-6)
    assert not delayed[3 * RATE // 2 :].any()


def test_a_recording_is_faded_at_its_end_if_a_tail_follows(folder: Path) -> None:
    (received,) = _render(folder, UNCHANGED, tail_s=0.5, file="tone.wav")
    assert abs(received[2 * RATE - 1]) < STEP
    assert received[2 * RATE - 300] == 0.5


def test_fades_and_tails_change_render_keys() -> None:
    def keys(**more: Any) -> set[str]:
        document = spec(blocks("combo.nam"), **more.pop("document", {}))
        return {segment.render_key for segment in plan(document, FACTS, **more).segments}

    assert len({*keys(), *keys(fades=False), *keys(document={"export": {"tail_s": 1.0}})}) == 3


def test_alignment_and_polarity_are_part_of_the_key() -> None:
    def key(**export: Any) -> str:
        return plan(spec(blocks("combo.nam"), export=export), FACTS).segments[0].render_key

    exports: list[dict[str, Any]] = [{}, {"aligned": True}, {"right_polarity": True}]
    assert len({key(**each) for each in [*exports, exports[1] | exports[2]]}) == 4
    assert key() == key(aligned=False, right_polarity=False)


def test_an_aligned_segment_is_as_long_and_has_sound_to_move_in() -> None:
    (segment,) = plan(spec(blocks("combo.nam"), export={"aligned": True, "tail_s": 0.5}), FACTS).segments
    assert (segment.samples, segment.tail, segment.reserve) == (504_000, 24_000, 480)
    assert segment.stages[0].samples == 504_480
