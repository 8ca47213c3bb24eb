"""All errors of a document are found at once, each with a pointer and its place in a musician's words."""

from typing import Any

import msgspec
import pytest
from msgspec import UNSET, UnsetType

from tone_shootout.document_errors import MOST, explain_all, in_words
from tone_shootout.shootouts.config import Config

ID = "0190b3c0-0000-7000-8000-000000000000"
CAPTURE = {"type": "capture", "asset": ID}


class Body(msgspec.Struct, forbid_unknown_fields=True):
    config: Config
    note: str | UnsetType | None = UNSET


def _config(**changes: Any) -> dict[str, Any]:
    return {
        "di_tracks": [{"name": "Riff", "asset": ID}],
        "chains": [
            {"name": "Plexi", "blocks": [CAPTURE, {"type": "eq", "bands": [{"type": "peak", "frequency_hz": 100}]}]}
        ],
    } | changes


def _found(document: object, kind: Any = Config) -> list[tuple[str, str]]:
    return [(error.code, error.pointer) for error in explain_all(document, kind)]


def test_a_valid_document_has_no_error() -> None:
    assert _found(_config()) == []
    assert _found({"config": _config(), "note": None}, Body) == []


def test_errors_in_all_parts_are_found_at_once() -> None:
    document = _config(
        di_tracks=[{"name": 5, "asset": "x"}],
        chains=[
            {"blocks": [CAPTURE | {"gane": 1}]},
            {"name": "B", "blocks": [{"type": "eq", "bands": [{"type": "peek", "frequency_hz": "low"}]}]},
        ],
        titel="x",
    )
    assert sorted(_found(document)) == sorted(
        [
            ("invalid", "/di_tracks/0/name"),
            ("invalid", "/di_tracks/0/asset"),
            ("missing", "/chains/0/name"),
            ("unknown_field", "/chains/0/blocks/0/gane"),
            ("invalid", "/chains/1/blocks/0/bands/0/type"),
            ("invalid", "/chains/1/blocks/0/bands/0/frequency_hz"),
            ("unknown_field", "/titel"),
        ]
    )


@pytest.mark.parametrize(
    ("block", "detail"),
    [
        ({"type": "eq", "bands": "x"}, "Expected `array`, got `string`"),
        ({"type": "delay", "time_ms": True}, "Expected `number`, got `boolean`"),
        ({"type": "delay", "time_ms": 0.5}, "Expected `number` >= 1.0, got 0.5"),
        ({"type": "gain"}, "Object missing required field `gain_db`"),
        ({"type": "gian", "gain_db": 1}, "did you mean `gain`?"),
        ({"type": "gain", "gain_db": 1, "bypas": True}, "did you mean `bypass`?"),
    ],
)
def test_a_message_names_types_as_json_does_and_what_was_probably_meant(block: dict[str, Any], detail: str) -> None:
    (error,) = explain_all(_config(chains=[{"name": "A", "blocks": [block]}]), Config)
    assert detail in error.detail


def test_a_place_is_named_by_chain_and_number_of_the_block() -> None:
    document = {"config": _config()}
    place = "chain “Plexi”, block 2 (eq), band 1 (peak), frequency_hz: too low"
    assert in_words("/config/chains/0/blocks/1/bands/0/frequency_hz", document, "too low") == place
    assert in_words("/config/di_tracks/0/end_s", document, "late") == "DI track “Riff”, end_s: late"
    assert in_words("/config/chains/7", document, "gone") == "chain 8: gone"
    assert in_words("/config/title", document, "long") == "config.title: long"
    assert in_words("", document, "bad") == "bad"


def test_names_of_a_document_can_not_break_a_line() -> None:
    document = {"chains": [{"name": "a\nb\x1b" + "x" * 500}]}
    place = in_words("/chains/0", document, "bad")
    assert place.isprintable()
    assert len(place) < 100


def test_the_number_of_errors_is_limited() -> None:
    assert len(explain_all(_config(chains=[{}] * 10_000), Config)) == MOST


@pytest.mark.parametrize("document", [None, [], 5, "x", {"config": []}, {"config": None}, {}])
def test_a_document_of_another_type_has_one_error(document: object) -> None:
    assert len(explain_all(document, Body)) == 1
