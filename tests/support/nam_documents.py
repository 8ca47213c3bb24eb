"""Captures for tests: the generated reference models, as documents to change and as bytes."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tone_shootout.audio.nam import NamModel, load
from tone_shootout.audio.nam.document import decode
from tone_shootout.audio.nam.wavenet.config import WaveNetConfig
from tone_shootout.audio.nam.wavenet.shape import wavenet_shape

REFERENCE = Path(__file__).resolve().parents[1] / "reference" / "nam"
Document = dict[str, Any]
Change = Callable[[Document], object]


@dataclass(frozen=True)
class Case:
    """A capture at a size, and what the canonical engine makes of the input within the windows."""

    id: str
    model: Path
    size: float | None
    input: NDArray[np.float32]
    expected: NDArray[np.float32]
    windows: tuple[slice, ...]
    tolerance: float


def reference_cases() -> list[Case]:
    index = json.loads((REFERENCE / "cases.json").read_text())
    x = np.load(REFERENCE / "input.npy")
    windows = tuple(slice(*window) for window in index["windows"])
    return [
        Case(
            id=case["id"],
            model=REFERENCE / case["model"],
            size=case["slim"],
            input=x,
            expected=np.load(REFERENCE / case["expected"]),
            windows=windows,
            tolerance=case["tolerance"],
        )
        for case in index["cases"]
    ]


def document(name: str) -> Document:
    """Return a fresh copy of a reference model, to be changed."""
    found: Document = json.loads((REFERENCE / "models" / f"{name}.nam").read_text())
    return found


def encoded(changed: Document) -> bytes:
    return json.dumps(changed).encode()


def refilled(changed: Document) -> Document:
    """Give a changed WaveNet as many seeded weights as its config asks for now, up to 100,000."""
    config = decode(json.dumps(changed["config"]).encode(), WaveNetConfig, "")
    conditions = changed["config"]["layers"][0]["condition_size"]
    count = min(100_000, sum(prod(shape) for shape in wavenet_shape(config, conditions, "").tensors()))
    changed["weights"] = np.random.default_rng(count).uniform(-0.5, 0.5, count).tolist()
    return changed


@cache
def capture(name: str) -> NamModel:
    return load((REFERENCE / "models" / f"{name}.nam").read_bytes())


def noise(samples: int, seed: int = 1) -> NDArray[np.float32]:
    """Return white noise of an RMS of -20 dBFS, float32, shape (samples,)."""
    return (0.1 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)
