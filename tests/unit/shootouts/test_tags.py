"""Tags are stored in one form."""

from hypothesis import given
from hypothesis import strategies as st

from tone_shootout.shootouts.library.tags import MAX_TAG, normalized_tags, split_tags


def test_tags_are_lower_case_sorted_and_each_once() -> None:
    assert normalized_tags(["  Edge  of Breakup", "a,b", "CLEAN", "clean", " ", "e\u0301"]) == [
        *("a b", "clean", "edge of breakup", "é")
    ]
    assert split_tags(" a, b,,c ,") == ["a", "b", "c"]


@given(st.lists(st.text(max_size=MAX_TAG), max_size=20))
def test_normalization_is_stable_and_bounded(tags: list[str]) -> None:
    once = normalized_tags(tags)
    assert normalized_tags(once) == once
    assert all(0 < len(tag) <= MAX_TAG for tag in once)
