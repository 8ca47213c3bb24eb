"""Sequential: models in series, compared with the canonical engine (docs/nam.md, "Sequential")."""

from typing import Any

import numpy as np
import pytest

from tests.support.nam_documents import Document, document, encoded, noise
from tests.support.shared import shared_folder
from tone_shootout.audio.nam import NamError, NamModel, load


def linear(taps: list[float], **more: Any) -> Document:
    return {
        "version": "0.5.4",
        "architecture": "Linear",
        "config": {"receptive_field": len(taps), "bias": False},
        "weights": taps,
        "sample_rate": 48000,
        **more,
    }


def sequential(*models: Document, **more: Any) -> Document:
    return {"version": "0.7.0", "architecture": "Sequential", "config": {"models": list(models)}, "weights": [], **more}


def nano(**more: Any) -> Document:
    return {**document("a1_nano"), **more}


def read(found: Document) -> NamModel:
    return load(encoded(found))


def refused(found: Document) -> NamError:
    with pytest.raises(NamError) as caught:
        read(found)
    assert "\n" not in str(caught.value)
    return caught.value


def settled(found: Document, x: np.ndarray) -> np.ndarray:
    """Process one sample of silence, then x: the output of a model from t = −1 on."""
    return read(found).start().process(np.concatenate([np.zeros(1, np.float32), x]))


def test_each_model_processes_the_output_of_the_previous_one() -> None:
    x = noise(3000)
    y = settled(nano(), x)
    received = read(sequential(nano(), linear([0.5, 0.25]))).start().process(x)
    assert np.abs(received - (0.5 * y[1:] + 0.25 * y[:-1])).max() <= 1e-6


def test_a_sequential_may_contain_sequentials_and_containers() -> None:
    x = noise(1500)
    inner = sequential(linear([0.0, 1.0]), linear([2.0]))
    container = {
        "version": "0.7.0",
        "architecture": "SlimmableContainer",
        "config": {
            "submodels": [{"max_value": 0.5, "model": linear([9.0])}, {"max_value": 1.0, "model": linear([0.5])}]
        },
        "weights": [],
    }
    received = read(sequential(inner, container)).start(size=0.1).process(x)
    assert np.array_equal(received[1:], x[:-1])


def test_an_lstm_is_prewarmed_with_the_output_of_the_preceding_models() -> None:
    lstm = document("lstm_1x16")
    shifted = {**linear([1.0]), "config": {"receptive_field": 1, "bias": True}, "weights": [1.0, 0.3]}
    received = read(sequential(shifted, lstm)).start().process(np.zeros(8, np.float32))
    # The LSTM has listened to 0.3 for half a second by then, and for what rounds that up to whole blocks.
    alone = read(lstm).model.network(512)
    for _ in range(-(-24000 // 512)):
        expected = alone.compute(np.full((1, 512), 0.3, np.float32))
        alone.commit()
    expected = alone.compute(np.full((1, 512), 0.3, np.float32))
    assert np.abs(received - expected[0, :8]).max() <= 1e-6


def test_the_history_of_a_filter_has_the_prewarm_output_of_the_preceding_model() -> None:
    # 4093 zeros, rounded up to 4096 as the canonical renderer does it, go through both from an empty state. The filter
    # looks back beyond that: its history holds the way in of the capture, and silence before it.
    delay = 4100
    received = read(sequential(nano(), linear([0.0] * delay + [1.0]))).start().process(np.zeros(8, np.float32))
    cold = read(nano()).model.network(512)
    first = cold.compute(np.zeros((1, 512), np.float32))[0, :4]
    assert np.array_equal(received[:4], np.zeros(4))
    assert np.abs(received[4:] - first).max() <= 1e-6


def test_output_bytes_do_not_depend_on_block_sizes() -> None:
    x, capture = noise(2000), read(sequential(nano(), linear([0.5, 0.25])))
    run = capture.start()
    cut = np.concatenate([run.process(part) for part in np.split(x, [1, 100, 611, 612, 1999])])
    assert cut.tobytes() == capture.start().process(x).tobytes()


def test_its_statistics_are_the_sum_of_its_models() -> None:
    capture = read(sequential(nano(), linear([0.5, 0.25])))
    assert (capture.architecture, capture.parameters, capture.receptive_field) == ("Sequential", 844, 4094)
    assert (capture.sample_rate, capture.slimmable) == (48000, False)
    assert [(part.pointer, part.architecture, part.parameters) for part in capture.parts()] == [
        ("/config/models/0", "WaveNet", 842),
        ("/config/models/1", "Linear", 2),
    ]


def test_nested_parts_are_listed() -> None:
    capture = read(sequential(linear([1.0]), sequential(linear([1.0]), nano())))
    assert [part.pointer for part in capture.parts()] == [
        "/config/models/0",
        "/config/models/1",
        "/config/models/1/config/models/0",
        "/config/models/1/config/models/1",
    ]


def _bare() -> Document:
    """The earlier, experimental format: configs without weights, all weights in one list."""
    inner = linear([1.0])
    return {**sequential({"architecture": "Linear", "config": inner["config"]}), "weights": [1.0]}


def _without_rate(found: Document) -> Document:
    return {name: value for name, value in found.items() if name != "sample_rate"}


def _two_outputs() -> Document:
    found = document("lstm_1x16")
    found["config"]["out_channels"] = 2
    hidden = found["config"]["hidden_size"]
    found["weights"] += [0.0] * (hidden + 1)
    return found


@pytest.mark.parametrize(
    ("found", "code", "pointer"),
    [
        (sequential(), "invalid_field", "/config/models"),
        ({**sequential(), "config": {}}, "missing_field", "/config/models"),
        ({**sequential(linear([1.0])), "weights": [1.0]}, "weight_count", "/weights"),
        ({**sequential(linear([1.0])), "weights": None}, "invalid_field", "/weights"),
        (_bare(), "weight_count", "/weights"),
        ({**_bare(), "weights": []}, "missing_field", "/config/models/0/version"),
        ({**sequential(linear([1.0])), "architecture": "sequential"}, "unsupported", "/architecture"),
        (sequential(linear([1.0]), linear([1.0], sample_rate=44100)), "mismatch", "/config/models/1/sample_rate"),
        (sequential(linear([1.0]), sample_rate=44100), "mismatch", "/config/models/0/sample_rate"),
        (
            sequential(
                _without_rate(linear([1.0])), sequential(linear([1.0])), sequential(linear([1.0], sample_rate=96000))
            ),
            "mismatch",
            "/config/models/2/sample_rate",
        ),
        (sequential(_two_outputs(), linear([1.0])), "mismatch", "/config/models/1"),
        (sequential(_two_outputs()), "unsupported", "/config"),
        (sequential(*[linear([1.0])] * 65), "invalid_field", "/config/models"),
        (sequential(*[linear([1.0] * 50_000)] * 10), "too_large", "/config"),
        (sequential(linear([1.0]), "nothing"), "invalid_field", "/config/models/1"),  # type: ignore[arg-type]
    ],
)
def test_models_that_do_not_fit_each_other_are_rejected_with_a_pointer(
    found: Document, code: str, pointer: str
) -> None:
    error = refused(found)
    assert (error.code, error.pointer) == (code, pointer), str(error)


def test_any_of_the_models_may_declare_the_sample_rate() -> None:
    capture = read(sequential(_without_rate(nano()), linear([1.0], sample_rate=96000)))
    assert (capture.sample_rate, capture.sample_rate_stated) == (96000, True)


def test_models_can_be_nested_eight_deep_but_not_deeper() -> None:
    found = linear([1.0])
    for _ in range(8):
        found = sequential(found)
    assert read(found).parameters == 1
    assert refused(sequential(found)).code == "too_deep"


AMP = {"gear_type": "amp", "input_level_dbu": 12.0, "output_level_dbu": 3.0, "loudness": -18.0, "name": "Plexi"}


def test_levels_are_those_of_the_first_models_input_and_the_last_models_output() -> None:
    cab = linear([0.1] * 64, metadata={"input_level_dbu": 1.0, "output_level_dbu": 7.0, "loudness": -21.0})
    stated = read(sequential(nano(metadata=AMP), cab)).metadata
    assert (stated.input_level_dbu, stated.output_level_dbu, stated.loudness, stated.name) == (
        12.0,
        7.0,
        -21.0,
        "Plexi",
    )
    silent = read(sequential(linear([1.0]), nano(metadata=AMP))).metadata
    assert silent.input_level_dbu is None


def test_metadata_of_the_file_take_precedence_over_those_of_its_models() -> None:
    own = {"gear_type": "pedal", "input_level_dbu": 5.0, "loudness": None, "name": ""}
    stated = read(sequential(nano(metadata=AMP), metadata=own)).metadata
    assert (stated.gear_type, stated.input_level_dbu, stated.loudness, stated.name) == ("pedal", 5.0, -18.0, "Plexi")


@pytest.mark.parametrize(
    ("gears", "gear"),
    [
        (["amp"], "amp"),
        (["amp", 64], "amp_cab"),
        (["amp", 2], "amp"),
        (["pedal", "amp"], "pedal_amp"),
        (["pedal", "amp", 64], "amp_pedal_cab"),
        (["full-rig", "studio"], "amp_cab"),
        (["pedal", "pedal"], "pedal"),
        (["studio", 2], "studio"),
        ([None, 64], None),
        ([None], None),
        ([None, "pedal"], None),
    ],
)
def test_the_gear_type_combines_those_of_the_models(gears: list[Any], gear: str | None) -> None:
    models = [
        linear([0.1] * each) if isinstance(each, int) else nano(metadata={"gear_type": each} if each else None)
        for each in gears
    ]
    assert read(sequential(*models)).metadata.gear_type == gear


@pytest.mark.parametrize("metadata", [[], "text", {"loudness": "loud", "input_level_dbu": True, "name": 3}, 5, None])
def test_invalid_metadata_of_an_embedded_model_count_as_absent(metadata: Any) -> None:
    assert read(sequential(nano(metadata=metadata))).metadata.loudness is None


def test_a_container_has_the_metadata_of_the_selected_model() -> None:
    sizes = [
        {"max_value": 0.5, "model": nano(metadata={**AMP, "input_level_dbu": 1.0})},
        {"max_value": 1.0, "model": nano(metadata=AMP)},
    ]
    found = {**sequential(), "architecture": "SlimmableContainer", "config": {"submodels": sizes}}
    capture = read(found)
    assert capture.metadata.input_level_dbu == 12.0
    assert [capture.metadata_at(size).input_level_dbu for size in (0.0, 0.49, 0.5, 1.0)] == [1.0, 1.0, 12.0, 12.0]
    assert read({**found, "metadata": {"input_level_dbu": 4.0}}).metadata_at(0.0).input_level_dbu == 4.0


if (shared := shared_folder()) is not None and (shared / "cases" / "sequential_canonical.nam").exists():
    CASES = shared / "cases"

    def test_the_public_case_is_the_filtered_output_of_its_first_model() -> None:
        import json

        data = (CASES / "sequential_canonical.nam").read_bytes()
        x = noise(4000)
        y = settled(json.loads(data)["config"]["models"][0], x)
        assert np.abs(load(data).start().process(x) - (0.5 * y[1:] + 0.25 * y[:-1])).max() <= 1e-6

    def test_the_public_container_has_the_levels_of_its_models() -> None:
        stated = load((CASES / "container_meta_only_inside.nam").read_bytes()).metadata
        assert stated.gear_type == "amp"
        assert stated.input_level_dbu == pytest.approx(5.2288, abs=1e-4)
