"""One segment: the right blocks at the right rate and level, and understandable errors."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.render_inputs import RATE, lay_out, nano_capture, plain_gain, plan_in, plucks
from tests.support.specs import blocks, spec
from tone_shootout.audio.files import write_wav
from tone_shootout.audio.nam import load
from tone_shootout.rendering.engine.chain import SourceCache, reamp, render_segment
from tone_shootout.rendering.errors import Cancelled, RenderError
from tone_shootout.rendering.executor.tasks import SourceFile

ANYTHING_GOES = ["no_amp", "no_cab", "multiple_amps"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lay_out(tmp_path)
    return tmp_path


def _render(
    folder: Path,
    chain: list[dict[str, Any]],
    *,
    source_cache: SourceCache | None = None,
    ticks: list[float] | None = None,
    fades: bool = False,
    tail_s: float = 0.0,
    **track: Any,
) -> NDArray[np.float32]:
    """Render the only segment of a chain, by default without fades, so that all samples are those of its blocks."""
    tracks = [{"name": "Riff", "file": "riff.wav", **track}]
    document = spec(chain, tracks=tracks, allow=ANYTHING_GOES, export={"tail_s": tail_s})
    planned, paths = plan_in(folder, document, fades=fades)
    segment = planned.segments[0]
    files = {file: SourceFile(str(path), planned.media_info[file]) for file, path in paths.items()}
    received = [] if ticks is None else ticks
    return render_segment(
        segment,
        document.chains[0],
        files[document.di_tracks[0].file],
        files,
        source_cache or SourceCache(),
        received.append,
    )


def test_a_single_capture_gives_the_samples_of_the_engine(folder: Path) -> None:
    expected = load((folder / "a.nam").read_bytes()).start().process(plucks(2.0))
    np.testing.assert_array_equal(_render(folder, blocks("a.nam")), expected)


def test_a_slice_is_rendered_as_if_it_were_the_whole_track(folder: Path) -> None:
    write_wav(folder / "part.wav", plucks(2.0)[24_000:72_000], RATE)
    part = _render(folder, blocks("a.nam", "cab-a.wav"), file="part.wav")
    np.testing.assert_array_equal(_render(folder, blocks("a.nam", "cab-a.wav"), start_s=0.5, end_s=1.5), part)


@pytest.mark.parametrize("rate", [44_100, 96_000])
def test_a_tone_keeps_its_level_through_captures_at_other_rates(folder: Path, rate: int) -> None:
    time = np.arange(RATE) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 1000 * time)).astype(np.float32)
    write_wav(folder / "tone.wav", tone, RATE)
    (folder / "half.nam").write_bytes(plain_gain(0.5, rate=rate))
    (folder / "double.nam").write_bytes(plain_gain(2.0, rate=RATE))
    rendered = _render(folder, blocks("half.nam", "double.nam"), file="tone.wav")
    assert rendered.shape == tone.shape
    np.testing.assert_allclose(rendered[1000:-1000], tone[1000:-1000], atol=1e-4)


def test_every_chain_gives_the_same_number_of_samples_at_any_rate(folder: Path) -> None:
    (folder / "low.nam").write_bytes(nano_capture(seed=5, sample_rate=44_100))
    lengths = {
        len(_render(folder, chain, file="arpeggio.wav"))
        for chain in (blocks("a.nam", "cab-a.wav"), blocks("low.nam"), blocks("low.nam", "a.nam"), blocks("cab-b.wav"))
    }
    assert lengths == {-(-round(1.23456 * 44_100) * 48_000 // 44_100)}


def test_a_cab_ir_has_the_same_gain_at_every_rate(folder: Path) -> None:
    (folder / "low.nam").write_bytes(plain_gain(1.0, rate=44_100))
    (folder / "high.nam").write_bytes(plain_gain(1.0, rate=96_000))
    low = _render(folder, blocks("low.nam", "cab-a.wav"))
    high = _render(folder, blocks("high.nam", "cab-a.wav"))
    difference = np.sqrt(np.mean(np.square(high - low)) / np.mean(np.square(low)))
    assert 20 * np.log10(difference) < -40.0


def test_input_gain_and_calibration_drive_the_first_capture_once(folder: Path) -> None:
    (folder / "first.nam").write_bytes(plain_gain(1.0, metadata={"gear_type": "pedal", "input_level_dbu": 14.7}))
    (folder / "second.nam").write_bytes(plain_gain(1.0, metadata={"gear_type": "amp", "input_level_dbu": 10.0}))
    first = {"type": "capture", "file": "first.nam", "input_gain_db": 6.0}
    rendered = _render(folder, blocks(first, "second.nam"), calibration_dbu=12.2)
    np.testing.assert_allclose(rendered, plucks(2.0) * 10 ** ((6.0 + 12.2 - 14.7) / 20), rtol=1e-5, atol=1e-9)


def test_a_bypassed_block_has_no_effect(folder: Path) -> None:
    bypassed = {"type": "gain", "gain_db": 20.0, "bypass": True}
    np.testing.assert_array_equal(_render(folder, blocks("a.nam", bypassed)), _render(folder, blocks("a.nam")))


def test_a_shelf_changes_nothing(folder: Path) -> None:
    source_cache = SourceCache()
    first = _render(folder, blocks("a.nam", "cab-a.wav"), source_cache=source_cache)
    other = _render(folder, blocks("b.nam", "cab-a.wav"), source_cache=source_cache, file="arpeggio.wav")
    np.testing.assert_array_equal(_render(folder, blocks("a.nam", "cab-a.wav"), source_cache=source_cache), first)
    np.testing.assert_array_equal(_render(folder, blocks("b.nam", "cab-a.wav"), file="arpeggio.wav"), other)


def test_progress_grows_up_to_the_planned_cost(folder: Path) -> None:
    ticks: list[float] = []
    chain = blocks({"type": "gain", "gain_db": 3.0}, "a.nam", "cab-a.wav")
    _render(folder, chain, ticks=ticks)
    planned, _ = plan_in(folder, spec(chain))
    assert ticks == sorted(ticks)
    assert len(ticks) > 5
    assert ticks[-1] == pytest.approx(planned.segments[0].cost)


@pytest.mark.parametrize(
    "block",
    [
        {"type": "gain", "gain_db": -60.0},
        {"type": "gain", "gain_db": 60.0},
        {"type": "eq", "bands": [{"type": "low_shelf", "frequency_hz": 1.0, "gain_db": 24.0, "q": 0.1}]},
        {"type": "eq", "bands": [{"type": "peak", "frequency_hz": 23_999.0, "gain_db": -24.0, "q": 20.0}] * 16},
        {"type": "compressor", "threshold_db": -60.0, "ratio": 100.0, "attack_ms": 0.1, "release_ms": 1.0},
        {"type": "compressor", "threshold_db": 0.0, "ratio": 1.0, "attack_ms": 500.0, "release_ms": 5000.0},
        {"type": "noise_gate", "threshold_db": -100.0},
        {"type": "delay", "time_ms": 1.0, "feedback": 0.95, "mix": 1.0},
        {"type": "delay", "time_ms": 5000.0, "feedback": 0.0, "mix": 0.5},
        {"type": "reverb", "reverb_type": "room", "mix": 1.0, "decay_s": 0.1},
        {"type": "reverb", "reverb_type": "hall", "mix": 0.5, "decay_s": 10.0},
        {"type": "reverb", "reverb_type": "plate", "mix": 0.5},
        {"type": "reverb", "reverb_type": "spring", "mix": 0.5},
        {"type": "cab_ir", "file": "cab-a.wav", "mix": 0.5, "low_cut_hz": 1.0, "high_cut_hz": 23_999.0},
    ],
    ids=lambda block: f"{block['type']}",
)
def test_every_block_works_at_the_ends_of_its_ranges(folder: Path, block: dict[str, Any]) -> None:
    rendered = _render(folder, blocks("a.nam", block))
    assert rendered.shape == (2 * RATE,)
    assert np.isfinite(rendered).all()


def test_a_chain_that_ends_in_silence_names_the_block(folder: Path) -> None:
    gate = {"type": "noise_gate", "threshold_db": 0.0}
    with pytest.raises(RenderError) as caught:
        _render(folder, blocks("a.nam", "cab-a.wav", {"type": "gain", "gain_db": -40.0}, gate))
    assert caught.value.code == "silent"
    assert caught.value.detail == (
        "“Riff” through “Chain 0”: block 4 (noise gate) outputs silence (peak below -80 dBFS)"
    )


def test_a_chain_may_be_silent_for_a_while(folder: Path) -> None:
    down, up = {"type": "gain", "gain_db": -60.0}, {"type": "gain", "gain_db": 60.0}
    rendered = _render(folder, blocks(down, down, up, up, "a.nam"))
    np.testing.assert_allclose(rendered, _render(folder, blocks("a.nam")), atol=1e-4)


def test_a_silent_slice_is_reported(folder: Path) -> None:
    write_wav(folder / "late.wav", np.concatenate([np.zeros(RATE, np.float32), plucks()]), RATE)
    with pytest.raises(RenderError, match="the selected slice is silent"):
        _render(folder, blocks("a.nam"), file="late.wav", end_s=1.0)


def test_overflowing_gains_are_reported_with_their_block(folder: Path) -> None:
    with pytest.raises(RenderError) as caught:
        _render(folder, blocks(*[{"type": "gain", "gain_db": 60.0}] * 14))
    assert caught.value.code == "not_finite"
    assert caught.value.detail.startswith("“Riff” through “Chain 0”: block 13 (gain): ")


def test_a_source_that_changed_after_planning_is_rejected(folder: Path) -> None:
    document = spec(blocks("a.nam", "cab-a.wav"), tracks=[{"name": "Riff", "file": "riff.wav"}])
    planned, paths = plan_in(folder, document)
    files = {file: SourceFile(str(path), planned.media_info[file]) for file, path in paths.items()}
    (folder / "cab-a.wav").write_bytes((folder / "cab-b.wav").read_bytes())
    with pytest.raises(RenderError) as caught:
        render_segment(planned.segments[0], document.chains[0], files["riff.wav"], files, SourceCache(), lambda _: None)
    assert (caught.value.code, caught.value.detail.split(":")[1]) in (
        ("changed", " block 2 (cab IR)"),
        ("too_large", " block 2 (cab IR)"),
    )


def test_a_recording_shorter_than_its_media_info_is_rejected(folder: Path) -> None:
    document = spec(blocks("a.nam"), tracks=[{"name": "Riff", "file": "riff.wav"}], allow=ANYTHING_GOES)
    planned, paths = plan_in(folder, document)
    files = {file: SourceFile(str(path), planned.media_info[file]) for file, path in paths.items()}
    segment = msgspec.structs.replace(planned.segments[0], stop=2 * planned.segments[0].stop)
    with pytest.raises(RenderError, match="got 96000: an earlier version") as caught:
        render_segment(segment, document.chains[0], files["riff.wav"], files, SourceCache(), lambda _: None)
    assert (caught.value.code, caught.value.pointer) == ("changed", "/di_tracks/0")


@pytest.mark.parametrize(("channel", "expected"), [("left", 1), ("right", 2), ("mean", 1.5), (None, 1.5)])
def test_the_selected_channels_of_track_and_cab_are_used(folder: Path, channel: str | None, expected: float) -> None:
    riff = plucks(1.0, peak=0.25)
    write_wav(folder / "riff.wav", np.stack([riff, 2 * riff]), RATE)
    received = _render(folder, [{"type": "gain", "gain_db": 0.0}], channel=channel)
    assert received == pytest.approx(expected * riff, abs=1e-7)
    write_wav(folder / "riff.wav", riff, RATE)
    write_wav(folder / "wide.wav", np.array([[1.0, 0.0], [2.0, 0.0]], np.float32), RATE)
    if channel is not None:
        received = _render(folder, [{"type": "cab_ir", "file": "wide.wav", "channel": channel}])
        assert received == pytest.approx(expected * riff, abs=1e-6)


def test_reamping_can_be_stopped_between_blocks(folder: Path) -> None:
    received: list[int] = []

    def tick(samples: int) -> None:
        received.append(samples)
        if len(received) == 2:
            raise Cancelled

    capture = load((folder / "a.nam").read_bytes())
    with pytest.raises(Cancelled):
        reamp(capture, plucks(2.0), report_samples=tick)
    assert received[1] < 2 * RATE


def test_a_slimmable_capture_runs_at_its_size(folder: Path) -> None:
    document = {
        "version": "0.7.0",
        "architecture": "SlimmableContainer",
        "config": {
            "submodels": [
                {"max_value": 0.5, "model": msgspec.json.decode(plain_gain(0.25))},
                {"max_value": 1.0, "model": msgspec.json.decode(plain_gain(0.5))},
            ]
        },
        "weights": [],
        "sample_rate": RATE,
    }
    (folder / "sizes.nam").write_bytes(msgspec.json.encode(document))
    small = {"type": "capture", "file": "sizes.nam", "size": 0.2}
    np.testing.assert_array_equal(_render(folder, [small]), plucks(2.0) * np.float32(0.25))
    np.testing.assert_array_equal(_render(folder, blocks("sizes.nam")), plucks(2.0) * np.float32(0.5))


def test_resuming_from_cached_samples_gives_the_same_samples_without_earlier_stages(folder: Path) -> None:
    chain = blocks(
        {"type": "gain", "gain_db": 3.0}, "pedal.nam", "b.nam", "cab-b.wav", {"type": "reverb", "reverb_type": "room"}
    )
    document = spec(chain, tracks=[{"name": "Arpeggio", "file": "arpeggio.wav"}])
    planned, paths = plan_in(folder, document)
    files = {file: SourceFile(str(path), planned.media_info[file]) for file, path in paths.items()}
    segment, di = planned.segments[0], files["arpeggio.wav"]
    behind: dict[int, NDArray[np.float32]] = {}
    whole = render_segment(
        segment,
        document.chains[0],
        di,
        files,
        SourceCache(),
        lambda _: None,
        on_stage=lambda n, x: behind.update({n: x.copy()}),
    )
    for first, needed in ((2, ["b.nam", "cab-b.wav"]), (3, ["cab-b.wav"]), (5, [])):
        rest = {file: files[file] for file in needed}
        ticks: list[float] = []
        again = render_segment(
            segment,
            document.chains[0],
            di,
            rest,
            SourceCache(),
            ticks.append,
            runs=range(first, len(segment.stages)),
            resumed={first - 1: behind[first - 1]},
        )
        assert again.tobytes() == whole.tobytes()
        assert max(ticks, default=0.0) == pytest.approx(sum(stage.cost for stage in segment.stages[first:]))


def test_resuming_from_silence_names_the_block_that_output_it(folder: Path) -> None:
    document = spec(blocks("a.nam", "cab-a.wav"), tracks=[{"name": "Riff", "file": "riff.wav"}])
    planned, paths = plan_in(folder, document)
    files = {file: SourceFile(str(path), planned.media_info[file]) for file, path in paths.items()}
    segment = planned.segments[0]
    nothing = np.zeros(segment.stages[0].samples, np.float32)
    with pytest.raises(RenderError, match=r"block 1 \(capture\) outputs silence"):
        render_segment(
            segment,
            document.chains[0],
            files["riff.wav"],
            files,
            SourceCache(),
            lambda _: None,
            runs=[1],
            resumed={0: nothing},
        )
