"""Descriptions of the players of shares, after oEmbed 1.0 (oembed.com): other sites turn a link into a player."""

from html import escape
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from msgspec import UNSET, Meta, Struct, UnsetType

from tone_shootout.kit.http.problems import problems
from tone_shootout.kit.http.query import ANY_QUERY
from tone_shootout.kit.settings import Settings
from tone_shootout.listening.shares.addresses import PAGE, base_url, checked_slug, embed_path
from tone_shootout.listening.shares.dtos import ShareLinks
from tone_shootout.listening.shares.errors import ShareNotFoundError, UnsupportedFormatError
from tone_shootout.listening.shares.services import ShareService
from tone_shootout.rendering.listening_page.poster import HEIGHT as POSTER_HEIGHT
from tone_shootout.rendering.listening_page.poster import WIDTH as POSTER_WIDTH

WIDTH: Final = 640
HEIGHT: Final = 200
"""Size of the player, pixels."""
SANDBOX: Final = "allow-scripts allow-popups allow-popups-to-escape-sandbox"
"""What the player may do in a frame: run its script, and open the page of the share in another window."""

_Size = Annotated[int | None, QueryParameter(ge=1, le=100_000, description="Largest size, pixels.")]


class OEmbedRead(Struct, kw_only=True):
    """The player of a share, as oEmbed describes it."""

    type: Annotated[Literal["rich"], Meta(description="Type of the resource.")] = "rich"
    version: Annotated[Literal["1.0"], Meta(description="Version of oEmbed.")] = "1.0"
    title: Annotated[str, Meta(description="Title of the share.", examples=["Two crunches"])]
    provider_name: Annotated[str, Meta(description="Name of the service.", examples=["Tone Shootout"])] = (
        "Tone Shootout"
    )
    provider_url: Annotated[str, Meta(description="URL of the service.", examples=["https://tones.example/explore"])]
    html: Annotated[
        str,
        Meta(
            description="The frame to insert.",
            examples=['<iframe src="https://tones.example/embed/q3ZlN7c0Yx8aB1uT" width="640" height="200"></iframe>'],
        ),
    ]
    width: Annotated[int, Meta(description="Width of the frame, pixels.", examples=[WIDTH])]
    height: Annotated[int, Meta(description="Height of the frame, pixels.", examples=[HEIGHT])]
    thumbnail_url: Annotated[
        str | UnsetType,
        Meta(
            description="Image; absent: none that fits.",
            examples=["https://tones.example/api/v1/shares/q3ZlN7c0Yx8aB1uT/files/listen/poster.png"],
        ),
    ] = UNSET
    thumbnail_width: Annotated[int | UnsetType, Meta(description="Width of the image, pixels.", examples=[1200])] = (
        UNSET
    )
    thumbnail_height: Annotated[int | UnsetType, Meta(description="Height of the image, pixels.", examples=[630])] = (
        UNSET
    )


class OEmbedController(Controller):
    """Descriptions of players."""

    path = "/api/v1/oembed"
    tags = ("shares",)

    @get(
        operation_id="get_oembed",
        summary="Describe the player of a share",
        opt={"public": True, ANY_QUERY: True},
        responses=problems(404, 501),
    )
    async def show(
        self,
        request: Request[Any, Any, Any],
        shares: NamedDependency[ShareService],
        settings: NamedDependency[Settings],
        url: Annotated[
            str,
            QueryParameter(
                description="URL of the page of a share.",
                max_length=1000,
            ),
        ],
        oembed_format: Annotated[
            str, QueryParameter(name="format", max_length=40, description="`json`; others are answered with 501.")
        ] = "json",
        maxwidth: _Size = None,
        maxheight: _Size = None,
    ) -> Response[OEmbedRead]:
        """Return the frame with the player of a share, for sites that turn links into players (oEmbed 1.0)."""
        if oembed_format != "json":
            raise UnsupportedFormatError
        base = base_url(request, settings)
        share = await shares.get(_slug_of(url, base))
        width, height = min(WIDTH, maxwidth or WIDTH), min(HEIGHT, maxheight or HEIGHT)
        content = OEmbedRead(
            title=share.title,
            provider_url=f"{base}/explore",
            html=frame(f"{base}{embed_path(share.slug)}", share.title, width, height),
            width=width,
            height=height,
        )
        poster = ShareLinks.of(share).poster
        if (
            poster is not None
            and (maxwidth or POSTER_WIDTH) >= POSTER_WIDTH
            and (maxheight or POSTER_HEIGHT) >= POSTER_HEIGHT
        ):
            content.thumbnail_url = f"{base}{poster}"
            content.thumbnail_width, content.thumbnail_height = POSTER_WIDTH, POSTER_HEIGHT
        headers = {"Cache-Control": "no-cache", "Access-Control-Allow-Origin": "*"}
        return Response(content, headers=headers)


def frame(url: str, title: str, width: int = WIDTH, height: int = HEIGHT) -> str:
    """Return the HTML of a frame with the player at a URL; sizes in pixels."""
    return (
        f'<iframe src="{escape(url)}" width="{width}" height="{height}" title="{escape(title)}" '
        f'sandbox="{SANDBOX}" loading="lazy" style="border:0;max-width:100%"></iframe>'
    )


def _slug_of(url: str, base: str) -> str:
    """Return the slug in the URL of a share's page.

    Raises:
        ShareNotFoundError: it is the URL of something else.
    """
    try:
        sent, own = urlsplit(url), urlsplit(base)
    except ValueError:
        raise ShareNotFoundError from None
    prefix = f"{own.path}{PAGE}"
    if (sent.scheme, sent.netloc) != (own.scheme, own.netloc) or not sent.path.startswith(prefix):
        raise ShareNotFoundError
    return checked_slug(sent.path.removeprefix(prefix).removesuffix("/"))
