"""Samples compared with those of the canonical engine."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from tests.support.nam_documents import Case, reference_cases
from tests.support.shared import shared_folder
from tone_shootout.audio.nam import NamError, load


def public_folder() -> Path | None:
    shared = shared_folder()
    return shared / "nam" / "public" if shared else None


def public_cases() -> list[Case]:
    folder = public_folder()
    if folder is None:
        return []
    index = json.loads((folder / "cases.json").read_text())
    _, x = wavfile.read(folder / index["input"])
    return [
        Case(
            id=f"public-{case['id']}",
            model=folder / case["model"],
            size=case["slim"],
            input=x.astype(np.float32),
            expected=np.load(folder / case["expected"]),
            windows=(slice(None),),
            tolerance=case["tolerance"],
        )
        for case in index["cases"]
    ]


def malformed_files() -> list[Path]:
    folder = public_folder()
    return sorted((folder / "malformed").glob("*.nam")) if folder else []


@pytest.mark.parametrize("case", [*reference_cases(), *public_cases()], ids=lambda case: case.id)
def test_every_sample_equals_that_of_the_canonical_engine(case: Case) -> None:
    y = load(case.model.read_bytes()).start(size=case.size).process(case.input)
    received = np.concatenate([y[window] for window in case.windows])
    assert received.dtype == np.float32
    assert np.abs(received - case.expected).max() <= case.tolerance


if malformed_files():

    @pytest.mark.parametrize("file", malformed_files(), ids=lambda file: file.stem)
    def test_a_malformed_public_file_is_rejected_with_one_line(file: Path) -> None:
        with pytest.raises(NamError) as refusal:
            load(file.read_bytes())
        assert refusal.value.detail
        assert "\n" not in str(refusal.value)
