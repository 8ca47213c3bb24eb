"""The table of settings in docs/operating.md, made from the settings themselves: `task docs`."""

import ast
import inspect
import json
import re
from dataclasses import Field, fields, is_dataclass
from itertools import pairwise
from typing import Any

from tests.support.shared import PROJECT
from tone_shootout.kit.settings import PREFIX, Settings

GUIDE = PROJECT / "docs" / "operating.md"
BEGIN, END = "<!-- settings: written by `task docs` -->\n", "<!-- end of settings -->\n"


def settings_table() -> str:
    """Every setting with its default and meaning, a table for each concern."""
    parts: list[str] = []
    for group in fields(Settings):
        kind = group.default_factory
        if not (isinstance(kind, type) and is_dataclass(kind)):
            continue
        stated = _docstrings(kind)
        rows = [
            f"| `{PREFIX}_{group.name.upper()}_{field.name.upper()}` | {_default(field)} | {stated[field.name]} |"
            for field in fields(kind)
        ]
        title = (kind.__doc__ or "").split("\n")[0].rstrip(".")
        parts.append("\n".join([f"**{title}**", "", "| variable | default | meaning |", "|---|---|---|", *rows]))
    return "\n\n".join(parts)


def written() -> str:
    """The guide with the table as it should be."""
    text = GUIDE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{settings_table()}\n\n{END}{after}"


def _docstrings(kind: type[Any]) -> dict[str, str]:
    """What stands under each field in the source."""
    body = ast.parse(inspect.getsource(kind)).body[0].body  # type: ignore[attr-defined]  # a class
    found = {}
    for field, below in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
            found[field.target.id] = re.sub(r"\s+", " ", ast.literal_eval(below.value)).strip()
    return found


def _default(field: Field[Any]) -> str:
    value = field.default_factory() if callable(field.default_factory) else field.default
    text = value if isinstance(value, str) else json.dumps(value)
    return f"`{text}`" if text else ""


if __name__ == "__main__":
    GUIDE.write_text(written())
