"""Files to render, made on the spot: plucked strings, small A1 captures with seeded weights, cab IRs."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tone_shootout.audio.files import write_wav
from tone_shootout.rendering.engine.sources import probe
from tone_shootout.rendering.media_info import DEFAULT_LIMITS, Limits, MediaInfo
from tone_shootout.rendering.plan.planner import Plan, plan
from tone_shootout.rendering.spec.leaves import leaves
from tone_shootout.rendering.spec.schema import CabIrBlock, CaptureBlock, Spec
from tone_shootout.rendering.video.video_frames import Card

RATE = 48_000
DILATIONS = [1, 2, 4, 8, 16, 32, 64]
NANO_WEIGHTS = 842
CARD = Card(
    title="Two crunches",
    di_track="Riff in E",
    chain="Plexi",
    color=0,
    corner="1 / 2",
    heard_lufs=-13.0,
    integrated_lufs=-16.0,
    true_peak_dbtp=-1.0,
    full_scale=0.5,
)


def plucks(seconds: float = 2.0, *, rate: int = RATE, peak: float = 0.5, seed: int = 1) -> NDArray[np.float32]:
    """Decaying harmonic notes, four a second."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    note = np.floor(time * 4).astype(int)
    hz = rng.choice([82.4, 110.0, 146.8, 196.0, 246.9], note.max() + 1)[note]
    phase = 2 * np.pi * np.cumsum(hz) / rate
    tone = sum(np.sin(k * phase) / k for k in range(1, 8)) * np.exp(-6.0 * (time * 4 % 1.0))
    return np.asarray(peak * tone / np.abs(tone).max(), dtype=np.float32)


def nano_capture(*, seed: int = 1, metadata: dict[str, Any] | None = None, **fields: Any) -> bytes:
    """An A1 nano WaveNet with random weights: 842 of them, as the trainer lays them out."""
    array = {"condition_size": 1, "kernel_size": 3, "activation": "Tanh", "gated": False}
    second = [128, 256, 512, *DILATIONS, 128, 256, 512]
    layers = [
        {**array, "input_size": 1, "channels": 4, "dilations": DILATIONS, "head_size": 2, "head_bias": False},
        {**array, "input_size": 4, "channels": 2, "dilations": second, "head_size": 1, "head_bias": True},
    ]
    weights = np.random.default_rng(seed).uniform(-0.7, 0.7, NANO_WEIGHTS)
    weights[-1] = 0.2
    document = {
        "version": "0.5.4",
        "architecture": "WaveNet",
        "config": {"layers": layers, "head": None, "head_scale": 0.2},
        "weights": weights.tolist(),
        "sample_rate": RATE,
        "metadata": {"gear_type": "amp"} if metadata is None else metadata,
    }
    return msgspec.json.encode(document | fields)


def plain_gain(gain: float, *, metadata: dict[str, Any] | None = None, rate: int = RATE) -> bytes:
    """The smallest capture there is: its output is `gain` times its input."""
    document = {
        "version": "0.5.4",
        "architecture": "Linear",
        "config": {"receptive_field": 1, "bias": False},
        "weights": [gain],
        "sample_rate": rate,
        "metadata": metadata or {},
    }
    return msgspec.json.encode(document)


def cabinet(*, seed: int = 2, rate: int = 44_100) -> NDArray[np.float32]:
    """Decaying noise of 20 ms."""
    length = rate // 50
    noise = np.random.default_rng(seed).standard_normal(length) * np.geomspace(1.0, 0.001, length)
    return np.asarray(noise / 4, dtype=np.float32)


def lay_out(folder: Path) -> None:
    """Write a set of files: riff.wav, arpeggio.wav, a.nam, b.nam, pedal.nam, cab-a.wav, cab-b.wav."""
    write_wav(folder / "riff.wav", plucks(2.0), RATE)
    write_wav(folder / "arpeggio.wav", plucks(1.23456, rate=44_100, peak=0.05, seed=3), 44_100)
    (folder / "a.nam").write_bytes(nano_capture(seed=1))
    (folder / "b.nam").write_bytes(nano_capture(seed=2, metadata={"gear_type": "amp", "input_level_dbu": 14.7}))
    (folder / "pedal.nam").write_bytes(nano_capture(seed=3, metadata={"gear_type": "pedal"}))
    write_wav(folder / "cab-a.wav", cabinet(seed=4), 44_100)
    write_wav(folder / "cab-b.wav", cabinet(seed=5, rate=48_000), 48_000)


def plan_in(
    folder: Path, spec: Spec, *, limits: Limits = DEFAULT_LIMITS, fades: bool = True
) -> tuple[Plan, dict[str, Path]]:
    """Probe the files of a spec that lie in `folder` and plan it; the second value is where each file is."""
    facts: dict[str, MediaInfo] = {track.file: probe(folder / track.file, "di_track") for track in spec.di_tracks}
    for chain in spec.chains:
        for _, block, _ in leaves(chain):
            if isinstance(block, CaptureBlock | CabIrBlock):
                facts[block.file] = probe(
                    folder / block.file, "capture" if isinstance(block, CaptureBlock) else "cab_ir"
                )
    return plan(spec, facts, limits=limits, fades=fades), {file: folder / file for file in facts}
