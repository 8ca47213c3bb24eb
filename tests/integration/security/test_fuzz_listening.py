"""Fuzzing of shares and listening tests: no server error, and every response as documented."""

import pytest

from tests.support.fuzzing import fuzz
from tests.support.security import World

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600)]


async def test_every_response_is_as_documented(base_url: str, world: World) -> None:
    await fuzz(base_url, world, "shares", "listening tests")
