"""The tables of docs/spec.md, written from the types of specs: `task docs`."""

import inspect
import json
from typing import Any

import msgspec
from msgspec import inspect as typed

from tests.support.shared import PROJECT
from tone_shootout.rendering.spec import document, options, schema

GUIDE = PROJECT / "docs" / "spec.md"
BEGIN, END = "<!-- reference: written by `task docs` -->\n", "<!-- end of reference -->\n"
SECTIONS: dict[type[msgspec.Struct], str] = {
    document.SpecDocument: "Top level",
    options.Level: "[level]",
    options.Output: "[output]",
    options.Video: "[video]",
    options.Export: "[export]",
    schema.DiTrack: "[[di_tracks]]",
    schema.Chain: "[[chains]]",
    schema.CaptureBlock: "Block capture",
    schema.CabIrBlock: "Block cab_ir",
    schema.SplitBlock: "Block split",
    schema.SplitPath: "Path of a split",
    schema.GainBlock: "Block gain",
    schema.EqBlock: "Block eq",
    schema.Band: "Band of an eq",
    schema.CompressorBlock: "Block compressor",
    schema.NoiseGateBlock: "Block noise_gate",
    schema.DelayBlock: "Block delay",
    schema.ReverbBlock: "Block reverb",
    schema.Sweep: "[[sweep]]",
    document.Grid: "[grid]",
    document.GridCapture: "Entry of pedals and captures",
    document.GridCabIr: "Entry of cab_irs",
    document.PedalSlot: "Template block pedal",
    document.CaptureSlot: "Template block capture",
    document.CabIrSlot: "Template block cab_ir",
    document.SplitSlot: "Template block split",
    document.SlotPath: "Path of a template's split",
}
"""Every struct of a spec, in the order of the reference, with its title."""
TEMPLATE_BLOCKS = (document.PedalSlot, document.CaptureSlot, document.CabIrSlot, document.SplitSlot)
HEAD = ["| parameter | type | range | default | meaning |", "|---|---|---|---|---|"]


def reference() -> str:
    """Return a section with a table for each struct."""
    return "\n\n".join(_section(struct, title) for struct, title in SECTIONS.items())


def written() -> str:
    """Return the guide with the tables as they should be."""
    before, _, rest = GUIDE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{reference()}\n\n{END}{after}"


def _section(struct: type[msgspec.Struct], title: str) -> str:
    info = typed.type_info(struct)
    assert isinstance(info, typed.StructType)
    about = inspect.getdoc(struct)
    assert about is not None
    tag = [] if info.tag is None else [f"| `{info.tag_field}` | string | `{json.dumps(info.tag)}` | required | Type. |"]
    return "\n".join([f"### {title}", "", about, "", *HEAD, *tag, *map(_row, info.fields)])


def _row(field: typed.Field) -> str:
    found, reported = _plain(field.type)
    cells = [f"`{field.encode_name}`", _type(found), _range(found), _default(field), str(reported["description"])]
    return f"| {' | '.join(cells)} |"


def _plain(found: typed.Type) -> tuple[typed.Type, dict[str, Any]]:
    """Return a type without metadata and null, and its description and examples; the outer ones win."""
    reported: dict[str, Any] = {}
    while True:
        if isinstance(found, typed.Metadata):
            reported = {**(found.extra_json_schema or {}), **reported}
            found = found.type
        elif isinstance(found, typed.UnionType) and any(map(_is_nothing, found.types)):
            rest = tuple(each for each in found.types if not _is_nothing(each))
            found = rest[0] if len(rest) == 1 else typed.UnionType(rest)
        else:
            return found, reported


def _is_nothing(found: typed.Type) -> bool:
    return isinstance(found, typed.NoneType)


def _type(found: typed.Type) -> str:
    found, _ = _plain(found)
    match found:
        case typed.BoolType():
            return "boolean"
        case typed.IntType():
            return "integer"
        case typed.FloatType():
            return "number"
        case typed.StrType():
            return "string"
        case typed.LiteralType(values=values):
            return "integer" if isinstance(values[0], int) else "string"
        case typed.VarTupleType(item_type=item):
            return "list of " + _type(item).replace("string", "strings").replace("[table]", "[tables]")
        case typed.StructType(cls=cls):
            return f"[table](#{_anchor(SECTIONS[cls])})"
        case typed.UnionType(types=kinds) if all(isinstance(each, typed.StructType) for each in kinds):
            template = any(isinstance(each, typed.StructType) and each.cls in TEMPLATE_BLOCKS for each in kinds)
            return f"[{'template blocks' if template else 'blocks'}](#{'template-blocks' if template else 'blocks'})"
        case typed.UnionType(types=kinds):
            return " or ".join(map(_type, kinds))
    raise AssertionError(found)


def _anchor(title: str) -> str:
    return "".join(char for char in title.lower().replace(" ", "-") if char.isalnum() or char in "-_")


def _range(found: typed.Type) -> str:
    match found:
        case typed.LiteralType(values=values):
            return ", ".join(f"`{json.dumps(value)}`" for value in values)
        case typed.FloatType(gt=above, ge=least, le=most) | typed.IntType(gt=above, ge=least, le=most):
            return _between(least, most, above)
        case typed.StrType(min_length=least, max_length=most):
            return f"{_between(least, most)} characters"
        case typed.VarTupleType(item_type=item, min_length=least, max_length=most):
            counts = "" if most is None else f"{_between(least or 0, most)} entries"
            inner = _range(item) if isinstance(item, typed.LiteralType) else ""
            return "; ".join(filter(None, (counts, inner)))
        case typed.UnionType(types=kinds):
            return "; ".join(filter(None, (_range(_plain(each)[0]) for each in kinds)))
    return ""


def _between(least: float | None, most: float | None, above: float | None = None) -> str:
    if most is None:
        return f"{_number(least)} or more"
    first = f"above {_number(above)}, up to " if above is not None else f"{_number(least)} to "
    return first + _number(most)


def _number(value: float | None) -> str:
    assert value is not None, "every number and list has a lower end"
    return f"{value:g}".replace("-", "−") if abs(value) < 100_000 else str(value)


def _default(field: typed.Field) -> str:
    if field.required:
        return "required"
    value = field.default
    if value is msgspec.NODEFAULT or value is None or value is msgspec.UNSET:
        return "–"
    if isinstance(value, msgspec.Struct):
        return "its defaults"
    return f"`{json.dumps(round(value, 4) if isinstance(value, float) else value)}`"


def public_structs() -> set[type[msgspec.Struct]]:
    """Return every struct that occurs in a spec."""
    found: set[type[msgspec.Struct]] = set()

    def visit(kind: Any) -> None:
        if isinstance(kind, typed.StructType):
            if kind.cls not in found:
                found.add(kind.cls)
                for field in kind.fields:
                    visit(field.type)
        elif isinstance(kind, typed.Metadata):
            visit(kind.type)
        elif isinstance(kind, typed.UnionType):
            for each in kind.types:
                visit(each)
        elif isinstance(kind, typed.VarTupleType):
            visit(kind.item_type)

    visit(typed.type_info(document.SpecDocument))
    return found


if __name__ == "__main__":
    GUIDE.write_text(written())
