"""Notices about the files of a shootout are in the plan, each once, with a pointer to the first use."""

import msgspec

from tests.support.specs import FACTS, blocks, spec
from tone_shootout.audio.notices import FileNotice
from tone_shootout.rendering.media_info import MediaInfo
from tone_shootout.rendering.plan.planner import plan

LATE = FileNotice("late_onset", "the response starts 23.4 ms late.")
CLIPPED = FileNotice("clipped", "3 samples are at full scale.")


def test_a_notice_of_a_file_is_in_the_plan_once_with_the_pointer_to_its_first_use() -> None:
    noticed: dict[str, MediaInfo] = {
        **FACTS,
        "riff.wav": msgspec.structs.replace(FACTS["riff.wav"], notices=(CLIPPED,)),
        "cab.wav": msgspec.structs.replace(FACTS["cab.wav"], notices=(LATE,)),
    }
    bypassed = {"type": "cab_ir", "file": "cab.wav", "bypass": True}
    shootout = spec(
        blocks("combo.nam", bypassed),
        blocks("amp.nam", "cab.wav"),
        {"name": "Again", "blocks": blocks("amp.nam", "cab.wav")},
    )
    assert [(notice.code, notice.pointer, notice.detail) for notice in plan(shootout, noticed).notices] == [
        ("clipped", "/di_tracks/0", "DI track “Riff in E”: 3 samples are at full scale."),
        ("late_onset", "/chains/1/blocks/1", "Chain “Chain 1”, cab IR: the response starts 23.4 ms late."),
    ]


def test_media_info_stored_without_notices_is_read_without_notices() -> None:
    kept = msgspec.to_builtins(FACTS["riff.wav"])
    del kept["notices"]
    assert msgspec.convert(kept, MediaInfo) == FACTS["riff.wav"]
