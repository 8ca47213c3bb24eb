"""Where the reference material that lives outside the repository is, if it is there at all."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def shared_folder() -> Path | None:
    """Return the shared folder named by `SHOOTOUT_SHARED`, else the one beside the project; None where neither is.

    Tests that need it are collected only when it exists: the project's own small copies suffice without it.
    """
    folder = Path(os.environ.get("SHOOTOUT_SHARED", PROJECT.parent / "shared"))
    return folder if (folder / "nam" / "public" / "cases.json").is_file() else None
