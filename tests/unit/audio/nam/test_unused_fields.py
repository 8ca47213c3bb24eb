"""Fields that other fields disable are ignored, whatever their values.

The rules are the canonical engine's: what it does not read, it does not check either (docs/nam.md section 8.1).
"""

from typing import Any

import pytest

from tests.support.nam_documents import Document, document, encoded, noise, refilled
from tone_shootout.audio.nam import NamError, load

JUNK: list[Any] = ["", "Tahn", None, 0, -3, 1.5, True, {}, [], ["", None], {"type": "nothing"}]


def _array(found: Document) -> Document:
    layers: list[Document] = found["config"]["layers"]
    return layers[0]


def _played(found: Document) -> bytes:
    return load(encoded(found)).start().process(noise(300)).tobytes()


# Model, what puts the junk where it has no meaning.
PLACES: dict[str, tuple[str, Any]] = {
    "the second activation without gating": (
        "a1_nano",
        lambda d, junk: _array(d).update(gating_mode="none", secondary_activation=junk),
    ),
    "the second activation of layers without gating": (
        "a1_nano",
        lambda d, junk: _array(d).update(gating_mode=["none"] * len(_array(d)["dilations"]), secondary_activation=junk),
    ),
    "the second activation beside the older gated: false": (
        "a1_nano",
        lambda d, junk: _array(d).update(gated=False, secondary_activation=junk),
    ),
    "the second activation beside the older gated: true": (
        "gated_legacy",
        lambda d, junk: _array(d).update(gated=True, secondary_activation=junk),
    ),
    "gated beside a gating mode": ("a1_nano", lambda d, junk: _array(d).update(gating_mode="none", gated=junk)),
    "the size of a 1×1 head that is off": (
        "a1_nano",
        lambda d, junk: _array(d).update(head1x1={"active": False, "out_channels": junk, "groups": junk}),
    ),
    "the groups of a residual 1×1 that is off": (
        "layer1x1_off",
        lambda d, junk: _array(d).update(layer1x1={"active": False, "groups": junk}),
    ),
    "the parameters of a FiLM that is off": (
        "a1_nano",
        lambda d, junk: _array(d).update(conv_pre_film={"active": False, "shift": junk, "groups": junk}),
    ),
    "a FiLM that is off behind a 1×1 head that is off": (
        "a1_nano",
        lambda d, junk: _array(d).update(head1x1_post_film={"active": False, "groups": junk}),
    ),
    "the arguments of no way of slimming": (
        "a1_nano",
        lambda d, junk: _array(d).update(slimmable={"method": "", "kwargs": junk}),
    ),
    "the parameters of an activation that has none": (
        "a1_nano",
        lambda d, junk: _array(d).update(
            activation={"type": "Tanh", "negative_slope": junk, "negative_slopes": junk, "min_val": junk}
        ),
    ),
    "the bounds of Hardtanh": (
        "convnet",
        lambda d, junk: d["config"].update(activation={"type": "Hardtanh", "min_val": junk, "max_val": junk}),
    ),
    "PReLU's list beside a single slope": (
        "convnet",
        lambda d, junk: d["config"].update(
            activation={"type": "PReLU", "negative_slope": 0.2, "negative_slopes": junk}
        ),
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_unused_fields_are_neither_validated_nor_used(place: str) -> None:
    name, put = PLACES[place]
    received = set()
    for junk in JUNK:
        changed = document(name)
        put(changed, junk)
        received.add(_played(changed))
    assert len(received) == 1


@pytest.mark.parametrize("junk", JUNK)
def test_the_older_head_fields_are_ignored_if_there_is_a_head(junk: Any) -> None:
    plain = document("a1_nano")
    size, bias = _array(plain).pop("head_size"), _array(plain).pop("head_bias")
    _array(plain)["head"] = {"out_channels": size, "kernel_size": 1, "bias": bias}
    expected = _played(document("a1_nano"))
    assert _played(plain) == expected
    _array(plain).update(head_size=junk, head_bias=junk)
    assert _played(plain) == expected


def test_the_older_gated_field_always_uses_a_sigmoid() -> None:
    expected = _played(document("gated_legacy"))
    changed = document("gated_legacy")
    _array(changed).update(secondary_activation="Tanh")
    assert _played(changed) == expected


def test_only_gated_layers_use_their_secondary_activation() -> None:
    found = document("act_all_types")
    layers = [array for array in found["config"]["layers"] if isinstance(array.get("gating_mode"), list)]
    for array in layers:
        seconds = array.get("secondary_activation")
        if isinstance(seconds, list):
            array["secondary_activation"] = [
                "" if mode == "none" else second for mode, second in zip(array["gating_mode"], seconds, strict=True)
            ]
    assert _played(found) == _played(document("act_all_types"))


def test_a_post_stack_head_of_one_kernel_ignores_its_channels() -> None:
    found = document("post_stack_head")
    found["config"]["head"].update(kernel_sizes=[1], out_channels=1)
    refilled(found)
    expected = _played(found)
    for junk in JUNK:
        found["config"]["head"]["channels"] = junk
        assert _played(found) == expected
    del found["config"]["head"]["channels"]
    assert _played(found) == expected


def test_used_fields_are_validated() -> None:
    gated = document("blended")
    _array(gated)["secondary_activation"] = ""
    with pytest.raises(NamError) as refusal:
        load(encoded(gated))
    assert refusal.value.pointer == "/config/layers/0/secondary_activation"
    assert "expected one of Tanh, " in refusal.value.detail
