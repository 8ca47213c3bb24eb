"""The text that tells what is in a bundle."""

from collections.abc import Iterable, Iterator, Sequence

from tone_shootout.rendering.media_info import KIND_WORDS
from tone_shootout.rendering.output.manifest import Input, Manifest


def readme(manifest: Manifest, included: Iterable[Input], further: Sequence[str]) -> str:
    """Return the text.

    Args:
        manifest: manifest of the result.
        included: the inputs that are in the bundle.
        further: paths of the other files in it that are not in the manifest.
    """
    return "\n".join([*_lines(manifest, list(included), further), ""])


def _lines(manifest: Manifest, included: Sequence[Input], further: Sequence[str]) -> Iterator[str]:
    level = manifest.level
    yield from (manifest.title, "=" * len(manifest.title), "")
    yield f"{len(manifest.segments)} segments, all at {level.target_lufs:.1f} LUFS,"
    yield f"none over {level.ceiling_dbtp:.1f} dBTP, each with one gain and no limiter, made with Tone Shootout."
    yield from (
        "",
        "Listen: open index.html. " if _has(manifest, "index.html") else "Listen: open the files in segments/.",
    )
    yield from ("", "In this bundle:", "")
    yield "  manifest.json      inputs, outputs, levels, gains, measures, versions, SHA-256 hashes"
    yield "  segments/          each tone, FLAC, 24 bit"
    for path, text in (
        ("index.html", "the listening page"),
        ("comparison.mp4", "the video"),
        ("thumbnail.png", "thumbnail of the video"),
        ("chapters.txt", "chapters of the video"),
        ("description.txt", "description of the video"),
        ("plots/", "pictures of the figures"),
    ):
        if _has(manifest, path):
            yield f"  {path:<18} {text}"
    texts = {
        "commentary.md": "what the figures say, in sentences",
        "figures/": "the figures as CSV tables",
        "session.rpp": "all segments on aligned tracks, for REAPER",
        "webmushra/": "listening tests for webMUSHRA 1.4",
        "inputs/": "DI tracks, captures and cab IRs",
    }
    for path, text in texts.items():
        if any(name.startswith(path) for name in further) or (path == "inputs/" and included):
            yield f"  {path:<18} {text}"
    yield from (
        "",
        "Verify: `shootout verify BUNDLE.zip` checks every hash, renders all tones again and compares them.",
    )
    missing = [item for item in manifest.inputs if item not in included]
    if missing:
        yield from ("", "Not in this bundle, and needed to verify it (give their folder with --inputs):", "")
        for item in missing:
            yield f"  {item.name} ({KIND_WORDS[item.kind]}, SHA-256 {item.sha256})"
            if item.credit and item.credit.url:
                yield f"    {item.credit.url}"
    if manifest.credits:
        yield from ("", "Credits:", "")
        yield from (f"  {line}" for line in manifest.credits)
    if manifest.notices:
        yield from ("", "To know before comparing:", "")
        yield from (f"  {notice.detail}" for notice in manifest.notices)


def _has(manifest: Manifest, path: str) -> bool:
    return any(item.path.startswith(path) for item in manifest.files)
