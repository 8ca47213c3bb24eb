"""JSON schema of specs, generated from their types."""

import json

import msgspec

from tone_shootout.rendering.spec.document import SpecDocument


def spec_schema() -> str:
    """Return the JSON schema (draft 2020-12) of a spec as indented JSON, with a line end."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Spec of a Tone Shootout",
        **msgspec.json.schema(SpecDocument),
    }
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
