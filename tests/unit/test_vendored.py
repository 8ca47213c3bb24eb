"""Files of others are what their README says."""

import re

from tests.support.vendored import FILES, FOLDER, readme


def test_the_files_of_swagger_ui_have_the_hashes_of_their_readme() -> None:
    text = (FOLDER / "README.md").read_text()
    version = re.match(r"Swagger UI (\d+\.\d+\.\d+) ", text)
    assert version is not None
    assert text == readme(version[1])
    assert {path.name for path in FOLDER.iterdir() if path.suffix in (".js", ".css")} < set(FILES)
