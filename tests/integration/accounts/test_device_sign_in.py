"""Sign-in with TONE3000 on a device without a browser."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from dataclasses import replace

import httpx
import pytest
from redis.asyncio import Redis

from tests.integration.accounts.conftest import Sql
from tests.integration.conftest import Person
from tests.support.live import serving
from tests.support.tone3000 import StandIn
from tone_shootout.kit.settings import Settings

DEVICE = "/api/v1/auth/device"
POLL = "/api/v1/auth/device/poll"
ME = "/api/v1/me"


@pytest.fixture(scope="module")
def service(settings: Settings, tone3000_process: StandIn) -> Generator[str, None, None]:
    with serving(replace(settings, tone3000=tone3000_process.settings())) as url:
        yield url


@pytest.fixture
async def device(service: str, tone3000: StandIn, clean: None) -> AsyncGenerator[httpx.AsyncClient, None]:
    tone3000.set_options(device_interval=1)
    async with httpx.AsyncClient(base_url=service, timeout=60) as client:
        yield client


async def poll(device: httpx.AsyncClient, code: str) -> httpx.Response:
    """Wait for the polling interval, then poll."""
    await asyncio.sleep(1.1)
    return await device.post(POLL, json={"device_code": code})


async def test_a_device_is_signed_in_after_the_user_allows_it(device: httpx.AsyncClient, tone3000: StandIn) -> None:
    begun = (await device.post(DEVICE)).json()
    assert begun["device_code"].startswith("tsd_")
    assert begun["verification_uri_complete"].startswith(tone3000.url)
    assert (begun["interval_s"], begun["expires_in_s"]) == (1, 600)
    waiting = await poll(device, begun["device_code"])
    assert (waiting.status_code, waiting.json()) == (
        202,
        {"status": "pending", "interval_s": 1, "links": {"poll": waiting.headers["location"]}},
    )
    tone3000.decide(begun["user_code"], user="valve-shed")
    done = await poll(device, begun["device_code"])
    assert done.status_code == 201
    headers = {"Authorization": f"Bearer {done.json()['access_token']}"}
    device.cookies.clear()
    assert (await device.get(ME, headers=headers)).json()["name"] == "valve-shed"
    again = await device.post(POLL, json={"device_code": begun["device_code"]})
    assert (again.status_code, again.json()["code"]) == (400, "sign_in_expired")


async def test_tone3000_is_polled_once_per_interval(device: httpx.AsyncClient, tone3000: StandIn) -> None:
    begun = (await device.post(DEVICE)).json()
    answers = await asyncio.gather(
        *(device.post(POLL, json={"device_code": begun["device_code"]}) for _ in range(5)),
    )
    assert {answer.status_code for answer in answers} == {202}
    assert tone3000.requests("/oauth/token") == []
    await asyncio.sleep(1.1)
    await asyncio.gather(*(device.post(POLL, json={"device_code": begun["device_code"]}) for _ in range(5)))
    assert len(tone3000.requests("/oauth/token")) == 1


async def test_one_address_can_not_use_up_the_rate_limit_of_tone3000(
    device: httpx.AsyncClient, tone3000: StandIn
) -> None:
    begun = [(await device.post(DEVICE)).status_code for _ in range(12)]
    assert begun == [201] * 10 + [429] * 2
    assert len(tone3000.requests("/oauth/device_authorization")) == 10


async def test_one_address_can_not_fill_redis_with_sign_ins(device: httpx.AsyncClient) -> None:
    begun = [(await device.get("/api/v1/auth/login")).status_code for _ in range(62)]
    assert begun == [302] * 60 + [429] * 2


async def test_slow_down_increases_the_interval(device: httpx.AsyncClient, tone3000: StandIn) -> None:
    begun = (await device.post(DEVICE)).json()
    tone3000.fault("status", "/oauth/token", status=400, body='{"error": "slow_down"}')
    slower = await poll(device, begun["device_code"])
    assert (slower.status_code, slower.json()["interval_s"]) == (202, 6)
    requested = len(tone3000.requests("/oauth/token"))
    tone3000.decide(begun["user_code"])
    assert (await poll(device, begun["device_code"])).status_code == 202
    assert len(tone3000.requests("/oauth/token")) == requested


@pytest.mark.parametrize(("allow", "code", "status"), [(False, "sign_in_denied", 403), (None, "sign_in_expired", 400)])
async def test_a_denied_or_expired_sign_in_stays_ended(
    device: httpx.AsyncClient, tone3000: StandIn, allow: bool | None, code: str, status: int
) -> None:
    begun = (await device.post(DEVICE)).json()
    tone3000.decide(begun["user_code"], allow=allow)
    answer = await poll(device, begun["device_code"])
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    again = await device.post(POLL, json={"device_code": begun["device_code"]})
    assert (again.status_code, again.json()["code"]) == (400, "sign_in_expired")


async def test_an_unavailable_tone3000_does_not_end_the_sign_in(device: httpx.AsyncClient, tone3000: StandIn) -> None:
    begun = (await device.post(DEVICE)).json()
    tone3000.decide(begun["user_code"])
    tone3000.fault("status", "/oauth/token", status=503)
    assert (await poll(device, begun["device_code"])).status_code == 503
    assert (await poll(device, begun["device_code"])).status_code == 201


@pytest.mark.parametrize("code", ["x", "tsd_", "tsd_made-up", "tsd_" + "x" * 500])
async def test_an_unknown_device_code_is_refused(device: httpx.AsyncClient, code: str) -> None:
    answer = await device.post(POLL, json={"device_code": code})
    assert (answer.status_code, answer.json()["code"]) == (400, "sign_in_expired")


async def test_a_device_can_connect_a_local_user(
    device: httpx.AsyncClient, tone3000: StandIn, user: Person, read_token: str, sql: Sql
) -> None:
    nobody = await device.post(DEVICE, json={"link": True})
    assert nobody.status_code == 401
    reading = await device.post(DEVICE, json={"link": True}, headers={"Authorization": f"Bearer {read_token}"})
    assert reading.json()["code"] == "read_only_token"
    headers = {"Authorization": f"Bearer {user.token}"}
    begun = (await device.post(DEVICE, json={"link": True}, headers=headers)).json()
    tone3000.decide(begun["user_code"])
    assert (await poll(device, begun["device_code"])).status_code == 201
    assert (await user.client.get(ME)).json()["tone3000"] == {"username": "lab_rat", "connected": True}
    assert await sql("SELECT count(*) FROM user_account") == [(1,)]


async def test_redis_holds_no_secret_of_a_sign_in(device: httpx.AsyncClient, redis: Redis) -> None:
    begun = (await device.post(DEVICE)).json()
    await device.get("/api/v1/auth/login")
    keys = [key async for key in redis.scan_iter("shootout:sign-in:*")]
    assert len(keys) == 3
    for key in keys:
        assert await redis.ttl(key) > 0
        for secret in (begun["device_code"], *device.cookies.values()):
            assert secret.encode() not in key
            assert secret.encode() not in (await redis.get(key) or b"")
