"""Fades and tails of results: stated in the manifest, without clicks, verified."""

from pathlib import Path

import msgspec
import pytest

from tests.support.render_inputs import plan_in
from tests.support.shootouts import CHAINS, Log, carry_out
from tests.support.specs import spec
from tone_shootout.audio.files import read_audio
from tone_shootout.rendering.output.manifest import Manifest
from tone_shootout.rendering.output.verify import verify
from tone_shootout.rendering.produce import produce
from tone_shootout.rendering.spec.schema import Spec

CUT = [{"name": "Riff in E", "file": "riff.wav", "start_s": 0.35, "end_s": 1.6}]
STEP = 10 ** (-60 / 20)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sources")


@pytest.fixture(scope="module")
def document() -> Spec:
    return spec(*CHAINS, tracks=CUT, export={"tail_s": 0.5})


@pytest.fixture(scope="module")
def result(folder: Path, document: Spec, tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, Path]:
    out = tmp_path_factory.mktemp("results") / "out"
    return carry_out(folder, document, out, sound_only=True), out


def test_the_manifest_states_fades_and_tail(result: tuple[Manifest, Path]) -> None:
    manifest, _ = result
    assert manifest.fades is not None
    assert msgspec.to_builtins(manifest.fades) == {"length_ms": 5.0, "shape": "raised_cosine"}
    assert manifest.spec.export.tail_s == 0.5
    assert [(segment.samples, segment.tail_samples) for segment in manifest.segments] == [(84_000, 24_000)] * 2


def test_no_file_begins_or_ends_with_a_step_above_minus_60_dbfs(result: tuple[Manifest, Path]) -> None:
    manifest, out = result
    for segment in manifest.segments:
        samples = read_audio(out / segment.file, max_seconds=10).samples
        assert abs(samples[:, [0, -1]]).max() < STEP


def test_a_faded_result_is_exact(result: tuple[Manifest, Path], folder: Path) -> None:
    manifest, out = result
    paths = {item.name: folder / item.name for item in manifest.inputs}
    verified = verify(manifest, out, paths, processes=2, reporter=Log())
    assert [segment.verdict for segment in verified] == ["exact", "exact"]


def test_a_result_from_before_there_were_fades_is_exact(folder: Path, tmp_path: Path) -> None:
    planned, paths = plan_in(folder, spec(CHAINS[0], tracks=CUT), fades=False)
    manifest = produce(planned, paths, tmp_path, processes=1, reporter=Log(), sound_only=True)
    assert manifest.fades is None
    # Such a manifest has neither the field nor an export table.
    written = msgspec.to_builtins(manifest)
    del written["fades"], written["spec"]["export"], written["segments"][0]["tail_samples"]
    before = msgspec.convert(written, Manifest)
    (verified,) = verify(before, tmp_path, paths, processes=1, reporter=Log())
    assert verified.verdict == "exact"
