"""Validation of files (docs/nam.md sections 1 to 9 and 11), and what a capture says about itself."""

import pickle
import tracemalloc
from pathlib import Path

import pytest

from tests.bench.shapes import SHAPES
from tests.support.nam_documents import REFERENCE, Change, Document, capture, document, encoded, noise, refilled
from tone_shootout.audio.nam import Metadata, NamError, load


def refusal(data: bytes) -> NamError:
    with pytest.raises(NamError) as caught:
        load(data)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    return caught.value


def config(found: Document) -> Document:
    inner: Document = found["config"]
    return inner


def array(found: Document, index: int = 0) -> Document:
    layers: list[Document] = found["config"]["layers"]
    return layers[index]


def nested(models: int) -> Document:
    inner: Document = document("linear")
    for _ in range(models):
        inner = {
            "version": "0.7.0",
            "architecture": "SlimmableContainer",
            "config": {"submodels": [{"max_value": 1.0, "model": inner}]},
            "weights": [],
        }
    return inner


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"   ",
        b"<!doctype html><html><body>502 Bad Gateway</body></html>",
        encoded(document("linear"))[:300],
        encoded(document("linear")) + b" trailing",
        encoded(document("linear")) + encoded(document("linear")),
        encoded(document("linear")).decode().encode("utf-16"),
        encoded(document("linear")).replace(b'"version"', b'/* comment */ "version"'),
        encoded(document("linear")).replace(b'"bias": false', b'"bias": False'),
        encoded({**document("linear"), "weights": [float("nan")] * 64}),
        encoded({**document("linear"), "weights": [float("inf")] * 64}),
        encoded(document("linear")).replace(b'"Linear"', b'"Lin\xe9ar"'),
    ],
    ids=[
        "empty", "blank", "web page", "truncated", "trailing text", "two documents", "UTF-16", "comment", "Python",
        "NaN", "Infinity", "Latin-1",
    ],
)  # fmt: skip
def test_anything_but_a_json_document_is_rejected(data: bytes) -> None:
    assert refusal(data).code == "not_json"


def test_a_byte_order_mark_and_unknown_keys_are_accepted() -> None:
    extended = document("a1_nano")
    extended["future"] = {"deep": [[[]]]}
    array(extended)["future"] = "anything"
    data = b"\xef\xbb\xbf" + encoded(extended) + b" \n"
    assert load(data).start().process(noise(500)).tobytes() == capture("a1_nano").start().process(noise(500)).tobytes()


def test_integers_may_have_a_decimal_point() -> None:
    pointed = document("a1_nano")
    array(pointed)["channels"] = 4.0
    array(pointed)["dilations"] = [float(dilation) for dilation in array(pointed)["dilations"]]
    assert load(encoded(pointed)).parameters == 842


@pytest.mark.parametrize("version", ["0.5.0", "0.5.99", "0.6.9", "0.7.0", "0.7.12"])
def test_versions_from_0_5_to_0_7_are_supported(version: str) -> None:
    read = load(encoded({**document("linear"), "version": version}))
    assert read.version == version
    assert any("newer" in note for note in read.notes) == (version == "0.7.12")


@pytest.mark.parametrize(
    "version", ["0.4.9", "0.8.0", "1.0.0", "0.5", "0.5.0-beta", "", "0.5.0.1", " 0.5.0", "0.5.٣", "9" * 5000 + ".0.0"]
)
def test_other_versions_are_rejected(version: str) -> None:
    error = refusal(encoded({**document("linear"), "version": version}))
    assert (error.code, error.pointer) == ("unsupported", "/version")


# One line for each row of docs/nam.md section 11, and for each rule between fields: model, change, code, pointer.
REFUSED: list[tuple[str, Change, str, str]] = [
    ("linear", lambda d: d.pop("version"), "missing_field", "/version"),
    ("linear", lambda d: d.pop("architecture"), "missing_field", "/architecture"),
    ("linear", lambda d: d.pop("config"), "missing_field", "/config"),
    ("linear", lambda d: d.pop("weights"), "missing_field", "/weights"),
    ("linear", lambda d: d.update(version=0.5), "invalid_field", "/version"),
    ("linear", lambda d: d.update(architecture="linear"), "unsupported", "/architecture"),
    ("linear", lambda d: d.update(architecture=None), "invalid_field", "/architecture"),
    ("linear", lambda d: d.update(config=[]), "invalid_field", "/config"),
    ("linear", lambda d: d.update(weights="none"), "invalid_field", "/weights"),
    ("linear", lambda d: d.update(weights={}), "invalid_field", "/weights"),
    ("linear", lambda d: d.update(weights=[]), "weight_count", "/weights"),
    ("linear", lambda d: d["weights"].pop(), "weight_count", "/weights"),
    ("linear", lambda d: d["weights"].append(0), "weight_count", "/weights"),
    ("linear", lambda d: d["weights"].__setitem__(5, None), "invalid_field", "/weights/5"),
    ("linear", lambda d: d["weights"].__setitem__(5, "1"), "invalid_field", "/weights/5"),
    ("linear", lambda d: d["weights"].__setitem__(5, True), "invalid_field", "/weights/5"),
    ("linear", lambda d: d["weights"].__setitem__(5, [1]), "invalid_field", "/weights/5"),
    ("linear", lambda d: d["weights"].__setitem__(5, 1e39), "weight_value", "/weights/5"),
    ("linear", lambda d: d["weights"].__setitem__(5, 10**400), "invalid_field", "/weights/5"),
    ("linear", lambda d: d.update(sample_rate=None), "invalid_field", "/sample_rate"),
    ("linear", lambda d: d.update(sample_rate="48000"), "invalid_field", "/sample_rate"),
    ("linear", lambda d: d.update(sample_rate=-1), "invalid_field", "/sample_rate"),
    ("linear", lambda d: d.update(sample_rate=1e9), "invalid_field", "/sample_rate"),
    ("linear", lambda d: d.update(metadata={"loudness": "loud"}), "invalid_field", "/metadata/loudness"),
    ("linear", lambda d: d.update(metadata={"input_level_dbu": True}), "invalid_field", "/metadata/input_level_dbu"),
    ("linear", lambda d: config(d).pop("bias"), "missing_field", "/config/bias"),
    ("linear", lambda d: config(d).update(bias=1), "invalid_field", "/config/bias"),
    ("linear", lambda d: config(d).update(receptive_field=0), "invalid_field", "/config/receptive_field"),
    ("linear", lambda d: config(d).update(receptive_field=10**7), "too_large", "/config"),
    ("linear", lambda d: config(d).update(implementation="gpu"), "unsupported", "/config/implementation"),
    ("linear", lambda d: config(d).update(out_channels=2), "mismatch", "/config/out_channels"),
    ("lstm_1x16", lambda d: config(d).pop("hidden_size"), "missing_field", "/config/hidden_size"),
    ("lstm_1x16", lambda d: config(d).update(num_layers=0), "invalid_field", "/config/num_layers"),
    ("lstm_1x16", lambda d: config(d).update(input_size=2), "mismatch", "/config/input_size"),
    ("lstm_1x16", lambda d: config(d).update(out_channels=2), "weight_count", "/weights"),
    ("convnet", lambda d: config(d).update(dilations=[]), "invalid_field", "/config/dilations"),
    ("convnet", lambda d: config(d).update(dilations=[0]), "invalid_field", "/config/dilations/0"),
    ("convnet", lambda d: config(d).update(groups=2), "mismatch", "/config/groups"),
    ("convnet", lambda d: config(d).update(activation="Softsigmoid"), "unsupported", "/config/activation"),
    ("convnet", lambda d: config(d).update(activation={}), "missing_field", "/config/activation/type"),
    ("a1_nano", lambda d: config(d).pop("layers"), "missing_field", "/config/layers"),
    ("a1_nano", lambda d: config(d).update(layers=[]), "invalid_field", "/config/layers"),
    ("a1_nano", lambda d: config(d).pop("head_scale"), "missing_field", "/config/head_scale"),
    ("a1_nano", lambda d: array(d, 1).pop("channels"), "missing_field", "/config/layers/1/channels"),
    ("a1_nano", lambda d: array(d).update(channels=None), "invalid_field", "/config/layers/0/channels"),
    ("a1_nano", lambda d: array(d).update(channels=0), "invalid_field", "/config/layers/0/channels"),
    ("a1_nano", lambda d: array(d).update(channels=4.5), "invalid_field", "/config/layers/0/channels"),
    ("a1_nano", lambda d: array(d).update(channels=True), "invalid_field", "/config/layers/0/channels"),
    ("a1_nano", lambda d: array(d).update(channels="4"), "invalid_field", "/config/layers/0/channels"),
    ("a1_nano", lambda d: array(d).update(channels=10**9), "invalid_field", "/config/layers/0/channels"),
    ("a1_nano", lambda d: array(d).update(channels=4096), "mismatch", "/config/layers/1/input_size"),
    ("a1_nano", lambda d: array(d).update(input_size=2), "mismatch", "/config/layers/0/input_size"),
    ("a1_nano", lambda d: array(d, 1).update(input_size=5), "mismatch", "/config/layers/1/input_size"),
    ("a1_nano", lambda d: array(d).update(condition_size=3), "mismatch", "/config/layers/0/condition_size"),
    ("a1_nano", lambda d: array(d).update(head_size=3), "mismatch", "/config/layers/1/channels"),
    ("a1_nano", lambda d: array(d, 1).update(bottleneck=3), "mismatch", "/config/layers/1/bottleneck"),
    ("a1_nano", lambda d: array(d, 1).update(head_size=2), "weight_count", "/weights"),
    ("a1_nano", lambda d: array(d).pop("head_bias"), "missing_field", "/config/layers/0/head_bias"),
    ("a1_nano", lambda d: array(d).update(head=4), "invalid_field", "/config/layers/0/head"),
    (
        "a1_nano",
        lambda d: array(d).update(head={"out_channels": 2}),
        "missing_field",
        "/config/layers/0/head/kernel_size",
    ),
    ("a1_nano", lambda d: array(d).pop("kernel_size"), "mismatch", "/config/layers/0/kernel_size"),
    ("a1_nano", lambda d: array(d).update(kernel_sizes=[3] * 7), "mismatch", "/config/layers/0/kernel_size"),
    ("a1_nano", lambda d: array(d).update(dilations=[1, 2, -4]), "invalid_field", "/config/layers/0/dilations/2"),
    ("a1_nano", lambda d: array(d).update(dilations=[300_000]), "too_large", "/config"),
    ("a1_nano", lambda d: array(d).update(kernel_size=100_000), "too_large", "/config"),
    ("a1_nano", lambda d: array(d).update(dilations=[1] * 600), "too_large", "/config/layers"),
    ("a1_nano", lambda d: array(d).update(activation="GELU"), "unsupported", "/config/layers/0/activation"),
    ("a1_nano", lambda d: array(d).update(activation="tanh"), "unsupported", "/config/layers/0/activation"),
    ("a1_nano", lambda d: array(d).update(activation=["Tanh"] * 6), "mismatch", "/config/layers/0/activation"),
    ("a1_nano", lambda d: array(d).update(activation=None), "invalid_field", "/config/layers/0/activation"),
    ("a1_nano", lambda d: array(d).update(gating_mode="mixed"), "unsupported", "/config/layers/0/gating_mode"),
    ("a1_nano", lambda d: array(d).update(gating_mode=["none"]), "mismatch", "/config/layers/0/gating_mode"),
    ("a1_nano", lambda d: array(d).update(groups_input=3), "mismatch", "/config/layers/0/groups_input"),
    ("a1_nano", lambda d: array(d).update(groups_input_mixin=2), "mismatch", "/config/layers/0/groups_input_mixin"),
    (
        "a1_nano",
        lambda d: array(d).update(layer1x1={"active": True}),
        "missing_field",
        "/config/layers/0/layer1x1/groups",
    ),
    ("a1_nano", lambda d: array(d).update(conv_pre_film=True), "invalid_field", "/config/layers/0/conv_pre_film"),
    ("a1_nano", lambda d: array(d).update(conv_pre_film={}), "weight_count", "/weights"),
    ("a1_nano", lambda d: array(d).update(head1x1_post_film={}), "mismatch", "/config/layers/0/head1x1_post_film"),
    ("a1_nano", lambda d: array(d).update(slimmable=True), "invalid_field", "/config/layers/0/slimmable"),
    ("layer1x1_off", lambda d: array(d).update(bottleneck=3), "mismatch", "/config/layers/0/bottleneck"),
    (
        "layer1x1_off",
        lambda d: array(d).update(layer1x1_post_film={}),
        "mismatch",
        "/config/layers/0/layer1x1_post_film",
    ),
    (
        "blended",
        lambda d: array(d).update(secondary_activation=["Sigmoid"] * 4),
        "mismatch",
        "/config/layers/0/secondary_activation",
    ),
    (
        "act_all_types",
        lambda d: array(d)["activation"][5].update(negative_slopes=[0.1, 0.2, 0.3]),
        "mismatch",
        "/config/layers/0/activation/5/negative_slopes",
    ),
    ("post_stack_head", lambda d: config(d)["head"].update(in_channels=4), "mismatch", "/config/head/in_channels"),
    (
        "post_stack_head",
        lambda d: config(d)["head"].update(kernel_sizes=[]),
        "invalid_field",
        "/config/head/kernel_sizes",
    ),
    ("post_stack_head", lambda d: config(d)["head"].update(out_channels=2), "weight_count", "/weights"),
    (
        "condition_dsp",
        lambda d: config(d)["condition_dsp"].update(sample_rate=44100),
        "mismatch",
        "/config/condition_dsp/sample_rate",
    ),
    (
        "condition_dsp",
        lambda d: config(d)["condition_dsp"]["weights"].pop(),
        "weight_count",
        "/config/condition_dsp/weights",
    ),
    ("condition_dsp", lambda d: config(d).pop("condition_dsp"), "mismatch", "/config/layers/0/condition_size"),
    ("condition_dsp", lambda d: config(d).update(condition_dsp=3), "invalid_field", "/config/condition_dsp"),
    (
        "slimmable",
        lambda d: array(d)["slimmable"].update(method="prune"),
        "unsupported",
        "/config/layers/0/slimmable/method",
    ),
    (
        "slimmable",
        lambda d: array(d)["slimmable"]["kwargs"].update(allowed_channels=[4, 2, 6]),
        "mismatch",
        "/config/layers/0/slimmable/kwargs/allowed_channels",
    ),
    (
        "slimmable",
        lambda d: array(d)["slimmable"]["kwargs"].update(allowed_channels=[2, 4]),
        "mismatch",
        "/config/layers/0/slimmable/kwargs/allowed_channels",
    ),
    ("container_mixed", lambda d: config(d).update(submodels=[]), "invalid_field", "/config/submodels"),
    (
        "container_mixed",
        lambda d: config(d)["submodels"][1].update(max_value=0.1),
        "mismatch",
        "/config/submodels/1/max_value",
    ),
    (
        "container_mixed",
        lambda d: config(d)["submodels"][2].update(max_value=0.9),
        "mismatch",
        "/config/submodels/2/max_value",
    ),
    (
        "container_mixed",
        lambda d: config(d)["submodels"][0]["model"].pop("version"),
        "missing_field",
        "/config/submodels/0/model/version",
    ),
    (
        "container_mixed",
        lambda d: d.update(sample_rate=44100),
        "mismatch",
        "/config/submodels/0/model/sample_rate",
    ),
]


@pytest.mark.parametrize(
    ("name", "alter", "code", "pointer"), REFUSED, ids=[f"{i}-{row[2]}-{row[3]}" for i, row in enumerate(REFUSED)]
)
def test_invalid_values_are_rejected_with_their_pointer(name: str, alter: Change, code: str, pointer: str) -> None:
    changed = document(name)
    alter(changed)
    error = refusal(encoded(changed))
    assert (error.code, error.pointer) == (code, pointer), str(error)


def test_an_error_can_be_pickled() -> None:
    error = refusal(encoded({**document("linear"), "version": "9.0.0"}))
    sent = pickle.loads(pickle.dumps(error))
    assert (sent.code, sent.pointer, str(sent)) == (error.code, error.pointer, str(error))


def test_models_can_be_nested_eight_deep_but_not_deeper() -> None:
    assert load(encoded(nested(8))).parameters == 64
    assert refusal(encoded(nested(9))).code == "too_deep"


DEEP = 5_000_000
"""Deeper than any stack: Python 3.14 decodes as far as the stack of the thread reaches."""
HOSTILE: dict[str, tuple[bytes, str]] = {
    "nested arrays": (b'{"config": ' + b"[" * DEEP + b"]" * DEEP + b"}", "too_deep"),
    "nested arrays under an unknown key": (b'{"future": ' + b"[" * DEEP + b"]" * DEEP + b"}", "too_deep"),
    "nested containers": (
        b'{"version":"0.7.0","architecture":"SlimmableContainer","weights":[],"config":{"submodels":'
        b'[{"max_value":1,"model":' * 200_000,
        "too_deep",
    ),
    "a million dilations": (
        encoded(document("convnet")).replace(b'"dilations": [1,', b'"dilations": [1,' + b"1," * 1_000_000),
        "invalid_field",
    ),
    "a config of megabytes": (
        encoded(document("convnet")).replace(b'"dilations": [1,', b'"dilations": [1,' + b"1," * 4_000_000),
        "too_large",
    ),
    "ten million weights": (
        encoded({**document("linear"), "weights": []}).replace(b"[]", b"[" + b"1," * 10_000_000 + b"1]"),
        "weight_count",
    ),
    "as many channels as there may be": (
        encoded({**document("a1_nano"), "weights": []}).replace(b'"channels": 4', b'"channels": 4096'),
        "mismatch",
    ),
    "megabytes of metadata": (encoded({**document("linear"), "metadata": {"name": "x" * 2**20}}), "too_large"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_oversized_model_is_rejected_before_allocation(name: str) -> None:
    data, code = HOSTILE[name]
    tracemalloc.start()
    try:
        error = refusal(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert error.code == code
    assert peak < 2 * len(data) + 100 * 2**20


def test_a_file_above_64_mebibytes_is_rejected_without_decoding() -> None:
    assert refusal(b" " * (64 * 2**20 + 1)).code == "too_large"


def test_a_capture_has_the_metadata_of_its_file() -> None:
    reported = document("a1_nano")
    reported["metadata"] = {
        "name": "Plexi",
        "modeled_by": None,
        "gear_make": 7,
        "gear_type": "amp",
        "tone_type": "crunch",
        "loudness": -18,
        "gain": 0.5,
        "input_level_dbu": 12.25,
        "output_level_dbu": None,
        "training": {"settings": {}},
    }
    assert load(encoded(reported)).metadata == Metadata(
        name="Plexi", gear_type="amp", tone_type="crunch", loudness=-18.0, gain=0.5, input_level_dbu=12.25
    )


@pytest.mark.parametrize("metadata", [None, [], "text", 3, {}])
def test_metadata_of_other_types_are_ignored(metadata: object) -> None:
    assert load(encoded({**document("linear"), "metadata": metadata})).metadata == Metadata()


@pytest.mark.parametrize(
    ("name", "architecture", "size_class", "parameters", "receptive_field"),
    [
        ("a1_nano", "WaveNet", "nano", 842, 4093),
        ("a1_feather", "WaveNet", "feather", 3026, 4093),
        ("a2_like", "WaveNet", "custom", 1212, 138),
        ("condition_dsp", "WaveNet", "custom", 987, 85),
        ("convnet", "ConvNet", "custom", 849, 128),
        ("linear_bias_long", "Linear", "custom", 601, 600),
        ("lstm_1x16", "LSTM", "1x16", 1201, 24000),
        ("container_mixed", "SlimmableContainer", "custom", 296, 63),
    ],
)
def test_a_capture_reports_its_shape(
    name: str, architecture: str, size_class: str, parameters: int, receptive_field: int
) -> None:
    read = capture(name)
    assert (read.architecture, read.size_class) == (architecture, size_class)
    assert (read.parameters, read.receptive_field) == (parameters, receptive_field)


@pytest.mark.parametrize(
    ("name", "size_class", "receptive_field"),
    [
        ("A1 standard", "standard", 4093),
        ("A1 lite", "lite", 4093),
        ("A1 feather", "feather", 4093),
        ("A1 nano", "nano", 4093),
        ("A2 full", "a2-full", 6347),
        ("A2 lite", "a2-lite", 6347),
        ("LSTM 1×16", "1x16", 24000),
    ],
)
def test_common_shapes_have_a_size_class(name: str, size_class: str, receptive_field: int) -> None:
    read = load(SHAPES[name]())
    assert (read.size_class, read.receptive_field) == (size_class, receptive_field)


def test_a_missing_sample_rate_defaults_to_48_khz() -> None:
    silent, stated = capture("a1_feather"), load(encoded({**document("linear"), "sample_rate": 44100.5}))
    assert (silent.sample_rate, silent.sample_rate_stated) == (48000.0, False)
    assert any("sample rate" in note for note in silent.notes)
    assert (stated.sample_rate, stated.sample_rate_stated) == (44100.5, True)


@pytest.mark.parametrize("path", sorted((REFERENCE / "models").glob("*.nam")), ids=lambda path: path.stem)
def test_only_captures_with_several_sizes_are_slimmable(path: Path) -> None:
    assert load(path.read_bytes()).slimmable == (path.stem in {"slimmable", "container_mixed"})


@pytest.mark.parametrize(
    "alter",
    [
        lambda d: array(d).update(groups_input=2),
        lambda d: array(d).update(layer1x1={"active": True, "groups": 2}),
        lambda d: array(d).update(head={"out_channels": 1, "kernel_size": 2, "bias": True}),
        lambda d: array(d).update(activation={"type": "PReLU", "negative_slopes": [0.1] * 6}),
    ],
    ids=["groups", "groups of layer1x1", "head kernel", "a slope for each channel"],
)
def test_captures_that_the_canonical_engine_can_not_slim_only_run_at_full_size(alter: Change) -> None:
    changed = document("slimmable")
    alter(changed)
    read = load(encoded(refilled(changed)))
    assert read.start(size=1.0).process(noise(50)).shape == (50,)
    with pytest.raises(NamError) as caught:
        read.start(size=0.0)
    assert caught.value.code == "unsupported"
    assert caught.value.pointer.startswith("/config/layers/0")


@pytest.mark.parametrize("slimmable", [{"kwargs": {}}, {"kwargs": None}, {}], ids=["no list", "null", "no arguments"])
def test_a_slimmable_array_without_a_list_can_have_any_width(slimmable: Document) -> None:
    changed, listed = document("slimmable"), document("slimmable")
    array(changed)["slimmable"] = {"method": "slice_channels_uniform", **slimmable}
    array(listed)["slimmable"]["kwargs"]["allowed_channels"] = [1, 2, 3, 4, 5, 6]
    x = noise(300)
    outputs = [load(encoded(found)).start(size=0.5).process(x).tobytes() for found in (changed, listed)]
    assert outputs[0] == outputs[1]
    assert outputs[0] != capture("slimmable").start().process(x).tobytes()


@pytest.mark.parametrize("slimmable", [False, None, {}, {"method": None}])
def test_a_wavenet_without_a_slimming_method_has_one_size(slimmable: object) -> None:
    changed = document("slimmable")
    array(changed)["slimmable"] = slimmable
    assert not load(encoded(changed)).slimmable


def test_a_slimmable_wavenet_has_no_post_stack_head() -> None:
    changed = document("slimmable")
    config(changed)["head"] = {"channels": 1, "out_channels": 1, "kernel_sizes": [1], "activation": "ReLU"}
    assert refusal(encoded(refilled(changed))).pointer == "/config/head"
