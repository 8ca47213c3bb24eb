"""What `/` tells programs: what this service is, and where to go from here."""

from importlib.metadata import version

from msgspec import Struct

from tone_shootout.kit.settings import Settings

NAME = "Tone Shootout"
DESCRIPTION = "Compares guitar tones: same performance, same loudness, no limiter, every file hash published."
_TOKEN_COMMAND = "shootout user token NAME"  # noqa: S105 - a command, no secret
_TOKEN_HEADER = "Authorization: Bearer TOKEN"  # noqa: S105 - its form


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


def index_of(settings: Settings) -> Index:
    """Return the index of a service."""
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
