"""A folder and an environment in which the README's commands run."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.readme import SPEC
from tests.support.shared import PROJECT
from tests.support.uv import find_uv
from tone_shootout.demo import write_material


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the README names."""
    made = tmp_path_factory.mktemp("readme")
    material = write_material(made / "material")
    (made / "crunch.toml").write_text(SPEC)
    for name, capture in zip(("plexi.nam", "combo.nam"), material.captures, strict=False):
        shutil.copy(capture.path, made / name)
    shutil.copy(material.cab_irs[0].path, made / "v30.wav")
    shutil.copy(material.di_tracks[0].path, made / "riff.wav")
    return made


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a reader in a copy of the repository, with a new data folder."""
    return {
        **os.environ,
        # `shootout` as installed with this Python; `test_install` installs it as the README does.
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), str(Path(find_uv()).parent), os.environ["PATH"])),
        "UV_PROJECT": str(PROJECT),
        "UV_NO_SYNC": "1",
        "SHOOTOUT_DATA": str(tmp_path_factory.mktemp("home") / "data"),
        "SHOOTOUT_SERVER_PORT": "0",
    }
