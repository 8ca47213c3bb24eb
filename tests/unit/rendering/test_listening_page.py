"""The listening page: its sound files, its data and its HTML."""

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.support import abx_outcomes
from tests.support.listening import HOSTILE, render_result
from tests.support.shared import PROJECT
from tests.support.specs import blocks, spec
from tone_shootout.audio.constants import DUAL_MONO_DB
from tone_shootout.audio.files import encode_flac, read_audio, write_flac
from tone_shootout.audio.spectrum import THIRD_OCTAVES_HZ
from tone_shootout.rendering.listening_page.document import (
    DISK,
    SCRIPTS,
    STATIC,
    Home,
    render_document,
)
from tone_shootout.rendering.listening_page.page import Page, decode_page, input_groups, make_page
from tone_shootout.rendering.listening_page.sound import peaks
from tone_shootout.rendering.listening_page.sound_files import BUDGET_BYTES, fits, sound_files
from tone_shootout.rendering.metrics import SweepDistances
from tone_shootout.rendering.output.manifest import Manifest, decode_manifest
from tone_shootout.rendering.output.result_folder import record

RATE = 48_000
LARGEST_SCRIPT_BYTES = 80_000
"""All script of ours together, uncompressed."""


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, Path]:
    folder = tmp_path_factory.mktemp("listening")
    return render_result(folder), folder / "out"


@pytest.fixture(scope="module")
def page(result: tuple[Manifest, Path]) -> Page:
    return decode_page((result[1] / "listen" / "page.json").read_bytes())


def _flac(script: Path) -> bytes:
    found = re.fullmatch(r'ToneShootout\.sound\("([\w./-]+)","([\w+/=]+)"\)\n', script.read_text())
    assert found is not None
    assert found[1] == f"listen/{script.name}"
    return base64.b64decode(found[2])


def test_sound_files_hold_the_samples_of_the_segments(result: tuple[Manifest, Path], page: Page) -> None:
    out = result[1]
    for segment in page.segments:
        (item,) = segment.sound
        played = read_audio(_flac(out / item.file), max_seconds=60).samples
        np.testing.assert_array_equal(played, read_audio(out / segment.file, max_seconds=60).samples)
        assert (item.start, item.samples) == (0, played.shape[1])


def test_an_adaptive_flac_is_smaller_and_holds_equal_samples(tmp_path: Path) -> None:
    time = np.arange(RATE) / RATE
    x = (0.4 * np.sin(2 * np.pi * 110 * time) + 0.05 * np.sin(2 * np.pi * 3_210 * time)).astype(np.float32)
    write_flac(tmp_path / "fixed.flac", x, RATE)
    small = encode_flac(x, RATE)
    np.testing.assert_array_equal(
        read_audio(small, max_seconds=2).samples, read_audio(tmp_path / "fixed.flac", max_seconds=2).samples
    )
    assert len(small) < (tmp_path / "fixed.flac").stat().st_size


def test_all_files_of_the_page_are_in_the_manifest_with_their_hashes(result: tuple[Manifest, Path]) -> None:
    manifest, out = result
    assert decode_manifest((out / "manifest.json").read_bytes()).files == manifest.files
    recorded = {item.path: item for item in manifest.files}
    written = {path.relative_to(out).as_posix() for path in (out / "listen").iterdir()} | {"index.html"}
    assert written <= recorded.keys()
    assert all(record(out, name) == recorded[name] for name in written)


def test_two_renderings_write_equal_pages(result: tuple[Manifest, Path], tmp_path: Path) -> None:
    again = render_result(tmp_path)
    assert again.files == result[0].files


def test_the_page_repeats_the_numbers_of_the_manifest(result: tuple[Manifest, Path], page: Page) -> None:
    stored: dict[str, Any] = json.loads((result[1] / "manifest.json").read_bytes())
    shown: dict[str, Any] = json.loads((result[1] / "listen" / "page.json").read_bytes())
    for before, after in zip(stored["segments"], shown["segments"], strict=True):
        for name in ("position", "chain", "sha256", "measured", "gain_db", "latency", "loudness_before_lufs"):
            assert after[name] == before[name], name
        assert after["third_octaves_db"] == before["metrics"]["third_octaves_db"]
    assert shown["comparisons"] == stored["comparisons"]
    assert [track["distances_db"] for track in shown["tracks"]] == [
        each["distances_db"] for each in stored["difference"]
    ]
    assert [segment.track for segment in page.segments] == [0, 0, 0, 1, 1, 1]
    assert shown["bands_hz"] == pytest.approx(THIRD_OCTAVES_HZ.tolist(), abs=0.05)


def test_peaks_are_the_extremes_of_each_column() -> None:
    samples = np.zeros(5_000, np.float32)
    samples[7], samples[4_999] = 1.0, -0.001
    columns = np.frombuffer(peaks(samples), np.int8).reshape(-1, 2)
    assert columns.shape == (1_000, 2)
    assert columns[1].tolist() == [0, 127]
    assert columns[-1].tolist() == [-1, 0], "sound is never drawn as silence"
    assert not columns[2:-1].any()
    assert len(peaks(samples[:3])) == 6


@pytest.mark.parametrize(("minutes", "tones"), [(5.7, 6), (2.1, 16)])  # PAGES.md: six mono tones 5.8 min, sixteen 2.2
def test_tones_that_fit_the_memory_are_one_file_each(minutes: float, tones: int) -> None:
    samples = round(minutes * 60 * RATE)
    assert fits(samples, tones)
    assert [item.file for item in sound_files("01-a", samples, tones)] == ["listen/01-a.js"]


def test_longer_tones_are_parts_of_30_s_that_meet() -> None:
    samples = 150 * RATE + 5
    parts = sound_files("01-a", samples, 16)
    assert 16 * samples * 4 > BUDGET_BYTES
    assert [(part.start, part.samples) for part in parts] == [
        *((n * 30 * RATE, 30 * RATE) for n in range(5)),
        (150 * RATE, 5),
    ]
    assert [part.file for part in parts][::5] == ["listen/01-a-001.js", "listen/01-a-006.js"]


class _Elements(HTMLParser):
    """Collects the elements of a document, and the text of its data block."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.data = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][1].get("id") == "shootout" and not self.data:
            self.data = data


def _elements(html: str) -> _Elements:
    parser = _Elements()
    parser.feed(html)
    return parser


def test_names_are_escaped_in_the_document_and_in_its_data(page: Page) -> None:
    html = render_document(page, DISK)
    parsed = _elements(html)
    assert not [tag for tag, _ in parsed.found if tag in ("img", "b") and html.count("<img")]
    assert "</script><img" not in html
    data = json.loads(parsed.data)
    assert data["segments"][2]["chain"] == HOSTILE
    assert data["title"] == "Three wires <b>"


@pytest.mark.parametrize(
    ("names_and_levels", "expected"),
    [
        ("A-6 B-6 A0 B0", [-6.0, None, 0.0, None]),
        ("A-6 A0 B0", [-6.0, 0.0, None]),
        ("A-6 B0", [None, None]),
        ("A0 B0", [None, None]),
    ],
)
def test_tones_are_grouped_by_the_levels_of_a_sweep(names_and_levels: str, expected: list[float | None]) -> None:
    files = {"A": "amp.nam", "B": "pedal.nam"}
    chains = [
        {"name": each, "input_gain_db": float(each[1:]), "blocks": blocks(files[each[0]])}
        for each in names_and_levels.split()
    ]
    assert input_groups(spec(*chains).chains) == expected


def test_the_document_heads_each_input_level_and_names_stereo_and_mono(page: Page) -> None:
    def document(**fields: Any) -> str:
        return re.sub(r"\s+", " ", render_document(msgspec.structs.replace(page, **fields), DISK))

    assert "Input " not in document()
    assert document().count("All tones are mono. Loudness is that of one channel;") == 1
    groups = dict(zip((segment.position for segment in page.segments), (-6.0, 0.0), strict=False))
    segments = tuple(
        msgspec.structs.replace(
            segment,
            group_db=groups.get(segment.position),
            channels=1 + segment.position % 2,
            playback_gain_db=0.0 if segment.position % 2 else DUAL_MONO_DB,
        )
        for segment in page.segments
    )
    sweep = SweepDistances(
        di_track="Riff", input_db=(-6.0, 0.0), tones=("A", "B"), distances_db=((1.5, 2.5), (1.5, 2.5))
    )
    shown = document(segments=segments, channels=2, sweeps=(sweep,))
    headings = re.findall(r'<h3 class="tone level" data-track="0" hidden>(.*?)</h3>', shown)
    assert headings == ["Input −6 dB", "Input 0 dB"]
    assert shown.index("Input −6 dB</h3>") < shown.index('id="row-1"')
    assert "· stereo" in shown
    assert "· mono, played 3.0 dB lower" in shown
    assert "All tones are mono" not in shown
    assert '<th scope="row">B</th><td>1.5</td><td>2.5</td>' in shown


def test_the_document_has_no_inline_script_style_or_handler(page: Page) -> None:
    parsed = _elements(render_document(page, DISK))
    for tag, attributes in parsed.found:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        assert tag != "style"
        if tag == "script":
            assert attributes.get("src") or attributes.get("type") == "application/json"
        assert not (attributes.get("src") or "").startswith(("http:", "https:", "//"))
    policy = next(each["content"] for _, each in parsed.found if each.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'self'")
    assert "connect-src 'none'" in policy


def test_on_a_service_the_page_loads_sound_by_fetch_from_given_addresses(page: Page) -> None:
    html = render_document(page, Home(assets="/static/", files="/api/v1/jobs/1/artifacts/"))
    parsed = _elements(html)
    assert json.loads(parsed.data)["home"] == {"fetch": True, "files": "/api/v1/jobs/1/artifacts/", "renew": ""}
    assert "http-equiv" not in html
    assert [each["src"] for tag, each in parsed.found if tag == "script" and "src" in each] == [
        f"/static/{name}" for name in SCRIPTS
    ]


def test_a_result_without_a_page_still_has_one_that_plays_its_files(
    result: tuple[Manifest, Path],
) -> None:
    """Results of before, or with `page = false`."""
    old = make_page(result[0])
    assert [segment.sound[0].file for segment in old.segments] == [segment.file for segment in result[0].segments]
    bare = msgspec.structs.replace(
        result[0],
        comparisons=(),
        difference=(),
        captures=(),
        segments=tuple(msgspec.structs.replace(segment, metrics=None, latency=None) for segment in result[0].segments),
    )
    html = render_document(make_page(bare), DISK)
    assert html.count("<td>unknown</td>") == 2 * len(bare.segments)
    long = tuple(msgspec.structs.replace(segment, samples=BUDGET_BYTES) for segment in result[0].segments)
    assert all(not each.sound for each in make_page(msgspec.structs.replace(bare, segments=long)).segments)


def test_manifests_of_before_the_page_are_still_read(result: tuple[Manifest, Path]) -> None:
    """So that `verify` takes old results."""
    stored = json.loads((result[1] / "manifest.json").read_bytes())
    del stored["spec"]["output"]["page"]
    old = decode_manifest(json.dumps(stored).encode())
    assert [segment.render_key for segment in old.segments] == [segment.render_key for segment in result[0].segments]


def test_our_script_is_small() -> None:
    vendored = PROJECT / "src" / "tone_shootout" / "kit" / "swagger_ui"
    files = [path for path in (PROJECT / "src").rglob("*.js") if not path.is_relative_to(vendored)]
    assert {path.name for path in STATIC.glob("*.js")} == set(SCRIPTS)
    assert sum(path.stat().st_size for path in files) < LARGEST_SCRIPT_BYTES


def test_the_outcomes_of_blind_tests_are_those_of_the_statistics() -> None:
    """Of all numbers of trials and right answers; `tests/unit/listening` compares these with SciPy."""
    assert json.loads(abx_outcomes.PATH.read_bytes()) == json.loads(msgspec.json.encode(abx_outcomes.outcomes()))
