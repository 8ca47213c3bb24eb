"""Fuzzing of administration: no server error, and every response as documented."""

import pytest

from tests.support.fuzzing import fuzz
from tests.support.security import World
from tests.support.sessions import Sessions
from tone_shootout.accounts.services import AccountService

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600)]


async def test_every_response_is_as_documented(base_url: str, world: World, session_maker: Sessions) -> None:
    async with session_maker.begin() as session:
        accounts = AccountService(session)
        await accounts.set_role(await accounts.get_user(world.person.id), "administrator")
    await fuzz(base_url, world, "administration")
