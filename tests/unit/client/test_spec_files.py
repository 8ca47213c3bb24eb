"""A local spec as a config: every file is named once, a grid becomes one of tables."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tone_shootout.client._spec_files import SpecFile
from tone_shootout.client.models import Kind
from tone_shootout.rendering.spec.document import SpecDocument
from tone_shootout.rendering.spec.grid import expand
from tone_shootout.shootouts.config import Config, document_of

TRACK, AMP, LONG, CAB = (f"00000000-0000-0000-0000-00000000000{number}" for number in range(4))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("riff.wav", "amp.nam", f"{'x' * 60}.nam", "cab.wav"):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def test_chains_of_a_grid_have_the_names_that_a_local_render_gives_them(folder: Path) -> None:
    document: dict[str, Any] = {
        "di_tracks": [{"name": "Riff", "file": "riff.wav"}],
        "grid": {
            "captures": [
                "amp.nam",
                {"file": f"{'x' * 60}.nam"},
                {"file": "amp.nam", "name": "Low", "input_gain_db": -6},
            ],
            "cab_irs": ["cab.wav"],
            "template": [{"type": "capture"}, {"type": "cab_ir"}, {"type": "capture", "file": "amp.nam"}],
        },
    }
    path = folder / "spec.json"
    path.write_text(json.dumps(document))
    spec = SpecFile(path)
    assert spec.document == document
    assets: dict[tuple[Kind, str], str] = {
        ("di_track", "riff.wav"): TRACK,
        ("capture", "amp.nam"): AMP,
        ("capture", f"{'x' * 60}.nam"): LONG,
        ("cab_ir", "cab.wav"): CAB,
    }
    assert spec.files.keys() == assets.keys()
    sent = document_of(msgspec.convert(spec.config(assets), Config))
    local = msgspec.convert(document, SpecDocument)
    chains = expand(sent, names={AMP: "other"}).spec.chains
    assert [chain.name for chain in chains] == [chain.name for chain in expand(local).spec.chains]
    assert [chain.name for chain in chains] == ["amp, cab", f"{'x' * 39}, cab", "Low, cab"]


def test_files_in_the_paths_of_a_split_are_uploaded_and_replaced(folder: Path) -> None:
    paths = [{"blocks": [{"type": "cab_ir", "file": "cab.wav"}, {"type": "gain", "gain_db": 1.0}]}, {"mix_db": -6.0}]
    chain = {"name": "A", "blocks": [{"type": "capture", "file": "amp.nam"}, {"type": "split", "paths": paths}]}
    document = {"di_tracks": [{"name": "Riff", "file": "riff.wav"}], "chains": [chain]}
    (folder / "spec.json").write_text(json.dumps(document))
    spec = SpecFile(folder / "spec.json")
    assert spec.files.keys() == {("di_track", "riff.wav"), ("capture", "amp.nam"), ("cab_ir", "cab.wav")}
    sent = spec.config({("di_track", "riff.wav"): TRACK, ("capture", "amp.nam"): AMP, ("cab_ir", "cab.wav"): CAB})
    path, dry = sent["chains"][0]["blocks"][1]["paths"]
    assert path["blocks"] == [{"type": "cab_ir", "asset": CAB}, {"type": "gain", "gain_db": 1.0}]
    assert dry == {"mix_db": -6.0}
