"""Downloadable files: captures and cab IRs of the demo, and some invalid files."""

import io
import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

import numpy as np
from scipy.io import wavfile

from tone_shootout.demo import bundled_capture
from tone_shootout.demo.cabinets import CLOSED_4X12, OPEN_1X12, impulse_response
from tone_shootout.demo.strings import RATE


def _capture(name: str) -> Callable[[], bytes]:
    return lambda: bundled_capture(name)


def _container(*names: str) -> Callable[[], bytes]:
    """Return a factory of a capture of the second architecture: several sizes in one file."""

    def make() -> bytes:
        models: list[dict[str, Any]] = [json.loads(bundled_capture(name)) for name in names]
        shares = np.linspace(0.0, 1.0, len(models) + 1)[1:]
        document = {
            "version": "0.7.0",
            "architecture": "SlimmableContainer",
            "config": {
                "submodels": [
                    {"max_value": float(share), "model": model} for share, model in zip(shares, models, strict=True)
                ]
            },
            "weights": [],
            "sample_rate": models[-1].get("sample_rate", RATE),
            "metadata": models[-1].get("metadata", {}),
        }
        return json.dumps(document).encode()

    return make


def _cabinet(open_share: float) -> Callable[[], bytes]:
    def make() -> bytes:
        mixed = open_share * impulse_response(OPEN_1X12) + (1.0 - open_share) * impulse_response(CLOSED_4X12)
        file = io.BytesIO()
        wavfile.write(file, RATE, mixed.astype(np.float32))
        return file.getvalue()

    return make


_FILES: Final[Mapping[str, Callable[[], bytes]]] = {
    "clean.nam": _capture("clean.nam"),
    "crunch.nam": _capture("crunch.nam"),
    "high-gain.nam": _capture("high-gain.nam"),
    "clean_a2.nam": _container("clean.nam", "clean.nam"),
    "crunch_a2.nam": _container("crunch.nam", "crunch.nam"),
    "high-gain_a2.nam": _container("high-gain.nam", "high-gain.nam"),
    "center.wav": _cabinet(0.0),
    "edge.wav": _cabinet(0.5),
    "back.wav": _cabinet(1.0),
    "page.nam": lambda: b"<!doctype html><title>Sign in</title><p>Please sign in.",
    "truncated.nam": lambda: bundled_capture("clean.nam")[:5_000],
    "no-config.nam": lambda: b'{"version": "0.5.4", "architecture": "WaveNet", "weights": [0.5]}',
    "rack.aidax": lambda: b'{"in_shape": [null, null, 1], "layers": []}',
}


@cache
def content(name: str) -> bytes:
    """Return the content of a file, the same bytes on every call."""
    return _FILES[name]()
