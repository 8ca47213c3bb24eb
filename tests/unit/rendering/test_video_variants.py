"""Variants of the video: letters, an order of their own, the A/B round alone."""

from typing import Any

import msgspec
import pytest

from tests.support.render_inputs import CARD
from tests.support.specs import FACTS, blocks, spec
from tone_shootout.rendering.output.manifest import LevelRecord
from tone_shootout.rendering.plan.planner import Plan, plan
from tone_shootout.rendering.spec.options import Video
from tone_shootout.rendering.spec.schema import InvalidSpec, Spec
from tone_shootout.rendering.video.contents import key_of_letters, reveal_card_of, round_card_of, title_card_of
from tone_shootout.rendering.video.labels import in_order, labels_of, letter
from tone_shootout.rendering.video.program import program_of, times_ms

GAINS = (-3.0, -2.0, -1.0, 1.0, 2.0, 3.0)
NAMES = [f"Amp at {gain} dB" for gain in GAINS]
CUTS = {0: (90, 180)}


def _plan(**form: bool) -> Plan:
    chains = [
        {"name": name, "blocks": blocks("combo.nam", {"type": "gain", "gain_db": gain})}
        for name, gain in zip(NAMES, GAINS, strict=True)
    ]
    return plan(spec(*chains, video=form), FACTS)


def test_letters_go_on_after_z() -> None:
    assert [letter(place) for place in (0, 1, 25, 26, 27, 51, 52)] == ["A", "B", "Z", "AA", "AB", "AZ", "BA"]


def test_a_blind_video_has_an_order_of_its_own_that_is_always_the_same() -> None:
    labels = labels_of(_plan(blind=True))
    assert sorted(labels.order) == [0, 1, 2, 3, 4, 5]
    assert labels.order != (0, 1, 2, 3, 4, 5)
    assert labels == labels_of(_plan(blind=True))
    assert labels.names == ("Tone A", "Tone B", "Tone C", "Tone D", "Tone E", "Tone F")
    assert [segment.chain for segment in in_order(_plan(blind=True))] == list(labels.order)
    assert dict(key_of_letters(_plan(blind=True)))["A"] == NAMES[labels.order[0]]


def test_no_card_before_the_key_has_a_name() -> None:
    planned = _plan(blind=True)
    level = LevelRecord(requested_lufs=-16.0, target_lufs=-16.0, ceiling_dbtp=-1.0)
    before = [title_card_of(planned, level), round_card_of(planned, CARD), program_of(planned, CUTS).chapters]
    assert not [name for name in NAMES if name in msgspec.json.encode(before).decode()]
    assert [row.name for row in reveal_card_of(planned).rows] == [NAMES[n] for n in labels_of(planned).order]


def test_the_form_of_the_video_changes_no_sample() -> None:
    """Render keys are those of specs without the table, whose manifests have none."""
    keys = {tuple(segment.render_key for segment in _plan(**form).segments) for form in ({}, {"blind": True})}
    assert len(keys) == 1
    old = msgspec.to_builtins(spec(blocks("combo.nam")))
    del old["video"]
    assert msgspec.convert(old, Spec).video == Video()


def test_whole_tones_come_before_the_round_and_the_key_after_it() -> None:
    planned = _plan(blind=True)
    program = program_of(planned, CUTS)
    assert [segment.position for segment, _ in program.segments] == [1 + n for n in labels_of(planned).order]
    (shown,) = program.rounds
    assert shown.start == 30 * (4 + 6 * 10)
    assert program.reveal == shown.start + shown.frames == program.results - 300 == program.frames - 600
    times = times_ms(planned, program)
    assert [times[segment.position] for segment, _ in program.segments] == [
        (4000 + 10_000 * n, 14_000 + 10_000 * n) for n in range(6)
    ]
    assert times == times_ms(planned, None)


@pytest.mark.parametrize(
    ("chains", "track", "more", "detail"),
    [
        (1, {}, {}, "two chains or more, got 1"),
        (2, {"end_s": 3.5}, {}, "at least 4 s, the longest has 3.5 s"),
        (2, {"end_s": 3.5}, {"export": {"tail_s": 1.0}}, None),
        (2, {}, {}, None),
        (1, {}, {"output": {"video": False}}, None),
    ],
)
def test_an_impossible_round_alone_is_an_error(
    chains: int, track: dict[str, Any], more: dict[str, Any], detail: str | None
) -> None:
    document = spec(
        *[blocks("combo.nam") for _ in range(chains)],
        tracks=[{"name": "Riff", "file": "riff.wav", **track}],
        video={"ab_only": True},
        **more,
    )
    if detail is None:
        plan(document, FACTS)
        return
    with pytest.raises(InvalidSpec, match=detail) as caught:
        plan(document, FACTS)
    assert (caught.value.code, caught.value.pointer) == ("no_ab_round", "/video/ab_only")
