"""Clients written from the documents alone, in Python and JavaScript, make and download a shootout in ten calls."""

import asyncio
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.integration.conftest import Person
from tests.support.javascript import has_javascript, run_javascript
from tests.support.openapi import validator
from tests.support.shared import PROJECT
from tests.support.uploads import capture, di, ir

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("worker")]

CLIENTS = PROJECT / "tests" / "support" / "from_documents"


def _run_python(folder: Path, environ: dict[str, str]) -> None:
    command = [sys.executable, str(CLIENTS / "client.py"), str(folder), str(folder)]
    done = subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "language",
    [
        "python",
        pytest.param("javascript", marks=pytest.mark.skipif(not has_javascript(), reason="no Node.js, no Chromium")),
    ],
)
async def test_a_client_makes_and_downloads_a_shootout_in_at_most_ten_calls(
    language: str, tmp_path: Path, base_url: str, user: Person
) -> None:
    for name, content in {"riff.wav": di(), "plexi.nam": capture(), "v30.wav": ir()}.items():
        (tmp_path / name).write_bytes(content)
    environ = {"SHOOTOUT_URL": base_url, "SHOOTOUT_TOKEN": user.token}
    if language == "python":
        await asyncio.to_thread(_run_python, tmp_path, environ)
    else:
        folder = str(tmp_path)
        ended = await run_javascript(CLIENTS / "client.mjs", folder, folder, folder=tmp_path, environ=environ)
        assert ended.code == 0, ended

    calls = json.loads((tmp_path / "calls.json").read_text())
    assert len(calls) <= 10, calls
    with zipfile.ZipFile(tmp_path / "results.zip") as archive:
        assert "segments/01-riff--plexi.flac" in archive.namelist()
    stream = (tmp_path / "events.txt").read_bytes()
    assert b"\r" not in stream, "lines end in LF"
    check = validator({"$ref": "#/components/schemas/Event"})
    events = [json.loads(line[6:]) for line in stream.decode().split("\n") if line.startswith("data: ")]
    for event in events:
        assert not [str(error) for error in check.iter_errors(event)], event
    assert events[0]["type"] == "snapshot"
    assert {event["type"] for event in events} >= {"status", "phase", "segment", "artifact", "done"}
