"""What `/` says: what this service is, and where to go from here."""

from html import escape
from importlib.metadata import version
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.enums import MediaType
from msgspec import Struct

from tone_shootout.kit.settings import Settings

NAME = "Tone Shootout"
DESCRIPTION = "Compares guitar tones: same performance, same loudness, no limiter, every file hash published."
_TOKEN_COMMAND = "shootout user token NAME"  # noqa: S105 - a command, no secret
_TOKEN_HEADER = "Authorization: Bearer TOKEN"  # noqa: S105 - its form
_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }
code { font-family: ui-monospace, monospace; }
:root { color-scheme: light dark; }
"""


class IndexLink(Struct, kw_only=True):
    """Where to go.

    Attributes:
        href: relative to the address of the index itself, so that it holds behind any host name and path prefix.
        title: what is there.
    """

    href: str
    title: str


class Index(Struct, kw_only=True):
    """The service, for programs.

    Attributes:
        name: of the service.
        version: of the service.
        description: one sentence.
        authentication: how to get a token and how to send it.
        links: by a name that stays.
    """

    name: str
    version: str
    description: str
    authentication: str
    links: dict[str, IndexLink]


@get("/", opt={"public": True}, include_in_schema=False)
async def index_page(request: Request[Any, Any, Any], settings: NamedDependency[Settings]) -> Response[Index | str]:
    """Say what this is and where to go: in HTML to a browser, else in JSON."""
    index = _index(settings)
    headers = {"Vary": "Accept", "X-Content-Type-Options": "nosniff"}
    if request.accept.best_match([MediaType.JSON, MediaType.HTML], default=MediaType.JSON) == MediaType.HTML:
        headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return Response(_html(index), media_type=MediaType.HTML, headers=headers)
    return Response(index, media_type=MediaType.JSON, headers=headers)


def _index(settings: Settings) -> Index:
    links = {}
    if settings.server.docs:
        links["documentation"] = IndexLink(href="docs", title="Documentation of the REST API")
        links["openapi"] = IndexLink(href="openapi.json", title="OpenAPI document")
    links["sign_in"] = IndexLink(href="sign-in", title="Sign in")
    links["health"] = IndexLink(href="health/ready", title="Health")
    links["dashboard"] = IndexLink(href="saq/", title="Dashboard of jobs, for administrators")
    return Index(
        name=NAME,
        version=version("tone-shootout"),
        description=DESCRIPTION,
        authentication=(
            f"Create a token with `{_TOKEN_COMMAND}` on the machine that runs the service, "
            f"and send it as `{_TOKEN_HEADER}`."
        ),
        links=links,
    )


def _html(index: Index) -> str:
    links = "\n".join(
        f'<li><a href="{escape(link.href)}">{escape(link.title)}</a></li>' for link in index.links.values()
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(index.name)}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{escape(index.name)}</h1>
<p>{escape(index.description)}</p>
<ul>
{links}
</ul>
<h2>Get a token</h2>
<p>On the machine that runs the service:</p>
<pre><code>{escape(_TOKEN_COMMAND)}</code></pre>
<p>Send it with each request:</p>
<pre><code>{escape(_TOKEN_HEADER)}</code></pre>
<footer><p>Version {escape(index.version)}</p></footer>
</main>
</body>
</html>
"""
