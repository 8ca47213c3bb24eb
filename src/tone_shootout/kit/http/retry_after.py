"""The `Retry-After` header field (RFC 9110, 10.2.3)."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

_SECONDS: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def parse_retry_after(text: str | None, now: datetime) -> float | None:
    """Return the pause that a field's value requests.

    All three forms of an HTTP date are read (RFC 9110, 5.6.7). A date without a zone is UTC, as HTTP means it.

    Args:
        text: the value: seconds, a fraction of one allowed, or an HTTP date.
        now: what a date is compared with.

    Returns:
        Seconds, 0 or more and without an upper bound; None where there is no value or it is neither form.
    """
    text = (text or "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        date = parsedate_to_datetime(text)
        if date.tzinfo is None:
            date = date.replace(tzinfo=UTC)
        return max((date - now).total_seconds(), 0.0)
    except (ValueError, OverflowError):
        return None
