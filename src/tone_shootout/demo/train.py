"""Train the demo captures on the modelled amplifier and write them as `.nam` files.

    uv run --with torch python -m tone_shootout.demo.train SETTING FOLDER

SETTING is clean, crunch or high-gain. Needs PyTorch, which the project itself does not depend on; one core trains one
setting in about twenty minutes. The network is the A1 WaveNet of Neural Amp Modeler in its "feather" size, the loss that
of its trainer: error-to-signal ratio, the same after pre-emphasis, and a term for the mean. The riff and the arpeggio
of the demo are kept back: training never hears them, and ends after a fixed number of steps, not when they sound best.
"""

import argparse
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tone_shootout.demo.amplifier import FULL_SCALE_V, SETTINGS, amplify
from tone_shootout.demo.practice import practice
from tone_shootout.demo.riff import arpeggio, riff
from tone_shootout.demo.strings import RATE

type Tensor = Any

TONE_TYPES = {"clean": "clean", "crunch": "crunch", "high-gain": "hi_gain"}

KERNEL = 3
HEAD_SCALE = 0.02
LAYERS = [
    {"input_size": 1, "channels": 8, "head_size": 4, "dilations": [1, 2, 4, 8, 16, 32, 64], "head_bias": False},
    {
        "input_size": 8,
        "channels": 4,
        "head_size": 1,
        "dilations": [128, 256, 512, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
        "head_bias": True,
    },
]
COMMON = {"condition_size": 1, "activation": "Tanh", "kernel_size": KERNEL, "gated": False}
LOOKBACK = sum((KERNEL - 1) * dilation for layer in LAYERS for dilation in layer["dilations"])

BATCH = 8
CROP = 8_192
LEARNING_RATE = 6e-3
PRE_EMPHASIS = 0.85
PRE_EMPHASIS_WEIGHT = 0.2
MEAN_WEIGHT = 1.0
POWER_FLOOR = 0.02


class WaveNet:
    """The A1 WaveNet as a list of arrays of layers; its parameters are in the order of a `.nam` file."""

    def __init__(self, seed: int) -> None:
        torch.manual_seed(seed)
        self.parameters: list[Tensor] = []
        self.arrays = [self._array(**layer) for layer in LAYERS]

    def _array(self, *, input_size: int, channels: int, head_size: int, dilations: list[int], head_bias: bool):
        rechannel = self._weight(channels, input_size, 1)
        layers = [
            (
                self._weight(channels, channels, KERNEL),
                self._bias(channels, channels * KERNEL),
                self._weight(channels, 1, 1),
                self._weight(channels, channels, 1),
                self._bias(channels, channels),
                dilation,
            )
            for dilation in dilations
        ]
        head = self._weight(head_size, channels, 1)
        bias = self._bias(head_size, channels) if head_bias else None
        return rechannel, layers, head, bias

    def _weight(self, outputs: int, inputs: int, taps: int) -> Tensor:
        return self._uniform((outputs, inputs, taps), inputs * taps)

    def _bias(self, size, fan_in) -> Tensor:
        return self._uniform((size,), fan_in)

    def _uniform(self, shape: tuple[int, ...], fan_in: int) -> Tensor:
        tensor = (torch.rand(shape) * 2.0 - 1.0) / fan_in**0.5
        self.parameters.append(tensor.requires_grad_())
        return tensor

    def __call__(self, guitar: Tensor) -> Tensor:
        """Map (batch, LOOKBACK + samples) to (batch, samples)."""
        condition = guitar[None]
        residual, head = condition, None
        for rechannel, layers, head_weight, head_bias in self.arrays:
            residual = _mix(rechannel[..., 0], residual)
            total = head
            for weight, bias, mixin, out, out_bias, dilation in layers:
                size = residual.shape[-1] - (KERNEL - 1) * dilation
                taps = [residual[..., k * dilation : k * dilation + size] for k in range(KERNEL)]
                stacked = torch.cat([*taps, condition[..., -size:]])
                matrix = torch.cat([*weight.unbind(-1), mixin[..., 0]], 1)
                active = torch.tanh(_mix(matrix, stacked, bias))
                total = active if total is None else total[..., -size:] + active
                residual = residual[..., -size:] + _mix(out[..., 0], active, out_bias)
            head = _mix(head_weight[..., 0], total, head_bias)
        return HEAD_SCALE * head[0]


def _mix(matrix: Tensor, signal: Tensor, bias: Tensor | None = None) -> Tensor:
    flat = signal.reshape(signal.shape[0], -1)
    product = matrix @ flat if bias is None else torch.addmm(bias[:, None], matrix, flat)
    return product.reshape(-1, *signal.shape[1:])


def loss(predicted: Tensor, played: Tensor, floor) -> Tensor:
    ratio = _error_to_signal(predicted, played, floor)
    emphasised = [signal[:, 1:] - PRE_EMPHASIS * signal[:, :-1] for signal in (predicted, played)]
    mean = ((predicted.mean(1) - played.mean(1)) ** 2 / ((played**2).mean(1) + floor)).mean()
    return ratio + PRE_EMPHASIS_WEIGHT * _error_to_signal(*emphasised, floor) + MEAN_WEIGHT * mean


def _error_to_signal(predicted, played, floor):
    return (((predicted - played) ** 2).mean(1) / ((played**2).mean(1) + floor)).mean()
