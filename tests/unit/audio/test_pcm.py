"""Rounding to 24 bits in memory gives the samples of the written file."""

from pathlib import Path

import numpy as np

from tests.support.signals import RATE
from tone_shootout.audio.files import read_audio, write_flac
from tone_shootout.audio.pcm import round_to_24_bits


def test_rounded_samples_are_those_that_the_file_decodes_to(tmp_path: Path) -> None:
    step = 2.0**-23
    edges = [1.0, -1.0, 1 - step / 2, 0.5 * step, 1.5 * step, -0.5 * step, 0.5 + step / 2, 0.5 + 3 * step / 2, 1e-30, 0]
    noise = np.random.default_rng(5).uniform(-1, 1, 100_000) * np.geomspace(1.0, 1e-8, 100_000)
    samples = np.concatenate([edges, noise]).astype(np.float32)
    write_flac(tmp_path / "a.flac", samples, RATE)
    decoded = read_audio(tmp_path / "a.flac", max_seconds=10).samples[0]
    np.testing.assert_array_equal(round_to_24_bits(samples), decoded)
