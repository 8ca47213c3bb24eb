"""What a bundle contains beside the files of the result."""

from collections.abc import Collection
from pathlib import PurePath
from typing import Final

from tone_shootout.audio.sniffing import SOUND_SUFFIXES, sound_suffix
from tone_shootout.rendering.bundle.commentary import commentary
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


def derived_files(manifest: Manifest, included: Collection[Input]) -> dict[str, bytes]:
    """Return the files that are made of a manifest, by path: text, tables and sessions.

    Args:
        manifest: manifest of the result.
        included: the inputs that the bundle contains.
    """
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
    """Return the path of an input in a bundle: in a folder of its kind, by which an upload knows what it is.

    Args:
        manifest: manifest of the result.
        item: the input.
        head: at least the first 12 bytes of its content.
    """
    number = 1 + manifest.inputs.index(item)
    suffix = ".nam" if item.kind == "capture" else sound_suffix(head)
    stem = PurePath(item.name).stem if PurePath(item.name).suffix.lower() in {*SOUND_SUFFIXES, ".nam"} else item.name
    return f"{INPUTS_NAME}/{item.kind}s/{number:02d}-{slug(stem, fallback='input')}{suffix}"
