"""Clients written from the documents alone, in Python and JavaScript, make and download a shootout in ten calls."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.integration.conftest import Person
from tests.support.openapi import validator
from tests.support.shared import PROJECT
from tests.support.uploads import capture, di, ir

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("worker")]

CLIENTS = PROJECT / "tests" / "support" / "from_documents"
LANGUAGES = {"python": [sys.executable, str(CLIENTS / "client.py")]}
if node := shutil.which("node"):
    LANGUAGES["javascript"] = [node, str(CLIENTS / "client.mjs")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_client_makes_and_downloads_a_shootout_in_at_most_ten_calls(
    language: str, tmp_path: Path, base_url: str, user: Person
) -> None:
    for name, content in {"riff.wav": di(), "plexi.nam": capture(), "v30.wav": ir()}.items():
        (tmp_path / name).write_bytes(content)
    command = [*LANGUAGES[language], str(tmp_path), str(tmp_path)]
    environment = {**os.environ, "SHOOTOUT_URL": base_url, "SHOOTOUT_TOKEN": user.token}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

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
