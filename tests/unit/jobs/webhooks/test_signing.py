"""What we send verifies with the library that Standard Webhooks itself publishes."""

import base64
import json
import time
from itertools import pairwise

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tone_shootout.jobs.status import JobStatus
from tone_shootout.jobs.webhooks import events
from tone_shootout.jobs.webhooks.delivery import RETRIES, ROUND_DURATION
from tone_shootout.jobs.webhooks.signing import new_secret, signed_headers

BODY = json.dumps({"type": "job.completed", "data": {"title": "Für Elise – 3×"}})


def _headers(*secrets: str, body: str = BODY, at: int | None = None) -> dict[str, str]:
    return signed_headers("msg_1", int(time.time()) if at is None else at, body, secrets)


def test_a_signature_is_what_the_standard_s_library_makes() -> None:
    secret = new_secret()
    headers = _headers(secret)
    assert Webhook(secret).verify(BODY, headers) == json.loads(BODY)


def test_each_of_two_secrets_verifies_while_one_takes_over_from_the_other() -> None:
    old, new, foreign = new_secret(), new_secret(), new_secret()
    headers = _headers(new, old)
    for secret in (old, new):
        Webhook(secret).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(foreign).verify(BODY, headers)


@pytest.mark.parametrize("change", ["webhook-id", "webhook-timestamp", "body"])
def test_whatever_is_changed_on_the_way_breaks_the_signature(change: str) -> None:
    secret = new_secret()
    headers, body = _headers(secret), BODY
    if change == "body":
        body = BODY.replace("completed", "failed")
    else:
        headers[change] = str(int(time.time()) + 1)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers)


def test_a_secret_is_as_long_as_the_standard_wants_and_never_the_same() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    for secret in secrets:
        assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) <= 64


def test_there_is_an_event_for_each_status_of_a_job() -> None:
    assert set(events.EventName.__args__) == {f"job.{status}" for status in JobStatus}  # type: ignore[attr-defined]


def test_waits_grow_and_fill_a_day_with_a_dozen_attempts() -> None:
    for _ in range(50):
        waits = [RETRIES.delay_s(attempt) for attempt in range(1, 40)]
        assert 4 <= waits[0] <= 6
        assert all(later > earlier for earlier, later in pairwise(waits[:8]))
        attempts = next(n for n in range(1, 40) if sum(waits[:n]) > ROUND_DURATION.total_seconds())
        assert 11 <= attempts <= 16
    assert RETRIES.delay_s(32_767) <= 5 * 3600


def test_what_failed_together_does_not_come_again_together() -> None:
    assert len({round(RETRIES.delay_s(6), 3) for _ in range(100)}) > 50
