"""Names of inputs in a manifest."""

from tests.support.specs import FACTS
from tone_shootout.rendering.output.manifest import name_inputs


def _names(names: dict[str, str], *files: str) -> list[str]:
    facts = FACTS["riff.wav"]
    return [item.name for item in name_inputs(dict.fromkeys(files, facts), names, {}).values()]


def test_a_path_is_named_by_its_last_part_and_a_given_name_is_complete() -> None:
    assert _names({"id-1": "AC/DC, 2.5 gain"}, "id-1", "takes/riff.wav") == ["AC/DC, 2.5 gain", "riff.wav"]


def test_equal_names_are_numbered() -> None:
    assert _names({}, "a/riff.wav", "b/riff.wav", "c/riff.wav") == ["riff.wav", "riff (2).wav", "riff (3).wav"]
    assert _names({"1": "A/B 2.5", "2": "A/B 2.5"}, "1", "2") == ["A/B 2.5", "A/B 2.5 (2)"]


def test_a_name_is_one_line_and_never_empty() -> None:
    assert _names({}, "x/a\nb.wav", "x/\x1b[2J.wav", "/") == ["a b.wav", "[2J.wav", "input"]
