"""Swagger UI as its project releases it: `task vendor -- VERSION` gets the files and states their hashes. Needs npm."""

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

from tests.support.shared import PROJECT

FOLDER: Final = PROJECT / "src" / "tone_shootout" / "kit" / "swagger_ui"
PACKAGE: Final = "swagger-ui-dist"
FILES: Final = ("swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "swagger-ui.css", "LICENSE", "NOTICE")
_README: Final = """\
Swagger UI {version} (npm package `{package}`, Apache-2.0, see LICENSE and NOTICE), the three files that `/docs` needs,
unchanged, so that it works offline. `task vendor -- VERSION` gets another version and writes this table.

| file | SHA-256 |
|---|---|
{rows}
"""


def readme(version: str) -> str:
    """Return the text beside the files, with their version and hashes."""
    rows = "\n".join(f"| {name} | `{hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()}` |" for name in FILES)
    return _README.format(version=version, package=PACKAGE, rows=rows)


def main(version: str) -> None:
    """Get a released version, replace the files, and write the text."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", f"{PACKAGE}@{version}"], cwd=folder, check=True)
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
            for name in FILES:
                file = archive.extractfile(f"package/{name}")
                if file is None:
                    sys.exit(f"{PACKAGE} {version} has no {name}.")
                (FOLDER / name).write_bytes(file.read())
    (FOLDER / "README.md").write_text(readme(version))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Give the version: task vendor -- 5.35.0")
    main(sys.argv[1])
