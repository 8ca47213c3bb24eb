"""Files in spec files that the service reads."""

from typing import Any

from tone_shootout.shootouts.spec_text import files_in


def test_files_in_paths_of_splits_are_found() -> None:
    paths = [{"blocks": [{"type": "cab_ir", "file": "a.wav"}]}, {"blocks": [{"type": "capture", "file": "b.nam"}]}, {}]
    document: dict[str, Any] = {"chains": [{"blocks": [{"type": "split", "paths": paths}, {"type": "split"}]}]}
    assert files_in(document) == [("cab_ir", "a.wav"), ("capture", "b.nam")]
    assert files_in({"grid": {"template": [{"type": "split", "paths": paths}]}}) == files_in(document)
