"""`shootout submit`, `library` and `jobs download` against the real service."""

import asyncio
import json
import zipfile
from collections.abc import Callable, Coroutine, Generator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from tests.integration.conftest import Person
from tests.support.live import working
from tests.support.render_inputs import cabinet
from tests.support.uploads import capture, di, ir
from tone_shootout.audio.files import encode_flac
from tone_shootout.cli import main
from tone_shootout.kit.settings import Settings

Shootout = Callable[..., Coroutine[Any, Any, Result]]


@pytest.fixture(scope="module")
def worker(settings: Settings) -> Generator[None, None, None]:
    with working(settings):
        yield


@pytest.fixture
def shootout(base_url: str, user: Person, tmp_path: Path) -> Shootout:
    """Runs `shootout …` as the user."""

    async def run(*arguments: str | Path) -> Result:
        environ = {"SHOOTOUT_URL": base_url, "SHOOTOUT_TOKEN": user.token, "SHOOTOUT_DATA": str(tmp_path / "data")}
        return await asyncio.to_thread(CliRunner().invoke, main, [str(each) for each in arguments], env=environ)

    return run


def _replace(spec: Path, old: str, new: str, *, count: int = -1) -> None:
    text = spec.read_text()
    assert old in text
    spec.write_text(text.replace(old, new, count))


async def test_a_broken_spec_is_refused_before_anything_is_uploaded(shootout: Shootout, spec: Path) -> None:
    _replace(spec, "input_gain_db = 6.0", "input_gain_db = 600.0")
    refused = await shootout("submit", spec)
    assert refused.exit_code == 1
    assert "chain “High”, block 1 (capture), input_gain_db: " in refused.stderr
    _replace(spec, "input_gain_db = 600.0", "input_gain_db = 6.0")
    _replace(spec, "cab.wav", "gone.wav")
    refused = await shootout("submit", spec)
    assert "gone.wav: No such file or directory" in refused.stderr
    assert (await shootout("library", "list")).stdout == ""


async def test_an_error_of_the_service_names_its_place_in_the_spec(shootout: Shootout, spec: Path) -> None:
    _replace(spec, 'blocks = [{ type = "capture", file = "amp.nam" }, {', "blocks = [{")
    _replace(spec, 'type = "cab_ir", file = "cab.wav" }]', 'type = "capture", file = "amp.nam" }]', count=1)
    refused = await shootout("submit", spec)
    assert refused.exit_code == 1
    (line,) = refused.stderr.splitlines()
    assert line.startswith("Error: chain “Low”, blocks: ")
    assert line.endswith("(ir_required)")


async def test_files_are_uploaded_listed_and_deleted(shootout: Shootout, spec: Path) -> None:
    folder = spec.parent
    added = await shootout("library", "upload", folder / "amp.nam", "--kind", "capture", "--name", "Plexi", "--json")
    (item,) = json.loads(added.stdout)
    assert (item["kind"], item["name"], item["is_new"]) == ("capture", "Plexi", True)
    repeated = await shootout("library", "upload", folder / "amp.nam", "--kind", "capture", "--json")
    (again,) = json.loads(repeated.stdout)
    assert (again["id"], again["is_new"]) == (item["id"], False)
    listed = await shootout("library", "list", "--kind", "capture", "--name", "plex")
    assert listed.stdout.split() == [item["id"], "capture", "Plexi"]
    assert (await shootout("library", "list", "--kind", "cab_ir")).stderr.strip() == "no items"
    for name in "abcdefghi":  # more than the service takes in one request
        (folder / f"{name}.nam").write_bytes(capture(ord(name) / 1000))
    (folder / "i.nam").write_bytes(b"{}")
    several = await shootout("library", "upload", *sorted(folder.glob("?.nam")), "--kind", "capture")
    assert [line.split()[2] for line in several.stdout.splitlines()] == list("abcdefgh")
    assert (several.exit_code, several.stderr.count("\n")) == (1, 1)
    assert several.stderr.startswith(f"Error: {folder / 'i.nam'}: ")
    assert several.stderr.endswith("(missing_field)\n")
    assert (await shootout("library", "upload", "a", "b", "--kind", "capture", "--name", "x")).exit_code == 2
    assert "is not the id of an item" in (await shootout("library", "delete", "Plexi")).stderr
    Image.new("RGB", (30, 20)).save(folder / "plexi.png")
    shown = await shootout("library", "picture", item["id"], folder / "plexi.png")
    assert shown.stdout == f"Set the picture of {item['id']}.\n"
    wrong = await shootout("library", "picture", item["id"], folder / "amp.nam")
    assert (wrong.exit_code, "no picture of a known format" in wrong.stderr) == (1, True)
    assert "No such file" in (await shootout("library", "picture", item["id"], folder / "no.png")).stderr
    assert (await shootout("library", "picture", item["id"])).exit_code == 2
    assert (await shootout("library", "picture", item["id"], "--remove")).exit_code == 0
    assert "has no picture" in (await shootout("library", "picture", item["id"], "--remove")).stderr
    assert (await shootout("library", "delete", item["id"])).exit_code == 0
    gone = await shootout("library", "delete", item["id"])
    assert (gone.exit_code, len(gone.stderr.splitlines())) == (1, 1)


async def test_folders_archives_and_files_are_uploaded_as_what_they_contain(shootout: Shootout, tmp_path: Path) -> None:
    folder = tmp_path / "tones"
    folder.mkdir()
    for name, content in (("amp.nam", capture(0.21)), ("cab.wav", ir()), ("riff.wav", di()), ("notes.txt", b"loud")):
        (folder / name).write_bytes(content)
    (folder / "cabs" / "deep").mkdir(parents=True)
    (folder / "cabs" / "deep" / "v30.flac").write_bytes(encode_flac(cabinet(seed=9)[:4000], 44_100))
    (folder / "cabs" / "more.zip").write_bytes(b"PK")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "no.nam").write_bytes(capture(0.23))
    with zipfile.ZipFile(tmp_path / "pack.zip", "w") as archive:
        archive.writestr("gear/other.nam", capture(0.22))
        archive.writestr("gear/cabs/greenback.flac", encode_flac(cabinet(seed=8)[:4000], 44_100))
        archive.writestr("notes.txt", b"loud")
        archive.writestr("broken.nam", b"{}")
    done = await shootout("library", "upload", folder, tmp_path / "pack.zip")
    found = sorted(line.split()[1:] for line in done.stdout.splitlines())
    cabs = [["cab_ir", name] for name in ("cab", "greenback", "v30")]
    assert found == [*cabs, ["capture", "amp"], ["capture", "other"], ["di_track", "riff"]]
    assert [line for line in done.stderr.splitlines() if line.startswith("Left out")] == [
        f"Left out: {folder / 'notes.txt'}: expected a capture (.nam) or a sound file",
        f"Left out: {folder / 'cabs' / 'more.zip'}: an archive in a folder: name it to add what is in it",
        f"Left out: {tmp_path / 'pack.zip'}: notes.txt: expected a capture (.nam) or a sound file",
    ]
    assert (done.exit_code, done.stderr.count("Error: ")) == (1, 1)
    assert f"Error: {tmp_path / 'pack.zip'}: broken.nam: " in done.stderr
    refused = await shootout("library", "upload", folder / "notes.txt")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert (await shootout("library", "upload", folder, "--name", "x")).exit_code == 2


async def test_a_spec_is_submitted_followed_and_downloaded(
    worker: None, shootout: Shootout, spec: Path, tmp_path: Path
) -> None:
    done = await shootout("submit", spec, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[:3] == ["Uploaded di track  Riff", "Uploaded capture   amp", "Uploaded cab ir    cab"]
    assert lines[-1].endswith(f"files in {tmp_path / 'out'}")
    assert (tmp_path / "out" / "segments" / "02-riff--high.flac").is_file()
    again = await shootout("jobs", "download", "latest", "--out", tmp_path / "again")
    assert again.exit_code == 0, again.output
    assert "manifest.json" in again.stdout.splitlines()
    assert (tmp_path / "again" / "manifest.json").read_bytes() == (tmp_path / "out" / "manifest.json").read_bytes()
    listed = await shootout("jobs", "download", "latest", "--out", tmp_path / "again", "--json")
    assert listed.stderr == ""
    saved = [json.loads(line) for line in listed.stdout.splitlines()]
    assert {event["type"] for event in saved} == {"artifact"}
    assert [event["data"]["path"] for event in saved] == again.stdout.splitlines()
    quiet = await shootout("submit", spec, "--watch", "--quiet")
    assert (quiet.exit_code, len(quiet.stdout.split())) == (0, 1)
    as_json = await shootout("submit", spec, "--watch", "--json")
    job, *events = [json.loads(line) for line in as_json.stdout.splitlines()]
    assert {event["job_id"] for event in events} == {job["id"]}
    assert (events[0]["type"], events[-1]["type"]) == ("snapshot", "done")
