"""Types of TONE3000's responses, decoded leniently because the API changes without notice.

Null and missing fields have defaults, unknown fields are ignored, enumerations stay strings, and an optional field of a
wrong type counts as missing. Only ids are required.
"""

from datetime import datetime
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

import msgspec
import structlog
from msgspec import Meta, Struct, field

from tone_shootout.validation import error_path

T = TypeVar("T")

Gear = Literal["amp", "amp_cab", "pedal", "outboard", "cab", "space", "experimental"]
Format = Literal["nam", "ir", "aida_x", "aa_snapshot", "proteus"]
Size = Literal["standard", "lite", "feather", "nano", "custom"]
Architecture = Literal["1", "2", "custom"]
TonesSort = Literal["best_match", "trending", "newest", "oldest", "downloads_all_time"]
UsersSort = Literal["tones", "downloads", "favorites", "models"]
NamesSort = Literal["tones", "name"]
Prompt = Literal["select_tone", "load_tone"]

Id = Annotated[int, Meta(ge=0, le=2**53)]
Seconds = Annotated[int, Meta(ge=0, le=31_536_000)]
"""A duration. A larger value counts as missing, because it could not be stored or waited for."""

ARCHITECTURES: Final[tuple[Architecture, ...]] = ("1", "2", "custom")
UNREADABLE_FIELDS: Final = 50
"""Maximum number of fields that are dropped from a response before it counts as invalid."""

_log = structlog.get_logger(__name__)


class Text(str):
    """Text that TONE3000 sometimes sends as a number, for instance user ids."""

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
        """Display name, or else the user name."""
        return self.display_name or self.username


class User(EmbeddedUser, kw_only=True):
    """A user account."""

    bio: str | None = None
    links: list[str] = []
    created_at: datetime | None = None
    updated_at: datetime | None = None


class PublicUser(User, kw_only=True):
    """A user in a list."""

    downloads_count: int = 0
    favorites_count: int = 0
    models_count: int = 0
    tones_count: int = 0


class Named(Struct, kw_only=True):
    """A make or a tag; lists of them also have the number of its tones."""

    id: Id | None = None
    name: str = ""
    tones_count: int = 0
    url: str = ""


class Tone(Struct, kw_only=True):
    """A tone: one piece of gear with its captures or impulse responses."""

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
    """Name of `format` until June 2026."""
    images: list[str] = []
    is_public: bool | None = None
    links: list[str] = []
    license: str = ""
    sizes: list[str] = []
    makes: list[Named] = []
    tags: list[Named] = []
    models_count: int = 0
    """Has another meaning in each endpoint; the four counters below are reliable."""
    a1_models_count: int = 0
    a2_models_count: int = 0
    custom_models_count: int = 0
    irs_count: int = 0
    downloads_count: int = 0
    favorites_count: int = 0
    is_favorite: bool = False
    url: str = ""

    def __post_init__(self) -> None:
        """Fill in fields from their older names."""
        self.format = self.format or self.platform
        self.user_id = self.user_id or self.user.id

    @property
    def files_count(self) -> int:
        """Number of captures and impulse responses of every kind."""
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
    """A favorite of a user."""

    id: Id
    tone_id: Id = 0
    user_id: Text = Text("")
    created_at: datetime | None = None


class ToneDownload(Struct, kw_only=True):
    """Archive of all files of a tone, reserved for partners."""

    url: str
    expires_at: datetime | None = None
    filename: str = ""


class Page(Struct, Generic[T], kw_only=True):
    """A page of a list, numbered from 1."""

    data: list[T] = []
    page: int = 1
    page_size: int = 0
    total: int = 0
    total_pages: int = 0


class TokenPair(Struct, kw_only=True):
    """Access token and refresh token of a user."""

    access_token: str
    refresh_token: str = ""
    token_type: str = "bearer"  # noqa: S105 - the name of a kind of token
    expires_in: Seconds = 3600
    scope: str | None = None

    def __repr__(self) -> str:
        """Return a text without secrets."""
        return f"TokenPair(expires_in={self.expires_in})"


class DeviceCode(Struct, kw_only=True):
    """Codes of a device's sign-in, which the user finishes in any browser."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str = ""
    expires_in: Seconds = 600
    interval: Seconds = 5

    def __post_init__(self) -> None:
        """Fill in the field that RFC 8628 makes optional."""
        self.verification_uri_complete = self.verification_uri_complete or self.verification_uri


def decode(data: bytes, kind: type[T]) -> T:
    """Decode a response; drop optional fields of a wrong type.

    Raises:
        msgspec.DecodeError: the data is not JSON, or lacks a required field.
    """
    document = _without_nulls(msgspec.json.decode(data))
    for _ in range(UNREADABLE_FIELDS):
        try:
            return msgspec.convert(document, kind, dec_hook=_text)
        except msgspec.ValidationError as error:
            if not _drop(document, error):
                raise
            _log.warning("tone3000_field_dropped", detail=str(error))
    return msgspec.convert(document, kind, dec_hook=_text)


def hyphenated(value: str | None) -> str:
    """Return a value of an enumeration as TONE3000 spells it: with hyphens, where this program has underscores."""
    return (value or "").replace("_", "-")


def plain(text: str) -> str:
    """Return a text on one line, without control characters, which are unsafe in logs, terminals and the database."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


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
    """Remove the value that an error points at; return False if there is none."""
    steps = error_path(error)
    if not steps or "..." in steps:
        return False
    parent = document
    for step in steps[:-1]:
        parent = parent[int(step)] if isinstance(parent, list) else parent.get(step)
    if isinstance(parent, list):
        del parent[int(steps[-1])]
        return True
    return isinstance(parent, dict) and parent.pop(steps[-1], None) is not None
