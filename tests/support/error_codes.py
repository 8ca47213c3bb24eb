"""The codes that the source raises, found in its syntax, and docs/errors.md, made from the registry: `task docs`."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.shared import PROJECT
from tone_shootout.error_codes import CLOSE_CODES, ERROR_CODES

SRC = PROJECT / "src" / "tone_shootout"
GUIDE = PROJECT / "docs" / "errors.md"
BEGIN, END = "<!-- codes: written by `task docs` -->\n", "<!-- end of codes -->\n"
FIRST = {"Explanation", "Failed", "Fault", "Notice", "FileNotice", "RejectedFile", "Violation"}
"""Calls whose first argument is a code, beside those of exceptions."""
SECOND = {"bad_field", "problem_response"}
NAMED = {"retry_or_fail": "code", "_release": "error_code"}
"""Functions that pass a code on, by the name of the argument."""
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def raised_codes() -> dict[str, list[str]]:
    """Return each code that stands in the source, with the files that raise it."""
    found: dict[str, list[str]] = {}
    for path in sorted(SRC.rglob("*.py")):
        place = str(path.relative_to(SRC))
        if place.startswith("fake_tone3000/") or place == "error_codes.py":
            continue
        for code in _codes(ast.parse(path.read_text())):
            found.setdefault(code, []).append(place)
    return found


def literals() -> set[str]:
    """Return every string of the source, without the registry."""
    return {
        node.value
        for path in SRC.rglob("*.py")
        if path.name != "error_codes.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def has_test(name: str) -> bool:
    """Return whether there is a test, given as `path::name`."""
    path, _, function = name.partition("::")
    file = PROJECT / "tests" / path
    tree = ast.parse(file.read_text() if file.exists() else "")
    return any(isinstance(node, FUNCTIONS) and node.name == function for node in ast.walk(tree))


def _codes(tree: ast.Module) -> Iterator[str]:
    names = _named_values(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for line in node.body:
                if isinstance(line, ast.Assign | ast.AnnAssign) and line.value is not None:
                    target = line.targets[0] if isinstance(line, ast.Assign) else line.target
                    if isinstance(target, ast.Name) and target.id == "code":
                        yield from _values(line.value, names)
        elif isinstance(node, ast.Call) and (code := _code_argument(node)) is not None:
            yield from _values(code, names)


def _code_argument(call: ast.Call) -> ast.expr | None:
    name = getattr(call.func, "id", "") or getattr(call.func, "attr", "")
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    if name in NAMED:
        return keywords.get(NAMED[name])
    if name in SECOND:
        return call.args[1] if len(call.args) > 1 else None
    if name in FIRST or name.endswith("Error") or name == "InvalidSpec":
        return keywords.get("code") or (call.args[0] if len(call.args) > 1 else None)
    return None


def _named_values(tree: ast.Module) -> dict[str, list[ast.expr]]:
    """Return the values of constants, and of the names in loops over tables."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            found.setdefault(node.target.id, []).append(node.value)
        elif isinstance(node, ast.For) and isinstance(node.target, ast.Tuple) and isinstance(node.iter, ast.Tuple):
            for row in node.iter.elts:
                if isinstance(row, ast.Tuple):
                    for target, value in zip(node.target.elts, row.elts, strict=False):
                        if isinstance(target, ast.Name):
                            found.setdefault(target.id, []).append(value)
    return found


def _values(value: ast.expr, names: dict[str, list[ast.expr]]) -> Iterator[str]:
    match value:
        case ast.Constant(value=str(text)) if text.isidentifier() and text == text.lower():
            yield text
        case ast.IfExp(body=body, orelse=orelse):
            yield from _values(body, names)
            yield from _values(orelse, names)
        case ast.Name(id=name):
            for each in names.get(name, []):
                if not isinstance(each, ast.Name):
                    yield from _values(each, names)


def tables() -> str:
    """Return the tables of codes and of close codes."""
    parts = []
    for topic, entries in ERROR_CODES.items():
        rows = [
            f"| `{entry.code}` | {', '.join(map(str, entry.statuses)) or '–'} | {entry.title} | {entry.action} |"
            for entry in entries
        ]
        head = ["| code | status | meaning | what to do |", "|---|---|---|---|"]
        parts.append("\n".join([f"### {topic}", "", *head, *rows]))
    rows = [f"| {entry.code} | {entry.title} | {entry.action} |" for entry in CLOSE_CODES]
    parts.append(
        "\n".join(["### Close codes of WebSockets", "", "| code | meaning | what to do |", "|---|---|---|", *rows])
    )
    return "\n\n".join(parts)


def written(path: Path = GUIDE) -> str:
    """Return the guide with the tables as they should be."""
    text = path.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables()}\n\n{END}{after}"


if __name__ == "__main__":
    GUIDE.write_text(written())
