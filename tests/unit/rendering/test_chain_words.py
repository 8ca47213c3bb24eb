"""Chains in words, as the cards of the video have them."""

from typing import Any

import pytest

from tests.support.records import credit
from tests.support.specs import blocks, spec
from tone_shootout.rendering.output.chain_words import chain_in_words
from tone_shootout.rendering.output.manifest import Input

BY_ANN = credit("Plexi ’68", creator="Ann")
INPUTS = {
    "amp.nam": Input(name="amp.nam", kind="capture", sha256="", size_bytes=1, credit=BY_ANN),
    "combo.nam": Input(name="My combo.nam", kind="capture", sha256="", size_bytes=1),
    "cab.wav": Input(name="V30 (2).wav", kind="cab_ir", sha256="", size_bytes=1),
}
CAB: dict[str, Any] = {"type": "cab_ir", "file": "cab.wav"}


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        (blocks("amp.nam", "cab.wav"), "Plexi ’68 by Ann → V30 (2)"),
        (
            blocks({"type": "capture", "file": "combo.nam", "input_gain_db": -6.0}, {**CAB, "low_cut_hz": 80.0}),
            "My combo, −6 dB in → V30 (2), low cut 80 Hz",
        ),
        (blocks({"type": "gain", "gain_db": 3.0, "bypass": True}, "combo.nam"), "My combo"),
        (
            blocks("combo.nam", {"type": "delay", "time_ms": 380.0}, {"type": "reverb", "reverb_type": "plate"}),
            "My combo → delay 380 ms, mix 25% → plate 1.2 s, mix 20%",
        ),
        (
            blocks("combo.nam", {"type": "reverb", "width": 0.8}, {"type": "reverb", "width": 1.0, "channel": "left"}),
            "My combo → room 1.2 s, mix 20%, width 80% → room 1.2 s, mix 20%, width 100%, left",
        ),
        (
            blocks(
                {"type": "noise_gate"},
                {"type": "compressor"},
                {"type": "eq", "bands": [{"type": "peak", "frequency_hz": 800.0}]},
                "combo.nam",
            ),
            "gate at −60 dBFS → compressor 4:1 above −24 dBFS → EQ of 1 band → My combo",
        ),
        (
            blocks("amp.nam", {"type": "split", "paths": [{"blocks": [CAB]}, {}]}),
            "Plexi ’68 by Ann → (V30 (2)) + (dry)",
        ),
    ],
)
def test_a_chain_is_named_by_its_active_blocks(chain: list[dict[str, Any]], words: str) -> None:
    assert chain_in_words(spec(chain).chains[0], INPUTS) == words
