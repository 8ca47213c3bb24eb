"""Credits of the works that a shootout uses, and notices about their licenses."""

from typing import Any

import pytest

from tests.support.records import credit, program
from tests.support.specs import blocks, digest, spec
from tone_shootout.rendering.output.credits import Credit, credit_lines, notices
from tone_shootout.rendering.output.manifest import Input, LevelRecord
from tone_shootout.rendering.output.youtube_text import description

CREDITS = {"amp.nam": credit(), "cab.wav": credit("Open back", commercial=True)}


def test_a_commercial_shootout_has_one_notice_per_non_commercial_file() -> None:
    twice = spec(blocks("amp.nam", "cab.wav"), blocks("amp.nam", "cab.wav"), commercial=True)
    found = list(notices(twice, CREDITS))
    assert [(notice.code, notice.pointer) for notice in found] == [("non_commercial_license", "/chains/0/blocks/0")]
    assert "“Bluebird 45 Lead, Gain 3” by Valve Shed is under CC BY-NC" in found[0].detail


def test_an_unknown_license_is_reported_as_unknown() -> None:
    strange = {"amp.nam": credit(license_name="an unknown license (house-rules)", commercial=None)}
    found = list(notices(spec(blocks("amp.nam", "cab.wav"), commercial=True), strange))
    assert [notice.code for notice in found] == ["unknown_license"]
    assert "is under an unknown license (house-rules), and it is unknown" in found[0].detail


@pytest.mark.parametrize(
    ("commercial", "chain", "credited"),
    [
        (False, blocks("amp.nam", "cab.wav"), CREDITS),
        (True, blocks("combo.nam"), CREDITS),
        (True, blocks("amp.nam", "cab.wav"), {}),
        (True, blocks({"type": "capture", "file": "amp.nam", "bypass": True}, "combo.nam"), CREDITS),
    ],
    ids=["not commercial", "other files", "own files", "bypassed"],
)
def test_a_non_commercial_shootout_has_no_notices(
    commercial: bool, chain: list[dict[str, Any]], credited: dict[str, Credit]
) -> None:
    assert not list(notices(spec(chain, commercial=commercial), credited))


def test_each_credit_and_each_attribution_is_listed_once() -> None:
    terms = "CC BY-NC: https://creativecommons.org/licenses/by-nc/4.0/"
    page = "https://tone3000.example/tones/900101"
    assert credit_lines([*CREDITS.values(), credit(), credit("Own", license_url="", url="")]) == [
        f"“Bluebird 45 Lead, Gain 3” by Valve Shed ({terms}) – {page}",
        f"“Open back” by Valve Shed ({terms}) – {page}",
        "“Own” by Valve Shed (CC BY-NC)",
        "Powered by TONE3000 – https://www.tone3000.com",
    ]


def test_the_description_lists_credits_and_notices() -> None:
    inputs = [
        Input(name=name, kind="capture", sha256=digest(name), size_bytes=1, credit=CREDITS.get(name))
        for name in ("amp.nam", "own.nam")
    ]
    noticed = tuple(notices(spec(blocks("amp.nam", "cab.wav"), commercial=True), CREDITS))
    level = LevelRecord(requested_lufs=-16.0, target_lufs=-16.0, ceiling_dbtp=-1.0)
    text = description("Title", level, inputs, [], program([]), None, noticed)
    assert "Captures and cabinets by others:\n“Bluebird 45 Lead, Gain 3” by Valve Shed" in text
    assert "\nPowered by TONE3000 – https://www.tone3000.com\n" in text
    assert f"\nNote: {noticed[0].detail}\n" in text
    plain = description("Title", level, inputs[1:], [], program([]))
    assert "by others" not in plain
    assert "Note:" not in plain
