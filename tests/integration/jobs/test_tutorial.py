"""The programs of docs/tutorial.md make and download a shootout, also over a connection that is cut."""

import asyncio
import hashlib
import json
import os
import re
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import Person
from tests.support.cutting import cutting_first
from tests.support.javascript import Ended, has_javascript, run_javascript
from tests.support.shared import PROJECT
from tests.support.uploads import capture, di, ir

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("worker")]

GUIDE = (PROJECT / "docs" / "tutorial.md").read_text()


def program(language: str) -> str:
    """Return all blocks of a language, one after another."""
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    return "\n".join(blocks)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the tutorial names."""
    for name, content in {"riff.wav": di(), "plexi.nam": capture(), "v30.wav": ir()}.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.mark.parametrize(
    ("language", "stream"),
    [
        ("python", "/ws"),
        pytest.param("js", "/events", marks=pytest.mark.skipif(not has_javascript(), reason="no Node.js, no Chromium")),
    ],
)
async def test_a_program_makes_and_downloads_a_shootout_over_a_cut_connection(
    language: str, stream: str, folder: Path, base_url: str, user: Person
) -> None:
    source = folder / {"python": "shootout.py", "js": "shootout.mjs"}[language]
    source.write_text(program(language))
    async with cutting_first(base_url, stream) as (url, requested):
        environ = {"SHOOTOUT_URL": url, "SHOOTOUT_TOKEN": user.token}
        if language == "python":
            ended = await _run_python(source, folder, environ)
        else:
            ended = await run_javascript(source, folder=folder, environ=environ)
    assert ended.code == 0, ended.errors
    assert len(requested) == 2, "it came back after the cut"

    results = folder / {"python": "results-python", "js": "results-javascript"}[language]
    manifest = json.loads((results / "manifest.json").read_text())
    assert [segment["chain"] for segment in manifest["segments"]] == ["Dark", "Bright"]
    for segment in manifest["segments"]:
        assert hashlib.sha256((results / segment["file"]).read_bytes()).hexdigest() == segment["sha256"]
    assert re.search(r"^segment 1 ", ended.out, re.MULTILINE)
    assert str(Path(results.name) / "manifest.json") in ended.out


async def _run_python(source: Path, folder: Path, environ: dict[str, str]) -> Ended:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(source)),
        cwd=folder,
        env={**os.environ, **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await asyncio.wait_for(process.communicate(), 120)
    return Ended(process.returncode or 0, out.decode(), errors.decode())
