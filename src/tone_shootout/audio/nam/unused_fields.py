"""Removal of unused fields from a config before validation.

Trainers write fields that other fields disable, with arbitrary values: `"gating_mode": "none", "secondary_activation":
""`. The canonical engine does not read them, so their values must not make a capture invalid.
"""

from typing import Final

import msgspec

Fields = dict[str, msgspec.Raw]

MAX_OBJECTS: Final = 20_000
"""Limit above any valid config. A config with more objects is returned unchanged; the later validation rejects it."""

_PARAMETERS: Final[dict[str, tuple[str, ...]]] = {
    "LeakyReLU": ("negative_slope",),
    "PReLU": ("negative_slope", "negative_slopes"),
    "LeakyHardtanh": ("min_val", "max_val", "min_slope", "max_slope"),
    "LeakyHardTanh": ("min_val", "max_val", "min_slope", "max_slope"),
}
"""Parameters by activation; other activations have none."""

_FILMS: Final = (
    "conv_pre_film",
    "conv_post_film",
    "input_mixin_pre_film",
    "input_mixin_post_film",
    "activation_pre_film",
    "activation_post_film",
    "layer1x1_post_film",
    "head1x1_post_film",
)
_FALSE: Final = b"false"
_NULL: Final = b"null"


def drop_unused_wavenet_fields(config: msgspec.Raw) -> msgspec.Raw:
    """Return the config of a WaveNet without unused fields; values other than objects are returned unchanged."""
    fields = _fields(config)
    if fields is None:
        return config
    if (layers := _list(fields.get("layers"))) is not None:
        fields["layers"] = _raw([_layer_array(raw) for raw in layers])
    if (head := _fields(fields.get("head"))) is not None:
        kernels = _list(head.get("kernel_sizes"))
        if kernels is not None and len(kernels) == 1:
            head["channels"] = msgspec.Raw(b"1")
        _drop_unused_parameters(head, "activation")
        fields["head"] = _raw(head)
    return _raw(fields)


def drop_unused_convnet_fields(config: msgspec.Raw) -> msgspec.Raw:
    """Return the config of a ConvNet without unused fields; values other than objects are returned unchanged."""
    fields = _fields(config)
    if fields is None:
        return config
    _drop_unused_parameters(fields, "activation")
    return _raw(fields)


def _layer_array(raw: msgspec.Raw) -> msgspec.Raw:
    """Return one layer array without unused fields."""
    fields = _fields(raw)
    if fields is None:
        return raw
    _drop_gating(fields)
    if _fields(fields.get("head")) is not None:
        fields.pop("head_size", None)
        fields.pop("head_bias", None)
    for name in ("head1x1", "layer1x1"):
        if _is_inactive(_fields(fields.get(name))):
            fields[name] = msgspec.Raw(b'{"active":false,"out_channels":1,"groups":1}')
    for name in _FILMS:
        if _is_inactive(_fields(fields.get(name))):
            fields[name] = msgspec.Raw(_FALSE)
    slimmable = _fields(fields.get("slimmable"))
    if slimmable is not None and bytes(slimmable.get("method", msgspec.Raw(_NULL))) in (_NULL, b'""'):
        fields["slimmable"] = msgspec.Raw(_FALSE)
    for name in ("activation", "secondary_activation"):
        _drop_unused_parameters(fields, name)
    return _raw(fields)


def _drop_gating(fields: Fields) -> None:
    """Drop `gated` if `gating_mode` is present, and secondary activations of modes that do not use them."""
    mode = bytes(fields.get("gating_mode", msgspec.Raw(_NULL)))
    if mode == _NULL:
        # In the older format, the secondary activation is always Sigmoid.
        fields.pop("secondary_activation", None)
        return
    fields.pop("gated", None)
    modes = _list(fields.get("gating_mode"))
    if mode == b'"none"' or (modes and all(bytes(each) == b'"none"' for each in modes)):
        fields.pop("secondary_activation", None)
        return
    seconds = _list(fields.get("secondary_activation"))
    if modes and seconds and len(modes) == len(seconds):
        used = [
            msgspec.Raw(_NULL) if bytes(each) == b'"none"' else second
            for each, second in zip(modes, seconds, strict=True)
        ]
        fields["secondary_activation"] = _raw(used)


def _is_inactive(fields: Fields | None) -> bool:
    return fields is not None and bytes(fields.get("active", msgspec.Raw(_NULL))) == _FALSE


def _drop_unused_parameters(fields: Fields, name: str) -> None:
    """Drop parameters that an activation, or each of a list of activations, does not have."""
    found = fields.get(name)
    if found is None:
        return
    if (choices := _list(found)) is not None:
        fields[name] = _raw([_activation(choice) for choice in choices])
    else:
        fields[name] = _activation(found)


def _activation(raw: msgspec.Raw) -> msgspec.Raw:
    fields = _fields(raw)
    if fields is None or "type" not in fields:
        return raw
    try:
        kind = msgspec.json.decode(fields["type"], type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return raw
    used = _PARAMETERS.get(kind, ())
    if "negative_slopes" in used and bytes(fields.get("negative_slope", msgspec.Raw(_NULL))) != _NULL:
        used = ("negative_slope",)
    return _raw({name: value for name, value in fields.items() if name == "type" or name in used})


def _fields(raw: msgspec.Raw | None) -> Fields | None:
    """Return the undecoded fields of an object; None for other values."""
    text = b"" if raw is None else bytes(raw)
    if not text.startswith(b"{"):
        return None
    try:
        return msgspec.json.decode(text, type=Fields)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _list(raw: msgspec.Raw | None) -> list[msgspec.Raw] | None:
    """Return the undecoded entries of a list; None for other values and for lists above the limit."""
    text = b"" if raw is None else bytes(raw)
    if not text.startswith(b"[") or text.count(b"{") > MAX_OBJECTS or text.count(b",") > 10 * MAX_OBJECTS:
        return None
    try:
        return msgspec.json.decode(text, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
