"""The HTML of the listening page, for a result folder and for the service."""

import shutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from tone_shootout.rendering.listening_page.figures import drive_figure
from tone_shootout.rendering.listening_page.page import (
    Page,
    PageSegment,
    PageTrack,
    decode_page,
    encode_page,
    segment_keys,
    segment_names,
)
from tone_shootout.rendering.media_info import KIND_WORDS
from tone_shootout.rendering.metrics import Latency

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

PAGE_NAME: Final = "index.html"
DATA_NAME: Final = "listen/page.json"
SCRIPTS: Final = ("sound.js", "blind.js", "charts.js", "listening.js", "abx.js")
STYLE: Final = "listening.css"
STATIC: Final = Path(__file__).parent / "static"
"""Folder of script and style; a service serves it under `Home.assets`."""

_SHADES: Final = 5


class Shared(Struct, frozen=True, kw_only=True):
    """What the page of a share shows beside the result. Addresses of tests and of the picture are paths.

    Attributes:
        url: URL of the page, for other hosts.
        oembed: URL of the description of the player (oembed.com).
        is_listed: whether search engines may list it.
        description: one line about it, for previews of links.
        image: URL of the image in previews of links; empty: none.
        image_size: width and height of that image, pixels; None: unknown.
        notes: text of the owner, with line breaks.
        picture: address of the owner's picture; empty: none.
        tests: address and name of each open listening test.
        unfinished: address of a test that the visitor has begun; its figures would help. Empty: none.
    """

    url: str
    oembed: str
    is_listed: bool
    description: str
    image: str = ""
    image_size: tuple[int, int] | None = None
    notes: str = ""
    picture: str = ""
    tests: tuple[tuple[str, str], ...] = ()
    unfinished: str = ""


class Home(Struct, frozen=True, kw_only=True):
    """Where a page lives.

    Attributes:
        assets: prefix of the addresses of script and style.
        files: prefix of the addresses of the result's files.
        manifest: address of the manifest; empty: no link.
        fetch: whether sound is loaded by `fetch`, which pages from disk can't use.
        renew: address that renews an expired session by POST; empty: none is needed.
        policy: Content-Security-Policy in the document; empty: the service sends one as a header.
        back: address of the service's first page; empty: no link.
        share: address of the page where the owner shares the result; empty: no link.
        shared: what the page of a share shows in addition; None: it is not shared.
    """

    assets: str
    files: str
    manifest: str = ""
    fetch: bool = True
    renew: str = ""
    policy: str = ""
    back: str = ""
    share: str = ""
    shared: Shared | None = None


DISK: Final = Home(
    assets="listen/",
    files="",
    manifest="manifest.json",
    fetch=False,
    policy=(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
        "connect-src 'none'; form-action 'none'; base-uri 'none'"
    ),
)
"""A result folder."""


def render_document(page: Page, home: Home, template: str = "listening.html") -> str:
    """Return the HTML of a page whose numbers are rounded (`page.decode_page`). Names and notices are escaped.

    Args:
        page: the data.
        home: where the page lives.
        template: `listening.html`; with `home.shared` also `share.html`, the page of a share, or `embed.html`, the
            player alone.
    """
    return (
        _environment()
        .get_template(template)
        .render(
            abx=_abx_outcomes(),
            data=_data_block(page, home),
            drive=drive_figure(page.captures),
            home=home,
            keys=segment_keys(page.segments),
            kinds=KIND_WORDS,
            latency=_latency,
            names=segment_names(page.segments),
            page=page,
            polarity=_polarity,
            scripts=SCRIPTS,
            segment_title=lambda segment: _title(page, segment),
            shade=_shade,
        )
    )


def write_document(page: Page, folder: Path) -> list[str]:
    """Write the page, its data, script and style to a result folder; return the paths of the files in it.

    Raises:
        OSError: a file can't be written.
    """
    listen = folder / "listen"
    listen.mkdir(exist_ok=True)
    data = encode_page(page)
    # Document and script must show the same digits, so that both begin with the rounded numbers.
    (folder / PAGE_NAME).write_text(render_document(decode_page(data), DISK), encoding="utf-8")
    (folder / DATA_NAME).write_bytes(data + b"\n")
    for name in (*SCRIPTS, STYLE):
        shutil.copyfile(STATIC / name, listen / name)
    return [PAGE_NAME, DATA_NAME, *(f"listen/{name}" for name in (*SCRIPTS, STYLE))]


@cache
def _abx_outcomes() -> list[dict[str, Any]]:
    """Return what each number of right answers in a blind test says.

    A table of the statistics of listening tests, which are beyond this package; `tests.support.abx_outcomes` writes it,
    and a test compares them.
    """
    outcomes: list[dict[str, Any]] = msgspec.json.decode((Path(__file__).parent / "abx_outcomes.json").read_bytes())
    return outcomes


@cache
def _environment() -> "Environment":
    # Imported here because processes that write no page should not pay for it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = FileSystemLoader(Path(__file__).parent / "templates")
    return Environment(loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _data_block(page: Page, home: Home) -> "Markup":
    """Return the data for the script. A data block ends at `</script`, so that `<` is written as an escape."""
    from markupsafe import Markup

    data: dict[str, Any] = msgspec.json.decode(encode_page(page))
    data["home"] = {"fetch": home.fetch, "files": home.files, "renew": home.renew}
    return Markup(msgspec.json.encode(data).decode().replace("<", "\\u003c"))  # noqa: S704 - JSON, `<` escaped


def _latency(found: Latency | None) -> str:
    return "unknown" if found is None or found.samples is None else str(found.samples)


def _polarity(found: Latency | None) -> str:
    if found is None or found.samples is None or not found.polarity:
        return "unknown"
    return "inverted" if found.polarity < 0 else "normal"


def _shade(track: PageTrack, distance: float) -> int:
    """Return the shade of a cell of the difference matrix, from 1 to 5 for the largest distance."""
    largest = max((max(row, default=0.0) for row in track.distances_db), default=0.0)
    return max(1, -int(-_SHADES * distance // largest)) if largest else 1


def _title(page: Page, segment: PageSegment) -> str:
    return segment.chain if len(page.tracks) == 1 else f"{page.tracks[segment.track].name} – {segment.chain}"
