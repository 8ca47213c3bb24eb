"""A performance of two phrases, and two tones to play it through."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from tests.support.render_inputs import RATE, plucks
from tests.support.specs import blocks, spec
from tone_shootout.audio.files import write_wav
from tone_shootout.rendering.spec.schema import Spec

PHRASE_S: Final = 2.5
"""Start of the second phrase: the note after the longest one, at which the tone changes."""

_WITHOUT_DC: Final = {"type": "eq", "bands": [{"type": "highpass", "frequency_hz": 40.0}]}
_SECONDS: Final = 4.5


def lay_out_phrases(folder: Path) -> None:
    """Write phrases.wav."""
    performance = plucks(_SECONDS)
    held = np.arange(round(2.0 * RATE), round(PHRASE_S * RATE))
    performance[held] = 0.2 * sum(np.sin(2 * np.pi * 110.0 * k * held / RATE) / k for k in range(1, 8))
    write_wav(folder / "phrases.wav", performance, RATE)


def two_tones(*names: str, **more: Any) -> Spec:
    """The performance through two chains."""
    chains = [
        {"name": name, "blocks": blocks(*parts, _WITHOUT_DC)}
        for name, parts in zip(names, (("a.nam", "cab-a.wav"), ("b.nam", "cab-b.wav")), strict=True)
    ]
    return spec(*chains, tracks=[{"name": "Phrases", "file": "phrases.wav"}], **more)
