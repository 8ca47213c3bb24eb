"""What a bundle contains beside the files of the result."""

from collections.abc import Collection
from pathlib import PurePath
from typing import Final

from tone_shootout.rendering.bundle.figures import tables
from tone_shootout.rendering.bundle.readme import readme
from tone_shootout.rendering.bundle.session import to_rpp
from tone_shootout.rendering.bundle.webmushra import Tone, to_webmushra
from tone_shootout.rendering.output.manifest import Input, Manifest
from tone_shootout.rendering.output.result_folder import INPUTS_NAME
from tone_shootout.rendering.plan.planner import slug

README_NAME: Final = "README.txt"
MUSHRA_PAGES: Final = 2
"""Pages of a test for webMUSHRA: each tone is rated twice, so that consistency can be told."""
FOLDERS: Final = {"di_track": "di_tracks", "capture": "captures", "cab_ir": "cab_irs"}
"""Folders of the inputs, by kind: a bundle that is uploaded adds them to the library as what they are."""
_SIGNATURES: Final = (
    (8, b"WAVE", ".wav"),
    (8, b"AIFF", ".aiff"),
    (8, b"AIFC", ".aifc"),
    (0, b"fLaC", ".flac"),
    (0, b"OggS", ".ogg"),
    (0, b"caff", ".caf"),
    (0, b"riff\x2e\x91\xcf\x11", ".w64"),
    (4, b"ftyp", ".m4a"),
)
_SUFFIXES: Final = frozenset((*(suffix for _, _, suffix in _SIGNATURES), ".aif", ".mp3", ".nam", ".wave"))


def derived_files(manifest: Manifest, included: Collection[Input]) -> dict[str, bytes]:
    """Return the files that are made of a manifest, by path: text, tables and sessions.

    Args:
        manifest: manifest of the result.
        included: the inputs that the bundle contains.
    """
    from tone_shootout.rendering.bundle.commentary import commentary  # loads NumPy

    texts = {"commentary.md": commentary(manifest), "session.rpp": to_rpp(manifest)}
    texts |= {f"figures/{name}": text for name, text in tables(manifest)}
    for number, di_track in enumerate(dict.fromkeys(each.di_track for each in manifest.segments), 1):
        tones = [Tone(each.position, each.chain, each.file) for each in manifest.segments if each.di_track == di_track]
        name = f"{number:02d}-{slug(di_track, fallback='di')}"
        title = f"{manifest.title} – {di_track}"
        if len(tones) > 1:
            texts[f"webmushra/{name}.yaml"] = to_webmushra(
                "preference", tones, title=title, test_id=name, pages=MUSHRA_PAGES
            )
    texts[README_NAME] = readme(manifest, included, list(texts))
    return {path: text.encode() for path, text in texts.items()}


def input_path(manifest: Manifest, item: Input, head: bytes) -> str:
    """Return the path of an input in a bundle.

    Args:
        manifest: manifest of the result.
        item: the input.
        head: at least the first 12 bytes of its content.
    """
    number = 1 + manifest.inputs.index(item)
    suffix = ".nam" if item.kind == "capture" else _sound_suffix(head)
    stem = PurePath(item.name).stem if PurePath(item.name).suffix.lower() in _SUFFIXES else item.name
    return f"{INPUTS_NAME}/{FOLDERS[item.kind]}/{number:02d}-{slug(stem, fallback='input')}{suffix}"


def _sound_suffix(head: bytes) -> str:
    """Return the ending that belongs to a sound file; .mp3 where no signature fits, because MP3 has none."""
    return next((suffix for at, mark, suffix in _SIGNATURES if head[at : at + len(mark)] == mark), ".mp3")
