"""Names, units and lists of the whole surface follow docs/api.md, “Names, units, paging”."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
import pytest

from tests.support.openapi import document, operations
from tone_shootout.precision import DECIMALS, rounded
from tone_shootout.rendering.output.manifest import Manifest
from tone_shootout.rendering.spec.schema import Spec

UNITS = (*DECIMALS, "_bytes", "_days", "_per_second", "_per_minute")
NAME = re.compile(r"[a-z][a-z0-9_]*")
VALUE = re.compile(r"-?[a-z0-9_]+(\.[a-z0-9_]+)?")
"""`-created_at` reverses an order; `job.completed` is a type of message."""
WITHOUT_UNIT = {
    name
    for line in (
        "a1 a2 after answered attempt attempts bass_share below block cache_hits channels clipped_samples",
        "confidence confusions correct correct_share correct_share_high correct_share_low correlation created",
        "custom d_prime d_prime_high d_prime_independent d_prime_low dc_offset deleted difference",
        "difference_high difference_low done downloads_count esr esr_pre_emphasized excluded existing",
        "expected failed favorites_count feedback finished first free_items http_status id inferences ir kept",
        "last_seq latency_samples limit limiting_segment listener listeners max_batch_files max_chains",
        "max_di_tracks max_items max_per_minute_and_address max_running max_segments max_streams",
        "library_items matched queued_jobs remaining",
        "max_unfinished mean_rating middle_share mix model_id needed notices offset p_value p_value_corrected",
        "pan parameters percent polarity position positions q ratio receptive_field_samples reference samples",
        "schema second segment segments seq shift_samples size skipped source started status strength strength_high",
        "strength_low tail_samples target tone_id tones total treble_share trial trials unfinished used_items",
        # Names of oEmbed 1.0.
        "height maxheight maxwidth thumbnail_height thumbnail_width width",
    )
    for name in line.split()
}
"""Counts, positions, numbers, versions, shares and ratios: they have no unit."""


@cache
def schemas() -> tuple[dict[str, Any], ...]:
    return (document(), msgspec.json.schema(Spec), msgspec.json.schema(Manifest))


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from _nodes(value)
    elif isinstance(node, list):
        for value in node:
            yield from _nodes(value)


def _properties() -> Iterator[tuple[str, dict[str, Any]]]:
    for schema in schemas():
        for node in _nodes(schema):
            if isinstance(node.get("properties"), dict):
                yield from ((k, v) for k, v in node["properties"].items() if isinstance(v, dict))
            if "in" in node and "schema" in node:
                yield node["name"], node["schema"]


def _enumeration(schema: dict[str, Any]) -> list[str]:
    values = schema.get("enum")
    values = values if isinstance(values, list) else [schema["const"]] if "const" in schema else []
    return [value for value in values if isinstance(value, str)]


def _is_number(schema: dict[str, Any]) -> bool:
    kinds = schema.get("type", ())
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "number" in kinds or "integer" in kinds:
        return True
    further = [schema["items"]] if isinstance(schema.get("items"), dict) else []
    return any(_is_number(each) for key in ("oneOf", "anyOf", "allOf") for each in schema.get(key, ())) or any(
        _is_number(each) for each in further
    )


def test_numbers_with_a_dimension_carry_their_unit() -> None:
    found = {name for name, schema in _properties() if _is_number(schema) and name != "Last-Event-ID"}
    assert sorted(name for name in found - WITHOUT_UNIT if not name.endswith(UNITS)) == []
    assert sorted(WITHOUT_UNIT - found) == []


def test_names_and_enumerations_are_in_snake_case() -> None:
    headers = {
        parameter["name"]
        for _, operation in operations(document())
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "header"
    }
    assert [name for name, _ in _properties() if not NAME.fullmatch(name) and name not in headers] == []
    values = {value for schema in schemas() for node in _nodes(schema) for value in _enumeration(node)}
    assert [value for value in values if not VALUE.fullmatch(value)] == []


def test_one_word_stands_for_one_thing() -> None:
    fields = [name for schema in schemas() for node in _nodes(schema) for name in node.get("properties", {})]
    assert {"state", "gear_type", "href", "rate", "bytes", "seconds"}.isdisjoint(fields)
    kinds = {value for name, schema in _properties() if name == "kind" for value in _enumeration(schema)}
    assert kinds <= {"di_track", "capture", "cab_ir"}
    words = {"yes", "no", "on", "off", "true", "false"}
    assert not [
        value for schema in schemas() for node in _nodes(schema) for value in _enumeration(node) if value in words
    ]


def test_every_list_is_a_page() -> None:
    for name, schema in document()["components"]["schemas"].items():
        fields = schema.get("properties", {})
        if "items" in fields:
            assert set(fields) == {"items", "total", "limit", "offset", "has_more"} == set(schema["required"]), name


def test_everything_with_an_id_has_links() -> None:
    schemas = document()["components"]["schemas"]
    without = {
        name
        for name, schema in schemas.items()
        if "id" in (fields := schema.get("properties", {})) and "links" not in fields
    }
    assert without == {"CreatorRead"}, "it is at TONE3000, and `url` leads there"


def test_what_is_made_has_a_location_and_a_wrong_parameter_is_documented() -> None:
    for place, operation in operations(document()):
        for status in {"201", "202"} & operation["responses"].keys():
            assert "Location" in operation["responses"][status]["headers"], place
        assert "400" in operation["responses"] or not place.partition(" ")[2].startswith("/api/"), place


@pytest.mark.parametrize(
    ("document_", "published"),
    [
        (
            {"trim_db": -0.004, "measured": {"integrated_lufs": -16.00451}},
            {"trim_db": 0.0, "measured": {"integrated_lufs": -16.0}},
        ),
        # Gains that were applied are exact, so that a file can be made again.
        ({"gain_db": -2.123456789, "drive_db": 1 / 3}, {"gain_db": -2.123456789, "drive_db": 1 / 3}),
        ({"third_octaves_db": (1.23456, -2.0)}, {"third_octaves_db": [1.23, -2.0]}),
        (
            {"duration_s": 1.23456, "attack_ms": 3.14159, "centroid_hz": 1234.567},
            {"duration_s": 1.235, "attack_ms": 3.1, "centroid_hz": 1234.6},
        ),
        ({"esr": 0.00012345678, "samples": 123456789}, {"esr": 0.000123457, "samples": 123456789}),
        ({"spec": {"q": 0.7071067811865476}, "size": 1 / 3}, {"spec": {"q": 0.7071067811865476}, "size": 1 / 3}),
        (
            {"peak_dbfs": float("-inf"), "drive_db": None, "stereo": True},
            {"peak_dbfs": float("-inf"), "drive_db": None, "stereo": True},
        ),
    ],
)
def test_numbers_have_the_precision_that_is_meant(document_: dict[str, Any], published: dict[str, Any]) -> None:
    assert rounded(document_) == published
    assert "-0.0" not in str(rounded(document_))
