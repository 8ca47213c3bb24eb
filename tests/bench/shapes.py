"""Captures of the shapes that people use, with seeded random weights: speed does not depend on their values."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np

Config = dict[str, Any]


def wavenet_a1(wide: int, narrow: int, head: int, first: list[int], second: list[int]) -> Config:
    """Return the config of an A1 WaveNet: two layer arrays of three taps a layer, tanh."""
    common = {"condition_size": 1, "kernel_size": 3, "activation": "Tanh", "gated": False}
    return {
        "layers": [
            {**common, "input_size": 1, "channels": wide, "dilations": first, "head_size": head, "head_bias": False},
            {**common, "input_size": wide, "channels": narrow, "dilations": second, "head_size": 1, "head_bias": True},
        ],
        "head": None,
        "head_scale": 0.02,
    }


def wavenet_a2(channels: int) -> Config:
    """Return the config of an A2 WaveNet: one array of 23 layers of 6 or 15 taps, leaky ReLU, a head of 16 taps."""
    dilations = [1, 3, 7, 17, 41, 101, 239]
    return {
        "layers": [
            {
                "input_size": 1,
                "condition_size": 1,
                "channels": channels,
                "kernel_sizes": [6] * 14 + [15, 15] + [6] * 7,
                "dilations": [*dilations, *dilations, 1, 13, *dilations],
                "activation": {"type": "LeakyReLU", "negative_slope": 0.01},
                "head": {"out_channels": 1, "kernel_size": 16, "bias": True},
            }
        ],
        "head": None,
        "head_scale": 0.02,
    }


def capture_file(architecture: str, config: Config, weights: int) -> bytes:
    """Return a `.nam` file with so many seeded weights, uniform within ±0.3."""
    values = np.random.default_rng(1).uniform(-0.3, 0.3, weights)
    return json.dumps(
        {
            "version": "0.7.0",
            "architecture": architecture,
            "config": config,
            "weights": [round(float(value), 6) for value in values],
            "sample_rate": 48000,
        }
    ).encode()


OCTAVES = [2**n for n in range(10)]
SPLIT = (OCTAVES[:7], [*OCTAVES[7:], *OCTAVES])

SHAPES: dict[str, Callable[[], bytes]] = {
    "A1 standard": lambda: capture_file("WaveNet", wavenet_a1(16, 8, 8, OCTAVES, OCTAVES), 13802),
    "A1 lite": lambda: capture_file("WaveNet", wavenet_a1(12, 6, 6, *SPLIT), 6554),
    "A1 feather": lambda: capture_file("WaveNet", wavenet_a1(8, 4, 4, *SPLIT), 3026),
    "A1 nano": lambda: capture_file("WaveNet", wavenet_a1(4, 2, 2, *SPLIT), 842),
    "A2 full": lambda: capture_file("WaveNet", wavenet_a2(8), 12146),
    "A2 lite": lambda: capture_file("WaveNet", wavenet_a2(3), 1871),
    "LSTM 1×16": lambda: capture_file("LSTM", {"num_layers": 1, "input_size": 1, "hidden_size": 16}, 1201),
    "LSTM 2×16": lambda: capture_file("LSTM", {"num_layers": 2, "input_size": 1, "hidden_size": 16}, 3345),
}
TANH_PER_SAMPLE = {"A1 standard": 240, "A1 lite": 162, "A1 feather": 108, "A1 nano": 54}
"""Outputs of tanh that each sample needs: channels times layers. The A2 shapes need none."""
