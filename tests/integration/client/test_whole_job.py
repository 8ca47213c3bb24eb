"""The main job with either client, from local files to downloaded results."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.integration.client.conftest import Do
from tests.integration.conftest import Person
from tests.support.live import working
from tests.support.shared import PROJECT
from tone_shootout.client import Event, Job, LibraryItem
from tone_shootout.kit.settings import Settings


@pytest.fixture(scope="module")
def worker(settings: Settings) -> Generator[None, None, None]:
    with working(settings):
        yield


async def test_a_spec_becomes_a_finished_downloaded_shootout(worker: None, do: Do, spec: Path, tmp_path: Path) -> None:
    uploaded: list[LibraryItem] = []
    job: Job = await do("submit_spec", spec, on_upload=uploaded.append)
    assert [(item.kind, item.name, item.is_new) for item in uploaded] == [
        ("di_track", "Riff", True),
        ("capture", "amp", True),
        ("cab_ir", "cab", True),
    ]
    events: list[Event] = await do("watch", job.id)
    assert (events[0].type, events[-1].type, events[-1].data["status"]) == ("snapshot", "done", "completed")
    assert (await do("job", job.id)).status == "completed"
    files = await do("download", job.id, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out" / "segments").iterdir()) == [
        "01-riff--low.flac",
        "02-riff--high.flac",
    ]
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert len(manifest["segments"]) == 2
    assert all(path.is_file() for path in files)
    assert not list((tmp_path / "out").rglob("*.part"))
    times = [path.stat().st_mtime_ns for path in files]
    assert await do("download", job.id, tmp_path / "out") == files
    assert [path.stat().st_mtime_ns for path in files] == times


def test_the_example_of_the_documentation_runs(
    worker: None, base_url: str, user: Person, spec: Path, tmp_path: Path
) -> None:
    section = (PROJECT / "docs" / "api.md").read_text().partition("## Client")[2].partition("\n## ")[0]
    (example,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    spec.rename(spec.with_name("crunch.toml"))
    environ = {**os.environ, "SHOOTOUT_URL": base_url, "SHOOTOUT_TOKEN": user.token}
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split()[1] == "done"
    assert (tmp_path / "two-crunches" / "manifest.json").is_file()
