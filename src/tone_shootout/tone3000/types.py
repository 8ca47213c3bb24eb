"""What TONE3000 sends, read leniently: its answers change without notice.

What is null or missing has its default, what is not known is left out, values of enumerations stay the strings they
are, and an optional field that can't be read counts as missing. Only ids have to be there.
"""

from datetime import datetime
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

import msgspec
import structlog
from msgspec import Meta, Struct, field

from tone_shootout.validation import error_path

T = TypeVar("T")

Gear = Literal["amp", "amp-cab", "pedal", "outboard", "cab", "space", "experimental"]
Format = Literal["nam", "ir", "aida-x", "aa-snapshot", "proteus"]
Size = Literal["standard", "lite", "feather", "nano", "custom"]
Architecture = Literal["1", "2", "custom"]
TonesSort = Literal["best-match", "trending", "newest", "oldest", "downloads-all-time"]
UsersSort = Literal["tones", "downloads", "favorites", "models"]
NamesSort = Literal["tones", "name"]
Prompt = Literal["select_tone", "load_tone"]

Id = Annotated[int, Meta(ge=0, le=2**53)]
Seconds = Annotated[int, Meta(ge=0, le=31_536_000)]
"""What is beyond counts as not said: nothing that could not be stored, or waited for, comes in."""

ARCHITECTURES: Final[tuple[Architecture, ...]] = ("1", "2", "custom")
UNREADABLE_FIELDS: Final = 50
"""So many fields of an answer may be left out before all of it counts as unreadable."""

_log = structlog.get_logger(__name__)


class Text(str):
    """Text that comes as a number at times: ids of users."""

    __slots__ = ()


class EmbeddedUser(Struct, kw_only=True):
    """The creator of a tone."""

    id: Text = Text("")
    username: str = ""
    display_name: str | None = None
    is_verified: bool = False
    avatar_url: str | None = None
    url: str = ""

    @property
    def name(self) -> str:
        """What to call them."""
        return self.display_name or self.username


class User(EmbeddedUser, kw_only=True):
    """The person whose token it is."""

    bio: str | None = None
    links: list[str] = []
    created_at: datetime | None = None
    updated_at: datetime | None = None


class PublicUser(User, kw_only=True):
    """A person in a list."""

    downloads_count: int = 0
    favorites_count: int = 0
    models_count: int = 0
    tones_count: int = 0


class Named(Struct, kw_only=True):
    """A make or a tag; in lists of them with how many tones have it."""

    id: Id | None = None
    name: str = ""
    tones_count: int = 0
    url: str = ""


class Tone(Struct, kw_only=True):
    """What a creator publishes: one piece of gear, with its captures or impulse responses."""

    id: Id
    user_id: Text = Text("")
    user: EmbeddedUser = field(default_factory=EmbeddedUser)
    created_at: datetime | None = None
    updated_at: datetime | None = None
    published_at: datetime | None = None
    title: str = ""
    description: str | None = None
    gear: str = ""
    format: str = ""
    platform: str = ""
    """What `format` was called until June 2026."""
    images: list[str] = []
    is_public: bool | None = None
    links: list[str] = []
    license: str = ""
    sizes: list[str] = []
    makes: list[Named] = []
    tags: list[Named] = []
    models_count: int = 0
    """Means something else in every answer: the counters of the four kinds are the ones to trust."""
    a1_models_count: int = 0
    a2_models_count: int = 0
    custom_models_count: int = 0
    irs_count: int = 0
    downloads_count: int = 0
    favorites_count: int = 0
    is_favorite: bool = False
    url: str = ""

    def __post_init__(self) -> None:
        """Fill in from older names."""
        self.format = self.format or self.platform
        self.user_id = self.user_id or self.user.id

    @property
    def files_count(self) -> int:
        """Captures and impulse responses of every kind."""
        counted = self.a1_models_count + self.a2_models_count + self.custom_models_count + self.irs_count
        return counted or self.models_count


class Model(Struct, kw_only=True):
    """One file of a tone: a capture, or an impulse response."""

    id: Id
    tone_id: Id = 0
    user_id: Text = Text("")
    created_at: datetime | None = None
    updated_at: datetime | None = None
    name: str = ""
    model_url: str = ""
    size: str | None = None
    architecture_version: Text | None = None


class Favorite(Struct, kw_only=True):
    """That somebody keeps a tone."""

    id: Id
    tone_id: Id = 0
    user_id: Text = Text("")
    created_at: datetime | None = None


class ToneDownload(Struct, kw_only=True):
    """All files of a tone as an archive, for partners."""

    url: str
    expires_at: datetime | None = None
    filename: str = ""


class Page(Struct, Generic[T], kw_only=True):
    """A part of a list; `page` counts from 1."""

    data: list[T] = []
    page: int = 1
    page_size: int = 0
    total: int = 0
    total_pages: int = 0


class TokenPair(Struct, kw_only=True):
    """What a person's sign-in gives us."""

    access_token: str
    refresh_token: str = ""
    token_type: str = "bearer"  # noqa: S105 - the name of a kind of token
    expires_in: Seconds = 3600
    scope: str | None = None

    def __repr__(self) -> str:
        """Show nothing that must stay secret."""
        return f"TokenPair(expires_in={self.expires_in})"


class DeviceCode(Struct, kw_only=True):
    """A sign-in that somebody finishes on another device."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str = ""
    expires_in: Seconds = 600
    interval: Seconds = 5

    def __post_init__(self) -> None:
        """Fill in what the standard lets be left out."""
        self.verification_uri_complete = self.verification_uri_complete or self.verification_uri


def decode(data: bytes, kind: type[T]) -> T:
    """Read an answer.

    Raises:
        msgspec.DecodeError: not JSON, or without what can't be done without.
    """
    document = _without_nulls(msgspec.json.decode(data))
    for _ in range(UNREADABLE_FIELDS):
        try:
            return msgspec.convert(document, kind, dec_hook=_text)
        except msgspec.ValidationError as error:
            if not _drop(document, error):
                raise
            _log.warning("tone3000_field_not_read", detail=str(error))
    return msgspec.convert(document, kind, dec_hook=_text)


def plain(text: str) -> str:
    """Return a text of theirs on one line, without what could harm a log, a terminal, a page or a database."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _text(kind: type[Any], value: object) -> Any:
    if kind is Text and isinstance(value, str | int):
        return Text(value)
    raise ValueError(f"Expected `str`, got `{type(value).__name__}`")


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value if inner is not None]
    return value


def _drop(document: Any, error: msgspec.ValidationError) -> bool:
    """Take out what the error points at; False where it points at nothing that could be left out."""
    steps = error_path(error)
    if not steps or "..." in steps:
        return False
    holder = document
    for step in steps[:-1]:
        holder = holder[int(step)] if isinstance(holder, list) else holder.get(step)
    if isinstance(holder, list):
        del holder[int(steps[-1])]
        return True
    return isinstance(holder, dict) and holder.pop(steps[-1], None) is not None
