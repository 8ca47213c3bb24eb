"""Fixtures that tests of results share: where a module's result is, what was reported and stored, its segments."""

from pathlib import Path

import pytest

from tests.support.phrases import lay_out_phrases
from tests.support.shootouts import Log, Memory
from tone_shootout.rendering.output.manifest import Manifest, SegmentRecord


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the module's result."""
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def log() -> Log:
    """What is reported about it."""
    return Log()


@pytest.fixture(scope="module")
def store() -> Memory:
    """A cache."""
    return Memory()


@pytest.fixture(scope="module")
def segments(manifest: Manifest) -> dict[str, SegmentRecord]:
    """The records of its segments by chain."""
    return {segment.chain: segment for segment in manifest.segments}


@pytest.fixture(scope="session")
def phrases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a performance of two phrases."""
    folder = tmp_path_factory.mktemp("phrases")
    lay_out_phrases(folder)
    return folder
