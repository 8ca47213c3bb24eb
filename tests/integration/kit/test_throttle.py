"""Who asks too often is told so, and when to come back."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.integration.conftest import Person
from tests.support.live import serving
from tone_shootout.kit.http.problems import TooManyRequestsError
from tone_shootout.kit.settings import LimitSettings, RedisSettings, ServerSettings, Settings
from tone_shootout.kit.throttle import Rate, RateLimitError, Throttle

ME = "/api/v1/me"
Service = Callable[..., Any]


@pytest.fixture
def service(settings: Settings, clean: None) -> Service:
    """Starts a service with rates of its own, behind a proxy at this machine's address."""

    @asynccontextmanager
    async def start(*, redis: str = "", proxies: tuple[str, ...] = (), **rates: int) -> AsyncGenerator[str, None]:
        none = {"requests_per_minute": 0, "address_requests_per_minute": 0, "failed_sign_ins": 0}
        made = replace(
            settings,
            limits=LimitSettings(**{**none, **rates}),
            server=ServerSettings(trusted_proxies=list(proxies)),
            redis=RedisSettings(url=redis or settings.redis.url),
        )
        with serving(made) as url:
            yield url

    return start


def bearer(person: Person) -> dict[str, str]:
    return {"Authorization": f"Bearer {person.token}"}


async def statuses(url: str, count: int, *, path: str = ME, headers: dict[str, str]) -> list[int]:
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
        return sorted([(await client.get(path)).status_code for _ in range(count)])


async def test_a_user_who_asks_too_often_waits_and_nobody_else(
    service: Service, user: Person, other_user: Person
) -> None:
    async with service(requests_per_minute=5) as url:
        assert await statuses(url, 7, headers=bearer(user)) == [200] * 5 + [429] * 2
        assert await statuses(url, 1, headers=bearer(other_user)) == [200]
        async with httpx.AsyncClient(base_url=url, headers=bearer(user), timeout=60) as client:
            answer = await client.get(ME)
        assert answer.json()["code"] == "too_many_requests"
        assert answer.headers["content-type"] == "application/problem+json"
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert answer.headers.get_list("ratelimit-policy") == ['"user";q=5;w=60']
        assert answer.headers.get_list("ratelimit") == [f'"user";r=0;t={answer.headers["retry-after"]}']


async def test_every_response_states_all_limits_that_apply_and_what_is_left(service: Service, user: Person) -> None:
    rates = {"requests_per_minute": 5, "address_requests_per_minute": 9, "failed_sign_ins": 3}
    async with service(**rates) as url, httpx.AsyncClient(base_url=url, timeout=60) as client:
        found = [await client.get(ME, headers=bearer(user)) for _ in range(2)]
        found.append(await client.get(f"{ME}/nothing", headers=bearer(user)))
        found.append(await client.get(ME))
        found.append(await client.post("/api/v1/auth/session", json={"token": "tst_nobody"}))
        assert [answer.status_code for answer in found] == [200, 200, 404, 401, 401]
        left = [re.findall(r'"([a-z-]+)";r=(\d+);t=\d+', answer.headers.get("ratelimit", "")) for answer in found]
        assert left == [
            [("address", "8"), ("user", "4")],
            [("address", "7"), ("user", "3")],
            [("address", "6")],
            [("address", "5")],
            [("address", "4"), ("failed-sign-ins", "2")],
        ]
        none = [await client.get("/nothing") for _ in range(5)]
        assert [answer.status_code for answer in none] == [404] * 4 + [429]
        assert none[-1].json()["code"] == "too_many_requests"
        assert none[-1].headers["ratelimit"].startswith('"address";r=0;')
        assert found[0].headers["ratelimit-policy"] == '"address";q=9;w=60, "user";q=5;w=60'
        assert found[4].headers["ratelimit-policy"] == '"address";q=9;w=60, "failed-sign-ins";q=3;w=300'
        assert not {"ratelimit", "ratelimit-policy"} & (await client.get("/health/live")).headers.keys()


async def test_an_address_that_asks_too_often_waits_whoever_it_says_it_is(service: Service, user: Person) -> None:
    async with service(address_requests_per_minute=4) as url:
        assert await statuses(url, 2, headers=bearer(user)) == [200] * 2
        assert await statuses(url, 3, headers={"Authorization": "Bearer tst_wrong"}) == [401, 401, 429]
        assert await statuses(url, 1, headers=bearer(user)) == [429]
        with pytest.raises(ConnectionClosed) as closed:
            async with connect(url.replace("http", "ws", 1) + f"/api/v1/jobs/{user.id}/ws") as socket:
                await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4429


async def test_health_and_metrics_are_never_limited(service: Service) -> None:
    async with service(address_requests_per_minute=1) as url:
        for path in ("/health/live", "/health/ready", "/metrics"):
            assert await statuses(url, 3, path=path, headers={}) == [200] * 3


@pytest.mark.parametrize(("trusted", "expected"), [(("127.0.0.1",), [200, 200, 429]), ((), [200, 429, 429])])
async def test_behind_a_trusted_proxy_its_clients_are_counted_and_elsewhere_nobody_is_believed(
    service: Service, user: Person, trusted: tuple[str, ...], expected: list[int]
) -> None:
    async with service(address_requests_per_minute=1, proxies=trusted) as url:
        found = []
        # What a client has written itself stands in front of what the proxy adds.
        for forwarded in ("203.0.113.7", "198.51.100.1", "192.0.2.99, 203.0.113.7"):
            found += await statuses(url, 1, headers={**bearer(user), "X-Forwarded-For": forwarded})
        assert found == expected


async def test_an_ipv6_household_is_one_address(service: Service, user: Person) -> None:
    async with service(address_requests_per_minute=2, proxies=("127.0.0.1",)) as url:
        found = []
        for forwarded in ("2001:db8::1", "2001:db8::ffff:2", "2001:db8::3", "2001:db8:0:1::1"):
            found += await statuses(url, 1, headers={**bearer(user), "X-Forwarded-For": forwarded})
        assert found == [200, 200, 429, 200]


async def test_web_processes_count_together(service: Service, user: Person) -> None:
    async with service(requests_per_minute=4) as one, service(requests_per_minute=4) as other:
        found = await statuses(one, 3, headers=bearer(user)) + await statuses(other, 3, headers=bearer(user))
        assert found == [200, 200, 200, 200, 429, 429]


async def test_a_broker_that_is_away_stops_nobody(service: Service, user: Person, tmp_path: Path) -> None:
    limits = {"requests_per_minute": 1, "address_requests_per_minute": 1}
    async with service(redis=f"unix://{tmp_path}/nothing.sock", **limits) as url:
        assert await statuses(url, 3, headers=bearer(user)) == [200] * 3


async def test_of_many_at_once_as_many_get_through_as_may(redis: Redis, clean: None) -> None:
    throttle, rate = Throttle(redis), Rate("test", 10)
    results = await asyncio.gather(*(throttle.take(rate, "x") for _ in range(50)), return_exceptions=True)
    assert [type(result) for result in results if result is not None] == [RateLimitError] * 40


async def test_it_is_over_after_the_time_that_was_told(redis: Redis, clean: None) -> None:
    throttle, rate = Throttle(redis), Rate("test", 3, seconds=1)
    for _ in range(3):
        await throttle.take(rate, "x")
    with pytest.raises(TooManyRequestsError) as refused:
        await throttle.take(rate, "x")
    await asyncio.sleep(refused.value.wait_s)
    await throttle.take(rate, "x")


async def test_failed_sign_ins_are_counted_by_address(service: Service, user: Person) -> None:
    async with service(failed_sign_ins=3) as url, httpx.AsyncClient(base_url=url, timeout=60) as client:
        found = []
        for number in range(4):
            answer = await client.post("/api/v1/auth/session", json={"token": f"tst_{number:064}"})
            found.append((answer.status_code, answer.json()["code"]))
        assert found == [(401, "invalid_credentials")] * 3 + [(429, "too_many_attempts")]
        assert int(answer.headers["retry-after"]) >= 1
        good = await client.post("/api/v1/auth/session", json={"token": user.token})
        assert good.status_code == 429
        assert (await client.get(ME, headers=bearer(user))).status_code == 200


async def test_nobody_is_kept_out_by_somebody_elsewhere_who_knows_how_their_token_begins(
    service: Service, user: Person
) -> None:
    async with (
        service(failed_sign_ins=2, proxies=("127.0.0.1",)) as url,
        httpx.AsyncClient(base_url=url, timeout=60) as client,
    ):
        found = []
        for token in (*[user.token[:12] + "A" * 43] * 3, user.token):
            headers = {"X-Forwarded-For": f"203.0.113.{token == user.token:d}"}
            answer = await client.post("/api/v1/auth/session", json={"token": token}, headers=headers)
            found.append(answer.status_code)
        assert found == [401, 401, 429, 201]


async def test_who_brings_nothing_guesses_nothing(service: Service, user: Person) -> None:
    async with service(failed_sign_ins=2) as url, httpx.AsyncClient(base_url=url, timeout=60) as client:
        found = [(await client.post("/api/v1/auth/refresh")).status_code for _ in range(5)]
        assert found == [401] * 5
        assert (await client.post("/api/v1/auth/session", json={"token": user.token})).status_code == 201


async def test_good_sign_ins_are_not_counted(service: Service, user: Person) -> None:
    async with service(failed_sign_ins=2) as url, httpx.AsyncClient(base_url=url, timeout=60) as client:
        client.headers["Origin"] = url  # as a browser that sends cookies
        for _ in range(4):
            assert (await client.post("/api/v1/auth/session", json={"token": user.token})).status_code == 201
            assert (await client.post("/api/v1/auth/refresh")).status_code == 200
