"""docs/spec.md, the types of specs and their published JSON schema say the same."""

import json
import re
import tomllib
from typing import Any

import jsonschema_rs
import pytest

from tests.support.spec_reference import GUIDE, SECTIONS, public_structs, written
from tests.support.spec_schema import FILE
from tests.support.specs import parse_spec

SCHEMA = json.loads(FILE.read_text())
TEXT = GUIDE.read_text()
EXAMPLE = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)[0]
ROW = re.compile(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \| (.*) \|$", re.MULTILINE)


def test_the_reference_is_the_one_of_the_types() -> None:
    assert written() == TEXT, "run `task docs`"


def test_every_table_of_a_spec_has_a_section() -> None:
    assert set(SECTIONS) == public_structs()
    assert {struct.__name__ for struct in SECTIONS} == set(SCHEMA["$defs"])


@pytest.mark.parametrize(("name", "title"), [(struct.__name__, title) for struct, title in SECTIONS.items()])
def test_a_section_has_the_names_ranges_and_defaults_of_the_schema(name: str, title: str) -> None:
    section = TEXT.partition(f"### {title}\n")[2].partition("\n### ")[0]
    rows = {row[0]: row[1:] for row in ROW.findall(section)}
    described = SCHEMA["$defs"][name]
    assert list(rows) == list(described["properties"])
    for parameter, (_, span, default, meaning) in rows.items():
        known = described["properties"][parameter]
        assert (default == "required") == (parameter in described["required"]), parameter
        if default.startswith("`"):
            assert json.loads(default[1:-1]) == pytest.approx(known["default"], abs=1e-4), parameter
        assert meaning == known.get("description", "Type."), parameter
        assert [float(end.replace("−", "-")) for end in re.findall(r"−?\d+\.?\d*", span)] == _ends(known), parameter
        for value in _values(known):
            assert f"`{json.dumps(value)}`" in span, parameter


def test_the_example_is_a_spec_by_the_schema_and_by_the_reader() -> None:
    assert EXAMPLE.startswith("#:schema spec.schema.json\n")
    assert jsonschema_rs.Draft202012Validator(SCHEMA).is_valid(tomllib.loads(EXAMPLE))
    assert len(parse_spec(EXAMPLE.encode(), format="toml").chains) == 7


def _ends(known: dict[str, Any]) -> list[float]:
    """Return the limits that a schema states, in the order of the reference."""
    found = [known[key] for key in ("minimum", "exclusiveMinimum", "minLength") if key in known]
    found += [known[key] for key in ("maximum", "maxLength") if key in known]
    if "maxItems" in known:
        found += [known.get("minItems", 0), known["maxItems"]]
    found += [value for value in known.get("enum", []) if isinstance(value, int)]
    return found or [end for each in known.get("anyOf", []) if each.get("type") != "null" for end in _ends(each)]


def _values(known: dict[str, Any]) -> list[object]:
    nested = [known.get("items", {}), *known.get("anyOf", [])]
    found = [*known.get("enum", []), *(value for each in nested for value in each.get("enum", []))]
    return [value for value in found if value is not None]
