"""Take out of a config the fields that its other fields leave without meaning, before anything of it is checked.

Trainers write such fields with whatever they hold: `"gating_mode": "none", "secondary_activation": ""`. The canonical
engine does not read them, so nothing about them is a reason to refuse a capture.
"""

from typing import Final

import msgspec

Fields = dict[str, msgspec.Raw]

MAX_OBJECTS: Final = 20_000
"""More objects than any layers need. A text with more of them is left as it is; the later check refuses it."""

_PARAMETERS: Final[dict[str, tuple[str, ...]]] = {
    "LeakyReLU": ("negative_slope",),
    "PReLU": ("negative_slope", "negative_slopes"),
    "LeakyHardtanh": ("min_val", "max_val", "min_slope", "max_slope"),
    "LeakyHardTanh": ("min_val", "max_val", "min_slope", "max_slope"),
}
"""What the activations with parameters read of them; the others read none."""

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


def meaningful_wavenet(config: msgspec.Raw) -> msgspec.Raw:
    """Return a WaveNet's config without the fields that mean nothing; as it is where it is no config."""
    fields = _fields(config)
    if fields is None:
        return config
    if (layers := _list(fields.get("layers"))) is not None:
        fields["layers"] = _raw([_layer_array(raw) for raw in layers])
    if (head := _fields(fields.get("head"))) is not None:
        kernels = _list(head.get("kernel_sizes"))
        if kernels is not None and len(kernels) == 1:
            head["channels"] = msgspec.Raw(b"1")
        _replace(head, "activation")
        fields["head"] = _raw(head)
    return _raw(fields)


def meaningful_convnet(config: msgspec.Raw) -> msgspec.Raw:
    """Return a ConvNet's config without the fields that mean nothing; as it is where it is no config."""
    fields = _fields(config)
    if fields is None:
        return config
    _replace(fields, "activation")
    return _raw(fields)


def _layer_array(raw: msgspec.Raw) -> msgspec.Raw:
    """Return one layer array without the fields that mean nothing."""
    fields = _fields(raw)
    if fields is None:
        return raw
    _drop_gating(fields)
    if _fields(fields.get("head")) is not None:
        fields.pop("head_size", None)
        fields.pop("head_bias", None)
    for name in ("head1x1", "layer1x1"):
        if _is_off(_fields(fields.get(name))):
            fields[name] = msgspec.Raw(b'{"active":false,"out_channels":1,"groups":1}')
    for name in _FILMS:
        if _is_off(_fields(fields.get(name))):
            fields[name] = msgspec.Raw(_FALSE)
    slimmable = _fields(fields.get("slimmable"))
    if slimmable is not None and bytes(slimmable.get("method", msgspec.Raw(_NULL))) in (_NULL, b'""'):
        fields["slimmable"] = msgspec.Raw(_FALSE)
    for name in ("activation", "secondary_activation"):
        _replace(fields, name)
    return _raw(fields)


def _drop_gating(fields: Fields) -> None:
    """Take away `gated` where `gating_mode` stands, and what a mode without a second activation does not read."""
    mode = bytes(fields.get("gating_mode", msgspec.Raw(_NULL)))
    if mode == _NULL:
        # The older form knows one second activation, which is not asked for.
        fields.pop("secondary_activation", None)
        return
    fields.pop("gated", None)
    modes = _list(fields.get("gating_mode"))
    if mode == b'"none"' or (modes and all(bytes(each) == b'"none"' for each in modes)):
        fields.pop("secondary_activation", None)
        return
    seconds = _list(fields.get("secondary_activation"))
    if modes and seconds and len(modes) == len(seconds):
        read = [
            msgspec.Raw(_NULL) if bytes(each) == b'"none"' else second
            for each, second in zip(modes, seconds, strict=True)
        ]
        fields["secondary_activation"] = _raw(read)


def _is_off(fields: Fields | None) -> bool:
    return fields is not None and bytes(fields.get("active", msgspec.Raw(_NULL))) == _FALSE


def _replace(fields: Fields, name: str) -> None:
    """Take from an activation, or from each of a list, the parameters that it does not have."""
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
    read = _PARAMETERS.get(kind, ())
    if "negative_slopes" in read and bytes(fields.get("negative_slope", msgspec.Raw(_NULL))) != _NULL:
        read = ("negative_slope",)
    return _raw({name: value for name, value in fields.items() if name == "type" or name in read})


def _fields(raw: msgspec.Raw | None) -> Fields | None:
    """Return an object's fields unread, None for anything else."""
    text = b"" if raw is None else bytes(raw)
    if not text.startswith(b"{"):
        return None
    try:
        return msgspec.json.decode(text, type=Fields)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _list(raw: msgspec.Raw | None) -> list[msgspec.Raw] | None:
    """Return a list's entries unread, None for anything else and for more than there can be."""
    text = b"" if raw is None else bytes(raw)
    if not text.startswith(b"[") or text.count(b"{") > MAX_OBJECTS or text.count(b",") > 10 * MAX_OBJECTS:
        return None
    try:
        return msgspec.json.decode(text, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
