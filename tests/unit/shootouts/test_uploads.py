"""What a client calls a file is never a path, a header or a command; what it does not finish is no burden."""

import os
import time
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from tone_shootout.shootouts.library.uploads import STALE_S, delete_stale_uploads, safe_filename


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


def test_stale_uploads_are_deleted_after_a_day(tmp_path: Path) -> None:
    for name, age_s in (("fresh", 0.0), ("growing", STALE_S - 60), ("left", STALE_S + 60)):
        (tmp_path / name).write_bytes(b"half an upload")
        os.utime(tmp_path / name, (time.time() - age_s,) * 2)
    (tmp_path / "folder").mkdir()
    assert delete_stale_uploads(tmp_path) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"fresh", "growing", "folder"}
    assert delete_stale_uploads(tmp_path) == 0
