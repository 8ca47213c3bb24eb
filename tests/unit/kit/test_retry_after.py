"""`Retry-After` is read in every form that RFC 9110 has, and what is none of them is no pause."""

import math
from datetime import UTC, datetime

import pytest

from tone_shootout.kit.http.retry_after import parse_retry_after

NOW = datetime(1994, 11, 6, 8, 49, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("0.5", 0.5),
        # the three forms of one moment that RFC 9110, 5.6.7, gives
        ("Sun, 06 Nov 1994 08:49:37 GMT", 30.0),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 30.0),
        ("Sun Nov  6 08:49:37 1994", 30.0),
        ("Sun, 06 Nov 1994 08:49:37 -0000", 30.0),
        ("Sun, 06 Nov 1994 09:49:37 +0100", 30.0),
        ("Sun, 06 Nov 1994 08:48:37 GMT", 0.0),
        ("9" * 400, math.inf),
    ],
)
def test_seconds_and_dates_are_a_pause(text: str, seconds: float) -> None:
    assert parse_retry_after(text, NOW) == seconds


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "soon",
        "-5",
        "nan",
        "inf",
        "1e3",
        "١٢",
        "Sun, 06 Nov 99999 08:49:37 GMT",
        "Sun, 06 Nov 1994 88:49:37 GMT",
    ],
)
def test_what_is_neither_is_no_pause(text: str | None) -> None:
    assert parse_retry_after(text, NOW) is None
