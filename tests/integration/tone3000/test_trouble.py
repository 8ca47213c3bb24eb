"""Whatever TONE3000 does, a client of ours gets an answer that it can use, soon."""

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
async def test_a_question_is_asked_again_where_tone3000_is_broken_for_a_moment(
    client: Tone3000, tone3000: StandIn, token: str, kind: str
) -> None:
    tone3000.fault(kind, "/user$", status=502, times=2)
    assert (await client.user(token)).username == "lab_rat"
    assert len(tone3000.requests("/user$")) == 3


async def test_it_is_given_up_after_a_few_times(client: Tone3000, tone3000: StandIn, token: str) -> None:
    tone3000.fault("status", "/user$", status=500, times=0)
    with pytest.raises(UnreachableError) as caught:
        await client.user(token)
    assert (caught.value.status, caught.value.code) == (503, "tone3000_unreachable")
    assert len(tone3000.requests("/user$")) == 3


async def test_a_change_is_asked_for_once(client: Tone3000, tone3000: StandIn, token: str) -> None:
    tone3000.fault("status", "/favorite$", status=500, times=0)
    for change in (client.favorite, client.unfavorite):
        with pytest.raises(UnreachableError):
            await change(token, BLUEBIRD)
    assert [request["method"] for request in tone3000.requests("/favorite$")] == ["PUT", "DELETE"]


async def test_a_short_pause_that_is_asked_for_is_kept(client: Tone3000, tone3000: StandIn, token: str) -> None:
    tone3000.fault("status", "/user$", status=429, retry_after="0.1")
    assert (await client.user(token)).username == "lab_rat"
    assert len(tone3000.requests("/user$")) == 2


@pytest.mark.parametrize(
    ("retry_after", "expected"), [("90", "90"), (None, str(round(DEFAULT_RETRY_AFTER_S))), ("soon", "10")]
)
async def test_a_long_pause_is_handed_on_and_holds_for_the_whole_installation(
    client: Tone3000, tone3000: StandIn, token: str, retry_after: str | None, expected: str
) -> None:
    tone3000.fault("status", "/user$", status=429, retry_after=retry_after, body="")
    with pytest.raises(BusyError) as caught:
        await client.user(token)
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (503, expected)
    with pytest.raises(BusyError):
        await client.tone(token, BLUEBIRD)
    assert len(tone3000.requests()) == 1


async def test_all_processes_share_one_allowance(tone3000: StandIn, redis: Redis, token: str) -> None:
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


async def test_searches_have_an_allowance_of_their_own(redis: Redis) -> None:
    await redis.flushdb()
    searches, requests = TokenBucket(redis, "searches", 10), TokenBucket(redis, "requests", 100)
    assert await searches.take() == 0.0
    assert 0.0 < await searches.take() <= 60.0 / 9
    assert await requests.take() == 0.0


async def test_a_broker_that_does_not_answer_stops_nobody(tone3000: StandIn, token: str) -> None:
    async with HttpClient(tone3000.settings(), Redis.from_url("redis://127.0.0.1:1/0")) as http_client:
        assert (await Tone3000(http_client).user(token)).username == "lab_rat"


@pytest.mark.parametrize("kind", ["malformed", "gzip", "truncated"])
async def test_an_answer_that_is_not_whole_or_not_as_asked_for_is_refused(
    client: Tone3000, tone3000: StandIn, token: str, kind: str
) -> None:
    tone3000.fault(kind, "/favorited$", times=0)
    with pytest.raises(Tone3000Error) as caught:
        await client.favorited(token)
    assert caught.value.code in ("tone3000_bad_answer", "tone3000_unreachable")


async def test_an_answer_without_end_is_cut_off(tone3000: StandIn, redis: Redis, token: str) -> None:
    tone3000.fault("oversized", "/favorited$", times=0)
    async with HttpClient(tone3000.settings(answer_bytes=100_000), redis) as http_client:
        with pytest.raises(BadAnswerError, match="larger than 100000 bytes"):
            await Tone3000(http_client).favorited(token)


@pytest.mark.parametrize("kind", ["slow", "slow_body"])
async def test_an_answer_that_takes_too_long_is_given_up(
    tone3000: StandIn, redis: Redis, token: str, kind: str
) -> None:
    tone3000.fault(kind, "/favorited$", times=0, delay_s=5.0)
    async with HttpClient(tone3000.settings(timeout_s=0.3, attempts=1), redis) as http_client:
        with pytest.raises(UnreachableError):
            await Tone3000(http_client).favorited(token)


async def test_nobody_there_is_an_answer_too(redis: Redis, tone3000: StandIn) -> None:
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
async def test_pages_instead_of_answers_are_told_by_their_status(
    client: Tone3000, tone3000: StandIn, token: str, status: int, path: str, expected: type[Tone3000Error]
) -> None:
    tone3000.fault("html", path, status=status)
    with pytest.raises(expected):
        await (client.tone(token, BLUEBIRD) if "900101" in path else client.favorited(token))


async def test_a_cookie_that_one_person_s_answer_brings_goes_out_for_nobody(
    client: Tone3000, tone3000: StandIn, token: str
) -> None:
    tone3000.fault("cookie", "/user$")
    assert (await client.user(token)).username == "lab_rat"
    assert (await client.user(tone3000.token("box.miker"))).username == "box.miker"
    assert [request["cookie"] for request in tone3000.requests("/user$")] == ["", ""]


async def test_a_token_that_fits_into_no_header_is_a_bad_answer(client: Tone3000) -> None:
    with pytest.raises(BadAnswerError):
        await client.user("tökén")


async def test_a_refusal_that_is_nested_without_end_is_a_refusal(oauth: OAuthClient, tone3000: StandIn) -> None:
    tone3000.fault("status", "/oauth/token", status=400, body='{"error": ' + "[" * 100_000)
    with pytest.raises(GrantError):
        await oauth.refresh("whatever")


async def test_old_forms_that_are_still_taken_are_told(tone3000: StandIn, redis: Redis, token: str) -> None:
    heard: list[str] = []
    tone3000.fault("deprecated", "/favorited$", words="legacy_ir_gear_value")
    async with HttpClient(tone3000.settings(), redis, on_deprecation=heard.append) as http_client:
        await Tone3000(http_client).favorited(token)
    assert heard == ["legacy_ir_gear_value"]


async def test_no_request_of_ours_uses_an_old_form(tone3000: StandIn, redis: Redis, token: str) -> None:
    heard: list[str] = []
    async with HttpClient(tone3000.settings(search=True), redis, on_deprecation=heard.append) as http_client:
        client = Tone3000(http_client)
        await client.trending(gear="cab")
        await client.favorited(token, gear="amp-cab")
        await client.search(token, Search(format="ir", gears=("cab",)))
        await client.all_models(token, await client.tone(token, 900201))
    assert heard == []


async def test_no_message_repeats_the_token(
    client: Tone3000, tone3000: StandIn, token: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for kind, status in (("status", 500), ("status", 418), ("html", 403), ("malformed", 200), ("truncated", 200)):
        tone3000.fault(kind, "/favorited$", status=status, times=3)
        with pytest.raises(Tone3000Error) as caught:
            await client.favorited(token)
        assert token not in f"{caught.value!r} {caught.value.__cause__!r} {capfd.readouterr()}"
        tone3000.reset()
        token = tone3000.token()


def test_the_pause_is_read_in_both_forms_of_the_standard() -> None:
    assert retry_after_s("7") == 7.0
    assert 50.0 < retry_after_s(format_datetime(datetime.now(UTC) + timedelta(minutes=1), usegmt=True)) <= 60.0
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert retry_after_s("nan") == DEFAULT_RETRY_AFTER_S
    assert retry_after_s("100000") == 600.0
