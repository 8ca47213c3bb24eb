"""`docs/tone3000.md` agrees with the code."""

import re
import tomllib
from dataclasses import fields

import msgspec
import pytest

from tests.support.shared import PROJECT
from tone_shootout.accounts.errors import NotConnectedError, ReconnectError
from tone_shootout.cli import main
from tone_shootout.kit.http.problems import ProblemError
from tone_shootout.kit.settings import Settings, Tone3000Settings, load_settings
from tone_shootout.shootouts.config import AssetCapture, ModelRef
from tone_shootout.shootouts.tones.errors import UnsupportedFormatError
from tone_shootout.tone3000 import errors
from tone_shootout.tone3000.errors import Tone3000Error
from tone_shootout.tone3000.licenses import get_license

GUIDE = (PROJECT / "docs" / "tone3000.md").read_text()


def _rows(heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading."""
    section = GUIDE.split(f"{heading}\n")[1]
    table = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert table
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()[2:]]


def test_the_guide_names_existing_settings() -> None:
    named = set(re.findall(r"SHOOTOUT_TONE3000_([A-Z0-9_]+)", GUIDE))
    assert {"CLIENT_ID", "SEARCH"} < named <= {field.name.upper() for field in fields(Tone3000Settings)}
    others = set(re.findall(r"SHOOTOUT_(?!TONE3000)([A-Z0-9]+)_\w+", GUIDE))
    assert others <= {field.name.upper() for field in fields(Settings)}


def test_the_guide_names_existing_commands() -> None:
    for name in set(re.findall(r"(?:`|^)shootout ([a-z0-9]+)", GUIDE, re.MULTILINE)):
        assert main.get_command(None, name) is not None  # type: ignore[arg-type]  # our group needs no context


def test_the_guide_explains_existing_errors_and_all_common_ones() -> None:
    others: list[type[ProblemError]] = [NotConnectedError, ReconnectError, UnsupportedFormatError]
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Tone3000Error)]
    known = {kind.code for kind in (*kinds, *others)}
    explained = {code for row in _rows("## Errors") for code in re.findall(r"`([a-z0-9_]+)`", row[0])}
    assert explained <= known
    assert known - explained == {"tone3000_not_granted", "too_large"}


def test_the_guide_states_what_licenses_allow() -> None:
    stated = {
        code: row[2].startswith("yes")
        for row in _rows("**Licenses** are each creator's choice.")
        for code in re.findall(r"`([a-z0-9-]+)`", row[0])
    }
    assert len(stated) == 8
    assert {code: get_license(code).commercial for code in stated} == stated
    assert get_license("house-rules").commercial is get_license("").commercial is None


def test_the_block_in_the_guide_is_valid() -> None:
    shown = re.search(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    assert shown
    block = tomllib.loads(shown[1])["chains"]["blocks"][0]
    assert msgspec.convert(block, AssetCapture).tone3000 == ModelRef(tone_id=900101, model_id=910001)


@pytest.mark.parametrize("setting", re.findall(r"^(SHOOTOUT_\w+)=(t3k_\S+)$", GUIDE, re.MULTILINE))
def test_the_key_in_the_guide_is_publishable(setting: tuple[str, str]) -> None:
    assert load_settings(dict([setting])).tone3000.client_id.startswith("t3k_pub_")
