"""Where the README's reader stands."""

import os
import shutil
from pathlib import Path

import pytest

from tests.support.readme import SPEC
from tests.support.shared import PROJECT
from tone_shootout.demo import write_material


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the README speaks of."""
    folder = tmp_path_factory.mktemp("desk")
    material = write_material(folder / "material")
    (folder / "crunch.toml").write_text(SPEC)
    for name, piece in zip(("plexi.nam", "combo.nam"), material.captures, strict=False):
        shutil.copy(piece.path, folder / name)
    shutil.copy(material.cab_irs[0].path, folder / "v30.wav")
    shutil.copy(material.di_tracks[0].path, folder / "riff.wav")
    return folder


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """As if the reader stood in a copy of the repository, with a data folder of their own."""
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv is not None, "the README installs uv first"
    return {
        **os.environ,
        "PATH": f"{Path(uv).parent}{os.pathsep}{os.environ['PATH']}",
        "UV_PROJECT": str(PROJECT),
        "UV_NO_SYNC": "1",
        "SHOOTOUT_DATA": str(tmp_path_factory.mktemp("home") / "data"),
        "SHOOTOUT_SERVER_PORT": "0",
    }
