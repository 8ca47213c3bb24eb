"""The command line and the service make the same bytes, and both keep the promise."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import finish
from tests.support.shared import shared_folder
from tests.support.uploads import SHOOTOUTS, add
from tone_shootout.audio.files import read_audio
from tone_shootout.demo import write_material

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("worker")]

SECONDS = 2.0
SHARED = shared_folder()
Sources = tuple[list[Path], list[Path], list[Path]]


def _demo(folder: Path) -> Sources:
    made = write_material(folder)
    return (
        [piece.path for piece in made.di_tracks],
        [piece.path for piece in made.captures],
        [piece.path for piece in made.cab_irs],
    )


def _two(folder: Path) -> Sources:
    tracks, captures, cabs = _demo(folder)
    return tracks[:1], captures[:2], cabs[:1]


def _real(_folder: Path) -> Sources:
    assert SHARED is not None
    models = [SHARED / "nam" / "public" / "models" / name for name in ("wavenet_a1_standard.nam", "lstm.nam", "A2.nam")]
    return [SHARED / "audio" / "riff-di.wav"], models, [SHARED / "audio" / name for name in ("cab-a.wav", "cab-b.wav")]


def _spec(sources: Sources, name_of: Callable[[Path], str], key: str) -> dict[str, Any]:
    tracks, captures, cabs = sources
    return {
        "title": "Everything through everything",
        "output": {"page": False, "plots": False, "video": False},
        "di_tracks": [{"name": path.stem, key: name_of(path), "end_s": SECONDS} for path in tracks],
        "chains": [
            {
                "name": f"{capture.stem} and {cab.stem}",
                "blocks": [{"type": "capture", key: name_of(capture)}, {"type": "cab_ir", key: name_of(cab)}],
            }
            for capture in captures
            for cab in cabs
        ],
    }


def _render(spec: Path, out: Path) -> None:
    command = [sys.executable, "-m", "tone_shootout", "render", str(spec), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "material",
    [
        pytest.param(_two, id="two"),
        pytest.param(_demo, id="demo", marks=pytest.mark.thorough),
        *([pytest.param(_real, id="real", marks=pytest.mark.thorough)] if SHARED else []),
    ],
)
async def test_a_spec_rendered_here_and_a_job_rendered_there_are_the_same(
    base_url: str, user: Person, tmp_path: Path, material: Callable[[Path], Sources]
) -> None:
    sources = material(tmp_path / "material")
    (tmp_path / "spec.json").write_text(json.dumps(_spec(sources, str, "file")))
    out = tmp_path / "out"
    await asyncio.to_thread(_render, tmp_path / "spec.json", out)
    here = json.loads((out / "manifest.json").read_text())

    assets = {
        path: await add(user.client, kind, path.read_bytes())
        for kind, paths in zip(("di_track", "capture", "cab_ir"), sources, strict=True)
        for path in paths
    }
    made = await user.client.post(
        SHOOTOUTS, json={"config": _spec(sources, assets.__getitem__, "asset"), "submit": True}
    )
    assert made.status_code == 201, made.text
    jobs = (await user.client.get("/api/v1/jobs", params={"shootout_id": made.json()["id"]})).json()["items"]
    log = await finish(base_url, user, jobs[0]["id"])
    assert log[-1]["data"]["status"] == "completed", log[-1]
    there = (await user.client.get(f"{jobs[0]['links']['artifacts']}/manifest.json")).json()

    assert [segment["sha256"] for segment in here["segments"]] == [segment["sha256"] for segment in there["segments"]]
    assert len({segment["samples"] for segment in here["segments"]}) == 1
    for segment in here["segments"]:
        assert segment["measured"]["integrated_lufs"] == pytest.approx(here["level"]["target_lufs"], abs=0.1)
        assert segment["measured"]["true_peak_dbtp"] <= here["level"]["ceiling_dbtp"]
        audio = read_audio(out / segment["file"], max_seconds=60)
        assert audio.samples.shape == (1, segment["samples"])
