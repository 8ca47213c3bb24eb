"""Train a demo capture on the simulated amplifier and write it as a `.nam` file.

    uv run --with torch python -m tone_shootout.demo.train SETTING FILE

SETTING is clean, crunch or high-gain. Needs PyTorch, which the project itself does not depend on; one core takes ten
to twenty minutes. The network is the A1 WaveNet of Neural Amp Modeler in its "feather" size. The loss is the
error-to-signal ratio, the same after pre-emphasis, and a term for the mean (A. Wright et al., "Real-Time Guitar
Amplifier Emulation with Deep Learning", Applied Sciences 10(3), 2020). The riff and the arpeggio of the demo are the
validation data: they are not used for training, nor to select when it stops.
"""

import argparse
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from tone_shootout.demo.amplifier import FULL_SCALE_V, SETTINGS, Setting, amplify
from tone_shootout.demo.riff import arpeggio, riff
from tone_shootout.demo.strings import RATE
from tone_shootout.demo.training_signal import training_signal

Tensor: TypeAlias = Any
"""A `torch.Tensor`; the types are checked without PyTorch."""

TONE_TYPES = {"clean": "clean", "crunch": "crunch", "high-gain": "hi_gain"}
STEPS = {"clean": 2_500, "crunch": 2_500, "high-gain": 5_000}

KERNEL = 3
HEAD_SCALE = 0.02

BATCH = 8
CROP = 8_192
LEARNING_RATE = 8e-3
WARM_UP = 0.05
PRE_EMPHASIS = 0.85
PRE_EMPHASIS_WEIGHT = 0.2
MEAN_WEIGHT = 1.0
POWER_FLOOR = 0.02
"""Floor of the power of a crop, as a share of the mean power, so that silence does not dominate the loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A layer array, with the field names of a `.nam` file."""

    input_size: int
    channels: int
    head_size: int
    dilations: tuple[int, ...]
    head_bias: bool


FEATHER = (
    Shape(input_size=1, channels=8, head_size=4, dilations=(1, 2, 4, 8, 16, 32, 64), head_bias=False),
    Shape(
        input_size=8,
        channels=4,
        head_size=1,
        dilations=(128, 256, 512, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
        head_bias=True,
    ),
)
LOOKBACK = sum((KERNEL - 1) * dilation for shape in FEATHER for dilation in shape.dilations)


class WaveNet:
    """An A1 WaveNet whose `parameters` have the order of the weights in a `.nam` file."""

    def __init__(self, shapes: tuple[Shape, ...], *, seed: int) -> None:
        self._random = torch.Generator().manual_seed(seed)
        self.parameters: list[Tensor] = []
        self._arrays = [self._array(shape) for shape in shapes]

    def _array(self, shape: Shape) -> tuple[Tensor, list[tuple[Tensor, ...]], Tensor, Tensor | None]:
        width = shape.channels
        rechannel = self._parameter(width, shape.input_size, 1, fan_in=shape.input_size)
        layers = [
            (
                self._parameter(width, width, KERNEL, fan_in=width * KERNEL),
                self._parameter(width, fan_in=width * KERNEL),
                self._parameter(width, 1, 1, fan_in=1),
                self._parameter(width, width, 1, fan_in=width),
                self._parameter(width, fan_in=width),
            )
            for _ in shape.dilations
        ]
        head = self._parameter(shape.head_size, width, 1, fan_in=width)
        head_bias = self._parameter(shape.head_size, fan_in=width) if shape.head_bias else None
        return rechannel, list(zip(*zip(*layers, strict=True), shape.dilations, strict=True)), head, head_bias

    def _parameter(self, *size: int, fan_in: int) -> Tensor:
        parameter = (torch.rand(size, generator=self._random) * 2.0 - 1.0) / fan_in**0.5
        self.parameters.append(parameter.requires_grad_())
        return parameter

    def __call__(self, guitar: Tensor) -> Tensor:
        """Map a guitar, shape (batch, LOOKBACK + samples), to the output, shape (batch, samples)."""
        residual = condition = guitar[None]
        head: Tensor | None = None
        for rechannel, layers, head_weight, head_bias in self._arrays:
            residual = _mix(rechannel[..., 0], residual)
            for weight, bias, mixin, out, out_bias, dilation in layers:
                size = residual.shape[-1] - (KERNEL - 1) * dilation
                taps = [residual[..., k * dilation : k * dilation + size] for k in range(KERNEL)]
                matrix = torch.cat([*weight.unbind(-1), mixin[..., 0]], dim=1)
                active = torch.tanh(_mix(matrix, torch.cat([*taps, condition[..., -size:]]), bias))
                head = active if head is None else head[..., -size:] + active
                residual = residual[..., -size:] + _mix(out[..., 0], active, out_bias)
            head = _mix(head_weight[..., 0], head, head_bias)
        return HEAD_SCALE * head[0]  # type: ignore[index]  # there is an array, so there is a head

    def weights(self) -> NDArray[np.float32]:
        """Return all weights in file order; the scale of the head is last."""
        flat = [parameter.detach().numpy().ravel() for parameter in self.parameters]
        return np.concatenate([*flat, [HEAD_SCALE]]).astype(np.float32)


def _mix(matrix: Tensor, signal: Tensor, bias: Tensor | None = None) -> Tensor:
    """Multiply (outputs, inputs) with a signal (inputs, batch, samples)."""
    flat = signal.reshape(signal.shape[0], -1)
    mixed = matrix @ flat if bias is None else torch.addmm(bias[:, None], matrix, flat)
    return mixed.reshape(-1, *signal.shape[1:])


def train(setting: Setting, *, steps: int, seed: int = 0) -> WaveNet:
    """Train a capture of the amplifier at a setting, with Adam and a one-cycle learning rate schedule."""
    guitar = training_signal()
    inputs, targets = _padded(guitar), torch.from_numpy(amplify(guitar, setting)).float()
    floor = POWER_FLOOR * (targets**2).mean()
    network = WaveNet(FEATHER, seed=seed)
    optimizer = torch.optim.Adam(network.parameters, lr=LEARNING_RATE)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps, pct_start=WARM_UP)
    random = torch.Generator().manual_seed(seed)
    window = torch.arange(LOOKBACK + CROP)
    for step in range(1, steps + 1):
        starts = torch.randint(len(targets) - CROP, (BATCH, 1), generator=random)
        loss = _loss(network(inputs[starts + window]), targets[starts + window[:CROP]], floor)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rates.step()
        if step % 250 == 0:
            print(f"step {step} of {steps}: loss {loss.item():.5f}", flush=True)  # noqa: T201 - a command's output
    return network


def _loss(predicted: Tensor, played: Tensor, floor: Tensor) -> Tensor:
    """Return the loss of crops of shape (batch, samples)."""
    power = (played**2).mean(dim=1) + floor
    mean = ((predicted - played).mean(dim=1) ** 2 / power).mean()
    return (
        _ratio(predicted, played, floor)
        + PRE_EMPHASIS_WEIGHT * _ratio(_crisp(predicted), _crisp(played), floor * (1.0 - PRE_EMPHASIS) ** 2)
        + MEAN_WEIGHT * mean
    )


def _crisp(signal: Tensor) -> Tensor:
    return signal[:, 1:] - PRE_EMPHASIS * signal[:, :-1]


def _ratio(predicted: Tensor, played: Tensor, floor: Tensor) -> Tensor:
    return (((predicted - played) ** 2).mean(dim=1) / ((played**2).mean(dim=1) + floor)).mean()


def _padded(guitar: NDArray[np.floating[Any]]) -> Tensor:
    """Prepend the silence that the receptive field of the network covers."""
    return torch.from_numpy(np.concatenate([np.zeros(LOOKBACK), guitar])).float()


def _reamp(network: WaveNet, guitar: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    with torch.no_grad():
        output: NDArray[np.float64] = network(_padded(guitar)[None])[0].double().numpy()
    return output


def error_to_signal_ratio(network: WaveNet, setting: Setting, guitar: NDArray[np.floating[Any]]) -> float:
    """Return the energy of (capture - amplifier) over the energy of the amplifier's output."""
    played = amplify(guitar, setting)
    return float(np.sum((_reamp(network, guitar) - played) ** 2) / np.sum(played**2))


def capture(network: WaveNet, name: str, *, steps: int) -> dict[str, Any]:
    """Return the content of the `.nam` file of a trained setting.

    Loudness and gain are defined as in the NAM trainer, with the demo riff as the standard input: the RMS level of the
    output, and how far the output's growth with the input lies between proportional (0) and none (1).
    """
    now = datetime.now(UTC)
    rms = [float(np.sqrt(np.mean(_reamp(network, gain * riff()) ** 2))) for gain in np.linspace(0.0, 1.0, 11)]
    setting = SETTINGS[name]
    return {
        "version": "0.5.4",
        "metadata": {
            "date": {
                "year": now.year,
                "month": now.month,
                "day": now.day,
                "hour": now.hour,
                "minute": now.minute,
                "second": now.second,
            },
            "loudness": 20.0 * np.log10(rms[-1]),
            "gain": float(np.clip(2.0 * np.mean(rms) / rms[-1] - 1.0, 0.0, 1.0)),
            "name": f"Demo amplifier, {name.replace('-', ' ')}",
            "modeled_by": "Tone Shootout demo amplifier",
            "gear_type": "amp",
            "gear_make": None,
            "gear_model": None,
            "tone_type": TONE_TYPES[name],
            "input_level_dbu": 20.0 * np.log10(FULL_SCALE_V / np.sqrt(2.0) / np.sqrt(0.6)),
            "output_level_dbu": None,
            "training": {
                "validation_esr": error_to_signal_ratio(network, setting, riff()),
                "arpeggio_esr": error_to_signal_ratio(network, setting, arpeggio()),
                "steps": steps,
            },
        },
        "architecture": "WaveNet",
        "config": {
            "layers": [
                {**asdict(shape), "condition_size": 1, "kernel_size": KERNEL, "activation": "Tanh", "gated": False}
                for shape in FEATHER
            ],
            "head": None,
            "head_scale": HEAD_SCALE,
        },
        "weights": [float(str(weight)) for weight in network.weights()],
        "sample_rate": RATE,
    }


def main() -> None:
    """Train and export a capture of one setting, and print its error."""
    parser = argparse.ArgumentParser(description="Train a demo capture on the simulated amplifier.")
    parser.add_argument("setting", choices=sorted(SETTINGS))
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    steps = STEPS[arguments.setting]
    network = train(SETTINGS[arguments.setting], steps=steps)
    content = capture(network, arguments.setting, steps=steps)
    arguments.file.write_text(json.dumps(content), encoding="utf-8")
    print(content["metadata"]["training"])  # noqa: T201 - a command's output


if __name__ == "__main__":
    main()
