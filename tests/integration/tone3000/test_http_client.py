"""The HTTP client turns every failure of TONE3000 into an error within bounded time."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from redis.asyncio import Redis

from tests.support.tone3000 import StandIn
from tone_shootout.tone3000.bucket import TokenBucket
from tone_shootout.tone3000.client import Search, Tone3000
from tone_shootout.tone3000.errors import (
    BadAnswerError,
    BusyError,
    GrantError,
    NotAvailableError,
    NotPermittedError,
    Tone3000Error,
    UnreachableError,
)
from tone_shootout.tone3000.http_client import DEFAULT_RETRY_AFTER_S, HttpClient, retry_after_s
from tone_shootout.tone3000.oauth import OAuthClient

BLUEBIRD = 900101


@pytest.mark.parametrize("kind", ["status", "html"])
async def test_a_get_request_is_retried_after_a_server_error(
    client: Tone3000, tone3000: StandIn, token: str, kind: str
) -> None:
    tone3000.fault(kind, "/user$", status=502, times=2)
    assert (await client.user(token)).username == "lab_rat"
    assert len(tone3000.requests("/user$")) == 3


async def test_retries_are_limited(client: Tone3000, tone3000: StandIn, token: str) -> None:
    tone3000.fault("status", "/user$", status=500, times=0)
    with pytest.raises(UnreachableError) as caught:
        await client.user(token)
    assert (caught.value.status, caught.value.code) == (503, "tone3000_unreachable")
    assert len(tone3000.requests("/user$")) == 3


async def test_unsafe_requests_are_not_retried(client: Tone3000, tone3000: StandIn, token: str) -> None:
    tone3000.fault("status", "/favorite$", status=500, times=0)
    for change in (client.favorite, client.unfavorite):
        with pytest.raises(UnreachableError):
            await change(token, BLUEBIRD)
    assert [request["method"] for request in tone3000.requests("/favorite$")] == ["PUT", "DELETE"]


async def test_a_short_retry_after_is_respected(client: Tone3000, tone3000: StandIn, token: str) -> None:
    tone3000.fault("status", "/user$", status=429, retry_after="0.1")
    assert (await client.user(token)).username == "lab_rat"
    assert len(tone3000.requests("/user$")) == 2


@pytest.mark.parametrize(
    ("retry_after", "expected"), [("90", "90"), (None, str(round(DEFAULT_RETRY_AFTER_S))), ("soon", "10")]
)
async def test_a_long_retry_after_is_reported_and_pauses_the_installation(
    client: Tone3000, tone3000: StandIn, token: str, retry_after: str | None, expected: str
) -> None:
    tone3000.fault("status", "/user$", status=429, retry_after=retry_after, body="")
    with pytest.raises(BusyError) as caught:
        await client.user(token)
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (503, expected)
    with pytest.raises(BusyError):
        await client.tone(token, BLUEBIRD)
    assert len(tone3000.requests()) == 1


async def test_all_processes_share_one_rate_limit(tone3000: StandIn, redis: Redis, token: str) -> None:
    await redis.flushdb()
    settings = tone3000.settings(requests_per_minute=20, patience_s=0.0)
    async with HttpClient(settings, redis) as one, HttpClient(settings, redis) as other:

        async def ask(times: int) -> None:
            for http_client in (one, other) * times:
                await Tone3000(http_client).user(token)

        await ask(1)
        with pytest.raises(BusyError) as caught:
            await ask(20)
    assert 0.0 < caught.value.retry_after_s <= 60.0 / 18


async def test_searches_have_a_separate_rate_limit(redis: Redis) -> None:
    await redis.flushdb()
    searches, requests = TokenBucket(redis, "searches", 10), TokenBucket(redis, "requests", 100)
    assert await searches.take() == 0.0
    assert 0.0 < await searches.take() <= 60.0 / 9
    assert await requests.take() == 0.0


async def test_requests_are_not_limited_while_redis_is_unavailable(tone3000: StandIn, token: str) -> None:
    async with HttpClient(tone3000.settings(), Redis.from_url("redis://127.0.0.1:1/0")) as http_client:
        assert (await Tone3000(http_client).user(token)).username == "lab_rat"


@pytest.mark.parametrize("kind", ["malformed", "gzip", "truncated"])
async def test_a_malformed_compressed_or_truncated_response_is_an_error(
    client: Tone3000, tone3000: StandIn, token: str, kind: str
) -> None:
    tone3000.fault(kind, "/favorited$", times=0)
    with pytest.raises(Tone3000Error) as caught:
        await client.favorited(token)
    assert caught.value.code in ("tone3000_bad_answer", "tone3000_unreachable")


async def test_an_endless_response_is_stopped_at_the_limit(tone3000: StandIn, redis: Redis, token: str) -> None:
    tone3000.fault("oversized", "/favorited$", times=0)
    async with HttpClient(tone3000.settings(answer_bytes=100_000), redis) as http_client:
        with pytest.raises(BadAnswerError, match="larger than 100000 bytes"):
            await Tone3000(http_client).favorited(token)


@pytest.mark.parametrize("kind", ["slow", "slow_body"])
async def test_a_slow_response_times_out(tone3000: StandIn, redis: Redis, token: str, kind: str) -> None:
    tone3000.fault(kind, "/favorited$", times=0, delay_s=5.0)
    async with HttpClient(tone3000.settings(timeout_s=0.3, attempts=1), redis) as http_client:
        with pytest.raises(UnreachableError):
            await Tone3000(http_client).favorited(token)


async def test_a_refused_connection_is_unreachable(redis: Redis, tone3000: StandIn) -> None:
    async with HttpClient(tone3000.settings(base_url="http://127.0.0.1:1", attempts=1), redis) as http_client:
        with pytest.raises(UnreachableError):
            await Tone3000(http_client).trending()


@pytest.mark.parametrize(
    ("status", "path", "expected"),
    [
        (403, "/favorited$", NotPermittedError),
        (403, "/tones/900101$", NotAvailableError),
        (418, "/favorited$", BadAnswerError),
        (302, "/favorited$", BadAnswerError),
    ],
)
async def test_html_responses_are_classified_by_status(
    client: Tone3000, tone3000: StandIn, token: str, status: int, path: str, expected: type[Tone3000Error]
) -> None:
    tone3000.fault("html", path, status=status)
    with pytest.raises(expected):
        await (client.tone(token, BLUEBIRD) if "900101" in path else client.favorited(token))


async def test_cookies_of_responses_are_never_sent(client: Tone3000, tone3000: StandIn, token: str) -> None:
    tone3000.fault("cookie", "/user$")
    assert (await client.user(token)).username == "lab_rat"
    assert (await client.user(tone3000.token("box.miker"))).username == "box.miker"
    assert [request["cookie"] for request in tone3000.requests("/user$")] == ["", ""]


async def test_a_token_with_non_ascii_characters_is_a_bad_answer(client: Tone3000) -> None:
    with pytest.raises(BadAnswerError):
        await client.user("tökén")


async def test_a_deeply_nested_error_is_still_a_grant_error(oauth: OAuthClient, tone3000: StandIn) -> None:
    tone3000.fault("status", "/oauth/token", status=400, body='{"error": ' + "[" * 100_000)
    with pytest.raises(GrantError):
        await oauth.refresh("whatever")


async def test_deprecations_are_reported(tone3000: StandIn, redis: Redis, token: str) -> None:
    reported: list[str] = []
    tone3000.fault("deprecated", "/favorited$", words="legacy_ir_gear_value")
    async with HttpClient(tone3000.settings(), redis, on_deprecation=reported.append) as http_client:
        await Tone3000(http_client).favorited(token)
    assert reported == ["legacy_ir_gear_value"]


async def test_the_client_uses_no_deprecated_form(tone3000: StandIn, redis: Redis, token: str) -> None:
    reported: list[str] = []
    async with HttpClient(tone3000.settings(search=True), redis, on_deprecation=reported.append) as http_client:
        client = Tone3000(http_client)
        await client.trending(gear="cab")
        await client.favorited(token, gear="amp_cab")
        await client.search(token, Search(format="ir", gears=("cab",)))
        await client.all_models(token, await client.tone(token, 900201))
    assert reported == []


async def test_errors_and_logs_do_not_contain_the_token(
    client: Tone3000, tone3000: StandIn, token: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for kind, status in (("status", 500), ("status", 418), ("html", 403), ("malformed", 200), ("truncated", 200)):
        tone3000.fault(kind, "/favorited$", status=status, times=3)
        with pytest.raises(Tone3000Error) as caught:
            await client.favorited(token)
        assert token not in f"{caught.value!r} {caught.value.__cause__!r} {capfd.readouterr()}"
        tone3000.reset()
        token = tone3000.token()


def test_retry_after_accepts_seconds_and_http_dates() -> None:
    assert retry_after_s("7") == 7.0
    assert 50.0 < retry_after_s(format_datetime(datetime.now(UTC) + timedelta(minutes=1), usegmt=True)) <= 60.0
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert retry_after_s("nan") == DEFAULT_RETRY_AFTER_S
    assert retry_after_s("100000") == 600.0
