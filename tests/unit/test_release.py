"""Changelog, upgrade notes and version agree."""

import re
import tomllib
from datetime import date

from packaging.version import Version

from tests.support.shared import PROJECT

HEADING = re.compile(r"^## \[(.*?)\](?: - (.*))?$", re.MULTILINE)
CHANGELOG = (PROJECT / "CHANGELOG.md").read_text()
NOTES = (PROJECT / "docs" / "upgrading.md").read_text()
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_changelog_has_the_form_of_keep_a_changelog() -> None:
    headings = HEADING.findall(CHANGELOG)
    assert headings[0] == ("Unreleased", "")
    released = [Version(name) for name, _ in headings[1:]]
    assert released == sorted(released, reverse=True)
    for _, day in headings[1:]:
        date.fromisoformat(day)
    assert set(re.findall(r"^### (.*)$", CHANGELOG, re.MULTILINE)) <= KINDS


def test_every_version_has_upgrade_notes() -> None:
    assert [name for name, _ in HEADING.findall(NOTES)] == [name for name, _ in HEADING.findall(CHANGELOG)]


def test_the_version_is_that_of_the_newest_release_or_of_the_first_one_to_come() -> None:
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    released = [name for name, _ in HEADING.findall(CHANGELOG)[1:]]
    assert version == (released[0] if released else "0.1.0")
