"""docs/spec.schema.json, written from the types of specs: `task docs`."""

from tests.support.shared import PROJECT
from tone_shootout.rendering.spec.json_schema import spec_schema

FILE = PROJECT / "docs" / "spec.schema.json"

if __name__ == "__main__":
    FILE.write_text(spec_schema())
