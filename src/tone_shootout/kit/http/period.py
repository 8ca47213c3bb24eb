"""A period of time in the query of a list."""

from datetime import UTC, datetime
from typing import Annotated, Final, NamedTuple

from litestar.params import QueryParameter
from msgspec import Meta

from tone_shootout.kit.http.problems import Fault, MalformedError

_YEARS: Final = range(1970, 3000)
"""Years that can be asked for: within what the database stores, in every time zone."""

Time = Annotated[datetime, Meta(tz=True)]
"""A time with its time zone."""
Since = Annotated[Time | None, QueryParameter(description="Only what is at or after this time (RFC 3339).")]
Until = Annotated[Time | None, QueryParameter(description="Only what is before this time (RFC 3339).")]


class Period(NamedTuple):
    """From `since` until just before `until`; None: without a beginning or end."""

    since: datetime | None = None
    until: datetime | None = None


def provide_period(since: Since = None, until: Until = None) -> Period:
    """Read `since` and `until` from the query.

    Raises:
        MalformedError: a time has no time zone, or is of another millennium.
    """
    return Period(_utc("since", since), _utc("until", until))


def _utc(name: str, value: datetime | None) -> datetime | None:
    if value is None:
        return None
    if value.tzinfo is None or value.year not in _YEARS:
        expected = f"{name}: Expected a time with its time zone, for instance 2026-11-29T14:00:00Z"
        raise MalformedError(expected, errors=[Fault(code="invalid", parameter=name, detail=expected)])
    return value.astimezone(UTC)
