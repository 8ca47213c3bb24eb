"""Fuzzing of accounts, operating and tones: no server error, and every response as documented."""

import httpx
import pytest

from tests.support.fuzzing import SHARES, fuzz
from tests.support.security import World

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600)]


async def test_every_response_is_as_documented(base_url: str, world: World) -> None:
    await fuzz(base_url, world, "accounts", "operating", "tones")


async def test_every_operation_is_in_a_share(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()
    tags = {tag for item in document["paths"].values() for operation in item.values() for tag in operation["tags"]}
    assert tags == {tag for share in SHARES for tag in share}, "add the tag to a share of `fuzzing.SHARES`"
    assert sum(SHARES.values()) >= 5_000
