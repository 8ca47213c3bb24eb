"""Times in requests, and a period of time in the query of a list."""

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
    return Period(utc_time("since", since), utc_time("until", until))


def utc_time(name: str, value: datetime | None) -> datetime | None:
    """Return a time of the query in UTC.

    Raises:
        MalformedError: it has no time zone, or is of another millennium.
    """
    return None if value is None else checked_time(name, value).astimezone(UTC)


def checked_time(name: str, value: datetime, *, pointer: str | None = None) -> datetime:
    """Return a time that the database can store.

    Args:
        name: name of the parameter or field.
        value: the time.
        pointer: JSON pointer of a field of the body; None: it is a parameter.

    Raises:
        MalformedError: it has no time zone, or is of another millennium.
    """
    # Litestar does not pass the constraint of `Time` on to optional parameters.
    if value.tzinfo is None or value.year not in _YEARS:
        expected = f"{name}: Expected a time of this millennium with its time zone, for instance 2026-11-29T14:00:00Z"
        place = {"parameter": name} if pointer is None else {"pointer": pointer}
        raise MalformedError(expected, errors=[Fault(code="invalid", detail=expected, **place)])
    return value
