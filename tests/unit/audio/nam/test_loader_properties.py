"""For any bytes, the loader returns a capture that runs or raises a NamError."""

import json
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.nam_documents import REFERENCE, encoded, noise
from tone_shootout.audio.nam import NamError, load

FILES = {path.stem: path.read_bytes() for path in sorted((REFERENCE / "models").glob("*.nam"))}
# Wide and long models take seconds to play; the properties are the same for small ones.
NAMES = sorted(set(FILES) - {"a1_feather", "lstm_1x16", "lstm_memory", "container_mixed"})
ODD = st.sampled_from([0, -1, 1, 2, 3, 5, 1.5, 1e9, -0.0, 2**31, 2**63, 10**30, 1e308, "", "Tanh", "none", None, True])
JSON = st.recursive(
    ODD | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def answer(data: bytes) -> None:
    """Load and run a file; only a NamError may be raised."""
    refused: NamError | None = None
    y = np.zeros(0, np.float32)
    try:
        y = load(data).start().process(noise(64))
    except NamError as error:
        refused = error
    assert np.isfinite(y).all()
    if refused:
        assert refused.detail
        assert "\n" not in str(refused)
        assert refused.pointer == "" or refused.pointer.startswith("/")


@settings(max_examples=examples(200), deadline=None)
@given(st.binary(max_size=200))
@example(b"[" * 100_000)
@example(b'"\\ud800"')
def test_any_bytes_load_or_raise_a_nam_error(data: bytes) -> None:
    answer(data)


@settings(max_examples=examples(200), deadline=None)
@given(st.dictionaries(st.sampled_from(["version", "architecture", "config", "weights", "sample_rate"]), JSON))
def test_any_document_loads_or_raises_a_nam_error(found: dict[str, Any]) -> None:
    answer(encoded(found))


@settings(max_examples=examples(200), deadline=None)
@given(st.sampled_from(NAMES), st.data())
def test_any_changed_value_loads_or_raises_a_nam_error(name: str, data: st.DataObject) -> None:
    found = json.loads(FILES[name])
    place: Any = found
    while True:
        keys = sorted(place) if isinstance(place, dict) else range(len(place))
        key = data.draw(st.sampled_from(keys), "key")
        if not isinstance(place[key], (dict, list)) or not place[key] or data.draw(st.booleans(), "stop here"):
            break
        place = place[key]
    if data.draw(st.booleans(), "remove"):
        del place[key]
    else:
        place[key] = data.draw(JSON, "value")
    answer(encoded(found))


@settings(max_examples=examples(300), deadline=None)
@given(st.sampled_from(NAMES), st.data())
def test_any_damaged_file_loads_or_raises_a_nam_error(name: str, data: st.DataObject) -> None:
    damaged = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(1, 4))):
        # The weights are most of a file, its beginning is where it can be damaged in more ways.
        at = data.draw(st.integers(0, min(len(damaged), 1200)))
        damaged[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=4))
    answer(bytes(damaged))
