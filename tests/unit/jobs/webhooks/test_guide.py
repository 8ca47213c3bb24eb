"""The example of docs/webhooks.md does what it says."""

import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.shared import PROJECT
from tone_shootout.jobs.status import JobStatus
from tone_shootout.jobs.webhooks.delivery import RETRIES
from tone_shootout.jobs.webhooks.signing import new_secret, signed_headers

GUIDE = (PROJECT / "docs" / "webhooks.md").read_text()
BODY = '{"type": "webhook.test", "data": {"title": "Für Elise"}}'


@pytest.fixture(scope="module")
def verified() -> Callable[[str, dict[str, str], bytes], Any]:
    """The guide's own function."""
    (block,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)
    found: Callable[[str, dict[str, str], bytes], Any] = names["verified"]
    return found


def test_what_we_send_is_verified(verified: Callable[..., Any]) -> None:
    old, new = new_secret(), new_secret()
    headers = signed_headers("msg_1", int(time.time()), BODY, [new, old])
    for secret in (old, new):
        assert verified(secret, headers, BODY.encode())["type"] == "webhook.test"


def test_what_was_changed_or_is_played_again_is_refused(verified: Callable[..., Any]) -> None:
    secret = new_secret()
    headers = signed_headers("msg_1", int(time.time()), BODY, [secret])
    late = signed_headers("msg_1", int(time.time()) - 3600, BODY, [secret])
    for given, body in ((headers, BODY + " "), ({**headers, "webhook-id": "msg_2"}, BODY), (late, BODY)):
        with pytest.raises(ValueError, match=r"not signed|too old"):
            verified(secret, given, body.encode())
    with pytest.raises(ValueError, match="not signed"):
        verified(new_secret(), headers, BODY.encode())


def test_every_status_is_named() -> None:
    assert all(f"`{status}`" in GUIDE for status in JobStatus)


def test_the_waits_are_those_of_the_schedule() -> None:
    units = {"s": 1, "min": 60, "h": 3600}
    reported = [int(number) * units[unit] for number, unit in re.findall(r"(\d+) (s|min|h)\b", _line("anything else"))]
    schedule = [replace(RETRIES, jitter=0.0).delay_s(attempt) for attempt in range(1, len(reported) + 1)]
    assert reported == pytest.approx(schedule, rel=0.15)


def _line(begin: str) -> str:
    return next(line for line in GUIDE.splitlines() if begin in line)
