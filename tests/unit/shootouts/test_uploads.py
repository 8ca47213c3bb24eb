"""What a client calls a file is never a path, a header or a command."""

from hypothesis import example, given
from hypothesis import strategies as st

from tone_shootout.shootouts.uploads import safe_filename


@given(st.text(max_size=400))
@example("..")
@example("a/../. .")
def test_a_file_name_is_one_short_printable_component(text: str) -> None:
    name = safe_filename(text)
    assert 1 <= len(name) <= 255
    assert name.isprintable()
    assert not {"/", "\\"} & set(name)
    assert name not in (".", "..")
    assert safe_filename(name) == name
