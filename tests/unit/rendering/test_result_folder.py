"""The result folder."""

from pathlib import Path

import pytest

from tone_shootout.rendering.output.result_folder import STAGING_PREFIX, staging_folder


def test_a_second_rendering_into_the_same_folder_is_rejected_without_effect(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with staging_folder(out) as staging:
        (staging / "half").write_text("done")
        with pytest.raises(BlockingIOError, match="another rendering is using this folder"), staging_folder(out):
            pass
        assert (staging / "half").read_text() == "done"
    with staging_folder(out):
        pass


def test_leftovers_of_a_killed_rendering_are_removed(tmp_path: Path) -> None:
    (tmp_path / f"{STAGING_PREFIX}old").mkdir()
    with staging_folder(tmp_path) as staging:
        assert list(tmp_path.iterdir()) == [staging]
