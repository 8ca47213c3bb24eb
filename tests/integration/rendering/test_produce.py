"""Shootouts from plan to result folder: one loudness, reproducible bytes, nothing rendered twice."""

import hashlib
import json
import signal
from pathlib import Path

import av
import msgspec
import numpy as np
import pytest

from tests.support.ffmpeg import ebur128
from tests.support.render_inputs import RATE, plan_in, plucks
from tests.support.shootouts import CHAINS, TRACKS, Log, Memory, carry_out, children, two_by_two
from tests.support.specs import blocks, spec
from tone_shootout.audio.files import read_audio, write_wav
from tone_shootout.precision import rounded
from tone_shootout.rendering.errors import Cancelled, RenderError, WorkerDied
from tone_shootout.rendering.output.manifest import Manifest, decode_manifest
from tone_shootout.rendering.output.result_folder import STAGING_PREFIX


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sources")


@pytest.fixture(scope="module")
def out(folder: Path, log: Log, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result of two DI tracks through two chains."""
    made = tmp_path_factory.mktemp("results") / "made" / "here"
    carry_out(folder, two_by_two(), made, reporter=log, processes=2)
    return made


@pytest.fixture(scope="module")
def manifest(out: Path) -> Manifest:
    return decode_manifest((out / "manifest.json").read_bytes())


def test_every_segment_has_the_common_loudness_by_ffmpeg(out: Path, manifest: Manifest) -> None:
    for segment in manifest.segments:
        audio = read_audio(out / segment.file, max_seconds=10)
        received = ebur128(audio.samples, audio.rate)
        assert received["I"] == pytest.approx(manifest.level.target_lufs + segment.trim_db, abs=0.1)
        assert received["TP"] <= manifest.level.ceiling_dbtp + 0.1
        assert segment.measured.integrated_lufs == pytest.approx(received["I"], abs=0.1)
        assert segment.measured.true_peak_dbtp == pytest.approx(received["TP"], abs=0.2)


def test_the_level_match_can_be_checked_from_the_manifest(manifest: Manifest) -> None:
    level = manifest.level
    reachable = [
        s.loudness_before_lufs + level.ceiling_dbtp - s.true_peak_before_dbtp - s.trim_db for s in manifest.segments
    ]
    assert level.target_lufs == pytest.approx(min(level.requested_lufs, *reachable), abs=0.03)
    limiting = None if min(reachable) >= level.requested_lufs else int(np.argmin(reachable)) + 1
    assert level.limiting_segment == limiting
    for segment in manifest.segments:
        gain_db = level.target_lufs - segment.loudness_before_lufs + segment.trim_db
        assert segment.gain_db == pytest.approx(gain_db, abs=0.03)
        assert segment.measured.true_peak_dbtp <= level.ceiling_dbtp


def test_all_segments_of_a_di_track_are_equally_long(out: Path, manifest: Manifest) -> None:
    lengths = {s.file: read_audio(out / s.file, max_seconds=10).samples.shape for s in manifest.segments}
    assert [lengths[s.file] for s in manifest.segments] == [(1, s.samples) for s in manifest.segments]
    assert [s.samples for s in manifest.segments] == [96_000, 96_000, 59_259, 59_259]


def test_segments_are_tagged_with_names_and_levels(out: Path, manifest: Manifest) -> None:
    for segment in manifest.segments:
        with av.open(str(out / segment.file)) as flac:
            tags = {name.upper(): value for name, value in flac.metadata.items()}
        assert tags["TITLE"] == f"{segment.di_track} – {segment.chain}"
        assert (tags["ALBUM"], tags["TRACK"], tags["TRACKTOTAL"]) == (manifest.spec.title, str(segment.position), "4")
        assert (tags["DI_TRACK"], tags["CHAIN"]) == (segment.di_track, segment.chain)
        assert tags["LOUDNESS"] == f"{segment.measured.integrated_lufs:.2f} LUFS"
        assert tags["RENDER_KEY"] == segment.render_key
        assert "CREDIT" not in tags


def test_the_manifest_names_every_file_with_its_hash_and_nothing_of_this_machine(
    out: Path, manifest: Manifest, folder: Path
) -> None:
    on_disk = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert on_disk == {"manifest.json", *(item.path for item in manifest.files)}
    for item in manifest.files:
        content = (out / item.path).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (item.sha256, item.size_bytes)
    assert {s.file: s.sha256 for s in manifest.segments}.items() <= {i.path: i.sha256 for i in manifest.files}.items()
    for source in manifest.inputs:
        assert hashlib.sha256((folder / source.name).read_bytes()).hexdigest() == source.sha256
    assert str(folder) not in (out / "manifest.json").read_text()
    assert [track.file for track in manifest.spec.di_tracks] == ["riff.wav", "arpeggio.wav"]


def test_the_manifest_has_every_documented_field(out: Path) -> None:
    """Programs depend on these names: default values and null are written, too."""
    written = json.loads((out / "manifest.json").read_bytes())
    assert written["schema"] == 1
    assert {"engine", "versions", "inputs", "spec", "captures", "comparisons", "difference", "video"} <= set(written)
    assert set(written["level"]) == {"requested_lufs", "target_lufs", "ceiling_dbtp", "limiting_segment"}
    promised = (
        "position di_track chain render_key file sha256 start_ms end_ms sample_rate_hz samples measured gain_db "
        "trim_db latency metrics cache_hit inferences drive_db calibration notes"
    )
    measured = "integrated_lufs loudness_range_lu true_peak_dbtp rms_dbfs crest_factor_db"
    for segment in written["segments"]:
        assert set(promised.split()) <= set(segment)
        assert set(measured.split()) <= set(segment["measured"])


def test_progress_only_grows_and_ends_at_its_total(log: Log) -> None:
    done = [share[0] for share in log.shares]
    total = {share[1] for share in log.shares}
    assert len(total) == 1
    assert done == sorted(done)
    assert done[-1] == pytest.approx(total.pop())


def test_the_reporter_receives_every_segment_and_file_the_manifest_last(log: Log, manifest: Manifest) -> None:
    assert log.phases == ["render", "level"]
    assert sorted(log.segments) == sorted((n, status) for n in range(1, 5) for status in ("rendered", "leveled"))
    assert {position: rounded(msgspec.to_builtins(measured)) for position, measured in log.measured.items()} == {
        s.position: msgspec.to_builtins(s.measured) for s in manifest.segments
    }
    assert log.files == [*(item.path for item in manifest.files), "manifest.json"]


def test_the_result_does_not_depend_on_the_number_of_processes(folder: Path, out: Path, tmp_path: Path) -> None:
    carry_out(folder, two_by_two(), tmp_path / "alone", processes=1)
    assert (tmp_path / "alone" / "manifest.json").read_bytes() == (out / "manifest.json").read_bytes()


def test_cached_segments_are_not_rendered_again(folder: Path, out: Path, manifest: Manifest, tmp_path: Path) -> None:
    store, first, second = Memory(), Log(), Log()
    carry_out(folder, two_by_two(), tmp_path / "first", reporter=first, store=store)
    again = carry_out(folder, two_by_two(), tmp_path / "second", reporter=second, store=store)
    assert {status for _, status in first.segments} == {"rendered", "leveled"}
    assert {status for _, status in second.segments} == {"cached", "leveled"}
    assert [s.cache_hit for s in again.segments] == [True] * 4
    assert again.files == manifest.files


def test_changing_one_chain_renders_that_chain_alone(folder: Path, tmp_path: Path) -> None:
    store, log = Memory(), Log()
    carry_out(folder, two_by_two(), tmp_path / "out", store=store)
    changed = {**CHAINS[1], "blocks": blocks("b.nam", "cab-b.wav")}
    carry_out(folder, spec(CHAINS[0], changed, tracks=TRACKS), tmp_path / "out", store=store, reporter=log)
    assert sorted(log.segments)[::2] == [(1, "cached"), (2, "leveled"), (3, "cached"), (4, "leveled")]


def test_damaged_cache_content_is_rendered_again(folder: Path, manifest: Manifest, tmp_path: Path) -> None:
    store, log = Memory(), Log()
    keys = [segment.render_key for segment in manifest.segments]
    store.put(keys[0], bytes(4 * 5))
    store.put(keys[1], np.full(96_000, np.nan, np.float32).tobytes())
    store.put(keys[2], bytes(4 * 59_259 + 1))
    again = carry_out(folder, two_by_two(), tmp_path, store=store, reporter=log)
    assert "cached" not in {status for _, status in log.segments}
    assert again.files == manifest.files


def test_equal_chains_are_rendered_once(folder: Path, tmp_path: Path) -> None:
    store, log = Memory(), Log()
    twice = spec(CHAINS[0], {**CHAINS[0], "name": "The same again", "trim_db": -3.0})
    made = carry_out(folder, twice, tmp_path, store=store, reporter=log)
    assert [segment.inferences for segment in made.segments] == [1, 0]
    assert sorted(map(len, store.kept.values()))[-2:] == [4 * 96_000] * 2, (
        "the segment, and the sound behind its capture"
    )
    assert [status for _, status in log.segments].count("rendered") == 2
    first, second = made.segments
    assert first.measured.integrated_lufs - second.measured.integrated_lufs == pytest.approx(3.0, abs=0.001)


def test_a_quiet_recording_near_the_gate_still_meets_the_target(folder: Path, tmp_path: Path) -> None:
    """Raised by 45 dB, blocks below the absolute gate of BS.1770 count, so the match must be repeated."""
    quiet = np.concatenate([plucks(2.0, peak=0.006), plucks(8.0, peak=0.0009)])
    write_wav(folder / "quiet.wav", quiet, RATE)
    (folder / "clean.nam").write_bytes(
        b'{"version":"0.5.4","architecture":"Linear","config":{"receptive_field":1,"bias":false},"weights":[1.0]}'
    )
    chain = {"name": "Clean", "blocks": blocks("clean.nam", "cab-a.wav")}
    made = carry_out(folder, spec(chain, tracks=[{"name": "Quiet", "file": "quiet.wav"}]), tmp_path)
    audio = read_audio(tmp_path / made.segments[0].file, max_seconds=60)
    assert ebur128(audio.samples, audio.rate)["I"] == pytest.approx(made.level.target_lufs, abs=0.1)


def test_a_new_result_replaces_only_the_previous_one(folder: Path, tmp_path: Path) -> None:
    carry_out(folder, two_by_two(), tmp_path)
    (tmp_path / "segments" / "mine.txt").write_text("keep me")
    made = carry_out(folder, spec({"name": "Alone", "blocks": blocks("a.nam", "cab-a.wav")}), tmp_path)
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"manifest.json", "segments/mine.txt", made.segments[0].file}


def test_a_previous_manifest_can_not_delete_files_outside_its_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("keep me")
    carry_out(folder, two_by_two(), tmp_path / "out")
    path = tmp_path / "out" / "manifest.json"
    path.write_text(path.read_text().replace('"path": "segments/01', '"path": "../precious.txt", "was": "segments/01'))
    carry_out(folder, two_by_two(), tmp_path / "out")
    assert (tmp_path / "precious.txt").read_text() == "keep me"


@pytest.mark.parametrize("phase", ["render", "level", "plots"])
def test_cancellation_leaves_neither_files_nor_processes(folder: Path, tmp_path: Path, phase: str) -> None:
    log = Log(stop_when=lambda log: log.phases[-1] == phase and bool(children()))
    with pytest.raises(Cancelled):
        carry_out(folder, two_by_two(), tmp_path / "out", reporter=log, plots=True)
    assert not (tmp_path / "out").exists()
    assert children() == []


def test_cancellation_leaves_a_previous_result_unchanged(folder: Path, tmp_path: Path) -> None:
    carry_out(folder, two_by_two(), tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(Cancelled):
        carry_out(folder, spec(CHAINS[1]), tmp_path, reporter=Log(stop_when=lambda log: "level" in log.phases))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_leftovers_of_a_killed_run_are_removed(folder: Path, tmp_path: Path) -> None:
    left = tmp_path / f"{STAGING_PREFIX}abc"
    left.mkdir()
    (left / "01.npy").write_bytes(bytes(1000))
    carry_out(folder, spec(CHAINS[0]), tmp_path)
    assert not left.exists()


def test_a_killed_child_is_an_error_and_stops_the_others(folder: Path, tmp_path: Path) -> None:
    def kill_one(_: Log) -> bool:
        for child in children()[:1]:
            child.send_signal(signal.SIGKILL)
        return False

    with pytest.raises(WorkerDied, match="a rendering process was killed by signal 9"):
        carry_out(folder, two_by_two(), tmp_path / "out", reporter=Log(stop_when=kill_one))
    assert children() == []
    assert not (tmp_path / "out").exists()


def test_a_segment_that_can_not_be_rendered_is_named(folder: Path, tmp_path: Path) -> None:
    gated = {"name": "Gated", "blocks": blocks("a.nam", "cab-a.wav", {"type": "noise_gate", "threshold_db": 0.0})}
    with pytest.raises(RenderError) as caught:
        carry_out(folder, spec(CHAINS[0], gated), tmp_path / "out")
    assert caught.value.code == "silent"
    assert caught.value.detail.startswith("“Riff in E” through “Gated”: block 3 (noise gate) ")


def test_a_segment_below_the_lowest_loudness_is_named(folder: Path, tmp_path: Path) -> None:
    faint = {"name": "Faint", "blocks": blocks("a.nam", "cab-a.wav", {"type": "gain", "gain_db": -60.0})}
    with pytest.raises(RenderError, match=r"“Riff in E” through “Faint” is too quiet to compare: .* -70 LUFS"):
        carry_out(folder, spec(faint), tmp_path / "out")


def test_a_result_folder_that_can_not_be_created_is_an_os_error(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        carry_out(folder, spec(CHAINS[0]), tmp_path / "file")


def test_inputs_with_equal_names_are_distinguished(folder: Path, tmp_path: Path) -> None:
    (folder / "other").mkdir(exist_ok=True)
    (folder / "other" / "a.nam").write_bytes((folder / "b.nam").read_bytes())
    other = {"name": "Other", "blocks": blocks("other/a.nam", "cab-a.wav")}
    made = carry_out(folder, spec(CHAINS[0], other), tmp_path)
    assert sorted(item.name for item in made.inputs) == ["a (2).nam", "a.nam", "cab-a.wav", "riff.wav"]
    named = {item.name: item.sha256 for item in made.inputs}
    _, paths = plan_in(folder, spec(CHAINS[0], other))
    assert named["a (2).nam"] == hashlib.sha256(paths["other/a.nam"].read_bytes()).hexdigest()
    assert [block.file for chain in made.spec.chains for block in chain.blocks[:1] if hasattr(block, "file")] == [
        "a.nam",
        "a (2).nam",
    ]


def test_an_extremely_loud_chain_is_matched_to_the_common_level(folder: Path, tmp_path: Path) -> None:
    gains = [{"type": "gain", "gain_db": 60.0}] * 4
    chains = [CHAINS[0], {"name": "Loud", "blocks": [*CHAINS[0]["blocks"], *gains]}]
    (tmp_path / "partials").mkdir()
    manifest = carry_out(folder, spec(*chains, tracks=TRACKS[:1]), tmp_path / "out", previews=tmp_path / "partials")
    plain, loud = manifest.segments
    assert loud.loudness_before_lufs == pytest.approx(plain.loudness_before_lufs + 240.0, abs=0.01)
    assert loud.measured.integrated_lufs == pytest.approx(plain.measured.integrated_lufs, abs=0.01)
    assert len(list((tmp_path / "partials").iterdir())) == 2
