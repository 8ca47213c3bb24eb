"""Files of the demo: the bundled captures match their README and the amplifier that they were trained on."""

import json
import re
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tone_shootout.audio.files import mono, read_audio
from tone_shootout.audio.nam import load
from tone_shootout.demo import Material, bundled_capture, write_material
from tone_shootout.demo.amplifier import FULL_SCALE_V, SETTINGS, amplify
from tone_shootout.demo.cabinets import CLOSED_4X12, OPEN_1X12, impulse_response
from tone_shootout.demo.riff import riff
from tone_shootout.demo.strings import RATE

TONE_TYPES = {"clean": "clean", "crunch": "crunch", "high-gain": "hi_gain"}
EACH_SETTING = pytest.mark.parametrize("setting", SETTINGS)


@cache
def captured(setting: str) -> NDArray[np.float64]:
    return load(bundled_capture(f"{setting}.nam")).start().process(riff()).astype(np.float64)


@cache
def played(setting: str) -> NDArray[np.float64]:
    return amplify(riff(), SETTINGS[setting])


def energy(signal: NDArray[np.float64]) -> float:
    return float(np.sum(signal**2))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "material"


@pytest.fixture(scope="module")
def material(folder: Path) -> Material:
    return write_material(folder)


def test_material_is_one_di_track_three_captures_and_two_cabs(material: Material, folder: Path) -> None:
    pieces = [*material.di_tracks, *material.captures, *material.cab_irs]
    assert [piece.name for piece in pieces] == ["Riff in E", "Clean", "Crunch", "High gain", "Open 1x12", "Closed 4x12"]
    assert {piece.path for piece in pieces} == set(folder.iterdir())


def test_material_is_deterministic(material: Material, tmp_path: Path) -> None:
    again = write_material(tmp_path)
    for first, second in zip(material.di_tracks + material.cab_irs, again.di_tracks + again.cab_irs, strict=True):
        assert first.path.read_bytes() == second.path.read_bytes()


def test_written_audio_equals_the_computed_samples(material: Material) -> None:
    computed = [riff(), impulse_response(OPEN_1X12), impulse_response(CLOSED_4X12)]
    for piece, samples in zip(material.di_tracks + material.cab_irs, computed, strict=True):
        audio = read_audio(piece.path, max_seconds=20.0)
        assert audio.rate == RATE
        np.testing.assert_array_equal(mono(audio), samples)


@EACH_SETTING
def test_capture_is_a_small_feather_wavenet_of_an_amplifier(setting: str) -> None:
    data = bundled_capture(f"{setting}.nam")
    capture = load(data)
    assert len(data) < 100_000
    assert capture.size_class == "feather"
    assert capture.sample_rate == RATE
    assert capture.sample_rate_stated
    assert capture.metadata.gear_type == "amp"
    assert capture.metadata.tone_type == TONE_TYPES[setting]


@EACH_SETTING
def test_capture_error_equals_the_stated_error(setting: str) -> None:
    stated = json.loads(bundled_capture(f"{setting}.nam"))["metadata"]["training"]["validation_esr"]
    measured = energy(captured(setting) - played(setting)) / energy(played(setting))
    assert measured == pytest.approx(stated, rel=0.03)


@EACH_SETTING
def test_readme_states_the_error_of_the_file(setting: str) -> None:
    training = json.loads(bundled_capture(f"{setting}.nam"))["metadata"]["training"]
    readme = files("tone_shootout.demo").joinpath("material", "README.md").read_text("utf-8")
    row = re.search(rf"^\| `{setting}\.nam` \|.*$", readme, re.MULTILINE)
    assert row is not None
    *_, on_riff, on_arpeggio, _ = (cell.strip() for cell in row.group().split("|"))
    assert on_riff == f"{training['validation_esr']:.4f}"
    assert on_arpeggio == f"{training['arpeggio_esr']:.4f}"


@EACH_SETTING
def test_capture_states_its_loudness_and_input_level(setting: str) -> None:
    metadata = load(bundled_capture(f"{setting}.nam")).metadata
    rms = np.sqrt(energy(captured(setting)) / captured(setting).size)
    assert metadata.loudness == pytest.approx(20.0 * np.log10(rms), abs=0.05)
    dbu_reference_v = np.sqrt(0.6)
    assert metadata.input_level_dbu == pytest.approx(20.0 * np.log10(FULL_SCALE_V / np.sqrt(2.0) / dbu_reference_v))


@pytest.mark.parametrize(("one", "other"), [("clean", "crunch"), ("crunch", "high-gain"), ("clean", "high-gain")])
def test_captures_differ_by_more_than_a_gain(one: str, other: str) -> None:
    a, b = captured(one), captured(other)
    left_over = b - a * (np.dot(a, b) / energy(a))
    assert energy(left_over) > 0.1 * energy(b)
